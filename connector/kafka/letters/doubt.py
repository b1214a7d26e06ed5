"""Whether the last transaction may be incomplete although it was acknowledged.

A coordinator skips the markers of partitions that have no leader just then, as on the only broker while it
stops, and calls the transaction complete (Kafka 4.4.0 does): its letters can't be read there, its
positions keep the offsets of the group back. A connection that is lost after the commit is how that shows.
The next transaction of the same producer that touches these partitions ends it, one way or the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from confluent_kafka import TopicPartition as KafkaTopicPartition

from connector.kafka.stuck import committed_regardless
from connector.model import Letter, TopicPartition


class Committed(NamedTuple):
    """What a transaction carried: letters with the partition of each, and positions."""

    letters: list[tuple[Letter, int]]
    offsets: list[KafkaTopicPartition]


_NOTHING = Committed([], [])


class Doubt:
    """Doubt about the last transaction with positions. Read `there` and `partitions` from any thread."""

    def __init__(self) -> None:
        self.there = False
        self.last = _NOTHING

    @property
    def partitions(self) -> set[TopicPartition]:
        """The partitions whose positions the transaction in doubt carried."""
        return {TopicPartition(p.topic, p.partition) for p in self.last.offsets if self.there}

    def connection_lost(self) -> None:
        """A connection was lost: the last transaction may be incomplete."""
        self.there = bool(self.last.offsets)

    @contextmanager
    def ending(self, transaction: Committed) -> Iterator[None]:
        """Commit `transaction` in this context: from now on a lost connection leaves this one in doubt."""
        before = (self.there, self.last)
        self.there, self.last = False, transaction
        try:
            yield
        except BaseException:
            self.last = self.last if not before[0] else before[1]
            self.there = True
            raise
        if not transaction.offsets:
            self.there, self.last = before

    def incomplete(self, properties: Mapping[str, Any], group_id: str) -> bool:
        """Ask the broker whether the offsets of that transaction are missing. False without an answer.

        They are if the group's offsets are behind at least one of them and ahead of none. Some may be equal,
        where only the metadata has changed.
        """
        if not self.there:
            return False
        found = committed_regardless({**properties, "group.id": group_id}, self.partitions)
        standing = {(each.topic, each.partition): each.offset for each in found}
        wanted = {(each.topic, each.partition): each.offset for each in self.last.offsets}
        ahead = [at - standing.get(place, at + 1) for place, at in wanted.items()]
        return min(ahead, default=0) >= 0 and any(ahead)

    def end(self) -> None:
        """The transaction in doubt is complete, or undone: end the doubt."""
        self.there, self.last = False, _NOTHING
