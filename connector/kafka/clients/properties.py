"""The properties that librdkafka gets: defaults below the user's, what the guarantees rest on above."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

_COMMON_DEFAULTS: Mapping[str, Any] = {
    "client.id": "pushwoosh-connector",
    "socket.timeout.ms": 15_000,  # a frozen broker is noticed in 15 s, not in a minute
    "topic.metadata.refresh.interval.ms": 15_000,  # a topic created after the start is found soon
    "reconnect.backoff.max.ms": 5_000,
}

_CONSUMER_DEFAULTS: Mapping[str, Any] = {
    "group.protocol": "classic",
    "auto.offset.reset": "earliest",
    # At librdkafka's 1000 ms a plain consume loop on a local broker gets no more than 0.22 M records/s; at
    # 5 ms the same loop gets 1.4 M/s.
    "fetch.queue.backoff.ms": 5,
    # A question about offsets waits on the broker behind a fetch that waits for records: 0.5 s at 500.
    "fetch.wait.max.ms": 100,
    "queued.max.messages.kbytes": 32_768,
    "statistics.interval.ms": 5_000,
}

_CLASSIC_DEFAULTS: Mapping[str, Any] = {
    # After kill -9 nothing moves until the session ends: at the default of 45 s a take-over takes 43 to 46.
    # Brokers allow 6 s to 30 min. Under group.protocol=consumer the broker alone decides.
    "session.timeout.ms": 10_000,
    "heartbeat.interval.ms": 1_000,
}

CONSUMER_FIXED: Mapping[str, Any] = {
    "enable.auto.commit": False,  # an offset is committed when its record is confirmed
    "enable.auto.offset.store": False,
    "enable.partition.eof": True,  # says that offsets up to the end don't exist (transaction markers)
    "isolation.level": "read_committed",  # also makes committed offsets wait for open transactions
    "allow.auto.create.topics": False,
}
"""Whoever changes one of these breaks a promise; the configuration refuses them."""

_PRODUCER_DEFAULTS: Mapping[str, Any] = {
    "linger.ms": 5,
    "partitioner": "murmur2_random",  # as Java producers do
    "message.max.bytes": 104_857_600,  # what is too large is the topic's to say, not the client's
    "topic.metadata.propagation.max.ms": 5_000,
}


_TRANSACTION = 10_000
"""Milliseconds. While a transaction with offsets is open nobody reads these partitions' committed offsets, so
after a crash this is part of the take-over time."""

_TOLD_BY_TROUBLES = ("FAIL [", "OIDC [", "ERROR [", "TXNERR [", "FATAL [")


LOGGERS = {client: f"connector.kafka.librdkafka.{client}" for client in ("consumer", "producer")}
"""Where librdkafka's own lines go."""


def consumer_properties(given: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """Properties for the consumer, and the user's `auto.offset.reset`.

    The reset itself is decided by `start_decision`: librdkafka's would jump silently over records that are
    gone.
    """
    protocol = str(given.get("group.protocol", _CONSUMER_DEFAULTS["group.protocol"])).lower()
    chosen = {**_COMMON_DEFAULTS, **_CONSUMER_DEFAULTS}
    if protocol == "classic":
        chosen.update(_CLASSIC_DEFAULTS)
        chosen["partition.assignment.strategy"] = "cooperative-sticky"
    chosen.update(given)
    if protocol == "classic":
        # An eager rebalance takes every partition from everybody; the hand-over here is incremental.
        chosen["partition.assignment.strategy"] = "cooperative-sticky"
    reset = str(chosen["auto.offset.reset"]).lower()
    chosen.update(CONSUMER_FIXED)
    chosen["auto.offset.reset"] = "error"
    chosen["logger"] = _logger("consumer")
    return chosen, reset


def producer_properties(given: Mapping[str, Any], transactional_id: str | None) -> dict[str, Any]:
    """Properties for the dead-letter producer; `transactional_id` None means idempotent only."""
    chosen = {**_COMMON_DEFAULTS, **_PRODUCER_DEFAULTS, **given, "enable.idempotence": True, "acks": "all"}
    if transactional_id is not None:
        chosen["transactional.id"] = transactional_id
        chosen.setdefault("transaction.timeout.ms", _TRANSACTION)
        # When no broker is left, librdkafka's "rebootstrap" drops those that it knows, but goes on to wait
        # for a dropped one as the group's coordinator (librdkafka #5511). It is opened anew instead.
        chosen.setdefault("metadata.recovery.strategy", "none")
        if "socket.timeout.ms" not in given:
            # librdkafka refuses one that outlasts the transaction.
            chosen["socket.timeout.ms"] = min(15_000, int(chosen["transaction.timeout.ms"]))
    if "message.timeout.ms" not in chosen:  # the other name of the same
        chosen.setdefault("delivery.timeout.ms", chosen.get("transaction.timeout.ms", _TRANSACTION))
    if "compression.codec" not in chosen:  # the other name of the same
        # A topic's limit counts compressed bytes: a source's record may be far larger than that by itself.
        chosen.setdefault("compression.type", "zstd")
    chosen["logger"] = _logger("producer")
    return chosen


def _logger(client: str) -> logging.Logger:
    """Return the logger of librdkafka's own lines."""
    logger = logging.getLogger(LOGGERS[client])
    logger.addFilter(_lower)
    return logger


def _lower(record: logging.LogRecord) -> bool:
    """Lower failed connections, tokens and transactions to INFO: `Troubles` says in one line what to fix."""
    if record.levelno <= logging.INFO or not record.getMessage().startswith(_TOLD_BY_TROUBLES):
        return True
    record.levelno, record.levelname = logging.INFO, logging.getLevelName(logging.INFO)
    return logging.getLogger(record.name).isEnabledFor(logging.INFO)
