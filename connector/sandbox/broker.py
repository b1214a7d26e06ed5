"""A Kafka inside this process, for the demo: librdkafka's mock cluster, one broker on loopback.

It speaks enough for consumer groups (cooperative-sticky and group.protocol=consumer), commits with
metadata, idempotent and transactional producers. What it isn't:
- offsets sent to a transaction are answered with success and dropped, with their metadata: commit them
  plainly (`kafka.dead_letter_delivery = at_least_once`), or the group never gets past a dead letter;
- a transaction isn't isolated: a reader sees records of an open or an aborted one;
- nothing is on disk: a partition keeps its last 5 MiB or 100,000 records, in memory;
- a topic is made when first asked for, with 4 partitions; metadata has no limit of length;
- a group's first assignment takes 3 s, each further one the session time-out less 1 s, and there are
  two to a hand-over: hence `MEMBER_PROPERTIES`. Under group.protocol=consumer a hand-over takes 3 s, but
  a member that died is missed after 30 s only.
So no promise can be tested on it.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType
from typing import Any, Self

from confluent_kafka import Consumer, Producer
from confluent_kafka import TopicPartition as KafkaTopicPartition

PARTITIONS = 4
"""Partitions of every topic: librdkafka's default, which only its C interface can change."""
MEMBER_PROPERTIES = {"session.timeout.ms": "4000", "heartbeat.interval.ms": "300"}
"""For quick hand-overs; less than the 3 s of the first assignment and no member ever gets in."""
_CALL_LIMIT = 10.0
"""Seconds for any one call: it is all inside this process."""


class EmbeddedKafka:
    """Runs between `with`; clients connect to `bootstrap` (host:port) as to any cluster."""

    def __init__(self) -> None:
        self.bootstrap = ""
        self._cluster: Producer | None = None

    def __enter__(self) -> Self:
        self._cluster = Producer(
            {"bootstrap.servers": "mock", "test.mock.num.brokers": 1, "log_level": 3}
        )  # the mock cluster lives as long as this client, which is its first one
        (broker,) = self._cluster.list_topics(timeout=_CALL_LIMIT).brokers.values()
        self.bootstrap = f"{broker.host}:{broker.port}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._cluster = None

    def create_topics(self, names: Iterable[str]) -> None:
        """Make them, each with `PARTITIONS` partitions."""
        if self._cluster is None:
            raise RuntimeError("the cluster is not running")
        for name in names:
            self._cluster.list_topics(name, timeout=_CALL_LIMIT)

    def committed(self, group_id: str, topic: str) -> dict[int, int]:
        """Committed offsets by partition; -1 where nothing is."""
        consumer = self._consumer(group_id)
        try:
            asked = [KafkaTopicPartition(topic, p) for p in range(PARTITIONS)]
            found = consumer.committed(asked, timeout=_CALL_LIMIT)
            return {one.partition: max(one.offset, -1) for one in found}
        finally:
            consumer.close()

    def end_offsets(self, topic: str) -> dict[int, int]:
        """Where each partition ends."""
        consumer = self._consumer("sandbox-ends")
        try:
            ends = {}
            for partition in range(PARTITIONS):
                place = KafkaTopicPartition(topic, partition)
                ends[partition] = int(consumer.get_watermark_offsets(place, timeout=_CALL_LIMIT)[1])
            return ends
        finally:
            consumer.close()

    def _consumer(self, group_id: str) -> Consumer:
        properties: dict[str, Any] = {"bootstrap.servers": self.bootstrap, "group.id": group_id}
        return Consumer({**properties, "enable.auto.commit": False, "log_level": 3})
