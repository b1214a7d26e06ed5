"""Properties of librdkafka that the guarantees rest on."""

from __future__ import annotations

import pytest

from connector.kafka.clients.forbidden import LONGEST_TRANSACTION, why_forbidden


@pytest.mark.parametrize("name", ["linger.ms", "sasl.mechanism", "ssl.ca.location", "fetch.wait.max.ms"])
def test_what_is_not_named_may_be_set(name: str) -> None:
    assert why_forbidden(name, "anything") == ""


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("enable.auto.commit", "committed by the connector alone"),
        ("group.id", "kafka.group_id"),
        ("ssl.truststore.location", "set ssl.ca.location"),
        ("stats_cb", "needs code"),
        ("on_delivery", "needs code"),
    ],
)
def test_what_can_never_be_set_says_why_and_what_to_set_instead(name: str, words: str) -> None:
    assert words in why_forbidden(name, "true")


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("isolation.level", "read_committed", "read_uncommitted"),
        ("acks", " ALL ", "1"),
        ("acks", "-1", "0"),
        ("max.in.flight", "5", "6"),
        ("transaction.timeout.ms", str(LONGEST_TRANSACTION), str(LONGEST_TRANSACTION + 1)),
        ("partition.assignment.strategy", "cooperative-sticky", "range"),
    ],
)
def test_some_may_have_certain_values_only(name: str, right: str, wrong: str) -> None:
    assert why_forbidden(name, right) == ""
    assert why_forbidden(name, wrong).startswith(("only ", "at most "))
