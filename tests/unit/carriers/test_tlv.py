from __future__ import annotations

import pytest

from carriers.smpp.tlv import c_string, encode_byte, encode_short, encode_tlv, integer, parse_tlvs


class TestParseTlvs:
    def test_reads_what_was_encoded(self) -> None:
        octets = encode_tlv(0x001E, b"ab\0") + encode_byte(0x0427, 2) + encode_short(0x0204, 777)

        assert parse_tlvs(octets, 0) == {0x001E: b"ab\0", 0x0427: b"\x02", 0x0204: b"\x03\x09"}

    @pytest.mark.parametrize(
        ("octets", "expected"),
        [
            (b"", {}),
            (b"\x04", {}),
            (b"\x04\x27\x00", {}),
            (b"\x04\x27\x00\x05\x02", {}),
            (b"\x04\x27\xff\xff", {}),
            (b"\x04\x27\x00\x00", {0x0427: b""}),
            (encode_byte(0x0427, 2) + b"\x00\x1e\x00\x09abc", {0x0427: b"\x02"}),
            (encode_byte(0x0427, 2) + encode_byte(0x0427, 5), {0x0427: b"\x02"}),
            (encode_byte(0x0427, 2) + b"\x00", {0x0427: b"\x02"}),
        ],
        ids=["none", "1 octet", "3 octets", "too long", "64 KiB", "empty", "broken tail", "twice", "stray octet"],
    )
    def test_leaves_out_what_is_broken(self, octets: bytes, expected: dict[int, bytes]) -> None:
        assert parse_tlvs(octets, 0) == expected


class TestValues:
    @pytest.mark.parametrize(
        ("value", "expected"),
        [(None, None), (b"", None), (b"\x02", 2), (b"\x00\x02", 2), (b"\0\0\0\x02", 2), (b"12345", None)],
    )
    def test_reads_numbers_of_any_width(self, value: bytes | None, expected: int | None) -> None:
        assert integer(value) == expected

    @pytest.mark.parametrize(
        ("value", "expected"), [(None, ""), (b"", ""), (b"ab\0", "ab"), (b"ab", "ab"), (b"a\0b", "a"), (b"\xff", "ÿ")]
    )
    def test_reads_strings_with_or_without_their_end(self, value: bytes | None, expected: str) -> None:
        assert c_string(value) == expected
