"""What the configuration gives to each Kafka client.

`kafka.properties` is one list for all clients. Which property is a consumer's or a producer's is
librdkafka's CONFIGURATION.md, column C/P: given to the other one it is ignored with a warning.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connector.settings import Kafka


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_CONSUMERS = _names("""
    auto.offset.reset check.crcs consume.callback.max.messages coordinator.query.interval.ms
    fetch.error.backoff.ms fetch.max.bytes fetch.message.max.bytes fetch.min.bytes fetch.queue.backoff.ms
    fetch.wait.max.ms group.instance.id group.protocol group.protocol.type group.remote.assignor
    heartbeat.interval.ms isolation.level max.partition.fetch.bytes max.poll.interval.ms max.poll.records
    partition.assignment.strategy queued.max.messages.kbytes queued.min.messages session.timeout.ms
    share.acknowledgement.mode
""")
_PRODUCERS = _names("""
    acks batch.num.messages batch.size compression.codec compression.level compression.type
    delivery.timeout.ms enable.idempotence linger.ms message.send.max.retries message.timeout.ms partitioner
    produce.offset.report queue.buffering.backpressure.threshold queue.buffering.max.kbytes
    queue.buffering.max.messages queue.buffering.max.ms request.required.acks request.timeout.ms retries
    sticky.partitioning.linger.ms transaction.timeout.ms
""")


def to_consumer(kafka: Kafka) -> dict[str, str]:
    """Give what a consumer of the group takes: identity and the user's properties but a producer's."""
    own = of_consumers(kafka.properties)
    return {"bootstrap.servers": kafka.bootstrap_servers, "group.id": kafka.group_id, **own}


def to_producer(kafka: Kafka) -> dict[str, str]:
    """Give what the dead-letter producer takes: the brokers and the user's properties but a consumer's."""
    return {"bootstrap.servers": kafka.bootstrap_servers, **of_producers(kafka.properties)}


def to_admin(kafka: Kafka) -> dict[str, str]:
    """Give what an admin client takes: how to reach and to enter the cluster."""
    return {"bootstrap.servers": kafka.bootstrap_servers, **ways_in(kafka.properties)}


def of_consumers(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what only a producer takes."""
    return _without(properties, _PRODUCERS)


def of_producers(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what only a consumer takes."""
    return _without(properties, _CONSUMERS)


def ways_in(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what is about reading or writing."""
    return _without(properties, _CONSUMERS | _PRODUCERS | {"transactional.id", "error_cb"})


def _without(properties: Mapping[str, Any], names: frozenset[str]) -> dict[str, Any]:
    return {name: value for name, value in properties.items() if name not in names}
