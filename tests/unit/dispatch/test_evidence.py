"""What a person can read of a receipt's octets."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from dispatch.evidence import Event

TEXT = "id:660ed8d8200d6 sub:001 dlvrd:000 stat:UNDELIV err:006 text:"
AT = datetime(2022, 8, 15, tzinfo=UTC)


class TestRawWords:
    @pytest.mark.parametrize(
        "octets",
        [
            pytest.param(b"\x00\x00\x05\x00\x00i" + TEXT.encode() + b"\x00\x1e", id="the length reads as a letter"),
            pytest.param(b"\x00\x7f" + TEXT.encode(), id="the length does not"),
            pytest.param(TEXT.encode(), id="only the text"),
        ],
    )
    def test_begin_with_the_text(self, octets: bytes) -> None:
        assert Event(at=AT, kind="receipt", raw=octets.hex()).raw_words == TEXT

    def test_are_none_where_nothing_reads(self) -> None:
        assert Event(at=AT, kind="receipt", raw="000102").raw_words == ""
