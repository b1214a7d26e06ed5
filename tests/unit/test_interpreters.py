"""Which topic is read as what."""

from __future__ import annotations

from connector.interpreters import interpreters
from connector.model import Content
from tests.settings import with_environment


def test_each_topic_is_read_as_what_it_carries() -> None:
    given = with_environment(
        CONNECTOR_KAFKA_REGISTRATIONS_TOPICS="devices", CONNECTOR_KAFKA_MIXED_TOPICS="all"
    )
    found = interpreters(given)
    assert {topic: each._content for topic, each in found.items()} == {
        "tags": Content.TAGS,
        "devices": Content.REGISTRATIONS,
        "all": Content.MIXED,
    }
