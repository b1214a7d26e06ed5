"""One partition of the simulated log: what was written, and what retention and compaction have left of it."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from connector.model import TopicPartition

if TYPE_CHECKING:
    from tests.simulation.records import LogRecord


@dataclass(slots=True)
class PartitionLog:
    """Records by offset, and where they begin and end. Offsets without a record are gaps."""

    partition: TopicPartition
    records: list[LogRecord] = field(default_factory=list)
    """All that were ever written, also those that are gone."""
    end: int = 0
    begin: int = 0
    """The first offset that can be read."""
    _offsets: list[int] = field(default_factory=list)

    def write(self, record: LogRecord) -> None:
        """Append a record at the end."""
        self.records.append(record)
        self._offsets.append(self.end)
        self.end += 1

    def after(self, offset: int, most: int) -> list[LogRecord]:
        """The first records from this offset on, gone or not."""
        first = bisect_left(self._offsets, offset)
        return self.records[first : first + most]

    def read(self, offset: int, most: int) -> list[LogRecord]:
        """What a consumer is given: the first records from this offset on that are left."""
        there = (record for record in self.after(offset, len(self.records)) if not record.gone)
        return [record for record, _ in zip(there, range(most), strict=False)]

    def nothing_from(self, position: int) -> bool:
        """Whether no record from this offset on is left."""
        return not self.read(position, 1)

    def expire(self, begin: int) -> None:
        """Retention: nothing before this offset is left."""
        self.begin = max(self.begin, min(begin, self.end))
        for record in self.records:
            record.gone |= record.offset() < self.begin

    def compact(self, until: int) -> None:
        """Compaction: of the records before this offset only the latest of each device is left.

        As if their keys were what they name. What has no name has no key either, and is left alone.
        """
        kept: set[str] = set()
        for record in reversed(self.records):
            if record.offset() < until and record.names:
                record.gone |= record.names[0] in kept
                kept.add(record.names[0])
