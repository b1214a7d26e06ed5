"""Why an offset commit was not taken."""

# ruff: noqa: SLF001 -- librdkafka's own error codes have names with an underscore in front

from __future__ import annotations

from typing import Literal

from confluent_kafka import KafkaError

from connector.kafka.errors import OUT_OF_GROUP, is_fatal

Refusal = Literal["retry", "fenced", "too_large", "closed"]

_CLOSED = frozenset({KafkaError._DESTROY, KafkaError.INVALID_GROUP_ID})


class CommitRefused(Exception):  # noqa: N818 -- reads as what happened
    """Nothing, or not all, was committed.

    `retry`: the same commit may work later. `fenced`: the group has gone on without this member; a rebalance
    follows, what is still owned after it can be committed then. `too_large`: the metadata is longer than
    the broker's `offset.metadata.max.bytes`. `closed`: so is the consumer, or it is dead.
    """

    def __init__(self, kind: Refusal, message: str) -> None:
        super().__init__(message)
        self.kind: Refusal = kind
        self.message = message


def refusal(error: KafkaError) -> CommitRefused:
    """Say what an error of librdkafka means for a commit; an unknown one is worth a retry."""
    code = error.code()
    if code == KafkaError.OFFSET_METADATA_TOO_LARGE:
        kind: Refusal = "too_large"
    elif code in OUT_OF_GROUP:
        kind = "fenced"
    elif code in _CLOSED or is_fatal(error):
        kind = "closed"
    else:
        kind = "retry"
    return CommitRefused(kind, error.str())
