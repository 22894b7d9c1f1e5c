"""Text to telephone number: what staff wrote in a cell, as E.164, a kind, and what is wrong with it.

The common writings of a mobile number take an exact path of about a microsecond. Other Japanese numbers are judged by
the patterns of ``phonenumbers`` (libphonenumber), foreign ones by the library itself.
"""

from __future__ import annotations

import enum
import re
import unicodedata
from typing import Final, NamedTuple

import phonenumbers

JAPAN: Final = 81
LONGEST_CELL: Final = 200  # characters; more than that is no telephone number, whatever it is


class NumberKind(enum.StrEnum):
    """What a number can be used for. Only a mobile takes a text; a person may call all of them."""

    MOBILE = "mobile"
    LANDLINE = "landline"
    IP_PHONE = "ip_phone"
    OTHER = "other"  # 0120, 0800, 0570, 020, foreign: `detail` says which


class NumberProblem(enum.StrEnum):
    """Why a cell holds no usable number. The values are reason codes of the API."""

    MISSING = "missing"
    UNREADABLE = "unreadable"
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    TWO_NUMBERS = "two_numbers"
    OTHERS_NUMBER = "others_number"


class ParsedNumber(NamedTuple):  # made for every row: a frozen dataclass takes three times as long
    """Either a number (`e164` and `kind`) or a `problem`; never both, never neither.

    `mended` says that digits were restored or removed (Excel's lost zero, its ".0"), not merely separators; `detail`
    is a code that says more: ``zero_restored``, ``decimal_removed``, ``digits_lost``, ``toll_free``, ``foreign`` …
    """

    e164: str | None
    kind: NumberKind | None
    problem: NumberProblem | None = None
    mended: bool = False
    detail: str = ""

    @property
    def can_text(self) -> bool:
        """Whether a text can reach it."""
        return self.kind is NumberKind.MOBILE


_SEPARATORS: Final = (
    " \t\r\n\v\f\x1c\x1d\x1e\x1f\x85\u00a0\u1680\u2028\u2029\u202f\u205f\u3000"
    + "".join(map(chr, range(0x2000, 0x200B)))
    + "()[]〔〕「」【】.'\"`´’‘”“=_*"
    + "-\u00ad\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212\u2500\u2501\u30fc\u301c\ufe58\ufe63\uff0d\uff70"
    # What copying from a telephone's address book leaves behind: zero-width and bidirectional marks.
    + "\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufe0e\ufe0f\ufeff"
)
_DROP_SEPARATORS: Final = str.maketrans("", "", _SEPARATORS)
# Nine cells in ten: told without looking for anything else.
_USUAL: Final = re.compile(r"0([6-9]0)-?([1-9][0-9]{3})-?([0-9]{4})", re.ASCII)
_PLAIN_NATIONAL: Final = re.compile(r"0(?:[2-9]|1[-)]?[1-9])[0-9()\-]{7,18}")  # its digits tell which
_MOBILE: Final = re.compile(r"(?:(?:\+|00|010)?81)?(0?)([6-9]0[1-9][0-9]{7})")
_CIRCLED_NUMBERS: Final = re.compile("[①-⑳❶-❿]")

_EXTENSION: Final = re.compile(r"[ (]*(?:内線|内|ext|x)[ .:]*[0-9]{1,6}\)? *$", re.IGNORECASE)
_LABELS: Final = re.compile(
    r"電話番号|携帯番号|携帯電話|電話|携帯|ケータイ|けいたい|スマホ|自宅|固定|連絡先|番号|ご?本人|主|家|様"
    r"|telephone|tel|phone|mobile|cell|no\b|[℡☎☏📞📱📲♯#]",
    re.IGNORECASE,
)
# Whose the number is by the cell's own words, where that is not the person on the row.
_OTHERS: Final = re.compile(
    r"(?:義理?の?|お|御|ご)?(?:両親|父親?|母親?|祖父母?|祖母|夫|妻|おっと|つま|ツマ|主人|奥|旦那|配偶者|内縁|パートナー"
    r"|長男|次男|二男|三男|長女|次女|二女|三女|息子|娘|ちち|チチ|はは|ハハ|[子孫兄弟姉妹甥姪嫁婿叔伯親]|いとこ|きょうだい)(?:さん|様|ちゃん|くん|君|ども|供)?"
    r"|(?:ご?本人|当人)以外|世帯主|(?:ご|御)?(?:家族|親族|親戚|遺族)|実家|保護者|後見人|保佐人|補助人|代理人?|身元引受人?|キーパーソン"
    r"|同居人?|友人|友達|知人|隣人?|近所|同僚|上司|大家|管理人|職場|会社|勤務先|勤め先|仕事先|事務所|学校|大学|保育園|幼稚園|園"
    r"|施設|病院|医院|クリニック|入所先|入院先|ホーム|ケアマネ(?:ジャー)?|ヘルパー|民生委員|担当者?|緊急連絡先"
    r"|\b(?:wife|husband|spouse|partner|mother|father|mom|mum|dad|parents?|son|daughter|brother|sister|child|family"
    r"|guardian|friend|neighbou?r|work|office|company|school|hospital|emergency)(?:'s)?\b",
    re.IGNORECASE,
)
_BESIDE_LABELS: Final = re.compile(
    r"[のは用宛(){}<>〈〉《》]"
)  # left over of 「妻の携帯」 when its words are taken away
_LIST_SEPARATOR: Final = re.compile(r"[/,;:、。・|&\n\r]|または|又は|及び|および|\bor\b|\band\b|と|(?<=[0-9]) *(?=\+)")
_SCIENTIFIC: Final = re.compile(r"([0-9])(?:\.([0-9]+))?e\+?([0-9]{1,2})", re.IGNORECASE)
_DECIMAL: Final = re.compile(r"([^0-9.]*\+?[0-9]{9,})\.0+([\"' ]*)")
_DIGITS: Final = re.compile(r"\+?[0-9]+")
_NONE: Final = (
    "なし 無し 無 ナシ 不明 不詳 未登録 未記入 未入力 未定 未確認 未 空 空欄 該当なし 電話なし 携帯なし "
    "番号なし 持っていない 所持なし 保有なし none null nil nan n/a na n.a. unknown 0 x × ✕ ? / 〃 ..."
)
_WORDS_FOR_NONE: Final = frozenset(_NONE.split())
_EMERGENCY: Final = frozenset({"110", "118", "119", "171", "177", "104", "117", "115", "189", "188"})


def _pattern(name: str) -> re.Pattern[str]:
    metadata = phonenumbers.PhoneMetadata.metadata_for_region("JP")
    return re.compile(getattr(metadata, name).national_number_pattern)


# Patterns of the national number without its leading zero, in libphonenumber's words.
_KINDS: Final[tuple[tuple[re.Pattern[str], NumberKind, str], ...]] = (
    (_pattern("fixed_line"), NumberKind.LANDLINE, ""),
    (_pattern("voip"), NumberKind.IP_PHONE, ""),
    (re.compile(r"120[0-9]{6}|800[0-9]{7}"), NumberKind.OTHER, "toll_free"),
    (_pattern("uan"), NumberKind.OTHER, "navi_dial"),
    (re.compile(r"20[0-9]{8}|200[0-9]{10}"), NumberKind.OTHER, "machine"),
    (_pattern("premium_rate"), NumberKind.OTHER, "premium"),
)
_SHORTEST_NATIONAL: Final = 10  # with the leading zero
_LONGEST_NATIONAL: Final = 11


def parse_number(raw: str) -> ParsedNumber:
    """The number in a cell, in any writing of DOMAIN.md "Numbers". Never raises."""
    if usual := _USUAL.fullmatch(raw):
        return ParsedNumber("+81" + "".join(usual.groups()), NumberKind.MOBILE)
    text = raw if raw.isascii() else unicodedata.normalize("NFKC", raw)
    bare = text.translate(_DROP_SEPARATORS)
    match = _MOBILE.fullmatch(bare)
    if match is None:
        return _classify_national(bare) if _PLAIN_NATIONAL.fullmatch(raw) else _parse_other(raw)
    zero, national = match.groups()
    restored = not zero and match.start(2) == 0
    if "." in text and _DECIMAL.fullmatch(text.strip()):
        return _parse_other(raw)
    return _mobile_with_zero_restored(national) if restored else ParsedNumber("+81" + national, NumberKind.MOBILE)


def national_format(e164: str) -> str:
    """The number as people here write it: "090-1234-5678"; a foreign one with its country's code."""
    if len(e164) == 13 and e164.startswith("+81"):
        return f"0{e164[3:5]}-{e164[5:9]}-{e164[9:]}"
    try:
        number = phonenumbers.parse(e164, None)
    except phonenumbers.NumberParseException:
        return e164
    in_japan = number.country_code == JAPAN
    style = phonenumbers.PhoneNumberFormat.NATIONAL if in_japan else phonenumbers.PhoneNumberFormat.INTERNATIONAL
    return str(phonenumbers.format_number(number, style))


def _mobile_with_zero_restored(national: str) -> ParsedNumber:
    return ParsedNumber("+81" + national, NumberKind.MOBILE, mended=True, detail="zero_restored")


def _refuse(problem: NumberProblem, detail: str = "") -> ParsedNumber:
    return ParsedNumber(None, None, problem, detail=detail)


def _parse_other(raw: str) -> ParsedNumber:
    if len(raw) > LONGEST_CELL:
        return _refuse(NumberProblem.UNREADABLE, "extra_text")
    text = unicodedata.normalize("NFKC", _CIRCLED_NUMBERS.sub(";", raw)).strip()
    bare = text.translate(_DROP_SEPARATORS)
    if not bare or text.lower() in _WORDS_FOR_NONE or bare.lower() in _WORDS_FOR_NONE:
        return _refuse(NumberProblem.MISSING)
    if scientific := _SCIENTIFIC.fullmatch(text.strip("'\"= ")):
        return _parse_scientific(*scientific.groups())
    if decimal := _DECIMAL.fullmatch(text):
        return _mended(_parse_other(decimal.group(1)), "decimal_removed")
    if _OTHERS.search(text):
        return _parse_others(text)
    text = _LABELS.sub(";", _EXTENSION.sub("", text))
    pieces = [piece.translate(_DROP_SEPARATORS) for piece in _LIST_SEPARATOR.split(text)]
    pieces = [piece for piece in pieces if piece]
    if not pieces or all(piece in _WORDS_FOR_NONE for piece in pieces):
        return _refuse(NumberProblem.MISSING)
    if not all(_DIGITS.fullmatch(piece) for piece in pieces):
        return _refuse_text(pieces)
    return _classify(pieces[0]) if len(pieces) == 1 else _choose(pieces)


def number_of_anybody(raw: str) -> str | None:
    """The number in a cell, whosever it is: to look something up by, or to send nothing to. Never for sending."""
    number = parse_number(raw)
    if number.problem is NumberProblem.OTHERS_NUMBER:
        number = _without_owner(unicodedata.normalize("NFKC", raw))
    return number.e164


def _without_owner(text: str) -> ParsedNumber:
    return _parse_other(_BESIDE_LABELS.sub(";", _OTHERS.sub(";", text)))


def _parse_others(text: str) -> ParsedNumber:
    """A mobile number that is somebody else's by the cell's own words: a text must not go there unasked.

    At a landline a person calls and asks for the one they want, so that it stays what it is.
    """
    number = _without_owner(text)
    if number.problem is NumberProblem.MISSING:
        return _refuse(NumberProblem.UNREADABLE, "not_a_number")
    return _refuse(NumberProblem.OTHERS_NUMBER) if number.can_text else number


def _refuse_text(pieces: list[str]) -> ParsedNumber:
    """A note beside a number ("解約", "?") may mean "do not use": a person has to say."""
    numbers = [run for piece in pieces for run in _DIGITS.findall(piece) if len(run) >= 9]
    if len(numbers) > 1:
        return _refuse(NumberProblem.TWO_NUMBERS)
    return _refuse(NumberProblem.UNREADABLE, "extra_text" if numbers else "not_a_number")


def _parse_scientific(whole: str, fraction: str | None, exponent: str) -> ParsedNumber:
    """Excel's 9.01E+09 has lost its digits; 9.012345678E+09 still has them all."""
    digits = whole + (fraction or "")
    if len(digits) != int(exponent) + 1:
        return _refuse(NumberProblem.UNREADABLE, "digits_lost")
    return _mended(_classify(digits), "zero_restored")


def _mended(number: ParsedNumber, detail: str) -> ParsedNumber:
    if number.problem:
        return number
    return ParsedNumber(number.e164, number.kind, mended=True, detail=number.detail or detail)


def _choose(pieces: list[str]) -> ParsedNumber:
    """One number written in pieces (090/1234/5678), one number twice, or two numbers of which a person must choose."""
    joined = _classify("".join(pieces))
    if joined.e164:
        return joined
    numbers = [_classify(piece) for piece in pieces]
    found = {number.e164 for number in numbers if number.e164}
    leading_ordinal = len(pieces[0]) == 1 and len(pieces) == 2
    if len(found) == 1 and (leading_ordinal or all(number.e164 for number in numbers)):
        return next(number for number in numbers if number.e164)
    if max(map(len, pieces)) < 7:
        return joined
    return _refuse(NumberProblem.TWO_NUMBERS)


def _classify(digits: str) -> ParsedNumber:
    """What a row of digits, perhaps with a leading plus, is."""
    if match := re.fullmatch(r"(?:\+|00|010)81(0?[1-9][0-9]*)", digits):
        return _classify_national("0" + match.group(1).removeprefix("0"))
    if len(digits) >= 11 and digits.startswith("81"):
        return _classify_national("0" + digits[2:].removeprefix("0"))
    if digits.startswith(("+", "00", "010")):
        return _classify_foreign(digits)
    if digits.startswith("0"):
        return _classify_national(digits)
    if digits in _EMERGENCY:
        return _refuse(NumberProblem.UNREADABLE, "special_number")
    number = _mended(_classify_national("0" + digits), "zero_restored")
    if number.problem is NumberProblem.TOO_SHORT and 6 <= len(digits) <= 8:
        return _refuse(NumberProblem.TOO_SHORT, "area_code_missing")
    return number


def _classify_national(national: str) -> ParsedNumber:
    without_zero = national[1:]
    if _MOBILE.fullmatch(national):
        return ParsedNumber("+81" + without_zero, NumberKind.MOBILE)
    # Before the other kinds: 060-1234-567 is a mobile number that lost a digit, not an old personal number.
    if re.match(r"[6-9]0[1-9]|[679]0|50", without_zero) and len(national) != _LONGEST_NATIONAL:
        return _refuse_length(national, expected=_LONGEST_NATIONAL)
    for pattern, kind, detail in _KINDS:
        if pattern.fullmatch(without_zero):
            return ParsedNumber("+81" + without_zero, kind, detail=detail)
    if without_zero.startswith("800"):
        return _refuse_length(national, expected=_LONGEST_NATIONAL)
    long_head = re.match(r"[25-9]0", without_zero)
    return _refuse_length(national, expected=_LONGEST_NATIONAL if long_head else _SHORTEST_NATIONAL)


def _refuse_length(national: str, *, expected: int) -> ParsedNumber:
    if len(national) < expected:
        return _refuse(NumberProblem.TOO_SHORT)
    if len(national) == expected:
        return _refuse(NumberProblem.UNREADABLE, "not_in_use")
    return _refuse(NumberProblem.TWO_NUMBERS if _is_two_numbers(national) else NumberProblem.TOO_LONG)


def _is_two_numbers(national: str) -> bool:
    """Two numbers written one after the other, with nothing but a space between them."""
    return 18 <= len(national) <= 24 and any(
        _classify(national[:cut]).e164 and _classify(national[cut:]).e164 for cut in range(9, len(national) - 8)
    )


def _classify_foreign(digits: str) -> ParsedNumber:
    try:
        number = phonenumbers.parse(digits, "JP")
    except phonenumbers.NumberParseException:
        return _refuse(NumberProblem.UNREADABLE, "not_in_use")
    if not phonenumbers.is_valid_number(number):
        too_long = len(digits) > 17
        return _refuse(NumberProblem.TOO_LONG) if too_long else _refuse(NumberProblem.UNREADABLE, "not_in_use")
    e164 = str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
    detail = "toll_free" if number.country_code == JAPAN else "foreign"
    return ParsedNumber(e164, NumberKind.OTHER, detail=detail)
