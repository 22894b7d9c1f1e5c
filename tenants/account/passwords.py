"""Passwords that breaches have made known, refused without asking anybody on the network.

Three looks: the lists that are bundled (Django's and zxcvbn's, some 40,000), a listed word in disguise ("P@ssw0rd2024!"
is "password"), and, where the operator keeps a copy of it, the whole list of Have I Been Pwned.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, Final

from django.conf import settings
from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

BUNDLED: Final = Path(__file__).resolve().parent / "breached-passwords.txt.gz"
LEET: Final = str.maketrans("@4301$5!7", "aaeoissit")
EDGES: Final = re.compile(r"^[ -@\[-`{-~]{0,8}|[ -@\[-`{-~]{0,8}$")
"""The digits and signs that people put before and after a word."""
WORDS_IN_DISGUISE: Final = 2
"""So many listed words in a row are still one guess; four are a phrase."""
SHORTEST_WORD: Final = 3
LONGEST_DISGUISE: Final = 100
"""Looking for words takes the square of the length; one or two of them and their edges are never as long."""


@lru_cache(maxsize=1)
def listed() -> frozenset[str]:
    extra = gzip.decompress(BUNDLED.read_bytes()).decode().splitlines()
    return frozenset(CommonPasswordValidator().passwords) | frozenset(extra)


def is_guessable(password: str) -> bool:
    """Whether it is a listed password, or one or two of them in disguise."""
    plain = password.strip().lower()
    if plain in listed():
        return True
    if len(plain) > LONGEST_DISGUISE:
        return False
    cores = {EDGES.sub("", plain), EDGES.sub("", plain.translate(LEET)), EDGES.sub("", plain).translate(LEET)}
    return any(_words(core) <= WORDS_IN_DISGUISE for core in cores)


def _words(text: str) -> int:
    """The fewest listed words that ``text`` is made of; more than enough where it is made of others."""
    fewest: list[int] = [0]
    for end in range(1, len(text) + 1):
        starts = (start for start in range(end - SHORTEST_WORD + 1) if text[start:end] in listed())
        fewest.append(min((fewest[start] + 1 for start in starts), default=len(text) + WORDS_IN_DISGUISE))
    return fewest[-1]


def is_breached(password: str, *, file: Path) -> bool:
    """Whether ``file`` holds it: lines ``SHA-1 in capitals:count`` in order, as haveibeenpwned.com's downloader writes."""
    wanted = hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper().encode()
    with file.open("rb") as lines:
        low, high = 0, lines.seek(0, 2)
        while low < high:
            middle = (low + high) // 2
            line, end = _line_from(lines, middle)
            if line and line < wanted:
                low = end
            else:
                high = middle
        found, _end = _line_from(lines, low)
    return found == wanted


def _line_from(lines: BinaryIO, position: int) -> tuple[bytes, int]:
    """The hash of the first line that begins at ``position`` or after it, and where that line ends."""
    lines.seek(max(position - 1, 0))
    if position:
        lines.readline()
    line = lines.readline()
    return line.partition(b":")[0].strip(), lines.tell()


class NotBreached:
    """For ``AUTH_PASSWORD_VALIDATORS``."""

    def validate(self, password: str, user: Any = None) -> None:
        file = settings.BREACHED_PASSWORDS_FILE
        if is_guessable(password) or (file and is_breached(password, file=Path(file))):
            raise ValidationError(
                _("よく使われているか、流出したことのあるパスワードです。別のパスワードにしてください。"),
                code="password_breached",
            )

    def get_help_text(self) -> str:
        return _("よく使われるパスワードや、それに数字や記号を付けただけのものは使えません。")
