"""The dead-letter topic as it is now: every letter once, with what is known of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from types import TracebackType
from typing import Self

from connector.finding import Grade
from connector.kafka.cluster_check import ClusterCheck
from connector.model import TopicPartition
from connector.options import Failed
from connector.replay.fetching import fetch
from connector.replay.letter import DeadLetter, read_letter
from connector.replay.progress import Progress, Spot
from connector.replay.reading import Reader
from connector.settings import Settings

REACH_LIMIT = 5.0
"""Seconds in which a broker has to answer."""


class Desk:
    """Opens the topic; letters up to the ends that it had then. `check` may raise to end everything."""

    def __init__(self, settings: Settings, check: Callable[[], None]) -> None:
        self._settings = settings
        self._check = check
        self.topic = settings.kafka.dead_letter_topic
        self.read_so_far = 0
        self.total = 0
        """Offsets between the topic's beginnings and ends: at least as many as letters."""
        self.doubt = ""
        """Why what was sent again isn't known for sure, or empty."""

    def __enter__(self) -> Self:
        self._reach()
        self.reader = Reader(self._settings.kafka, self._check)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.reader.close()

    def _reach(self) -> None:
        """Try the brokers first: this finds better words than any later failure."""
        found = next(ClusterCheck(self._settings, REACH_LIMIT).findings())
        if found.grade is Grade.PROBLEM:
            raise Failed(f"{found.what}: {found.result}; {found.mend}")

    def open(self, *, strict: bool = True) -> Progress:
        """Find where the topic begins and ends, and what was sent again before.

        Not `strict`: where that last can't be read, it is as if nothing was (`doubt` says why).
        """
        watermarks = self.reader.watermarks(self.topic)
        if watermarks is None:
            raise Failed(
                f"topic {self.topic}: there is no such topic; correct kafka.dead_letter_topic, or create it"
            )
        starts = {TopicPartition(self.topic, number): one.low for number, one in watermarks.items()}
        self._ends = {TopicPartition(self.topic, number): one.high for number, one in watermarks.items()}
        self._reached = dict(starts)
        self.total = sum(self._ends[place] - start for place, start in starts.items())
        try:
            committed = self.reader.committed(list(starts))
        except Failed as failed:
            if strict:
                raise
            committed, self.doubt = {}, str(failed)
        self._progress = Progress(starts, self._ends, committed)
        if self._progress.foreign:
            self.doubt = (
                f"group {self.reader.group} has positions beyond the end of {self.topic}, of an earlier "
                "topic of this name: they don't count"
            )
        return self._progress

    def letters(self) -> Iterator[DeadLetter]:
        """Read every letter, and tell the progress of it."""
        reading = {place: start for place, start in self._reached.items() if start < self._ends[place]}
        if not reading:
            return
        self.reader.start(reading)
        for part in self.reader.read(reading, {place: self._ends[place] for place in reading}):
            end = self._ends[part.partition]
            records = [record for record in part.records if record.offset() < end]
            self._progress.received(part.partition, [record.offset() for record in records])
            self.read_so_far += len(records)
            for record in records:
                yield read_letter(record, self._settings.kafka.group_id)
        for place in reading:
            self._progress.ended(place, self._ends[place])
        self.reader.start({})

    def fetch(self, spots: Collection[Spot]) -> dict[Spot, DeadLetter]:
        """Read letters again; those that were deleted meanwhile are missing."""
        group = self._settings.kafka.group_id
        found = [read_letter(record, group) for record in fetch(self.reader, spots)]
        return {(letter.place, letter.offset): letter for letter in found}
