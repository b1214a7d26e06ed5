"""What the brokers say that this user may do with a topic (KIP-430)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from confluent_kafka import KafkaException, TopicCollection
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # its stub imports them without saying so
    AclOperation,
    AdminClient,
)

from connector.kafka.given import ways_in

LIMIT = 5.0
"""Seconds for the question; one connection is made for it and closed again."""


def may_write(properties: Mapping[str, Any], topic: str) -> bool:
    """Whether a client with these properties may write there; True where the brokers don't tell."""
    admin: Any = AdminClient(ways_in(properties))
    admin.poll(0)  # serves a first token, where librdkafka makes it itself
    asked = admin.describe_topics(
        TopicCollection([topic]), include_authorized_operations=True, request_timeout=LIMIT
    )
    try:
        allowed = asked[topic].result(LIMIT + 1).authorized_operations
    except (KafkaException, TimeoutError):
        return True
    return not allowed or AclOperation.WRITE in allowed
