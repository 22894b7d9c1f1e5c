"""Units and parts at their edges, and parts that never tear a character."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from templates_sms.segments import GSM_EXTENDED, LENGTHS, Encoding, compose, measure, split


@pytest.mark.parametrize(
    ("text", "encoding", "units", "parts"),
    [
        ("", "gsm", 0, 1),
        ("a" * 160, "gsm", 160, 1),
        ("a" * 161, "gsm", 161, 2),
        ("a" * 306, "gsm", 306, 2),
        ("a" * 307, "gsm", 307, 3),
        ("€" * 80, "gsm", 160, 1),
        ("€" * 81, "gsm", 162, 2),
        ("@£$¥èΔ\n", "gsm", 7, 1),
        *((character, "gsm", 2, 1) for character in "^{}[]~\\|€"),
        ("`", "ucs2", 1, 1),
        ("あ" * 70, "ucs2", 70, 1),
        ("あ" * 71, "ucs2", 71, 2),
        ("あ" * 134, "ucs2", 134, 2),
        ("あ" * 135, "ucs2", 135, 3),
        ("𠮷", "ucs2", 2, 1),
        ("😀" * 35, "ucs2", 70, 1),
        ("😀" * 36, "ucs2", 72, 2),
        ("か\u3099" * 70, "ucs2", 70, 1),
        ("é", "gsm", 1, 1),
        ("e\u0301", "gsm", 1, 1),
        # 66 and a pair do not fit into 67: the first part stays one unit short and a third part is needed.
        ("あ" * 66 + "𠮷" + "あ" * 66, "ucs2", 134, 3),
        ("a" * 152 + "€" + "a" * 152, "gsm", 306, 3),
    ],
)
def test_counts(text: str, encoding: str, units: int, parts: int) -> None:
    segments = measure(text)

    assert (segments.encoding.value, segments.units, segments.parts) == (encoding, units, parts)


def test_compatibility_kanji_stay_as_the_name_is_written() -> None:
    assert compose("\uf9dc﨑か\u3099\ufa19") == "\uf9dc﨑が\ufa19"


def _units(part: str, encoding: Encoding) -> int:
    if encoding is Encoding.GSM:
        return sum(2 if character in GSM_EXTENDED else 1 for character in part)
    return len(part.encode("utf-16-le", "surrogatepass")) // 2


@given(st.one_of(st.text(max_size=300), st.text("a€{b", max_size=700), st.text("あ𠮷😀", max_size=300)))
def test_parts_hold_the_whole_text_and_none_is_too_long(text: str) -> None:
    segments, parts = measure(text), split(text)

    assert "".join(parts) == compose(text)
    assert len(parts) == segments.parts
    longest = LENGTHS[segments.encoding][0 if len(parts) == 1 else 1]
    assert all(_units(part, segments.encoding) <= longest for part in parts)
    assert sum(_units(part, segments.encoding) for part in parts) == segments.units
