"""A log for one engine: records about a few devices, and what decoding makes of each."""

from __future__ import annotations

import copy
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from connector.core.reading.event import NOWHERE, Event
from connector.model import Record, Rejection, TopicPartition
from tests.unit.core.builders import UNDECODABLE, registration, tags

KINDS = (
    *("set", "set", "set", "append", "append", "remove"),
    *("registration", "by token", "by both", "tombstone", "rubbish", "gap"),
)
Place = tuple[TopicPartition, int]
Outcome = Event | Rejection | None


@dataclass
class Log:
    """What is in each partition."""

    outcomes: dict[TopicPartition, dict[int, Outcome]] = field(default_factory=dict)
    """By partition, what decoding made of the record at each offset."""
    end: Counter[TopicPartition] = field(default_factory=Counter)
    """By partition, the offset of the next record."""

    def of(self, partition: TopicPartition) -> dict[int, Outcome]:
        """Return the records of a partition, by offset."""
        return self.outcomes.setdefault(partition, {})

    def beyond(self, partition: TopicPartition, offset: int) -> Sequence[int]:
        """Return the offsets of the records from this one on."""
        return sorted(each for each in self.of(partition) if each >= offset)

    def produce(self, partition: TopicPartition, count: int, seed: int) -> None:
        """Append records about a few devices, tombstones, rubbish and gaps to a partition."""
        dice = random.Random(seed)
        log = self.of(partition)
        for _ in range(count):
            offset = self.end[partition]
            self.end[partition] += 1
            kind = dice.choice(KINDS)
            if kind != "gap":
                log[offset] = outcome_of(kind, offset, partition, dice)


def outcome_of(kind: str, offset: int, partition: TopicPartition, dice: random.Random) -> Outcome:
    """What decoding makes of a record of this kind."""
    device, token = f"d{dice.randrange(5)}", f"p{dice.randrange(2)}"
    match kind:
        case "tombstone":
            return None
        case "rubbish":
            return UNDECODABLE
        case "registration":
            return registration(offset, device, push_token=token, partition=partition)
        case "by token":
            return tags(offset, None, partition=partition, push_token=token)
        case "by both":
            return tags(offset, device, partition=partition, push_token=token)
        case operator:
            return tags(offset, device, operator, partition, {"t": [offset], f"n{offset % 3}": 1})


def fresh(outcome: Outcome) -> Outcome:
    """What decoding makes of the record this time."""
    if not isinstance(outcome, Event):
        return outcome
    again = copy.copy(outcome)
    again.assignment = NOWHERE
    return again


def place_of(record: Record) -> Place:
    return TopicPartition(record.topic(), record.partition()), record.offset()
