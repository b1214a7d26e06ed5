"""librdkafka's statistics, as far as they are read."""

from __future__ import annotations

import json

import pytest

from connector.kafka.group.statistics import parse
from connector.model import TopicPartition


def _broker(**fields: object) -> dict[str, object]:
    return {"state": "UP", "stateage": 5_000_000, "nodeid": 1, "rtt": {"avg": 2000, "cnt": 3}, **fields}


def test_round_trip_and_ends_are_read() -> None:
    partitions = {
        "0": {"partition": 0, "hi_offset": 12, "ls_offset": 10},
        "1": {"partition": 1, "hi_offset": 7, "ls_offset": -1001},
        "2": {"partition": 2, "hi_offset": -1001, "ls_offset": -1001},
        "-1": {"partition": -1, "hi_offset": -1001, "ls_offset": -1001},
    }
    report = {
        "brokers": {"b1": _broker(), "b2": _broker(rtt={"avg": 9000, "cnt": 1})},
        "topics": {"t": {"topic": "t", "partitions": partitions}},
        "unknown": [1],
    }
    found = parse(json.dumps(report))
    assert found.round_trip == pytest.approx(0.009)
    assert found.connected
    assert found.ends == {TopicPartition("t", 0): 10, TopicPartition("t", 1): 7}
    assert found.log_ends == {TopicPartition("t", 0): 12, TopicPartition("t", 1): 7}


@pytest.mark.parametrize("fields", [{"state": "DOWN"}, {"stateage": 100}])
def test_a_broker_that_is_down_or_just_up_is_no_connection(fields: dict[str, object]) -> None:
    assert not parse(json.dumps({"brokers": {"b": _broker(**fields)}})).connected


def test_an_empty_report_says_nothing() -> None:
    assert parse("{}") == parse('{"brokers": {}, "topics": {}}')
    assert parse("{}").round_trip is None
