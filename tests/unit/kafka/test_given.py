"""librdkafka's properties that an operator gives: to whom they go, and which are refused."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer

from connector.kafka.given import mistakes, to_admin, to_consumer, to_producer
from connector.kafka.properties import consumer_properties, producer_properties
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


def problems(properties: dict[str, str], *, exactly_once: bool = True) -> dict[str, str]:
    return dict(mistakes(Properties(properties), exactly_once=exactly_once))


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


@pytest.mark.parametrize(
    "properties",
    [
        {},
        {"group.protocol": "consumer"},
        {"isolation.level": "read_committed", "acks": "-1", "enable.idempotence": "true"},
        {"partition.assignment.strategy": "cooperative-sticky"},
        {"group.instance.id": "a", "max.in.flight": "5", "compression.codec": "zstd"},
        {"sasl.mechanism": "PLAIN", "sasl.username": "u", "sasl.password": "p"},
        {"message.timeout.ms": "5000"},
        {"transaction.timeout.ms": "5000"},
        {"ssl.ca.location": "probe", "security.protocol": "ssl"},
    ],
)
@pytest.mark.parametrize("exactly_once", [True, False])
def test_properties_that_are_fine_are_fine(properties: dict[str, str], exactly_once: bool) -> None:
    with warnings.catch_warnings():
        assert problems(properties, exactly_once=exactly_once) == {}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("enable.auto.commit", "true"),
        ("enable.auto.commit", "false"),
        ("enable.auto.offset.store", "true"),
        ("auto.commit.interval.ms", "5"),
        ("enable.partition.eof", "false"),
        ("isolation.level", "read_uncommitted"),
        ("partition.assignment.strategy", "range"),
        ("partition.assignment.strategy", "cooperative-sticky,range"),
        ("group.id", "x"),
        ("bootstrap.servers", "x"),
        ("metadata.broker.list", "x"),
        ("transactional.id", "x"),
        ("enable.idempotence", "false"),
        ("acks", "1"),
        ("request.required.acks", "0"),
        ("max.in.flight", "6"),
        ("transaction.timeout.ms", "900000"),
        ("enable.gapless.guarantee", "true"),
        ("error_cb", "x"),
        ("on_delivery", "x"),
        ("sasl.jaas.config", "org.apache.kafka ... password=hush"),
        ("test.mock.num.brokers", "3"),
    ],
)
def test_what_the_guarantees_rest_on_is_refused_with_the_reason(name: str, value: str) -> None:
    found = problems({name: value})

    assert list(found) == [name]
    assert len(found[name]) > 10
    assert "hush" not in found[name]


@pytest.mark.parametrize(
    ("properties", "name"),
    [
        ({"no.such.thing": "1"}, "no.such.thing"),
        ({"linger.ms": "soon"}, "linger.ms"),
        ({"statistics.interval.ms": "-5"}, "statistics.interval.ms"),
        ({"security.protocol": "tls"}, "security.protocol"),
        ({"ssl.ca.location": "/no/such/file"}, "ssl.ca.location"),
        ({"group.protocol": "consumer", "session.timeout.ms": "10000"}, "session.timeout.ms"),
        ({"group.protocol": "consumer", "heartbeat.interval.ms": "1000"}, "heartbeat.interval.ms"),
        ({"security.protocol": "sasl_ssl", "sasl.mechanism": "SCRAM-SHA-512"}, ""),
        ({"message.timeout.ms": "300000"}, "message.timeout.ms"),
        ({"security.protocol": "ssl", "ssl.key.pem": "hush"}, "ssl.key.pem"),
    ],
)
def test_what_librdkafka_will_not_take_is_named(properties: dict[str, str], name: str) -> None:
    found = problems(properties)

    assert list(found) == [name]
    assert "hush" not in found[name]


def test_all_mistakes_are_found_at_once() -> None:
    found = problems({"linger.ms": "x", "no.such": "1", "acks": "1", "client.id": "fine"})

    assert set(found) == {"linger.ms", "no.such", "acks"}


def test_a_secret_in_librdkafkas_own_words_is_masked(tmp_path: Path) -> None:
    """Its complaints repeat values; none of a property that is a secret by its name."""
    secret = tmp_path / "hush"
    found = problems({"ssl.key.pem": str(secret), "security.protocol": "ssl", "plugin.library.paths": "nope"})

    assert "hush" not in "".join(found.values())
    assert "plugin.library.paths" in found
