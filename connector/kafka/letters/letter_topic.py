"""Asks whether letters can be written to their topic at all, so that none has to be tried."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from confluent_kafka import KafkaException, Producer, TopicCollection
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # its stub imports them without saying so
    AclOperation,
    AdminClient,
    ConfigResource,
)

from connector.kafka.clients.given import ways_in
from connector.kafka.errors import ERRORS, error_in
from connector.kafka.letters.producer_steps import STEP_LIMIT, serve
from connector.kafka.letters.unwritable import LettersUnwritable, kind_of

QUESTION_LIMIT = 5.0
"""Seconds for a question about rights or replicas; one connection is made for it and closed again."""
_IN_SYNC = "min.insync.replicas"


def check_topic(producer: Producer, topic: str) -> None:
    """Ask whether the topic is there: librdkafka would wait for it, inside an open transaction.

    Raises LettersUnwritable. librdkafka reports only once that no broker is left; a broker that leaves this
    question unanswered is reported each time.
    """
    try:
        found = producer.list_topics(topic, STEP_LIMIT).topics[topic]
    except ERRORS as exception:
        serve(producer)
        error = error_in(exception)
        raise LettersUnwritable("unreachable", error.str() if error else str(exception)) from exception
    if found.error is not None:
        raise LettersUnwritable(kind_of(found.error), f"{topic}: {found.error.str()}")


def check_right(properties: Mapping[str, Any], topic: str) -> None:
    """Ask whether this user may write: a topic that may only be seen refuses the first letter, later.

    Raises LettersUnwritable. Where the brokers don't tell (KIP-430), it has to be tried.
    """
    admin = _admin(properties)  # until it has answered: what asks is gone with it
    asked = admin.describe_topics(
        TopicCollection([topic]), include_authorized_operations=True, request_timeout=QUESTION_LIMIT
    )
    try:
        allowed = asked[topic].result(QUESTION_LIMIT + 1).authorized_operations
    except (KafkaException, TimeoutError):
        return
    if allowed and AclOperation.WRITE not in allowed:
        raise LettersUnwritable("topic_authorization", f"{topic}: WRITE is not allowed")


def check_replicas(properties: Mapping[str, Any], topic: str) -> None:
    """Ask whether enough replicas are in sync: until they are, librdkafka tries again and says nothing.

    Raises LettersUnwritable. Where this user may not ask (DESCRIBE_CONFIGS), or brokers of another make don't
    have that setting, it has to be tried.
    """
    admin = _admin(properties)
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic)
    topics = admin.describe_topics(TopicCollection([topic]), request_timeout=QUESTION_LIMIT)
    configs = admin.describe_configs([resource], request_timeout=QUESTION_LIMIT)
    try:
        partitions = topics[topic].result(QUESTION_LIMIT + 1).partitions
        settings = configs[resource].result(QUESTION_LIMIT + 1)
    except (KafkaException, TimeoutError):
        return
    least = int(settings[_IN_SYNC].value or 0) if _IN_SYNC in settings else 0
    # More than a partition has need not be in sync since Kafka 4.0 (KIP-966). Before, that has to be tried.
    short = [each for each in partitions if len(each.isr) < min(least, len(each.replicas))]
    if short:
        named = ", ".join(f"partition {each.id} has {len(each.isr)}" for each in short)
        raise LettersUnwritable("too_few_replicas", f"{topic}: {_IN_SYNC} is {least}, {named}")


def _admin(properties: Mapping[str, Any]) -> Any:
    admin = AdminClient(ways_in(properties))
    admin.poll(0)  # serves a first token, where librdkafka makes it itself
    return admin
