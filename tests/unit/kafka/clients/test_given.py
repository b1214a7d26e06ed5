"""librdkafka's properties that an operator gives, and to whom they go."""

from __future__ import annotations

from typing import Any

import pytest
from confluent_kafka import Consumer, Producer

from connector.kafka.clients.given import to_admin, to_consumer, to_producer
from connector.kafka.clients.properties import consumer_properties, producer_properties
from connector.settings import Kafka
from connector.values import Properties


def kafka(**properties: str) -> Kafka:
    named = {name.replace("__", "."): value for name, value in properties.items()}
    return Kafka(
        bootstrap_servers="127.0.0.1:1",
        group_id="g",
        dead_letter_topic="dead",
        properties=Properties(named),
    )


def test_each_client_gets_what_is_its_own_and_what_is_everybodys() -> None:
    given = kafka(linger__ms="7", fetch__min__bytes="2", client__id="me")

    assert to_consumer(given) == {
        "bootstrap.servers": "127.0.0.1:1",
        "group.id": "g",
        "fetch.min.bytes": "2",
        "client.id": "me",
    }
    assert to_producer(given) == {"bootstrap.servers": "127.0.0.1:1", "linger.ms": "7", "client.id": "me"}
    assert to_admin(given) == {"bootstrap.servers": "127.0.0.1:1", "client.id": "me"}


def test_librdkafka_warns_of_nothing_that_a_client_gets(capfd: pytest.CaptureFixture[str]) -> None:
    """It would say `is a consumer property and will be ignored by this producer instance`."""
    given = kafka(linger__ms="7", acks="all", fetch__min__bytes="2", session__timeout__ms="9000", retries="5")
    aloud: dict[str, Any] = {"logger": None, "bootstrap.servers": ""}

    consumer = Consumer(without_logger(consumer_properties(to_consumer(given))[0] | aloud))
    consumer.close()
    Producer(without_logger(producer_properties(to_producer(given), "id") | aloud))

    assert "property" not in capfd.readouterr().err


def without_logger(properties: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in properties.items() if name != "logger"}
