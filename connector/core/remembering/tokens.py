"""A symbol for each offset <-> few bytes: the better part of a checkpoint.

Given: a string of symbols (bytes), in which long runs are interrupted by short ones. Gives:
tokens, of which any number from the first one on can be written, and from these the symbols again.

A token says: after n of the main symbol comes one of another; or, that other one is the
main symbol from here on, which is 0 at first. One more length follows the last token. Lengths
(doubled, plus 1 where the main symbol changes) and symbols are deflated apart: a Huffman code of
each comes within a few percent of the entropy of stragglers that are strewn at random.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice

from connector.core.remembering.packing import Reader, put_number, put_stream

MOST_SYMBOLS = 4_194_304
"""Length of the longest string of symbols: bounds memory where offsets jump far."""

_NUMBER_FROM = 127
"""Lengths from here on are written as numbers of their own."""

_INTERRUPTS = ((2.2, 16), (3.0, 6), (math.inf, 4))
"""The longest run that interrupts a main run instead of becoming one, where runs are shorter than so much on
average: two symbols at random make no main runs. In steps, or one offset more could take much more room."""

_RUNS_AT_FIRST = 14_000
"""Runs that are looked at first: more than these fit only if they repeat themselves. Of runs at random some
12,700 fill a text."""

_CHANGES = bytes(range(1, 256, 2))
_RUN_OF = [re.escape(bytes((symbol,))) + b"+" for symbol in range(256)]


class Tokens:
    """The tokens of a string of symbols below `kinds`.

    Of its first `enough` runs if it has more: then not `complete`.
    """

    __slots__ = ("_codes", "_lengths", "_longs", "_others", "complete")

    def __init__(self, symbols: bytes, *, enough: int = _RUNS_AT_FIRST, kinds: int = 256) -> None:
        runs = list(islice(_runs(symbols, kinds), enough))
        self.complete = not runs or runs[-1] == len(symbols)
        self._others = bytearray()
        self._lengths: list[int] = []
        average = runs[-1] / len(runs) if runs else 1.0
        longest = next(longest for below, longest in _INTERRUPTS if average < below)
        self._codes = bytes(self._cut(symbols, runs, longest))
        self._longs = [length for length in self._lengths if length >= _NUMBER_FROM]

    def __len__(self) -> int:
        return len(self._others)

    def _cut(self, symbols: bytes, runs: list[int], interrupts: int) -> bytearray:
        lengths, others, codes = self._lengths, self._others, bytearray()
        main = length = start = 0
        for end in runs:
            symbol = symbols[start]
            run = end - start
            start = end
            if symbol == main:
                length += run
                continue
            lengths.append(length)
            code = length * 2 if length < _NUMBER_FROM else _NUMBER_FROM * 2
            length = 0
            if run > interrupts:
                others.append(symbol)
                codes.append(code + 1)
                main, length = symbol, run
            elif run == 1:
                others.append(symbol)
                codes.append(code)
            else:
                lengths += bytes(run - 1)
                others += bytes((symbol,)) * run
                codes += bytes((code,)) + bytes(run - 1)
        lengths.append(length)
        codes.append(min(length, _NUMBER_FROM) * 2)
        return codes

    def covers(self, count: int) -> int:
        """Return how many symbols the first `count` tokens stand for, with the length that follows them."""
        return sum(self._lengths[: count + 1]) + len(self._codes[:count].translate(None, _CHANGES))

    def highest(self, count: int) -> int:
        """Return the highest symbol of the first `count` tokens."""
        return max(self._others[:count], default=0)

    def put(self, out: bytearray, count: int) -> None:
        """Append the first `count` tokens."""
        codes = self._codes[: count + 1]
        longs = bytearray()
        for length in islice(self._longs, codes.count(_NUMBER_FROM * 2) + codes.count(_NUMBER_FROM * 2 + 1)):
            put_number(longs, length)
        put_stream(out, codes)
        put_stream(out, bytes(longs))
        put_stream(out, bytes(self._others[:count]))


def read_runs(reader: Reader) -> Iterator[tuple[int, int]]:
    """Read tokens: symbol and length, run by run. Raises as `Reader` does where they are malformed."""
    codes, longs, others = reader.stream(), Reader(reader.stream()), reader.stream()
    if len(codes) != len(others) + 1:
        raise ValueError("as many symbols as lengths but one are needed")
    main = total = 0
    for at, code in enumerate(codes):
        length, changes = divmod(code, 2)
        if length == _NUMBER_FROM:
            length = longs.number()
        total += length + 1
        if total > MOST_SYMBOLS + len(codes):
            raise ValueError("too far")
        if length:
            yield main, length
        if at == len(others):
            return
        if changes:
            main = others[at]
        else:
            yield others[at], 1


def _runs(symbols: bytes, kinds: int) -> Iterator[int]:
    """Return where each run of equal symbols ends."""
    if not symbols:
        return iter(())
    return map(re.Match.end, _pattern(bytes(_present(symbols, kinds))).finditer(symbols))


@lru_cache(maxsize=256)
def _pattern(symbols: bytes) -> re.Pattern[bytes]:
    """Return what matches a run of any of these symbols."""
    return re.compile(b"|".join([_RUN_OF[symbol] for symbol in symbols]))


def _present(symbols: bytes, kinds: int) -> list[int]:
    """Return which symbols there are; in a long string it is faster to look for each of them."""
    if len(symbols) < len(_RUN_OF):
        return sorted(set(symbols))
    return [symbol for symbol in range(min(kinds, len(_RUN_OF))) if symbol in symbols]
