"""Bytes kept in pieces are the bytes that were written."""

from __future__ import annotations

import io
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenants.packing import PIECE_BYTES, PLAIN_PIECES, Packed

DATA = random.Random(1).randbytes(3 * PIECE_BYTES + 17)
LINE = "R4-00001,山田　花子,090-1234-5678,有\r\n".encode("cp932")


def test_pieces_are_what_was_written_in_any_portions() -> None:
    packed = Packed()
    for start in range(0, len(DATA), 70_001):
        packed.write(DATA[start : start + 70_001])

    assert packed.size == len(DATA)
    assert b"".join(packed.pieces()) == DATA
    assert packed.open().read() == DATA


@settings(max_examples=100, deadline=None)
@given(st.integers(0, len(DATA) + 5), st.integers(0, len(DATA) + 5))
def test_any_part_reads_like_a_slice(start: int, stop: int) -> None:
    packed = Packed.of(DATA)

    assert packed.read(start, stop) == DATA[start:stop]


@pytest.mark.parametrize("data", [b"", b"x", b"x" * PIECE_BYTES, b"x" * (PIECE_BYTES + 1)])
def test_the_edges(data: bytes) -> None:
    packed = Packed.of(data)

    assert b"".join(packed.pieces()) == data
    assert packed.read() == data
    assert packed.read(len(data)) == b""


def test_it_is_a_file_that_may_be_sought_in() -> None:
    file, same = Packed.of(DATA).open(), io.BytesIO(DATA)

    for offset, whence in ((-5, io.SEEK_END), (PIECE_BYTES - 2, io.SEEK_SET), (100, io.SEEK_CUR)):
        assert file.seek(offset, whence) == same.seek(offset, whence)
        assert file.read(9) == same.read(9)


def test_a_large_table_takes_a_fraction_of_its_size() -> None:
    packed = Packed()
    for _ in range(2 * PLAIN_PIECES):
        packed.write(LINE * (PIECE_BYTES // len(LINE)))

    assert packed.size > 60 * PIECE_BYTES
    assert sum(map(len, packed._pieces)) < (PLAIN_PIECES + 10) * PIECE_BYTES
    assert packed.open().read(len(LINE)) == LINE
