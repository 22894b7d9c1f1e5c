"""Passwords that breaches have made known, refused without asking anybody on the network.

Three looks: the lists that are bundled (Django's and zxcvbn's, some 40,000, and words of Japanese offices: places, names,
"hokenjo"), one or two listed words in disguise ("P@ssw0rd2024!" is "password"), and, where the operator keeps a copy of
it, the whole list of Have I Been Pwned.
"""

from __future__ import annotations

import gzip
import hashlib
import unicodedata
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, Final

from django.conf import settings
from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

BUNDLED: Final = Path(__file__).resolve().parent / "breached-passwords.txt.gz"
OFFICE_WORDS: Final = Path(__file__).resolve().parent / "office-words.txt"
LEET: Final = str.maketrans("@4301$5!7", "aaeoissit")
PADDING: Final = frozenset(chr(code) for code in range(0x20, 0x7F) if not chr(code).isalpha())
"""The digits and signs that people put before, after and between words: they hide nothing."""
WORDS_IN_DISGUISE: Final = 2
"""So many listed words in a row are still one guess; four are a phrase."""
SHORTEST_WORD: Final = 3
LONGEST_WORD: Final = 30
SHORTEST_RUN: Final = 4
RUNS: Final = frozenset({-1, 0, 1})
LONGEST_DISGUISE: Final = 100
"""Looking for words takes the square of the length; one or two of them and their edges are never as long."""


@lru_cache(maxsize=1)
def listed() -> frozenset[str]:
    extra = gzip.decompress(BUNDLED.read_bytes()).decode().splitlines()
    ours = OFFICE_WORDS.read_text(encoding="utf-8").split()
    return frozenset(CommonPasswordValidator().passwords).union(extra, ours)


def is_guessable(password: str) -> bool:
    """Whether it is a listed password, or one or two of them in disguise."""
    plain = unicodedata.normalize("NFKC", password).strip().lower()
    if plain in listed():
        return True
    if len(plain) > LONGEST_DISGUISE:
        return False
    inner = plain.strip("".join(PADDING))
    return any(_words(text) <= WORDS_IN_DISGUISE for text in {plain, plain.translate(LEET), inner.translate(LEET)})


def _words(text: str) -> int:
    """The fewest listed words and runs ("abcd", "9876", "aaaa") that ``text`` is made of, padding not counted; more than
    enough where it is made of others."""
    fewest: list[int] = [0]
    run_from, step = 0, None
    for end in range(1, len(text) + 1):
        step_here = ord(text[end - 1]) - ord(text[end - 2]) if end > 1 else None
        if step_here != step:
            run_from, step = max(end - 2, 0), step_here
        best = len(text) + WORDS_IN_DISGUISE
        for start in range(max(0, end - LONGEST_WORD), end - SHORTEST_WORD + 1):
            is_run = step in RUNS and run_from <= start <= end - SHORTEST_RUN
            if is_run or text[start:end] in listed():
                best = min(best, fewest[start] + 1)
        fewest.append(min(best, fewest[-1]) if text[end - 1] in PADDING else best)
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
