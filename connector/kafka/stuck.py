"""Committed offsets that are kept back by a transaction that will never end.

While a transaction with offsets of a group is open these can't be read, and a new owner waits for its end
(KIP-447). A connector's transaction lasts 60 s at most. But a coordinator may call one complete without
having written its markers, as Kafka 4.4.0 does for partitions that have no leader just then. It stays open
until the same producer ends another transaction, and for ever if that producer is gone. Then it is right to
begin at what was committed before: records are read again, and none is left out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from typing import Any

from confluent_kafka import Consumer, KafkaException
from confluent_kafka import TopicPartition as KafkaTopicPartition

from connector.kafka.clients.forbidden import LONGEST_TRANSACTION
from connector.kafka.clients.given import ways_in
from connector.model import TopicPartition

PROBE_EVERY = 15.0
"""Seconds between two questions, and before the first: most transactions end by then."""
STUCK_AFTER = LONGEST_TRANSACTION / 1000 + 15.0
"""Seconds: a coordinator ends a transaction within 10 s of its time-out."""
_ANSWER_LIMIT = 5.0
"""Seconds for the question; one connection is made for it and closed again."""


class KeptBack:
    """Remembers how long the offsets of each partition have been kept back by a coordinator that answers.

    `properties` are the consumer's, `group.id` among them; `clock` is monotonic.
    """

    def __init__(self, properties: Mapping[str, Any], clock: Callable[[], float]) -> None:
        self._properties = dict(properties)
        self._clock = clock
        self._since: dict[TopicPartition, float] = {}
        self._next_probe: float | None = None

    def free(self) -> None:
        """No partition's offsets are kept back any more."""
        self._since.clear()
        self._next_probe = None

    def forget(self, partitions: Collection[TopicPartition]) -> None:
        """Forget these partitions: they are somebody else's to wait for."""
        for partition in partitions:
            self._since.pop(partition, None)

    async def stuck(self, partitions: Collection[TopicPartition]) -> list[KafkaTopicPartition]:
        """Return what was committed before, for stuck partitions. Call it when offsets can't be read."""
        now = self._clock()
        if self._next_probe is None:
            self._next_probe = now + PROBE_EVERY
        if now < self._next_probe:
            return []
        self._next_probe = now + PROBE_EVERY
        answers = await asyncio.to_thread(committed_regardless, self._properties, partitions)
        if not answers:
            self._since.clear()  # the coordinator itself is away: what is open may still end
        found = []
        for each in answers:
            partition = TopicPartition(each.topic, each.partition)
            if now - self._since.setdefault(partition, now) >= STUCK_AFTER:
                found.append(each)
                del self._since[partition]
        return found


def committed_regardless(
    properties: Mapping[str, Any], partitions: Collection[TopicPartition]
) -> list[KafkaTopicPartition]:
    """Read what the group has committed, whatever transactions are open; nothing if nobody answers.

    librdkafka has an admin call for that, but a coordinator that is just not there ends the process in it: on
    such an answer it looks for the client's own group (`rd_kafka_handle_OffsetFetch`), and an admin has none.
    A consumer has one, and waits for open transactions only where it reads nothing else (read_committed).
    """
    asking = {
        **ways_in(properties),
        "group.id": properties["group.id"],
        "isolation.level": "read_uncommitted",
    }
    consumer = Consumer(asking)  # joins nothing: it subscribes to nothing
    try:
        consumer.poll(0)  # serves a first token, where librdkafka makes it itself
        places = [KafkaTopicPartition(p.topic, p.partition) for p in partitions]
        return [each for each in consumer.committed(places, timeout=_ANSWER_LIMIT) if each.error is None]
    except KafkaException:
        return []
    finally:
        consumer.close()
