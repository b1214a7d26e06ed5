"""Back-pressure.

Given: what each partition holds in memory. Gives: which to pause and to resume, and how much to fetch.
"""

from __future__ import annotations

from collections.abc import Collection

from connector.core.assigned.assignment import Assignment
from connector.core.assigned.offsets import WINDOW_LIMIT
from connector.core.limits import Limits
from connector.core.settling.reach import Reach
from connector.model import TopicPartition

LOW_SHARE = 0.5
"""Share of a bound below which a paused partition is resumed. The marks are wide apart: what librdkafka has
fetched ahead for a partition is dropped at a pause, and fetched again."""
OWN_SHARE = 0.25
"""Part of its share of the buffer that a partition may always fill, however much the others hold."""
MOST_AHEAD = WINDOW_LIMIT * 7 // 8
"""Offsets read ahead of the committed one at which a partition is paused: one more fetch still fits."""


class Pressure:
    """Bounds on events and bytes in memory, retries and unwritten letters included, and on offsets kept."""

    def __init__(self, limits: Limits, reach: Reach) -> None:
        self._limits = limits
        self._reach = reach

    def full(self, assignments: Collection[Assignment]) -> bool:
        """Whether nothing more should be taken in for the moment."""
        return self._used(assignments) >= 1

    def fetch_size(self, assignments: Collection[Assignment], usual: int) -> int:
        """Return how many records to fetch: `usual`, but no more than half of a bound above it.

        While the buffer is full, `OWN_SHARE` of a partition's share: one that holds less gets one more fetch.
        Records are taken to be as large as those that are held.
        """
        if not assignments:
            return usual
        held = sum([each.events_held for each in assignments])
        size = max(1.0, sum([each.bytes_held for each in assignments]) / max(1, held))
        room = min(self._limits.max_events, self._limits.max_event_bytes / size)
        most = OWN_SHARE * room / len(assignments) if held >= room else (1 + LOW_SHARE) * room - held
        return max(1, min(usual, int(most)))

    def _used(self, assignments: Collection[Assignment]) -> float:
        events = size = 0
        for assignment in assignments:
            events += assignment.events_held
            size += assignment.bytes_held
        return max(events / self._limits.max_events, size / self._limits.max_event_bytes)

    def change(
        self, assignments: Collection[Assignment]
    ) -> tuple[list[TopicPartition], list[TopicPartition]]:
        """Return the partitions to pause and those to resume; from here on they count as such.

        Once a bound is reached, every partition that holds `OWN_SHARE` of its share is paused. Before that,
        in a buffer more than half full, only one that holds more than its share, so that it can't starve the
        others. Partitions with records of adopted jobs are never paused: nothing is submitted until these are
        read, so the buffer would stay full.

        A partition that was read `MOST_AHEAD` beyond a stuck record is paused, too: records that are
        settled as fast as they are read fill no buffer, but each offset takes memory until the stuck one is
        settled. Where the checkpoint fills up and much is left to submit, only a third of what any checkpoint
        remembers is read ahead: updates merged over a longer stretch leave settled offsets scattered, and
        those fill it.

        Some events may wait for a person to fix something, and one fetch may bring more of them than there
        is room for. Other partitions then go on with `OWN_SHARE`, in small fetches (`fetch_size`).
        """
        used = self._used(assignments)
        share = max(1, len(assignments))
        room = max(LOW_SHARE, 1 - LOW_SHARE / share)
        pause: list[TopicPartition] = []
        resume: list[TopicPartition] = []
        for assignment in assignments:
            if not assignment.paused:
                if (
                    assignment.at_end
                    or _ahead(assignment) >= self._far(assignment)
                    or (used > LOW_SHARE and self._too_much(assignment, share, used))
                ):
                    assignment.paused = True
                    pause.append(assignment.partition)
            elif (
                not assignment.at_end
                and _ahead(assignment) <= self._far(assignment) * LOW_SHARE
                and self._own(assignment, share) <= (LOW_SHARE if used <= room else OWN_SHARE / 2)
            ):
                assignment.paused = False
                resume.append(assignment.partition)
        return pause, resume

    def _far(self, assignment: Assignment) -> int:
        """Return how far a partition is read ahead: farther again where it has little left to submit."""
        if assignment.room is None:
            return MOST_AHEAD
        near = max(2 * self._limits.max_devices, self._reach.sure // 3)
        in_jobs = sum(len(part.offsets) for part in assignment.slices.values())
        return MOST_AHEAD if assignment.events_held - in_jobs < near // 2 else near

    def _too_much(self, assignment: Assignment, share: int, used: float) -> bool:
        """Whether a partition holds too much of a buffer that is more than half full."""
        own = self._own(assignment, share)
        return not assignment.recalling and (own >= 1 or (used >= 1 and own >= OWN_SHARE))

    def _own(self, assignment: Assignment, share: int) -> float:
        """Return how much of its share of the buffer a partition holds, each having `1 / share` of it."""
        limits = self._limits
        return share * max(
            assignment.events_held / limits.max_events, assignment.bytes_held / limits.max_event_bytes
        )


def _ahead(assignment: Assignment) -> int:
    """Return how far a partition was read beyond its committed position; 0 for records of adopted jobs."""
    return 0 if assignment.recalling else assignment.offsets.next - assignment.committed.offset
