"""Back-pressure: which partitions to pause and resume, by what is held in memory."""

from __future__ import annotations

from collections.abc import Collection

from connector.core.assignment import Assignment
from connector.core.limits import Limits
from connector.model import TopicPartition

LOW = 0.5
"""Share of a bound at which a paused partition is resumed. Wide marks: what librdkafka had fetched
for a partition is dropped at a pause and fetched again."""


class Pressure:
    """Bounds on events and bytes in memory, retries and unwritten letters included."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits

    def full(self, homes: Collection[Assignment]) -> bool:
        """Whether nothing more should be taken in for the moment."""
        return self._used(homes) >= 1

    def _used(self, homes: Collection[Assignment]) -> float:
        events = sum([home.events for home in homes])
        size = sum([home.bytes for home in homes])
        return max(events / self._limits.max_events, size / self._limits.max_event_bytes)

    def change(self, homes: Collection[Assignment]) -> tuple[list[TopicPartition], list[TopicPartition]]:
        """Return the partitions to pause and those to resume; from here on they count as that.

        All are paused when a bound is reached. Before that a partition is paused that holds more
        than its share of a buffer more than half full: it must not starve the others. Records of
        adopted jobs are always read on: nothing is submitted before, so the buffer would stay full.

        One that holds less than half its share is resumed as soon as there is room for the other half: a
        partition whose events wait for a person to mend something must not keep the others paused.
        """
        used = self._used(homes)
        share = max(1, len(homes))
        room = max(LOW, 1 - LOW / share)
        pause: list[TopicPartition] = []
        resume: list[TopicPartition] = []
        for home in homes:
            own = share * max(
                home.events / self._limits.max_events, home.bytes / self._limits.max_event_bytes
            )
            too_much = not home.recovering and (used >= 1 or (used > LOW and own >= 1))
            if not home.paused and (home.at_end or too_much):
                home.paused = True
                pause.append(home.partition)
            elif home.paused and not home.at_end and used <= room and own <= LOW:
                home.paused = False
                resume.append(home.partition)
        return pause, resume
