"""Messages as librdkafka hands them out, sorted by partition."""

# ruff: noqa: SLF001 -- librdkafka's own error codes have names with an underscore in front

from __future__ import annotations

from typing import Any, NamedTuple

from confluent_kafka import KafkaError, Message

from connector.model import Fetched, TopicPartition

_MISPLACED = frozenset(
    {KafkaError._AUTO_OFFSET_RESET, KafkaError._LOG_TRUNCATION, KafkaError.OFFSET_OUT_OF_RANGE}
)


class Sorted(NamedTuple):
    """Records and ends by partition; partitions whose next offset isn't in the log; other errors."""

    fetched: list[Fetched]
    misplaced: list[tuple[TopicPartition, KafkaError]]
    errors: list[tuple[KafkaError, str]]


def sort(messages: list[Message]) -> Sorted:
    """Take the messages apart.

    They come in runs of one partition: 0.07 us a message, and five times as long where each is of another.
    """
    records: dict[TopicPartition, list[Any]] = {}
    ends: dict[TopicPartition, int] = {}
    found = Sorted([], [], [])
    topic: str | None = None
    number: int | None = None
    mine: list[Any] = []
    for message in messages:
        error = message.error()
        if error is not None:
            _sort_error(error, message, ends, found)
            continue
        if message.partition() != number or message.topic() != topic:
            topic, number = message.topic(), message.partition()
            place = TopicPartition(topic, number)  # type: ignore[arg-type]  # None for producers' only
            mine = records.setdefault(place, [])
        mine.append(message)
    found.fetched.extend(Fetched(p, mine, ends.pop(p, None)) for p, mine in records.items())
    found.fetched.extend(Fetched(p, [], end) for p, end in ends.items())
    return found


def _sort_error(error: KafkaError, message: Message, ends: dict[TopicPartition, int], found: Sorted) -> None:
    topic, number, offset = message.topic(), message.partition(), message.offset()
    if topic is None or number is None:
        found.errors.append((error, topic or ""))
    elif error.code() == KafkaError._PARTITION_EOF and offset is not None:
        ends[TopicPartition(topic, number)] = offset
    elif error.code() in _MISPLACED:
        found.misplaced.append((TopicPartition(topic, number), error))
    else:
        found.errors.append((error, topic))
