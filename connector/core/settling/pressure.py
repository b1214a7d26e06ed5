"""Back-pressure: which partitions to pause and resume, by what is held in memory."""

from __future__ import annotations

from collections.abc import Collection

from connector.core.limits import Limits
from connector.core.remembering.assignment import Assignment
from connector.core.remembering.offsets import WINDOW_LIMIT
from connector.core.settling.reach import Reach
from connector.model import TopicPartition

LOW = 0.5
"""Share of a bound at which a paused partition is resumed. Wide marks: what librdkafka had fetched
for a partition is dropped at a pause and fetched again."""
ITS_OWN = 0.5
"""Part of its share of the buffer that a partition may fill whatever the others hold."""
FAR = WINDOW_LIMIT * 7 // 8
"""Offsets beyond the committed one at which a partition is paused: one more fetch is in the window still."""


class Pressure:
    """Bounds on events and bytes in memory, retries and unwritten letters included, and on offsets kept."""

    def __init__(self, limits: Limits, reach: Reach) -> None:
        self._limits = limits
        self._reach = reach

    def full(self, homes: Collection[Assignment]) -> bool:
        """Whether nothing more should be taken in for the moment."""
        return self._used(homes) >= 1

    def at_most(self, homes: Collection[Assignment], usual: int) -> int:
        """Return how many records a fetch should bring: while the buffer is full, half of one share.

        What is read beyond the bound is then half of what the bound is, at most.
        """
        if not homes or not self.full(homes):
            return usual
        events = max(1, sum([home.events for home in homes]))
        size = max(1.0, sum([home.bytes for home in homes]) / events)
        room = min(self._limits.max_events, self._limits.max_event_bytes / size)
        return max(1, min(usual, int(ITS_OWN * room / len(homes))))

    def _used(self, homes: Collection[Assignment]) -> float:
        events = size = 0
        for home in homes:
            events += home.events
            size += home.bytes
        return max(events / self._limits.max_events, size / self._limits.max_event_bytes)

    def change(self, homes: Collection[Assignment]) -> tuple[list[TopicPartition], list[TopicPartition]]:
        """Return the partitions to pause and those to resume; from here on they count as that.

        When a bound is reached all are paused that hold half their share or more. Before that a partition
        is paused that holds more than its share of a buffer more than half full: it must not starve the
        others. Records of adopted jobs are always read on: nothing is submitted before, so the buffer would
        stay full.

        A partition that was read `FAR` ahead of a stuck record is paused too: what is settled as fast as it
        is read fills no buffer, but each offset takes memory until the stuck one is settled. Where a
        checkpoint fills up and much is left to submit, only a third of what any checkpoint remembers is read
        ahead: updates merged over a longer stretch leave settled offsets scattered, and those fill the text.

        The events of some may wait for a person to mend something, and one fetch may put more of them into
        the buffer than there is room. The others go on with half their share, in small fetches (`at_most`).
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
        return FAR if home.events - in_jobs < near // 2 else near

    def _too_much(self, home: Assignment, share: int, used: float) -> bool:
        """Whether a partition holds too much of a buffer that is more than half full."""
        own = self._own(home, share)
        return not home.recovering and (own >= 1 or (used >= 1 and own >= ITS_OWN))

    def _own(self, home: Assignment, share: int) -> float:
        """Return how much of its share of the buffer a partition holds, each having `1 / share` of it."""
        limits = self._limits
        return share * max(home.events / limits.max_events, home.bytes / limits.max_event_bytes)


def _ahead(home: Assignment) -> int:
    """Return how far a partition was read beyond its committed position; 0 for records of adopted jobs."""
    return 0 if home.recovering else home.offsets.next - home.committed.offset
