"""Symbols and tokens."""

from __future__ import annotations

import pytest

from connector.core.remembering.packing import Reader, put_number, put_stream
from connector.core.remembering.tokens import MOST_SYMBOLS, Tokens, read_runs


def write(tokens: Tokens, count: int) -> Reader:
    out = bytearray()
    tokens.put(out, count)
    return Reader(bytes(out))


def unfolded(reader: Reader) -> bytes:
    return b"".join(bytes((symbol,)) * length for symbol, length in read_runs(reader))


SYMBOLS = bytes([0, 0, 2, 0, 0, 0] + [1] * 300 + [5, 5, 1, 1, 7] + [2] * 20 + [0, 127])


def test_any_number_of_tokens_is_a_prefix_of_the_symbols() -> None:
    tokens = Tokens(SYMBOLS)
    assert tokens.complete
    for count in range(len(tokens) + 1):
        assert unfolded(write(tokens, count)) == SYMBOLS[: tokens.covers(count)]
    assert tokens.covers(len(tokens)) == len(SYMBOLS)


def test_a_straggler_is_one_token_and_the_main_run_goes_on() -> None:
    tokens = Tokens(bytes([3] * 50 + [4] + [3] * 50 + [5] + [3] * 50))
    assert len(tokens) == 3
    assert tokens.covers(0) == 0
    assert tokens.covers(1) == 50
    assert tokens.covers(2) == 101


def test_the_highest_symbol_is_known_for_each_number_of_tokens() -> None:
    tokens = Tokens(bytes([3] * 50 + [4] + [3] * 50 + [5] + [3] * 50))
    assert [tokens.highest(count) for count in range(4)] == [0, 3, 4, 5]


def test_more_runs_than_enough_are_left_out() -> None:
    tokens = Tokens(SYMBOLS, enough=3)
    assert not tokens.complete
    assert unfolded(write(tokens, len(tokens))) == SYMBOLS[:6]


def test_two_symbols_at_random_make_no_main_runs() -> None:
    dense = bytes([0, 1, 1, 1, 1, 1, 0, 1, 0, 0, 1] * 50)
    assert len(Tokens(dense)) == dense.count(1)


def test_no_symbols_are_no_tokens() -> None:
    tokens = Tokens(b"")
    assert (len(tokens), tokens.covers(0), tokens.highest(0), tokens.complete) == (0, 0, 0, True)
    assert unfolded(write(tokens, 0)) == b""


def malformed(short: bytes, longs: list[int], marks: bytes) -> Reader:
    out, packed = bytearray(), bytearray()
    for length in longs:
        put_number(packed, length)
    for stream in (short, bytes(packed), marks):
        put_stream(out, stream)
    return Reader(bytes(out))


def test_malformed_tokens_are_an_error() -> None:
    with pytest.raises(ValueError, match="lengths"):
        unfolded(malformed(b"\1\1", [], b""))
    with pytest.raises(IndexError):
        unfolded(malformed(b"\xfe", [], b""))
    with pytest.raises(ValueError, match="too far"):
        unfolded(malformed(b"\xfe", [MOST_SYMBOLS + 1], b""))
