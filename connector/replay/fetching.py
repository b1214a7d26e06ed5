"""Single letters read again, by where they lie: a replay keeps where, not what."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Collection, Iterator

from connector.model import Record, TopicPartition
from connector.replay.progress import Spot
from connector.replay.reading import Reader

_NEAR = 500
"""Offsets between two letters up to which what lies between is read along: less than going there costs."""

Run = tuple[int, int]
"""The first and the last offset of letters that are read in one go."""


def fetch(reader: Reader, spots: Collection[Spot]) -> Iterator[Record]:
    """Read these, in the order in which they come; those that aren't there any more are missing."""
    wanted = set(spots)
    waiting = runs(spots)
    while waiting:
        now = {place: mine.popleft() for place, mine in waiting.items()}
        waiting = {place: mine for place, mine in waiting.items() if mine}
        reached = {place: first for place, (first, _) in now.items()}
        reader.start(reached)
        for part in reader.read(reached, {place: last + 1 for place, (_, last) in now.items()}):
            for record in part.records:
                if (part.partition, record.offset()) in wanted:
                    yield record
    reader.start({})  # or the client goes on fetching what nobody wants


def runs(spots: Collection[Spot]) -> dict[TopicPartition, deque[Run]]:
    """Put together what lies close to each other."""
    found: defaultdict[TopicPartition, deque[Run]] = defaultdict(deque)
    for place, offset in sorted(spots):
        mine = found[place]
        if mine and offset - mine[-1][1] <= _NEAR:
            mine[-1] = (mine[-1][0], offset)
        else:
            mine.append((offset, offset))
    return dict(found)
