"""What should not stand in a text to a resident: names of diseases, and characters that a handset may not show.

Pure: words, code points and what to write instead. Both the rosters and the templates ask it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_DISEASES: Final = (
    "新型コロナウイルス感染症 新型コロナ コロナウイルス コロナ COVID インフルエンザ 結核 ノロウイルス "
    "感染性胃腸炎 麻しん 麻疹 はしか 風しん 風疹 水痘 百日咳 デング熱 エムポックス 腸管出血性大腸菌 O157 "
    "レジオネラ HIV エイズ 梅毒 クラミジア 淋病 肝炎 がん検診 がん 癌 精神疾患 うつ病 統合失調症 認知症 "
    "糖尿病 生活習慣病 アルコール依存 依存症 妊娠 流産 不妊 難病 てんかん 陽性 陰性 感染者 濃厚接触"
)
DISEASES: Final = tuple(_DISEASES.split())
# Each writing of the Latin ones for itself: without IGNORECASE the search skips to the first letters (4 µs a row less).
_WRITINGS: Final = {writing for word in DISEASES for writing in (word, word.lower(), word.capitalize())}
_DISEASE: Final = re.compile("|".join(sorted(map(re.escape, _WRITINGS), key=len, reverse=True)))
# Words that hold a disease's letters and name none.
_NO_DISEASE: Final = re.compile("がんば|ながん|がんこ|がんじ|コロナ社")

_INVISIBLE: Final = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]"
)
_SELECTOR: Final = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_CONTROL: Final = re.compile("[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f]")
UNSENDABLE: Final = re.compile("[\ue000-\uf8ff\ufffd\ufffe\uffff\ud800-\udfff\U000f0000-\U0010ffff]")
_EMOJI: Final = re.compile("[\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff]")
_RARE_KANJI: Final = re.compile("[\U00020000-\U0003ffff]")
# Signs of one maker's character set, for which older handsets show a box; NFKC says what to write instead.
_MAKERS_SIGNS: Final = re.compile("[①-⓿㈀-㏿Ⅰ-ↈ№℡㎜-㏿❶-➓]")
_FINDINGS: Final[tuple[tuple[str, re.Pattern[str]], ...]] = (
    ("unsendable_character", UNSENDABLE),
    ("control_character", _CONTROL),
    ("invisible_character", _INVISIBLE),
    ("variation_selector", _SELECTOR),
    ("emoji", _EMOJI),
    ("rare_kanji", _RARE_KANJI),
    ("makers_sign", _MAKERS_SIGNS),
)
# Any of the above: one look tells that a text has none. Line feeds are no hazard, and no cell holds another control.
HAZARD: Final = re.compile("[" + "".join(pattern.pattern[1:-1] for _code, pattern in _FINDINGS) + "]")
# Kanji of surnames outside the first plane, and the kanji that families and registers write for them.
_RARE_KANJI_INSTEAD: Final = {
    "𠮷": "吉", "𡈽": "土", "𣘺": "橋", "𠀋": "丈", "𠮟": "叱", "𥔎": "碕", "𨺓": "隆", "𦚰": "脇", "𢌞": "廻", "𠩤": "原",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Hazard:
    """A character that a handset may not show. ``instead`` is what to write for it; "" where nobody can say."""

    code: str
    character: str
    position: int
    instead: str


def find_diseases(text: str) -> Iterator[re.Match[str]]:
    """Names of diseases and conditions."""
    return (
        match
        for match in _DISEASE.finditer(text)
        if not _NO_DISEASE.match(text, max(0, match.start() - 1)) and not _NO_DISEASE.match(text, match.start())
    )


def has_disease(text: str) -> bool:
    """A quick look; `find_diseases` tells whether it really is one."""
    return _DISEASE.search(text) is not None


def find_hazards(text: str) -> list[Hazard]:
    """Characters that a handset may not show, kind by kind."""
    return [
        Hazard(code, match[0], match.start(), instead_of(code, match[0]))
        for code, pattern in _FINDINGS
        for match in pattern.finditer(text)
    ]


def instead_of(code: str, character: str) -> str:
    """What to write for such a character; "" where it is to be left out, put in words or in kana."""
    if code == "makers_sign":
        return unicodedata.normalize("NFKC", character)
    return _RARE_KANJI_INSTEAD.get(character, "")
