"""What the configuration gives to each Kafka client, and what is wrong with a user's properties.

`kafka.properties` is one list for all clients. Which property is a consumer's or a producer's is
librdkafka's CONFIGURATION.md, column C/P: given to the other one it is ignored with a warning. What is
wrong is found by asking librdkafka itself; nothing connects meanwhile.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from confluent_kafka import Consumer, KafkaException, Producer

from connector.kafka.forbidden import why_forbidden
from connector.kafka.properties import consumer_properties, producer_properties
from connector.settings import Kafka
from connector.values import MASK, Properties, is_secret


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
_SENTINEL = "no.such.property"


def to_consumer(kafka: Kafka) -> dict[str, str]:
    """Give what a consumer of the group takes: identity and the user's properties but a producer's."""
    own = _without(kafka.properties, _PRODUCERS)
    return {"bootstrap.servers": kafka.bootstrap_servers, "group.id": kafka.group_id, **own}


def to_producer(kafka: Kafka) -> dict[str, str]:
    """Give what the dead-letter producer takes: the brokers and the user's properties but a consumer's."""
    return {"bootstrap.servers": kafka.bootstrap_servers, **_without(kafka.properties, _CONSUMERS)}


def to_admin(kafka: Kafka) -> dict[str, str]:
    """Give what an admin client takes: how to reach and to enter the cluster."""
    return {"bootstrap.servers": kafka.bootstrap_servers, **ways_in(kafka.properties)}


def ways_in(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what is about reading or writing."""
    return _without(properties, _CONSUMERS | _PRODUCERS | {"transactional.id", "error_cb"})


def _without(properties: Mapping[str, Any], names: frozenset[str]) -> dict[str, Any]:
    return {name: value for name, value in properties.items() if name not in names}


def mistakes(properties: Properties, *, exactly_once: bool) -> Iterator[tuple[str, str]]:
    """Name and problem of every property that can't be; the name is empty where several don't go together.

    First what the guarantees rest on, then each property alone, then all of them together: librdkafka
    stops at its first complaint, so each is asked about separately. No text shows a secret's value.
    """
    found = False
    for name, value in properties.items():
        problem = why_forbidden(name, value) or _problem_alone(name, value) or _missing_file(name, value)
        if problem:
            found = True
            yield name, problem
    if not found:
        yield from _problems_together(properties, exactly_once=exactly_once)


def _problem_alone(name: str, value: str) -> str:
    """Let librdkafka read one property; the second, unknown one keeps it from making a client."""
    problem = _failure(lambda: Producer({name: value, _SENTINEL: ""}, logger=_silent()))
    return "" if _SENTINEL in problem else _without_secret(problem, name, value)


def _missing_file(name: str, value: str) -> str:
    """Say what OpenSSL's own words hide: the file isn't there. `probe` has librdkafka look for CAs itself."""
    names_file = name.endswith((".location", ".file", ".keytab")) and value != "probe"
    return f"{value!r} cannot be read" if names_file and not os.access(value, os.R_OK) else ""


def _problems_together(properties: Properties, *, exactly_once: bool) -> Iterator[tuple[str, str]]:
    """Make both clients, connected to nothing: finds wrong PEM, and options that exclude each other."""
    consumer = {"group.id": "check", **_without(properties, _PRODUCERS)}
    producer = _without(properties, _CONSUMERS)
    silent = {"logger": _silent()}
    told = set()
    for problem in (
        _failure(lambda: Consumer(consumer_properties(consumer)[0] | silent).close()),
        _failure(lambda: Producer(producer_properties(producer, "check" if exactly_once else None) | silent)),
    ):
        text = re.sub(r"^Failed to create (consumer|producer): ", "", problem)
        for name, value in properties.items():
            text = _without_secret(text, name, value)
        if text and text not in told:
            told.add(text)
            yield max((name for name in properties if name in text), key=len, default=""), text


def _without_secret(text: str, name: str, value: str) -> str:
    return text.replace(value, MASK) if value and is_secret(name) else text


def _failure(make: Callable[[], object]) -> str:
    """Librdkafka's words where a client can't be made, else nothing."""
    try:
        make()
    except KafkaException as error:
        return str(error.args[0].str()).strip()
    except (TypeError, ValueError, AttributeError) as error:  # the binding's own, for its own properties
        return str(error)
    return ""


def _silent() -> logging.Logger:
    """Return a logger for librdkafka's lines while properties are tried: what matters is in the error."""
    logger = logging.getLogger(f"{__name__}.silent")
    logger.propagate = False
    logger.disabled = True
    return logger
