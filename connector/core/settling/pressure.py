"""Back-pressure.

Given: what each partition holds in memory. Gives: which to pause and to resume, and how much to fetch.
"""

from __future__ import annotations

from collections.abc import Collection

from connector.core.limits import Limits
from connector.core.remembering.assignment import Assignment
from connector.core.remembering.offsets import WINDOW_LIMIT
from connector.core.settling.reach import Reach
from connector.model import TopicPartition

LOW = 0.5
"""Share of a bound below which a paused partition is resumed. The marks are wide apart: what librdkafka has
fetched ahead for a partition is dropped at a pause, and fetched again."""
ITS_OWN = 0.25
"""Part of its share of the buffer that a partition may always fill, however much the others hold."""
FAR = WINDOW_LIMIT * 7 // 8
"""Offsets read ahead of the committed one at which a partition is paused: one more fetch still fits."""


class Pressure:
    """Bounds on events and bytes in memory, retries and unwritten letters included, and on offsets kept."""

    def __init__(self, limits: Limits, reach: Reach) -> None:
        self._limits = limits
        self._reach = reach

    def full(self, homes: Collection[Assignment]) -> bool:
        """Whether nothing more should be taken in for the moment."""
        return self._used(homes) >= 1

    def fetch_size(self, homes: Collection[Assignment], usual: int) -> int:
        """Return how many records to fetch: `usual`; `ITS_OWN` of one partition's share while that is full.

        A partition that holds less than that gets one more fetch, so the bound is exceeded by half at most.
        """
        if not homes or not self.full(homes):
            return usual
        events = max(1, sum([home.events_held for home in homes]))
        size = max(1.0, sum([home.bytes_held for home in homes]) / events)
        room = min(self._limits.max_events, self._limits.max_event_bytes / size)
        return max(1, min(usual, int(ITS_OWN * room / len(homes))))

    def _used(self, homes: Collection[Assignment]) -> float:
        events = size = 0
        for home in homes:
            events += home.events_held
            size += home.bytes_held
        return max(events / self._limits.max_events, size / self._limits.max_event_bytes)

    def change(self, homes: Collection[Assignment]) -> tuple[list[TopicPartition], list[TopicPartition]]:
        """Return the partitions to pause and those to resume; from here on they count as such.

        Once a bound is reached, every partition that holds `ITS_OWN` of its share is paused. Before that, in
        a buffer more than half full, only one that holds more than its share, so that it can't starve the
        others. Partitions with records of adopted jobs are never paused: nothing is submitted until these
        are read, so the buffer would stay full.

        A partition that was read `FAR` ahead of a stuck record is paused, too: records that are settled as
        fast as they are read fill no buffer, but each offset takes memory until the stuck one is settled.
        Where the checkpoint fills up and much is left to submit, only a third of what any checkpoint
        remembers is read ahead: updates merged over a longer stretch leave settled offsets scattered, and
        those fill it.

        Some events may wait for a person to fix something, and one fetch may bring more of them than there
        is room for. Other partitions then go on with `ITS_OWN`, in small fetches (`fetch_size`).
        """
        used = self._used(homes)
        share = max(1, len(homes))
        room = max(LOW, 1 - LOW / share)
        pause: list[TopicPartition] = []
        resume: list[TopicPartition] = []
        for home in homes:
            if not home.paused:
                if (
                    home.at_end
                    or _ahead(home) >= self._far(home)
                    or (used > LOW and self._too_much(home, share, used))
                ):
                    home.paused = True
                    pause.append(home.partition)
            elif (
                not home.at_end
                and _ahead(home) <= self._far(home) * LOW
                and self._own(home, share) <= (LOW if used <= room else ITS_OWN / 2)
            ):
                home.paused = False
                resume.append(home.partition)
        return pause, resume

    def _far(self, home: Assignment) -> int:
        """Return how far a partition is read ahead: farther again where it has little left to submit."""
        if home.room is None:
            return FAR
        near = max(2 * self._limits.max_devices, self._reach.sure // 3)
        in_jobs = sum(len(part.offsets) for part in home.slices.values())
        return FAR if home.events_held - in_jobs < near // 2 else near

    def _too_much(self, home: Assignment, share: int, used: float) -> bool:
        """Whether a partition holds too much of a buffer that is more than half full."""
        own = self._own(home, share)
        return not home.recalling and (own >= 1 or (used >= 1 and own >= ITS_OWN))

    def _own(self, home: Assignment, share: int) -> float:
        """Return how much of its share of the buffer a partition holds, each having `1 / share` of it."""
        limits = self._limits
        return share * max(home.events_held / limits.max_events, home.bytes_held / limits.max_event_bytes)


def _ahead(home: Assignment) -> int:
    """Return how far a partition was read beyond its committed position; 0 for records of adopted jobs."""
    return 0 if home.recalling else home.offsets.next - home.committed.offset
