"""What the demo does to its Kafka from outside: writes the events, reads offsets and dead letters."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, NamedTuple, cast

from confluent_kafka import Consumer, KafkaError, Message, Producer
from confluent_kafka import TopicPartition as KafkaTopicPartition

from connector.model import Position
from connector.sandbox.broker import PARTITIONS
from connector.sandbox.demo_events import DemoEvent

_CALL_LIMIT = 10.0
"""Seconds for any one call: it is all on loopback."""


class StoredLetter(NamedTuple):
    """A dead letter as it lies in its topic: which record it is of (`topic/partition/offset`), and why."""

    source: str
    reason: str


class Writer:
    """Writes the events at a steady rate. `written` says of each that is acknowledged where it lies."""

    def __init__(self, bootstrap: str, topic: str, events: Sequence[DemoEvent], rate: float) -> None:
        """`rate` is in events a second."""
        self._producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 20, "log_level": 3})
        self._topic = topic
        self._events = events
        self._rate = rate
        self._began = time.monotonic()
        self._next = 0
        self._failure: KafkaError | None = None
        self.written: dict[str, DemoEvent] = {}

    @property
    def done(self) -> bool:
        return len(self.written) == len(self._events)

    def step(self) -> None:
        """Write what is due by now. Raises RuntimeError if Kafka refused a record."""
        due = min(len(self._events), int((time.monotonic() - self._began) * self._rate))
        for event in self._events[self._next : due]:
            self._producer.produce(self._topic, event.value, event.key, on_delivery=self._noted(event))
        self._next = max(self._next, due)
        self._producer.poll(0)
        if self._failure is not None:
            raise RuntimeError(f"Kafka refused an event: {self._failure}")

    def _noted(self, event: DemoEvent) -> Any:
        def note(error: KafkaError | None, message: Message) -> None:
            self._failure = error or self._failure
            self.written[f"{message.topic()}/{message.partition()}/{message.offset()}"] = event

        return note


def committed(bootstrap: str, group: str, topic: str) -> dict[int, Position]:
    """Return what the group has committed, by partition: offset and checkpoint."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": group, "log_level": 3})
    try:
        asked = [KafkaTopicPartition(topic, partition) for partition in range(PARTITIONS)]
        found = consumer.committed(asked, timeout=_CALL_LIMIT)
        return {one.partition: Position(max(one.offset, 0), one.metadata or "") for one in found}
    finally:
        consumer.close()


def letters(bootstrap: str, topic: str) -> list[StoredLetter]:
    """Read the dead-letter topic to its end, partition by partition."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "demo-reader",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
            "log_level": 3,
        }
    )
    found: list[StoredLetter] = []
    waiting = set(range(PARTITIONS))
    deadline = time.monotonic() + _CALL_LIMIT
    try:
        consumer.assign([KafkaTopicPartition(topic, partition, 0) for partition in waiting])
        while waiting:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{topic} could not be read to its end")
            for message in consumer.consume(1000, 0.2):
                if message.error() is None:
                    headers: dict[str, Any] = dict(cast("Any", message.headers()))  # pairs of name and bytes
                    source, reason = headers["pushwoosh.id"].decode(), headers["pushwoosh.reason"].decode()
                    found.append(StoredLetter(source, reason))
                else:
                    waiting.discard(message.partition())
    finally:
        consumer.close()
    return found
