from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carriers.smpp.alphabets import (
    TextNotEncodable,
    TextTooLong,
    decode_gsm,
    decode_text,
    encode_gsm,
    encode_text,
    split_octets,
)

GSM = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION = "\f^{}\\[~]|€"


class TestGsm:
    @pytest.mark.parametrize(
        ("character", "octets"),
        [
            ("@", b"\x00"),
            ("_", b"\x11"),
            ("Δ", b"\x10"),
            ("Æ", b"\x1c"),
            (" ", b"\x20"),
            ("A", b"\x41"),
            ("¡", b"\x40"),
            ("¿", b"\x60"),
            ("à", b"\x7f"),
            ("€", b"\x1b\x65"),
            ("[", b"\x1b\x3c"),
            ("^", b"\x1b\x14"),
            ("\f", b"\x1b\x0a"),
        ],
    )
    def test_encodes_as_the_standard_says(self, character: str, octets: bytes) -> None:
        assert encode_gsm(character) == octets
        assert decode_gsm(octets) == character

    def test_knows_127_characters_and_the_ten_of_the_extension(self) -> None:
        assert len(GSM) == 127
        known = {chr(code) for code in range(0x10000) if encode_gsm(chr(code)) is not None}
        assert known == set(GSM + EXTENSION)

    @given(st.text(GSM + EXTENSION))
    def test_comes_back(self, text: str) -> None:
        octets = encode_gsm(text)

        assert octets is not None
        assert decode_gsm(octets) == text

    @pytest.mark.parametrize("text", ["届", "abc`", "ç", "\x1b", "\ufffe", "a€届", "\x00"])
    def test_refuses_other_characters(self, text: str) -> None:
        assert encode_gsm(text) is None

    @given(st.binary())
    def test_decodes_anything(self, octets: bytes) -> None:
        assert len(decode_gsm(octets)) <= len(octets)


class TestEncodeText:
    def test_takes_gsm_where_it_suffices(self) -> None:
        assert encode_text("Hello") == (0, b"Hello")

    def test_takes_ucs2_else(self) -> None:
        assert encode_text("届") == (8, b"\x5c\x4a")
        assert encode_text("Hello", allow_gsm=False) == (8, b"\0H\0e\0l\0l\0o")

    def test_refuses_a_lone_surrogate_without_quoting_the_text(self) -> None:
        with pytest.raises(TextNotEncodable) as caught:
            encode_text("届 花子\ud83d")

        assert "花子" not in str(caught.value)
        assert caught.value.__cause__ is None

    @given(st.text(st.characters(exclude_categories=["Cs"])))
    def test_comes_back(self, text: str) -> None:
        coding, octets = encode_text(text)

        assert decode_text(octets, coding=coding) == text

    @given(st.binary(), st.integers(0, 255))
    def test_decoding_never_raises(self, octets: bytes, coding: int) -> None:
        assert isinstance(decode_text(octets, coding=coding), str)


class TestSplitOctets:
    @pytest.mark.parametrize(
        ("text", "parts"),
        [
            ("", 1),
            ("あ" * 70, 1),
            ("あ" * 71, 2),
            ("あ" * 134, 2),
            ("あ" * 135, 3),
            ("𠮷" * 35, 1),
            ("𠮷" * 36, 2),
            ("あ" * 66 + "😀" * 3, 2),
            ("a" * 160, 1),
            ("a" * 161, 2),
            ("a" * 306, 2),
            ("a" * 307, 3),
            ("€" * 80, 1),
            ("€" * 81, 2),
            ("a" * 152 + "€" * 5, 2),
        ],
    )
    def test_counts_as_gsm_does(self, text: str, parts: int) -> None:
        coding, octets = encode_text(text)

        assert len(split_octets(octets, coding=coding)) == parts

    @given(st.text(st.sampled_from("あ😀𠮷漢"), min_size=71, max_size=400))
    def test_never_tears_a_surrogate_pair(self, text: str) -> None:
        coding, octets = encode_text(text)
        parts = split_octets(octets, coding=coding)

        assert "".join(part.decode("utf-16-be") for part in parts) == text
        assert max(map(len, parts)) <= 134

    @given(st.text(st.sampled_from("a€["), min_size=161, max_size=700))
    def test_never_tears_an_escape(self, text: str) -> None:
        coding, octets = encode_text(text)
        parts = split_octets(octets, coding=coding)

        assert "".join(decode_gsm(part) for part in parts) == text
        assert max(map(len, parts)) <= 153

    def test_refuses_more_than_255_parts(self) -> None:
        assert len(split_octets(b"a" * 153 * 255, coding=0)) == 255
        with pytest.raises(TextTooLong):
            split_octets(b"a" * (153 * 255 + 1), coding=0)
