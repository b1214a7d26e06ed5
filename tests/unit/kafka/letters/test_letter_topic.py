"""Whether letters can be written to the topic, by what brokers tell of it."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest

from connector.kafka.letters import letter_topic
from connector.kafka.letters.letter_topic import check_replicas
from connector.kafka.letters.unwritable import LettersUnwritable


def told(what: object) -> Future[Any]:
    future = Future[Any]()
    future.set_result(what)
    return future


def ask(monkeypatch: pytest.MonkeyPatch, settings: Mapping[str, str | None], in_sync: int) -> None:
    """Ask brokers with these settings; the topic's partition has three replicas."""
    partition = SimpleNamespace(id=0, isr=[*range(in_sync)], replicas=[0, 1, 2])
    entries = {name: SimpleNamespace(value=value) for name, value in settings.items()}

    class Admin:
        def __init__(self, _: object) -> None: ...

        def poll(self, _: float) -> None: ...

        def describe_topics(self, *_: object, **__: object) -> dict[str, Future[Any]]:
            return {"dead": told(SimpleNamespace(partitions=[partition]))}

        def describe_configs(self, resources: list[object], **_: object) -> dict[object, Future[Any]]:
            return {resources[0]: told(entries)}

    monkeypatch.setattr(letter_topic, "AdminClient", Admin)
    check_replicas({}, "dead")


def test_where_too_few_are_in_sync_it_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LettersUnwritable, match="partition 0 has 1") as raised:
        ask(monkeypatch, {"min.insync.replicas": "2"}, in_sync=1)
    assert raised.value.kind == "too_few_replicas"


@pytest.mark.parametrize(
    ("settings", "in_sync"),
    [
        ({"min.insync.replicas": "2"}, 2),
        ({"min.insync.replicas": "4"}, 3),
        ({"min.insync.replicas": None}, 1),
        ({"retention.ms": "1"}, 1),
        ({}, 1),
    ],
    ids=["enough", "more than there are", "no value", "no such setting", "no settings"],
)
def test_otherwise_it_has_to_be_tried(
    monkeypatch: pytest.MonkeyPatch, settings: Mapping[str, str | None], in_sync: int
) -> None:
    ask(monkeypatch, settings, in_sync)
