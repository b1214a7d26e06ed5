"""Which letters were sent again: kept as committed offsets of the tool's own group, nowhere else.

Per partition of the dead-letter topic the position is the first letter that wasn't sent again, and the
metadata says which beyond it were: the text of `core/remembering/checkpoint.py`. Letters that were tried and
refused again are in it as a job, one for each target that refused them. It belongs to the letters, not to
a command: any later run, whatever its filters, leaves out what was sent before. A disk isn't needed, so
none can be full.

What a text of 4,095 characters can't hold is forgotten (`forgets`); marks in the source topic tell as well.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

from connector.core.assigned.job_slice import JobSlice
from connector.core.assigned.offsets import Offsets
from connector.core.remembering import checkpoint
from connector.model import Endpoint, Position, TopicPartition

Spot = tuple[TopicPartition, int]
"""A letter by its place in the dead-letter topic: partition and offset."""


class Progress:
    """What is known of each partition. `starts` are where the partitions begin, `ends` where they end."""

    def __init__(
        self,
        starts: Mapping[TopicPartition, int],
        ends: Mapping[TopicPartition, int],
        committed: Mapping[TopicPartition, Position],
    ) -> None:
        self._offsets: dict[TopicPartition, Offsets] = {}
        self._done_below: dict[TopicPartition, int] = {}
        self._refused: defaultdict[tuple[TopicPartition, str], set[int]] = defaultdict(set)
        """By partition and target, letters that it refused again."""
        self.foreign: list[TopicPartition] = []
        """Partitions whose committed position lies beyond their end: it is about another topic."""
        self.forgets = False
        """Whether the last positions couldn't say everything."""
        for place, start in starts.items():
            position = committed.get(place)
            if position is not None and position.offset > ends[place]:
                self.foreign.append(place)
                position = None
            begin = max(start, position.offset) if position else start
            known = checkpoint.decode(position.metadata, position.offset) if position else None
            settled = known.settled[begin - position.offset :] if known and position else b""
            self._done_below[place] = begin
            self._offsets[place] = Offsets(begin, settled)
            for job in known.jobs if known else ():
                self._refused[place, job.request_id].update(each for each in job.offsets if each >= begin)

    def received(self, place: TopicPartition, offsets: Collection[int]) -> None:
        """Note letters as they were read."""
        own = self._offsets[place]
        new = [offset for offset in offsets if offset >= own.next]
        own.received(new, [0] * len(new))

    def ended(self, place: TopicPartition, end: int) -> None:
        """Note that there is nothing more below `end`."""
        self._offsets[place].ended(end)

    def is_done(self, spot: Spot) -> bool:
        """Tell whether a letter was sent again."""
        place, offset = spot
        return offset < self._done_below[place] or self._offsets[place].is_settled(offset)

    def done(self, spots: Iterable[Spot]) -> None:
        """Count letters as sent again."""
        for place, offset in spots:
            if offset >= self._done_below[place]:
                self._offsets[place].settle([offset])

    def refused(self, spots: Iterable[Spot], target: str) -> None:
        """Remember that this target refused letters again: the next run passes over them."""
        for place, offset in spots:
            self._refused[place, target].add(offset)

    def was_refused(self, spot: Spot, target: str) -> bool:
        """Tell whether this target refused a letter again."""
        place, offset = spot
        return offset in self._refused.get((place, target), ())

    def undo(self, spots: Iterable[Spot]) -> None:
        """Count letters as not sent again: what should have sent them came to nothing."""
        for place, offset in spots:
            if offset >= self._done_below[place]:
                self._offsets[place].unsettle([offset])

    def positions(self, places: Iterable[TopicPartition]) -> dict[TopicPartition, Position]:
        """Return what is to be committed for these partitions."""
        found: dict[TopicPartition, Position] = {}
        for place in set(places):
            own = self._offsets[place]
            encoded = checkpoint.encode(own.safe(), own.window(), self._jobs(place, own))
            self.forgets = self.forgets or not encoded.complete
            found[place] = Position(own.safe(), encoded.text)
        return found

    def _jobs(self, place: TopicPartition, own: Offsets) -> list[JobSlice]:
        """Return what was refused and not sent since, by target: in the shape of jobs."""
        found = []
        for (where, target), offsets in self._refused.items():
            left = sorted(each for each in offsets if not own.is_settled(each)) if where == place else []
            if left:
                found.append(JobSlice(target, Endpoint.TAGS, "", 0.0, left))
        return found
