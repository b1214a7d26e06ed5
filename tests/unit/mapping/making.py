"""Records and mappings for tests."""

from __future__ import annotations

import json
from collections.abc import Mapping as Table
from typing import Any

from connector.core.reading.decode import Interpreter
from connector.core.reading.event import Event
from connector.mapping.mapping import MappedDecoder, plain_json
from connector.mapping.reading import Given, Problem, entry_problems, mappings, topic_problems
from connector.model import Content, Rejection, TopicPartition
from tests.records import ARecord


def problems(given: Given) -> list[Problem]:
    """Everything that is wrong; a configuration asks for both parts at different times."""
    return [*entry_problems(given), *topic_problems(given)]


ORDERS = TopicPartition("orders", 0)


def given(
    table: Table[str, Any],
    content: Content = Content.TAGS,
    by_topic: Table[str, Any] | None = None,
    *,
    key_is_hwid: bool = False,
) -> Given:
    return Given(table, by_topic or {}, {"orders": content}, key_is_hwid)


def wrong(
    table: Table[str, Any], content: Content = Content.TAGS, by_topic: Table[str, Any] | None = None
) -> dict[str, str]:
    """What is wrong with it, by name."""
    return {each.name: each.words for each in problems(given(table, content, by_topic))}


def interpreter(table: Table[str, Any], content: Content = Content.TAGS) -> Interpreter:
    """What reads the records of a topic with this mapping."""
    found = problems(given(table, content))
    assert not found
    mapping = mappings(given(table, content))["orders"]
    return Interpreter(content, MappedDecoder(content, mapping, plain_json))


def read(
    table: Table[str, Any], value: Any, content: Content = Content.TAGS, **around: Any
) -> Event | Rejection | None:
    """What a record becomes; a value that isn't bytes is written as JSON."""
    raw = value if isinstance(value, bytes) or value is None else json.dumps(value).encode()
    (outcome,) = interpreter(table, content).read([ARecord(raw, place=ORDERS, **around)])
    return outcome


def sent(table: Table[str, Any], value: Any, content: Content = Content.TAGS, **around: Any) -> Any:
    """The row that is sent for a record."""
    outcome = read(table, value, content, **around)
    assert isinstance(outcome, Event), outcome
    return json.loads(outcome.row)


def refused(table: Table[str, Any], value: Any, content: Content = Content.TAGS, **around: Any) -> str:
    """Why a record is refused: reason and detail."""
    outcome = read(table, value, content, **around)
    assert isinstance(outcome, Rejection), outcome
    return f"{outcome.reason}: {outcome.detail}"
