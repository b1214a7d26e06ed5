"""Whether letters can be written to their topic at all: asked, so that none has to be tried."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from confluent_kafka import KafkaException, Producer, TopicCollection
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # its stub imports them without saying so
    AclOperation,
    AdminClient,
)

from connector.kafka.errors import ERRORS, error_in
from connector.kafka.given import ways_in
from connector.kafka.producer_steps import STEP_LIMIT, serve
from connector.kafka.unwritable import LettersUnwritable, kind_of

RIGHTS_LIMIT = 5.0
"""Seconds for the question about rights; one connection is made for it and closed again."""


def check_topic(producer: Producer, topic: str) -> None:
    """Ask whether it is there: librdkafka would wait for it, inside an open transaction.

    Raises LettersUnwritable. That no broker is left librdkafka tells once; what doesn't answer this question
    is told each time.
    """
    try:
        found = producer.list_topics(topic, STEP_LIMIT).topics[topic]
    except ERRORS as exception:
        serve(producer)
        raise LettersUnwritable("unreachable", str(error_in(exception) or exception)) from exception
    if found.error is not None:
        raise LettersUnwritable(kind_of(found.error), f"{topic}: {found.error.str()}")


def check_right(properties: Mapping[str, Any], topic: str) -> None:
    """Ask whether this user may write: a topic that may only be seen refuses the first letter, later.

    Raises LettersUnwritable. Where the brokers don't tell (KIP-430), it has to be tried.
    """
    admin: Any = AdminClient(ways_in(properties))
    admin.poll(0)  # serves a first token, where librdkafka makes it itself
    asked = admin.describe_topics(
        TopicCollection([topic]), include_authorized_operations=True, request_timeout=RIGHTS_LIMIT
    )
    try:
        allowed = asked[topic].result(RIGHTS_LIMIT + 1).authorized_operations
    except (KafkaException, TimeoutError):
        return
    if allowed and AclOperation.WRITE not in allowed:
        raise LettersUnwritable("topic_authorization", f"{topic}: WRITE is not allowed")
