"""Which column of a roster means what: by its header's words, and by what stands below it."""

from __future__ import annotations

import enum
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from recipients.column_words import SYNONYMS, Field
from recipients.consent_words import read_consent
from recipients.dates import parse_age, parse_date
from recipients.phone_numbers import parse_number


class MappingProblem(enum.StrEnum):
    """What a mapping lacks or gets wrong; codes of the API."""

    NO_PHONE_COLUMN = "no_phone_column"
    NO_HEADER = "no_header"
    UNKNOWN_COLUMN = "unknown_column"
    UNKNOWN_FIELD = "unknown_field"
    NO_CONSENT_COLUMN = "no_consent_column"
    NO_AGE_COLUMN = "no_age_column"


class BadMapping(Exception):
    """A mapping that names a field or a column which does not exist, or has no phone. `params` fill the sentence."""

    def __init__(self, code: MappingProblem, params: Mapping[str, str] | None = None) -> None:
        super().__init__(code.value)
        self.code = code
        self.params = dict(params or {})


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """Column numbers (from 0) by meaning. Several phone columns stand in order of preference; a name or its reading
    may be spread over two columns (姓 and 名)."""

    phones: tuple[int, ...]
    names: tuple[int, ...] = ()
    kanas: tuple[int, ...] = ()
    external_id: int | None = None
    birth_on: int | None = None
    age: int | None = None
    consent: int | None = None
    excluded: int | None = None

    def as_headers(self, header: Sequence[str]) -> dict[str, str]:
        """Field → column header, as the API shows and takes it: phone, phone2, …, name, name2, kana, …"""
        found: dict[str, str] = {}
        for name, columns in ((Field.PHONE, self.phones), (Field.NAME, self.names), (Field.KANA, self.kanas)):
            found |= {f"{name}{n}" if n > 1 else str(name): header[column] for n, column in enumerate(columns, 1)}
        for name in _SINGLE_FIELDS:
            column = getattr(self, name.value)
            if column is not None:
                found[name.value] = header[column]
        return found


@dataclass(frozen=True, slots=True)
class Guess:
    """How the columns were understood. `confidence` is 0..1 by the field's name as in `ColumnMapping.as_headers`."""

    mapping: ColumnMapping
    confidence: Mapping[str, float] = field(default_factory=dict)
    problems: tuple[MappingProblem, ...] = ()


_SINGLE_FIELDS: Final = (Field.EXTERNAL_ID, Field.BIRTH_ON, Field.AGE, Field.CONSENT, Field.EXCLUDED)

# Columns about somebody else (the nurse, the hospital, the one to call in an emergency): never taken by likeness.
_ABOUT_OTHERS: Final = re.compile(
    r"担当|保健師|医師|医療機関|病院|施設|保護者|緊急|送信者|記入者|入力者|登録者|受付者|職員|勤務先|職場|会社|fax|ファックス|問合|問イ合|メール|mail|代理|通報"
)
_LIKENESS: Final[tuple[tuple[Field, re.Pattern[str]], ...]] = (
    (Field.KANA, re.compile(r"カナ|フリガナ|ヨミ")),
    (Field.CONSENT, re.compile(r"同意|承諾|sms.*(?:可否|希望|有無)")),
    (Field.BIRTH_ON, re.compile(r"生年月日|誕生日")),
    (Field.AGE, re.compile(r"年齢")),
    (Field.EXCLUDED, re.compile(r"除外|対象外|送信不要")),
    (Field.PHONE, re.compile(r"電話|携帯|ケータイ|連絡先|(?:^|[^a-z])tel(?:$|[^a-z])|phone")),
    (Field.EXTERNAL_ID, re.compile(r"(?:管理|整理|宛名|受付|患者|予約|識別)(?:番号|no|id|コード)|(?:^|[^a-z])id$")),
    (Field.NAME, re.compile(r"氏名|名前|宛名$|者名")),
)
_SPLIT_NAMES: Final = {"姓": "名", "氏": "名", "苗字": "名前", "名字": "名前", "セイ": "メイ", "姓漢字": "名漢字"}
_SPLIT_KANAS: Final = {
    "セイ": "メイ",
    "姓カナ": "名カナ",
    "カナ姓": "カナ名",
    "姓フリガナ": "名フリガナ",
    "氏カナ": "名カナ",
}
_HIRAGANA: Final = {code: code + 0x60 for code in range(0x3041, 0x3097)}
_NOISE: Final = re.compile(r"[\s()\[\]{}<>〔〕「」【】『』・:;、。,./\\*※★☆●○◎■□◆◇#＃|\"'_\-‐‑–—―−~〜必須任意?]+")
_NUMBERED: Final = re.compile(r"(.*?[^0-9])([0-9]{1,2})(?:番目|件目)?")
_EXACT: Final = 1.0
_LIKE: Final = 0.7
_BY_CONTENT: Final = 0.5
_DOUBTFUL: Final = 0.3


def normalise_header(text: str) -> str:
    """A header as it is compared: NFKC, no spaces, brackets or marks, lower case, hiragana as katakana."""
    plain = unicodedata.normalize("NFKC", text).casefold().translate(_HIRAGANA)
    return _NOISE.sub("", plain)


_FIELD_BY_SYNONYM: Final[dict[str, tuple[Field, int]]] = {
    normalise_header(word): (name, place)
    for name, words in SYNONYMS.items()
    for place, word in enumerate(words.split())
}


def count_known_headers(cells: Iterable[str]) -> int:
    """How many cells are headers that we know, word for word: what tells the header from title lines and data."""
    return sum(1 for cell in cells if cell and len(cell) <= 40 and _match_exactly(normalise_header(cell)) is not None)


def first_data_cell(cells: Iterable[str]) -> int | None:
    """Where a line that should be the header holds a number or a date instead (from 0); None where it does nowhere."""
    found = (place for place, cell in enumerate(cells) if cell and (parse_number(cell).e164 or _is_written_date(cell)))
    return next(found, None)


def guess_columns(header: Sequence[str], sample_rows: Sequence[Sequence[str]] = ()) -> Guess:
    """What each column means, with how sure we are. Never raises; what is missing is in `problems`."""
    candidates = [_judge_column(column, text, sample_rows) for column, text in enumerate(header)]
    by_field: dict[Field, list[_Candidate]] = {}
    for candidate in filter(None, candidates):
        by_field.setdefault(candidate.field, []).append(candidate)
    phones = sorted(by_field.get(Field.PHONE, ()), key=lambda found: found.place)
    phones = [phone for phone in phones if phone.confidence > _DOUBTFUL] or phones
    phones = phones or _find_phones_by_content(header, sample_rows, taken=candidates)
    chosen: dict[Field, list[_Candidate]] = {Field.PHONE: phones}
    for name in (Field.NAME, Field.KANA):
        best = _best(by_field.get(name, ()))
        chosen[name] = (
            [best] if best else _find_split(header, _SPLIT_NAMES if name is Field.NAME else _SPLIT_KANAS, name)
        )
    for name in _SINGLE_FIELDS:
        best = _best(by_field.get(name, ()))
        chosen[name] = [best] if best else []
    return _make_guess(header, chosen)


def mapping_from_headers(header: Sequence[str], wanted: Mapping[str, str]) -> ColumnMapping:
    """The mapping that a person or an API client chose, field → column header; widths and spaces need not agree.

    Raises `BadMapping` for an unknown field or column, and where no phone is among them.
    """
    places = {normalise_header(text) or text: column for column, text in reversed(list(enumerate(header)))}
    exact = {text: column for column, text in reversed(list(enumerate(header)))}
    columns: dict[str, int] = {}
    for name, text in wanted.items():
        base = re.sub(r"[0-9]+$", "", name)
        if base not in {known.value for known in Field} or (base != name and base not in ("phone", "name", "kana")):
            raise BadMapping(MappingProblem.UNKNOWN_FIELD, {"field": name, "fields": ", ".join(Field)})
        column = exact.get(text, places.get(normalise_header(text) or text))
        if column is None:
            raise BadMapping(MappingProblem.UNKNOWN_COLUMN, {"field": name, "column": text})
        columns[name] = column
    if not any(name.startswith("phone") for name in columns):
        raise BadMapping(MappingProblem.NO_PHONE_COLUMN, {"columns": "、".join(text for text in header if text)})
    singles = {name.value: columns.get(name.value) for name in _SINGLE_FIELDS}
    return ColumnMapping(_in_order(columns, "phone"), _in_order(columns, "name"), _in_order(columns, "kana"), **singles)


def missing_for_rules(mapping: ColumnMapping, *, require_consent: bool, age_limit: int | None) -> list[MappingProblem]:
    """Columns that the department's rules ask for and the roster does not have."""
    missing = []
    if require_consent and mapping.consent is None:
        missing.append(MappingProblem.NO_CONSENT_COLUMN)
    if age_limit is not None and mapping.birth_on is None and mapping.age is None:
        missing.append(MappingProblem.NO_AGE_COLUMN)
    return missing


@dataclass(frozen=True, slots=True)
class _Candidate:
    field: Field
    column: int
    confidence: float
    place: tuple[int, int, int]  # order of preference among columns of the same meaning


def _in_order(columns: Mapping[str, int], field_name: str) -> tuple[int, ...]:
    numbered = sorted(
        (int(name.removeprefix(field_name) or 1), column)
        for name, column in columns.items()
        if name.startswith(field_name)
    )
    return tuple(column for _number, column in numbered)


def _match_exactly(normal: str) -> tuple[Field, int, int] | None:
    """Field, place among its synonyms, and the number at the end of the header (電話番号2 → 2)."""
    if normal in _FIELD_BY_SYNONYM:
        return (*_FIELD_BY_SYNONYM[normal], 0)
    numbered = _NUMBERED.fullmatch(normal)
    if numbered and numbered[1] in _FIELD_BY_SYNONYM:
        return (*_FIELD_BY_SYNONYM[numbered[1]], int(numbered[2]))
    return None


def _judge_column(column: int, text: str, rows: Sequence[Sequence[str]]) -> _Candidate | None:
    normal = normalise_header(text)
    if not normal:
        return None
    if exact := _match_exactly(normal):
        name, place, number = exact
        confidence = _EXACT
    elif _ABOUT_OTHERS.search(normal):
        return None
    else:
        like = next((name for name, pattern in _LIKENESS if pattern.search(normal)), None)
        if like is None:
            return None
        name, place, number, confidence = like, _place_by_likeness(normal), 0, _LIKE
    share = _share_that_fits(name, column, rows)
    if share is not None and share < 0.5:
        confidence = _DOUBTFUL
    return _Candidate(name, column, confidence, (place, number, column))


def _place_by_likeness(normal: str) -> int:
    """Behind every exact synonym; a mobile before other telephones, the one at home last."""
    if "携帯" in normal or "スマ" in normal:
        return 1000
    return 3000 if "自宅" in normal or "固定" in normal else 2000


def _share_that_fits(name: Field, column: int, rows: Sequence[Sequence[str]]) -> float | None:
    """The share of filled sample cells that read as what the header says; None where the content tells nothing."""
    check = _CONTENT_CHECKS.get(name)
    filled = [row[column] for row in rows if column < len(row) and row[column].strip()]
    if check is None or not filled:
        return None
    return sum(1 for cell in filled if check(cell)) / len(filled)


def _is_phone_like(cell: str) -> bool:
    number = parse_number(cell)
    return (
        number.problem is None or number.problem.value != "unreadable" or number.detail in ("digits_lost", "extra_text")
    )


def _is_written_date(cell: str) -> bool:
    return not cell.strip().isdecimal() and parse_date(cell) is not None


def _is_kana(cell: str) -> bool:
    return bool(re.fullmatch(r"[ぁ-ゖァ-ヺー・\s]+", unicodedata.normalize("NFKC", cell)))


_CONTENT_CHECKS: Final = {
    Field.PHONE: _is_phone_like,
    Field.BIRTH_ON: lambda cell: parse_date(cell) is not None,
    Field.AGE: lambda cell: parse_age(cell) is not None,
    Field.CONSENT: lambda cell: read_consent(cell) is not None,
    Field.KANA: _is_kana,
}


def _best(candidates: Iterable[_Candidate]) -> _Candidate | None:
    return min(candidates, key=lambda found: (-found.confidence, found.place), default=None)


def _find_phones_by_content(
    header: Sequence[str], rows: Sequence[Sequence[str]], *, taken: Sequence[_Candidate | None]
) -> list[_Candidate]:
    """A column whose header says nothing and whose cells are nearly all telephone numbers."""
    found = []
    for column, text in enumerate(header):
        filled = [row[column] for row in rows if column < len(row) and row[column].strip()]
        if taken[column] is not None or _ABOUT_OTHERS.search(normalise_header(text)) or not filled:
            continue
        if sum(1 for cell in filled if parse_number(cell).can_text) >= 0.6 * len(filled):
            found.append(_Candidate(Field.PHONE, column, _BY_CONTENT, (0, 0, column)))
    return found[:1]


def _find_split(header: Sequence[str], pairs: Mapping[str, str], name: Field) -> list[_Candidate]:
    normal = [normalise_header(text) for text in header]
    for family, given in pairs.items():
        if family in normal and given in normal:
            return [_Candidate(name, normal.index(word), _EXACT, (0, 0, 0)) for word in (family, given)]
    return []


def _make_guess(header: Sequence[str], chosen: Mapping[Field, Sequence[_Candidate]]) -> Guess:
    def single(name: Field) -> int | None:
        return chosen[name][0].column if chosen[name] else None

    mapping = ColumnMapping(
        phones=tuple(found.column for found in chosen[Field.PHONE]),
        names=tuple(found.column for found in chosen[Field.NAME]),
        kanas=tuple(found.column for found in chosen[Field.KANA]),
        **{name.value: single(name) for name in _SINGLE_FIELDS},
    )
    confidence = {
        f"{name}{n}" if n > 1 else str(name): found.confidence
        for name, candidates in chosen.items()
        for n, found in enumerate(candidates, 1)
    }
    problems = () if mapping.phones else (MappingProblem.NO_PHONE_COLUMN,)
    return Guess(mapping, confidence, problems)
