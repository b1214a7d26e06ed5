"""What a test does to a Kafka cluster from outside: topics, records, offsets."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from confluent_kafka import TopicPartition as KafkaTopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # its stub imports them without saying so
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    OffsetSpec,
)
from confluent_kafka.cimpl import NewTopic

from connector.model import Position, TopicPartition

_LIMIT = 30.0
"""Seconds that any one call may take."""
_NO_COORDINATOR = (
    KafkaError.NOT_COORDINATOR,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
)


class Stored(NamedTuple):
    """A record as it lies in a topic, detached from the client's message."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]
    timestamp: int

    def header(self, name: str) -> str | None:
        """Text of the last header of this name; None where there is none or it is null."""
        found = [value for key, value in self.headers if key == name]
        return found[-1].decode() if found and found[-1] is not None else None


class Kafka:
    """A cluster under test. Synchronous: in a running loop use `asyncio.to_thread` for what takes long."""

    _names = itertools.count()

    def __init__(self, bootstrap: str, properties: Mapping[str, Any] | None = None) -> None:
        self.bootstrap = bootstrap
        self._properties = {"bootstrap.servers": bootstrap, "log_level": 0, **(properties or {})}
        self._admin = AdminClient(dict(self._properties))

    def name(self, what: str = "topic") -> str:
        """A name that no other test and no earlier run has used."""
        return f"{what}-{os.getpid()}-{time.time_ns() // 1_000_000}-{next(self._names)}"

    def create_topic(
        self,
        name: str | None = None,
        partitions: int = 1,
        config: Mapping[str, str] | None = None,
        on: int | None = None,
    ) -> str:
        """Create it, on one broker alone if told so, and wait until it has leaders; returns the name."""
        name = name or self.name()
        replicas: dict[str, Any] = {"replication_factor": -1}
        if on is not None:
            replicas = {"replica_assignment": [[on]] * partitions}
        topic = NewTopic(name, num_partitions=partitions, config=dict(config or {}), **replicas)
        self._admin.create_topics([topic])[name].result(_LIMIT)
        deadline = time.monotonic() + _LIMIT
        while time.monotonic() < deadline:
            found = self._admin.list_topics(name, timeout=_LIMIT).topics[name]
            if found.error is None and sum(p.leader >= 0 for p in found.partitions.values()) == partitions:
                return name
            time.sleep(0.02)
        raise TimeoutError(f"{name} has no leaders")

    def delete_topic(self, name: str) -> None:
        self._admin.delete_topics([name])[name].result(_LIMIT)

    def delete_records(self, topic: str, partition: int, before: int) -> None:
        """What retention does: offsets below `before` are gone."""
        where = KafkaTopicPartition(topic, partition, before)
        for future in self._admin.delete_records([where]).values():
            future.result(_LIMIT)

    def configure_topic(self, topic: str, **config: str) -> None:
        """Set some of its properties: `retention_ms="-1"`."""
        self._configure(ConfigResource.Type.TOPIC, topic, config)

    def configure_group(self, group: str, **config: str) -> None:
        """The same of a group, which need not exist yet."""
        self._configure(ConfigResource.Type.GROUP, group, config)

    def _configure(self, kind: Any, name: str, config: Mapping[str, str]) -> None:
        entries = [
            ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET)
            for key, value in _dotted(config).items()
        ]
        resource = ConfigResource(kind, name, incremental_configs=entries)
        for future in self._admin.incremental_alter_configs([resource]).values():
            future.result(_LIMIT)

    def partitions(self, topic: str) -> list[int]:
        return sorted(self._admin.list_topics(topic, timeout=_LIMIT).topics[topic].partitions)

    def leader(self, topic: str, partition: int = 0) -> int:
        """Which broker leads it; -1 for none."""
        return int(self._admin.list_topics(topic, timeout=_LIMIT).topics[topic].partitions[partition].leader)

    def produce(self, topic: str, records: Iterable[Sequence[Any]], **properties: Any) -> None:
        """Each record: (key, value[, partition[, headers[, timestamp in ms]]]); partition None: by key."""
        failures: list[KafkaError] = []
        # Idempotent: a retry on a broker that is still starting would put records behind later ones.
        own = {"linger.ms": 5, "enable.idempotence": True}
        producer = Producer({**self._properties, **own, **_dotted(properties)})
        for record in records:
            padded: list[Any] = [*record, *[None] * (5 - len(record))]
            key, value, partition, headers, timestamp = padded
            rest: dict[str, Any] = {"headers": headers, "timestamp": timestamp or 0}
            if partition is not None:
                rest["partition"] = partition
            while True:
                try:
                    producer.produce(
                        topic, value, key, on_delivery=lambda e, _m: failures.append(e) if e else None, **rest
                    )
                    break
                except BufferError:
                    producer.poll(0.1)
            producer.poll(0)
        left = producer.flush(_LIMIT)
        if left or failures:
            raise RuntimeError(f"{left} records unsent, {failures[:3]}")

    def read_all(self, topic: str, isolation: str = "read_committed") -> list[Stored]:
        """Every record up to the end as it stands, partition by partition."""
        consumer = Consumer(
            {
                **self._properties,
                "group.id": self.name("reader"),
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "isolation.level": isolation,
                "auto.offset.reset": "earliest",
            }
        )
        try:
            partitions = self.partitions(topic)
            consumer.assign([KafkaTopicPartition(topic, p, 0) for p in partitions])
            return sorted(_until_end(consumer, set(partitions)), key=lambda r: (r.partition, r.offset))
        finally:
            consumer.close()

    def committed(self, group: str) -> dict[TopicPartition, Position]:
        """Every committed offset of the group, with its metadata, whatever transactions are open.

        By a consumer: librdkafka's admin call ends the process where the coordinator is just not there.
        """
        uncommitted = {"group.id": group, "isolation.level": "read_uncommitted"}
        consumer = Consumer({**self._properties, **uncommitted})
        topics = self._admin.list_topics(timeout=_LIMIT).topics
        places = [KafkaTopicPartition(topic, p) for topic in topics for p in topics[topic].partitions]
        try:
            found = _once_there_is_a_coordinator(lambda: consumer.committed(places, timeout=_LIMIT))
        finally:
            consumer.close()
        return {
            TopicPartition(p.topic, p.partition): Position(p.offset, p.metadata or "")
            for p in found
            if p.offset >= 0
        }

    def members(self, group: str) -> set[str]:
        """The ids that the group has given its members; who comes back after it was missed has another.

        By a new client: one that has lost its coordinator may wait for longer than the limit.
        """
        admin = AdminClient(dict(self._properties))  # has to live until it has answered
        (future,) = admin.describe_consumer_groups([group]).values()
        return {each.member_id for each in future.result(_LIMIT).members}

    def commit(self, group: str, positions: Mapping[TopicPartition, Position]) -> None:
        """Set a group's offsets from outside; it must have no members."""
        consumer = Consumer({**self._properties, "group.id": group, "enable.auto.commit": False})
        offsets = [
            KafkaTopicPartition(p.topic, p.partition, position.offset, metadata=position.metadata)
            for p, position in positions.items()
        ]
        try:
            consumer.commit(offsets=offsets, asynchronous=False)
        finally:
            consumer.close()

    def end_offsets(self, topic: str) -> dict[int, int]:
        """High watermark per partition. Cheap, as tests ask many times a second, beside what they test."""
        latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]
        wanted = {KafkaTopicPartition(topic, p): latest for p in self.partitions(topic)}
        found = self._admin.list_offsets(wanted)
        return {place.partition: future.result(_LIMIT).offset for place, future in found.items()}


def _dotted(properties: Mapping[str, Any]) -> dict[str, Any]:
    """`batch_size=1` as a keyword stands for the property `batch.size`."""
    return {name.replace("_", "."): value for name, value in properties.items()}


def _stored(message: Any) -> Stored:
    timestamp = message.timestamp()[1]
    headers = message.headers() or []
    return Stored(message.partition(), message.offset(), message.key(), message.value(), headers, timestamp)


def _once_there_is_a_coordinator(question: Callable[[], list[Any]]) -> list[Any]:
    deadline = time.monotonic() + _LIMIT
    while True:
        try:
            return question()
        except KafkaException as error:
            if error.args[0].code() not in _NO_COORDINATOR or time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def _until_end(consumer: Consumer, waiting: set[int]) -> list[Stored]:
    found: list[Stored] = []
    deadline = time.monotonic() + _LIMIT
    while waiting and time.monotonic() < deadline:
        for message in consumer.consume(10_000, 0.2):
            error = message.error()
            if error is None:
                found.append(_stored(message))
            elif error.code() == KafkaError._PARTITION_EOF:
                waiting.discard(message.partition())
            else:
                raise RuntimeError(str(error))
    if waiting:
        raise TimeoutError(f"partitions {sorted(waiting)} were not read to their end")
    return found
