from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carriers.smpp.pdus import ShortMessage
from carriers.smpp.receipts import ReceiptFields, is_receipt, read_date, read_error, read_receipt
from carriers.smpp.tlv import encode_byte, encode_short, encode_tlv, parse_tlvs

TOKYO = ZoneInfo("Asia/Tokyo")
USUAL = b"id:0A1f sub:001 dlvrd:001 submit date:2208151159 done date:2208151200 stat:DELIVRD err:000 text:"


def receipt(text: bytes, *, tlvs: bytes = b"", esm_class: int = 4, coding: int = 0) -> ShortMessage:
    return ShortMessage(1, "819012345678", 5, "Todoke", esm_class, 0, coding, text, parse_tlvs(tlvs, 0))


def fields(identifier: str, state: str, error: str = "000", done: str = "2208151200") -> ReceiptFields:
    return ReceiptFields(identifier, state, error, done, None, None)


class TestReadReceipt:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            (USUAL, fields("0A1f", "DELIVRD")),
            (USUAL + b"hello there", fields("0A1f", "DELIVRD")),
            (USUAL[:-6], fields("0A1f", "DELIVRD")),
            (USUAL.replace(b"DELIVRD", b"delivrd"), fields("0A1f", "DELIVRD")),
            (USUAL.lower(), fields("0a1f", "DELIVRD")),
            (USUAL.upper(), fields("0A1F", "DELIVRD")),
            (USUAL.replace(b"2208151200", b"220815120059"), fields("0A1f", "DELIVRD", done="220815120059")),
            (USUAL.replace(b"err:000", b"err:1B"), fields("0A1f", "DELIVRD", "1B")),
            (USUAL.replace(b"err:000", b"err:0x1b"), fields("0A1f", "DELIVRD", "0x1b")),
            (USUAL.replace(b"err:000", b"err:"), fields("0A1f", "DELIVRD", "")),
            (b"stat:UNDELIV err:006 id:77 done date:2208151200", fields("77", "UNDELIV", "006")),
            (b"id: 77 stat: EXPIRED done_date: 2208151200 err: 001", fields("77", "EXPIRED", "001")),
            (b"id:77 stat:UNDELIV text:stat:DELIVRD id:99", fields("77", "UNDELIV", "", "")),
            (b"id:77 stat:FANCY", fields("77", "FANCY", "", "")),
            (b"garbage", fields("", "", "", "")),
            (b"", fields("", "", "", "")),
        ],
        ids=lambda value: value[:60].decode() if isinstance(value, bytes) else "",
    )
    def test_reads_every_writing(self, text: bytes, expected: ReceiptFields) -> None:
        assert read_receipt(receipt(text)) == expected

    def test_reads_a_text_in_ucs2(self) -> None:
        text = USUAL.decode().encode("utf-16-be")

        assert read_receipt(receipt(text, coding=8)) == fields("0A1f", "DELIVRD")

    def test_the_tlvs_win(self) -> None:
        tlvs = (
            encode_tlv(0x001E, b"beef\0")
            + encode_byte(0x0427, 5)
            + encode_tlv(0x0423, b"\x03\x00\x06")
            + encode_short(0x0204, 777)
        )

        assert read_receipt(receipt(USUAL, tlvs=tlvs)) == ReceiptFields("beef", "UNDELIV", "000", "2208151200", 6, 777)
        assert read_receipt(receipt(b"", tlvs=tlvs)) == ReceiptFields("beef", "UNDELIV", "", "", 6, 777)

    @pytest.mark.parametrize(
        "tlvs",
        [
            encode_byte(0x0427, 99),
            encode_tlv(0x0427, b""),
            encode_tlv(0x0427, b"12345"),
            encode_tlv(0x001E, b""),
            encode_tlv(0x0423, b"\x03"),
            b"\x04\x27\x00\x09\x05",
        ],
        ids=["no such state", "empty", "too wide", "no id", "short error", "broken"],
    )
    def test_the_text_stands_where_a_tlv_says_nothing(self, tlvs: bytes) -> None:
        assert read_receipt(receipt(USUAL, tlvs=tlvs)) == fields("0A1f", "DELIVRD")

    @given(st.binary(max_size=300), st.binary(max_size=100), st.integers(0, 255))
    def test_never_raises(self, text: bytes, tlvs: bytes, coding: int) -> None:
        assert isinstance(read_receipt(receipt(text, tlvs=tlvs, coding=coding)), ReceiptFields)


class TestIsReceipt:
    @pytest.mark.parametrize(
        ("esm_class", "tlvs", "expected"),
        [
            (0x04, b"", True),
            (0x20, b"", True),
            (0x44, b"", True),
            (0x07, b"", True),
            (0x00, encode_tlv(0x001E, b"1\0"), True),
            (0x00, b"", False),
            (0x40, b"", False),
            (0x08, b"", False),
            (0x10, b"", False),
        ],
    )
    def test_goes_by_class_and_tlv(self, esm_class: int, tlvs: bytes, expected: bool) -> None:  # noqa: FBT001
        assert is_receipt(receipt(USUAL, tlvs=tlvs, esm_class=esm_class)) is expected

    def test_a_persons_text_that_looks_like_one_is_none(self) -> None:
        assert not is_receipt(receipt(USUAL, esm_class=0))


class TestReadDate:
    @pytest.mark.parametrize(
        ("written", "expected"),
        [
            ("2208151200", datetime(2022, 8, 15, 12, 0, tzinfo=TOKYO)),
            ("220815120059", datetime(2022, 8, 15, 12, 0, 59, tzinfo=TOKYO)),
            ("20220815120059", datetime(2022, 8, 15, 12, 0, 59, tzinfo=TOKYO)),
            ("2402291200", datetime(2024, 2, 29, 12, 0, tzinfo=TOKYO)),
            ("2302291200", None),
            ("2213011200", None),
            ("2208152400", None),
            ("", None),
            ("22081512", None),
            ("22-08-1512", None),
            ("２２０８１５１２００", None),
            ("000000000000", None),
        ],
    )
    def test_reads_the_usual_forms_and_nothing_else(self, written: str, expected: datetime | None) -> None:
        assert read_date(written, zone=TOKYO) == expected


class TestReadError:
    @pytest.mark.parametrize(
        ("written", "base", "expected"),
        [
            ("006", None, 6),
            ("010", None, 10),
            ("1B", None, 27),
            ("0x1b", None, 27),
            ("0x10", None, 16),
            ("010", 16, 16),
            ("1b", 10, None),
            ("0", None, 0),
            ("", None, None),
            ("none", None, None),
            ("-1", None, None),
            ("６", None, None),
        ],
    )
    def test_reads_decimal_and_hexadecimal(self, written: str, base: int | None, expected: int | None) -> None:
        assert read_error(written, base=base) == expected
