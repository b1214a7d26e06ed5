"""Unfinished jobs and settled offsets of a partition <-> the metadata text of its committed offset.

Given: the committed position, which offsets beyond it are settled, and which are in which
unfinished job. Gives: a text of at most 4,095 ASCII characters, and back. Where not all fits, the
longest prefix by offset does: what is above it will be submitted again, which is correct.

The text is `pwc1:` and base85 (no quote, no backslash) of a CRC-32 and the body: the jobs, then one
symbol an offset (free, settled, or a job) as `tokens` writes them. The sum covers the position
too, so a text that was copied to another offset is not believed. `deploy/CHECKPOINT.md` has the
format byte by byte, what fits, and the alternatives that were measured.
"""

from __future__ import annotations

import base64
import zlib
from bisect import bisect_left
from collections.abc import Sequence
from functools import lru_cache
from itertools import count as count_up
from typing import NamedTuple

import msgspec

from connector.core.assigned.job_slice import JobSlice
from connector.core.assigned.offsets import WINDOW_LIMIT
from connector.core.limits import METADATA
from connector.core.remembering.packing import Reader, put_number, put_stream, put_string
from connector.core.remembering.tokens import Tokens, read_runs
from connector.model import Endpoint

PREFIX = "pwc1:"
"""Begins every text of this version; a later one has another digit."""


_SETTLED, _FIRST_JOB = 1, 2
"""Symbols; 0 is free."""

_MOST_JOBS = 256 - _FIRST_JOB

_NEAR = 24
"""Bytes short of the room that are near enough: each further try costs a compression."""

_GUESSES = 5
"""Tries by interpolation, which is enough where sizes grow evenly; long request_ids make them jump."""

_PIECE = 24
"""Offsets that are written one by one, rather than to look for runs among them."""

_ENDPOINTS = (Endpoint.TAGS, Endpoint.REGISTRATIONS)
_UUID_LENGTH, _UUID_BYTES, _SUM_LENGTH = 36, 16, 4
_TABLES = 128
"""Bytes that the codes themselves may take: real ones take 94 at the most."""
_SETTLED_OR = [bytes((symbol, _SETTLED, *range(2, 256))) for symbol in range(256)]
"""By symbol: what an offset is once a job has it, which is nothing new where it is settled."""


class Checkpoint(msgspec.Struct):
    """What a commit's metadata remembered. `settled[i] == 1`: the offset `position + i` is settled."""

    settled: bytes
    jobs: list[JobSlice]


class Encoded(NamedTuple):
    """The text, and below which offset everything settled or submitted is remembered in it.

    `complete`: nothing was left out.
    """

    text: str
    covers: int
    complete: bool = True


def encode(position: int, settled: bytes, jobs: Sequence[JobSlice], limit: int = METADATA) -> Encoded:
    """Return the text that remembers the most, in at most `limit` characters; empty for nothing.

    `settled[i] == 1` says that the offset `position + i` is settled.
    """
    parts = _parts(position, jobs)
    awaited = [job for job in jobs if not job.offsets]
    if not (parts or settled or awaited):
        return Encoded("", position)
    symbols = _symbols(position, settled, parts)
    room = (limit - len(PREFIX)) * 4 // 5 - _SUM_LENGTH
    carriers = [part.job for part in parts]
    kinds = _FIRST_JOB + len(parts)
    tokens = Tokens(symbols, kinds=kinds)
    count, body = _longest(tokens, carriers, awaited, room)
    if not tokens.complete and count == len(tokens):
        tokens = Tokens(symbols, enough=len(symbols), kinds=kinds)
        count, body = _longest(tokens, carriers, awaited, room)
    left = len(awaited)
    while not body and left:  # long request_ids
        left -= 1
        count, body = _longest(tokens, carriers, awaited[:left], room)
    covers = tokens.covers(count) if body else 0
    all_of_them = covers == max(len(settled), *(part.offsets[-1] + 1 - position for part in parts), 0)
    complete = all_of_them and left == len(awaited)
    if not (covers or (body and left)):
        return Encoded("", position, complete)
    text = PREFIX + base64.b85encode(_sum(position, body) + body).decode()
    return Encoded(text, position + covers, complete)


def surely_covers(limit: int) -> int:
    """Return how many offsets from the position on `limit` characters remember without jobs, at the least.

    Settled and unsettled ones at random are the worst: 4,095 characters hold 24,101 of them, 7.4 bits a byte.
    Fewer than the tables may take remember none for sure: a letter waits until all before it is settled.
    """
    return max(0, (limit - len(PREFIX)) * 4 // 5 - _SUM_LENGTH - _TABLES) * 7


def decode(text: str, position: int) -> Checkpoint | None:
    """Return what a text says that was committed with this position; None for none or an unreadable one."""
    if not text.startswith(PREFIX):
        return None
    try:
        packed = base64.b85decode(text[len(PREFIX) :])
        body = packed[_SUM_LENGTH:]
        return _parse(Reader(body), position) if packed[:_SUM_LENGTH] == _sum(position, body) else None
    except (ValueError, IndexError, OverflowError, zlib.error):
        return None


class _Part(NamedTuple):
    """A job and its offsets from the position on."""

    offsets: Sequence[int]
    job: JobSlice


def _parts(position: int, jobs: Sequence[JobSlice]) -> list[_Part]:
    parts = [_Part(job.offsets[bisect_left(job.offsets, position) :], job) for job in jobs]
    return sorted((part for part in parts if part.offsets), key=lambda part: part.offsets[0])


def _symbols(position: int, settled: bytes, parts: list[_Part]) -> bytes:
    """Return a symbol for each offset from the position on. A settled offset isn't a job's any more."""
    end = max((part.offsets[-1] + 1 - position for part in parts), default=0)
    end = min(max(end, len(settled)), WINDOW_LIMIT)
    if len(parts) > _MOST_JOBS:
        end = min(end, parts[_MOST_JOBS].offsets[0] - position)
    settled = settled[:end]
    if not parts:
        return settled
    symbols = bytearray(settled.ljust(end, b"\0"))
    for symbol, part in enumerate(parts[:_MOST_JOBS], _FIRST_JOB):
        offsets = part.offsets
        if offsets[-1] >= position + end:
            offsets = offsets[: bisect_left(offsets, position + end)]
        _paint(symbols, symbol, offsets, position)
    return bytes(symbols)


def _paint(symbols: bytearray, symbol: int, offsets: Sequence[int], position: int) -> None:
    """Write a symbol at each offset that isn't settled: whole runs at once where they are long."""
    pieces = [(0, len(offsets))]
    while pieces:
        low, high = pieces.pop()
        if low == high:
            continue
        begin = offsets[low] - position
        if offsets[high - 1] - offsets[low] == high - low - 1:
            end = begin + high - low
            symbols[begin:end] = symbols[begin:end].translate(_SETTLED_OR[symbol])
        elif high - low <= _PIECE:
            for offset in offsets[low:high]:
                if not symbols[offset - position]:
                    symbols[offset - position] = symbol
        else:
            middle = (low + high) // 2
            pieces += ((low, middle), (middle, high))


def _longest(tokens: Tokens, jobs: list[JobSlice], awaited: list[JobSlice], room: int) -> tuple[int, bytes]:
    """Return how many tokens fit into `room` bytes, and the body that they make; nothing if none do."""
    low, low_size, best = -1, 0, b""
    count = high = len(tokens)
    high_size = 0
    for step in count_up():
        body = _body(tokens, count, jobs, awaited)
        if len(body) <= room:
            low, low_size, best = count, len(body), body
        else:
            high, high_size = count, len(body)
        if low >= high - 1 or low_size > room - _NEAR:
            break
        share = 0.5
        if step < _GUESSES:
            share = (room - low_size - _NEAR / 2) / (high_size - low_size)
        count = min(max(low + int((high - low) * share), low + 1), high - 1)
    return low, best


def _body(tokens: Tokens, count: int, jobs: list[JobSlice], awaited: list[JobSlice]) -> bytes:
    """Return the first `count` tokens, after the jobs that they name and those that are awaited."""
    named = jobs[: max(0, tokens.highest(count) - _FIRST_JOB + 1)]
    every = [*named, *awaited]
    applications = list(dict.fromkeys(job.application for job in every))
    since = min((_seconds(job) for job in every), default=0)
    body, rows = bytearray(), bytearray()
    put_number(body, len(named))
    put_number(body, since)
    put_number(body, len(applications))
    for application in applications:
        put_string(body, application)
    for job in every:
        uuid = _uuid(job.request_id)
        kind = applications.index(job.application) * len(_ENDPOINTS) + _ENDPOINTS.index(job.endpoint)
        put_number(rows, kind * 2 + bool(uuid))
        put_number(rows, _seconds(job) - since)
        if uuid:
            rows += uuid
        else:
            put_string(rows, job.request_id)
    put_stream(body, bytes(rows))
    tokens.put(body, count)
    return bytes(body)


def _seconds(job: JobSlice) -> int:
    return max(0, int(job.accepted_at))


@lru_cache(maxsize=1024)  # a job is in many checkpoints before it ends
def _uuid(request_id: str) -> bytes:
    """Return a UUID in its usual spelling as 16 bytes; nothing for any other string."""
    if len(request_id) != _UUID_LENGTH:
        return b""
    try:
        packed = bytes.fromhex(request_id.replace("-", ""))
    except ValueError:
        return b""
    return packed if _spelled(packed) == request_id else b""


def _spelled(packed: bytes) -> str:
    digits = packed.hex()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _sum(position: int, body: bytes) -> bytes:
    return zlib.crc32(body, zlib.crc32(b"%d" % position)).to_bytes(_SUM_LENGTH, "big")


def _parse(reader: Reader, position: int) -> Checkpoint:
    count, since = reader.number(), reader.number()
    applications = [reader.string() for _ in range(reader.number())]
    rows = Reader(reader.stream())
    heads: list[tuple[str, Endpoint, str, float]] = []
    while not rows.at_end:
        kind, packed = divmod(rows.number(), 2)
        application, endpoint = divmod(kind, len(_ENDPOINTS))
        accepted_at = float(since + rows.number())
        request_id = _spelled(rows.take(_UUID_BYTES)) if packed else rows.string()
        heads.append((request_id, _ENDPOINTS[endpoint], applications[application], accepted_at))
    offsets: list[list[int]] = [[] for _ in range(count)]
    settled = bytearray()
    for symbol, length in read_runs(reader):
        if symbol >= _FIRST_JOB:
            begin = position + len(settled)
            offsets[symbol - _FIRST_JOB].extend(range(begin, begin + length))
        settled += (b"\1" if symbol == _SETTLED else b"\0") * length
    if len(heads) < count:
        raise ValueError("too short")
    jobs = [JobSlice(*head, tuple(mine)) for head, mine in zip(heads, offsets, strict=False) if mine]
    jobs += [JobSlice(*head, ()) for head in heads[count:]]
    return Checkpoint(bytes(settled.rstrip(b"\0")), jobs)
