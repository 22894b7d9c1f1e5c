from __future__ import annotations

import random
import struct
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carriers.smpp.framing import MAX_PDU_SIZE, Framer, Pdu


def pdu(body: bytes = b"", *, command: int = 5, status: int = 0, sequence: int = 1) -> bytes:
    return struct.pack(">IIII", 16 + len(body), command, status, sequence) + body


class TestFramer:
    def test_gives_out_whole_pdus_with_their_octets(self) -> None:
        octets = pdu(b"abc", command=0x80000004, status=0x58, sequence=9)

        assert Framer().feed(octets) == [Pdu(0x80000004, 0x58, 9, octets)]

    def test_keeps_what_is_unfinished(self) -> None:
        framer = Framer()
        octets = pdu(b"abc") + pdu(b"defg", sequence=2)

        collected = [found for octet in octets for found in framer.feed(bytes([octet]))]

        assert [found.octets for found in collected] == [pdu(b"abc"), pdu(b"defg", sequence=2)]
        assert framer.error is None

    @given(
        bodies=st.lists(st.binary(max_size=40), max_size=8),
        cuts=st.lists(st.integers(min_value=1, max_value=60), min_size=1, max_size=30),
    )
    def test_does_not_care_where_the_stream_is_cut(self, bodies: list[bytes], cuts: list[int]) -> None:
        octets = b"".join(pdu(body, sequence=number) for number, body in enumerate(bodies))
        framer = Framer()
        found: list[Pdu] = []
        for cut in cuts:
            found += framer.feed(octets[:cut])
            octets = octets[cut:]
        found += framer.feed(octets)

        assert [one.octets[16:] for one in found] == bodies

    def test_takes_the_largest_pdu_that_is_allowed(self) -> None:
        assert len(Framer().feed(pdu(b"x" * (MAX_PDU_SIZE - 16)))) == 1

    @pytest.mark.parametrize("length", [0, 3, 15, MAX_PDU_SIZE + 1, 2**31, 2**32 - 1])
    def test_refuses_an_impossible_length_and_keeps_what_came_before(self, length: int) -> None:
        framer = Framer()

        found = framer.feed(pdu(b"good") + struct.pack(">IIII", length, 4, 0, 1) + pdu(b"after"))

        assert [one.octets for one in found] == [pdu(b"good")]
        assert framer.error is not None
        assert framer.feed(pdu(b"later")) == []

    def test_holds_no_more_than_one_unfinished_pdu(self) -> None:
        framer = Framer()
        framer.feed(struct.pack(">IIII", MAX_PDU_SIZE, 4, 0, 1))
        tracemalloc.start()
        for _ in range(MAX_PDU_SIZE - 17):
            framer.feed(b"x")
        _now, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

        assert peak < 4 * MAX_PDU_SIZE

    def test_survives_ten_thousand_random_streams(self) -> None:
        dice = random.Random(8)
        for _ in range(10_000):
            framer = Framer()
            framer.feed(dice.randbytes(dice.randrange(200)))
            for _again in range(3):
                assert all(len(one.octets) >= 16 for one in framer.feed(dice.randbytes(20)))
