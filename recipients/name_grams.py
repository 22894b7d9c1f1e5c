"""A name as it is searched: folded to one writing, cut into pairs of characters (pure).

Only the search folds. What is stored, shown and sent stays as the office wrote it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Final

START: Final = "^"
"""Stands before the first character, so that one character alone finds the names that begin with it."""

# Each group is one character to whoever searches; the first of it stands for all.
_VARIANTS: Final = """
高髙 崎﨑嵜碕 斎斉齋齊 辺邊邉 浜濱濵 沢澤 広廣 国國 島嶋嶌 真眞 恵惠 桜櫻 滝瀧 竜龍 亀龜
条條 学學 実實 栄榮 円圓 応應 黒黑 徳德 鉄鐵鐡 寿壽 静靜 総總 戸戶 吉𠮷 万萬 与與 弥彌
富冨 曽曾 蔵藏 豊豐 為爲 清淸 槙槇 桑桒 柳栁 関關 観觀 権權 勲勳 検檢 剣劍劔 芦蘆 芸藝
桧檜 桝枡 会會 県縣 壮壯 寛寬 巌巖 帯帶 彦彥 恒恆 教敎 晋晉 渋澁 瀬瀨 王玊 珎珍 瑶瑤
禅禪 穂穗 緑綠 縄繩 翠翆 聡聰 角⻆ 読讀 鎌鐮 顕顯 塩鹽 麦麥 双雙 両兩 乗乘 仏佛 伝傳
労勞 区區 参參 圏圈 夢梦 奥奧 宝寶 専專 将將 峰峯 巻卷 庁廳 当當 拝拜 拡擴 昼晝 枢樞
楽樂 様樣 横橫 歩步 歴歷 気氣 浅淺 温溫 満滿 焼燒 犠犧 独獨 画畫 礼禮 祢禰 稲稻 粛肅
経經 絵繪 継繼 荘莊 蛍螢 覚覺 証證 譲讓 軽輕 遥遙 郷鄕 鉱鑛 銭錢 頼賴 駅驛 鶏鷄 麹麴
黄黃 舘館 秋穐 船舩 杉杦 梅楳 野埜 岳嶽 凉涼 萌萠
"""
_SMALL: Final = dict(zip("ァィゥェォッャュョヮヵヶ", "アイウエオツヤユヨワカケ", strict=True))
_SOUNDS_ALIKE: Final = {"ヂ": "ジ", "ヅ": "ズ", "ヲ": "オ"}
_DROPPED: Final = " \t\r\n\u00a0\u3000・･.,、。-‐‑‒–—―−'\"()[]"


def _folding() -> Mapping[int, str | None]:
    kana = {chr(code + 0x60): chr(code + 0x60) for code in range(0x3041, 0x3097)} | _SMALL | _SOUNDS_ALIKE
    table: dict[int, str | None] = {ord(character): None for character in _DROPPED}
    table |= dict.fromkeys([*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)])  # variation selectors
    table |= {ord(katakana): folded for katakana, folded in kana.items() if katakana != folded}
    table |= {code: kana.get(chr(code + 0x60), chr(code + 0x60)) for code in range(0x3041, 0x3097)}
    for variants in _VARIANTS.split():
        table |= {ord(other): variants[0] for other in variants[1:] if other != variants[0]}
    return table


_FOLDED: Final = _folding()


def folded(name: str) -> str:
    """One writing for all: width, kana, small kana, old forms of kanji and case; spaces and marks are dropped."""
    if not name.isascii():
        name = unicodedata.normalize("NFKC", name)
    return name.translate(_FOLDED).casefold()


def grams_of(name: str) -> list[str]:
    """The pairs that a name is found by, the first one with ``START``; none of an empty name."""
    text = START + folded(name)
    return [text[place : place + 2] for place in range(len(text) - 1)]


def grams_sought(query: str) -> list[str]:
    """The pairs that a name must have to contain ``query``; of one character: that it begins with it."""
    text = folded(query)
    if len(text) == 1:
        return [START + text]
    return sorted({text[place : place + 2] for place in range(len(text) - 1)})


def is_match(query: str, name: str) -> bool:
    """Whether the name has the query in it; pairs alone may stand in another order."""
    wanted, have = folded(query), folded(name)
    return have.startswith(wanted) if len(wanted) == 1 else wanted in have
