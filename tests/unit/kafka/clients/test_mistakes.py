"""librdkafka's properties that can't be set, or not so: all of them, each by its name."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

from connector.kafka.clients.mistakes import mistakes
from connector.values import Properties


def problems(properties: dict[str, str], *, exactly_once: bool = True) -> dict[str, str]:
    return dict(mistakes(Properties(properties), exactly_once=exactly_once))


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


def test_what_the_brokers_decide_is_named_beside_all_others() -> None:
    own = {"session.timeout.ms": "9000", "heartbeat.interval.ms": "900"}
    found = problems({"group.protocol": "consumer", "acks": "1", "enable.auto.commit": "true", **own})

    assert set(found) == {"acks", "enable.auto.commit", *own}
    assert "group.protocol=consumer" in found["session.timeout.ms"]


def test_a_secret_in_librdkafkas_own_words_is_masked(tmp_path: Path) -> None:
    """Its complaints repeat values; none of a property that is a secret by its name."""
    secret = tmp_path / "hush"
    found = problems({"ssl.key.pem": str(secret), "security.protocol": "ssl", "plugin.library.paths": "nope"})

    assert "hush" not in "".join(found.values())
    assert "plugin.library.paths" in found


@pytest.mark.parametrize(
    ("properties", "named", "other"),
    [
        ({"heartbeat.interval.ms": "20000"}, "heartbeat.interval.ms", "session.timeout.ms"),
        ({"heartbeat.interval.ms": "10000"}, "heartbeat.interval.ms", "session.timeout.ms"),
        ({"session.timeout.ms": "900"}, "session.timeout.ms", "heartbeat.interval.ms"),
    ],
)
def test_of_a_heartbeat_no_sooner_than_the_end_of_the_session_that_is_named_which_is_set(
    properties: dict[str, str], named: str, other: str
) -> None:
    assert other in problems(properties)[named]
