"""What an error means for an offset commit."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaError

from connector.kafka.group.commit_refused import refusal


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (KafkaError(KafkaError.OFFSET_METADATA_TOO_LARGE), "too_large"),
        (KafkaError(KafkaError.UNKNOWN_MEMBER_ID), "fenced"),
        (KafkaError(KafkaError._DESTROY), "closed"),
        (KafkaError(KafkaError.INVALID_GROUP_ID), "closed"),
        (KafkaError(KafkaError._TIMED_OUT, "dead", True), "closed"),
        (KafkaError(KafkaError._TIMED_OUT), "retry"),
        (KafkaError(KafkaError.NOT_COORDINATOR), "retry"),
    ],
)
def test_an_error_tells_whether_the_commit_may_work_later(error: KafkaError, kind: str) -> None:
    found = refusal(error)
    assert (found.kind, found.message) == (kind, error.str())
