from __future__ import annotations

import pytest

from carriers.smpp.concatenation import Part, encode_header, encode_sar, read_part
from carriers.smpp.constants import ESM_UDHI
from carriers.smpp.pdus import ShortMessage
from carriers.smpp.tlv import encode_byte, parse_tlvs


def message(text: bytes, *, esm_class: int = 0, tlvs: bytes = b"") -> ShortMessage:
    return ShortMessage(0, "", 0, "", esm_class, 0, 0, text, parse_tlvs(tlvs, 0))


class TestReadPart:
    def test_reads_our_header(self) -> None:
        header = encode_header(reference=0x1234, number=2, total=3)

        assert header == bytes((5, 0, 3, 0x34, 3, 2))
        assert read_part(message(header + b"text", esm_class=ESM_UDHI)) == Part(0x34, 2, 3, b"text")

    def test_reads_our_sar_tlvs(self) -> None:
        sar = encode_sar(reference=0x1234, number=2, total=3)

        assert read_part(message(b"text", tlvs=sar)) == Part(0x1234, 2, 3, b"text")

    @pytest.mark.parametrize(
        ("octets", "expected"),
        [
            (bytes((6, 8, 4, 1, 2, 3, 1)) + b"t", Part(0x102, 1, 3, b"t")),
            (bytes((9, 5, 2, 0, 0, 0, 3, 7, 2, 1)) + b"t", Part(7, 1, 2, b"t")),
            (bytes((4, 5, 2, 0, 0)) + b"t", Part(0, 1, 1, b"t")),
            (b"\0t", Part(0, 1, 1, b"t")),
            (bytes((5, 0, 3)), Part(0, 1, 1, bytes((5, 0, 3)))),
            (bytes((5, 0, 9, 1, 1, 1)) + b"t", Part(0, 1, 1, b"t")),
            (b"\xff", Part(0, 1, 1, b"\xff")),
        ],
        ids=["16 bit", "second element", "other element", "empty", "cut", "lying length", "one octet"],
    )
    def test_reads_other_headers_and_survives_broken_ones(self, octets: bytes, expected: Part) -> None:
        assert read_part(message(octets, esm_class=ESM_UDHI)) == expected

    def test_a_text_sent_whole_is_part_one_of_one(self) -> None:
        assert read_part(message(b"text")) == Part(0, 1, 1, b"text")

    def test_survives_half_of_the_sar_tlvs(self) -> None:
        assert read_part(message(b"t", tlvs=encode_byte(0x020E, 2))) == Part(0, 1, 2, b"t")
