"""librdkafka's error codes, grouped by meaning, and how to get one out of an exception.

Named here is what more than one place has to know; a set that only one asks for is kept there.
"""

# ruff: noqa: SLF001 -- librdkafka's own error codes have names with an underscore in front

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from confluent_kafka import KafkaError, KafkaException

ERRORS = (KafkaException, SystemError)
"""What the binding raises; see `error_in`."""

TOO_LARGE = frozenset({KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.RECORD_LIST_TOO_LARGE})
"""A record is larger than the client or the topic takes."""
RECORD_REFUSED = TOO_LARGE | {
    KafkaError.INVALID_RECORD,
    KafkaError.INVALID_MSG,
    KafkaError.INVALID_MSG_SIZE,
    KafkaError.POLICY_VIOLATION,
}
"""About one record, for what it is; another may go."""

PRODUCER_FENCED = frozenset(
    {
        KafkaError._FENCED,
        KafkaError.PRODUCER_FENCED,
        KafkaError.INVALID_PRODUCER_EPOCH,
        KafkaError.TRANSACTION_COORDINATOR_FENCED,
    }
)
"""Another producer goes by this transactional id, or the transaction timed out."""
OUT_OF_GROUP = frozenset(
    {
        KafkaError.FENCED_INSTANCE_ID,
        KafkaError.ILLEGAL_GENERATION,
        KafkaError.UNKNOWN_MEMBER_ID,
        KafkaError.FENCED_MEMBER_EPOCH,
    }
)
"""The group has gone on without this member."""

Obstacle = Literal[
    "topic_missing",
    "topic_authorization",
    "group_authorization",
    "transactional_id_authorization",
    "cluster_authorization",
]
OBSTACLES: Mapping[int, Obstacle] = {
    KafkaError.UNKNOWN_TOPIC_OR_PART: "topic_missing",
    KafkaError._UNKNOWN_TOPIC: "topic_missing",
    KafkaError._UNKNOWN_PARTITION: "topic_missing",
    KafkaError.TOPIC_EXCEPTION: "topic_missing",
    KafkaError.TOPIC_AUTHORIZATION_FAILED: "topic_authorization",
    KafkaError.GROUP_AUTHORIZATION_FAILED: "group_authorization",
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED: "transactional_id_authorization",
    KafkaError.CLUSTER_AUTHORIZATION_FAILED: "cluster_authorization",
}
"""What is not there or not allowed, by the word that a trouble has for it."""


def is_fatal(error: KafkaError) -> bool:
    """Tell whether its client can do nothing any more."""
    return error.fatal() or error.code() == KafkaError._FATAL


def error_in(exception: BaseException) -> KafkaError | None:
    """Get the librdkafka error that an exception carries, if it does.

    The binding raises a fatal error while it serves callbacks; a further callback then makes a
    SystemError of it, with the error as its cause.
    """
    carrier = exception.__cause__ if isinstance(exception, SystemError) else exception
    if isinstance(carrier, KafkaException) and carrier.args and isinstance(carrier.args[0], KafkaError):
        return carrier.args[0]
    return None
