"""In which encoding a text file is written: BOM, then strict UTF-8, then strict CP932, then EUC-JP.

Python's ``cp932`` is Windows' own code page (① 髙 﨑 read); ``shift_jis`` is not, and is never used.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NoReturn

from recipients.columns import count_known_headers
from recipients.reading.problems import FileProblem
from tenants.packing import Packed

_HEAD: Final = 8192
_LONGEST_CHARACTER: Final = 4  # bytes
_BOMS: Final[tuple[tuple[bytes, str], ...]] = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_EUC: Final = ("euc_jp", "euc_jis_2004")  # the second knows NEC's row 13 (①) and 髙
# All but tab, line feed and carriage return. A form feed or Ctrl-Z (DOS's end of file) goes silently with the rest.
CONTROL_CHARACTERS: Final = "".join(map(chr, [*range(9), 11, 12, *range(14, 32), 127]))
_CONTROL_BYTES: Final = CONTROL_CHARACTERS.encode()
# Bytes that CP932 does not define; Python's codec lets them through as these. Nobody meant them: broken.
BROKEN_IN_CP932: Final = "\x80\xa0\uf8f0\uf8f1\uf8f2\uf8f3"
_HALF_WIDTH_KANA: Final = re.compile("[｡-ﾟ]")
_QUOTED: Final = re.compile('"[^"]*"?')
_MOSTLY_NONSENSE: Final = 0.1  # of all bytes; a few are dirt, so many are another kind of file


@dataclass(frozen=True, slots=True)
class TextForm:
    """How to read a text: the codec, and whether it holds characters that have to be cleaned away."""

    encoding: str
    has_control_characters: bool
    has_broken_characters: bool

    @property
    def cleaning(self) -> dict[int, str | None]:
        """For `str.translate`: control characters vanish, broken ones become U+FFFD. Empty where nothing needs it."""
        table: dict[int, str | None] = {}
        if self.has_control_characters:
            table |= {ord(character): None for character in CONTROL_CHARACTERS}
        if self.has_broken_characters:
            table |= {ord(character): "\ufffd" for character in BROKEN_IN_CP932}
        return table


def detect(data: Packed) -> TextForm:
    """The form of a text. Raises `FileProblem`: unreadable_encoding, cut_short, not_a_table (binary)."""
    encoding = _find_encoding(data)
    if encoding.startswith("utf-16"):
        controls = sum(chunk.translate(_count_controls) != chunk for chunk in _decode(data, encoding))
        return TextForm(encoding, bool(controls), False)
    removed = sum(len(piece) - len(piece.translate(None, _CONTROL_BYTES)) for piece in data.pieces())
    if removed > _MOSTLY_NONSENSE * data.size:
        raise FileProblem("not_a_table", kind="表ではないデータ")
    broken = _count_broken(data) if encoding == "cp932" else 0
    if broken > _MOSTLY_NONSENSE * data.size:
        raise FileProblem("unreadable_encoding", line=1, column=1)
    return TextForm(encoding, removed > 0, broken > 0)


def _count_broken(data: Packed) -> int:
    return sum(chunk.count(character) for chunk in _decode(data, "cp932") for character in BROKEN_IN_CP932)


_count_controls: Final[dict[int, None]] = {ord(character): None for character in CONTROL_CHARACTERS}


def _find_encoding(data: Packed) -> str:
    head = data.read(0, _HEAD)
    for bom, encoding in _BOMS:
        if head.startswith(bom):
            _check(data, encoding)
            return encoding
    if guessed := _guess_utf16(head):
        _check(data, guessed)
        return guessed
    failed_at = _first_failure(data, "utf-8")
    if failed_at is None:
        return "utf-8"
    if _is_utf8_until(data, failed_at):
        _check(data, "utf-8")
    return _choose_japanese(data)


def _choose_japanese(data: Packed) -> str:
    """CP932 unless it fails, or unless EUC-JP reads too and makes more sense: EUC-JP's pairs often pass for CP932's
    half-width kana."""
    failed_at = _first_failure(data, "cp932")
    if failed_at is None and not _HALF_WIDTH_KANA.search(_head(data, "cp932")):
        return "cp932"
    euc = next((encoding for encoding in _EUC if _first_failure(data, encoding) is None), None)
    if failed_at is None:
        return euc if euc and _sense(data, euc) > _sense(data, "cp932") else "cp932"
    if euc is None:
        _refuse(data, next((name for name in _EUC if _is_cut_short(data, name)), "cp932"))
    return euc


def _sense(data: Packed, encoding: str) -> tuple[int, float]:
    """How much sense a head makes: headers known, then how little of it is half-width kana."""
    text = _head(data, encoding)
    known = max((count_known_headers(re.split(r"[,\t;\"]+", line)) for line in text.splitlines()[:30]), default=0)
    return known, -len(_HALF_WIDTH_KANA.findall(text)) / (len(text) or 1)


def _head(data: Packed, encoding: str) -> str:
    return data.read(0, _HEAD).decode(encoding, errors="ignore")


def _guess_utf16(head: bytes) -> str | None:
    """UTF-16 without its mark: the commas, digits and line ends have a zero byte, all on the same side
    (an ideographic space, U+3000, has its own on the other)."""
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if max(even, odd) * 20 < len(head) or min(even, odd) * 3 > max(even, odd):
        return None
    encoding = "utf-16-le" if odd > even else "utf-16-be"
    return encoding if re.search("[\r\n]", head.decode(encoding, errors="ignore")) else None


def _is_utf8_until(data: Packed, failed_at: int) -> bool:
    """Whether what precedes is surely UTF-8: three characters of several bytes never read by chance."""
    before = data.read(max(0, failed_at - _HEAD), failed_at).decode("utf-8", errors="ignore")
    return sum(1 for character in before if character > "\u07ff") >= 3


def _check(data: Packed, encoding: str) -> None:
    if _first_failure(data, encoding) is not None:
        _refuse(data, encoding)


def _refuse(data: Packed, encoding: str) -> NoReturn:
    failed_at = _first_failure(data, encoding)
    failed_at = data.size if failed_at is None else failed_at
    line, column = _place(data, encoding, failed_at)
    code = "cut_short" if _is_cut_short(data, encoding) else "unreadable_encoding"
    raise FileProblem(code, line=line, column=column)


def _place(data: Packed, encoding: str, failed_at: int) -> tuple[int, int]:
    """Line and cell, from 1. By characters: a byte of 上 in UTF-16 looks like a line break."""
    decoder = codecs.getincrementaldecoder(encoding)(errors="ignore")
    start, line, begun = 0, 1, ""
    for piece in data.pieces():
        if start >= failed_at:
            break
        text = decoder.decode(piece[: failed_at - start])
        start += len(piece)
        line += text.count("\n")
        begun = text.rpartition("\n")[2] if "\n" in text else begun + text
    plain = _QUOTED.sub("", begun)
    return line, max(plain.count(delimiter) for delimiter in ",\t;") + 1


def _is_cut_short(data: Packed, encoding: str) -> bool:
    """Whether everything reads but the last character, which misses its end."""
    decoder = codecs.getincrementaldecoder(encoding)()
    failed_at = _first_failure(data, encoding)
    if not failed_at or failed_at < data.size - _LONGEST_CHARACTER:
        return False
    try:
        decoder.decode(data.read(failed_at))
    except UnicodeDecodeError:
        return False
    return True


def _first_failure(data: Packed, encoding: str) -> int | None:
    """Where strict decoding fails, or None. In pieces: the whole text never stands in memory beside the bytes."""
    decoder = codecs.getincrementaldecoder(encoding)()
    start = 0
    for piece in data.pieces():
        pending = len(decoder.getstate()[0])
        try:
            decoder.decode(piece)
        except UnicodeDecodeError as exc:
            return start - pending + exc.start
        start += len(piece)
    pending = len(decoder.getstate()[0])
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return data.size - pending
    return None


def _decode(data: Packed, encoding: str) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(encoding)()
    for piece in data.pieces():
        yield decoder.decode(piece)
