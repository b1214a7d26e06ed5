"""Sending to the source where librdkafka doesn't do what it is asked for."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from connector.kafka.letters import producer_steps as steps
from connector.model import Position
from connector.options import Failed
from connector.replay.sending import SourceSender
from tests.settings import with_environment
from tests.unit.replay.letters import DEAD


class Hanging:
    """A producer whose group has no coordinator: what asks for one never comes back."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.ended = threading.Event()

    def begin_transaction(self) -> None:
        self.calls.append("begin")

    def flush(self, _: float) -> int:
        return 0

    def send_offsets_to_transaction(self, *_: Any) -> None:
        self.calls.append("offsets")
        self.ended.wait()

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} would hang too")


class NoReader:
    """Gives metadata of a group."""

    group = "group-dead-letters-replay"

    def group_metadata(self) -> None:
        return None


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hanging]:
    producer = Hanging()
    monkeypatch.setattr(steps, "opened", lambda _: producer)
    monkeypatch.setattr(steps, "STEP_LIMIT", 0.01)
    monkeypatch.setattr(steps, "GRACE", 0.01)
    yield producer
    producer.ended.set()


@pytest.mark.timeout(20)
def test_a_group_without_a_coordinator_ends_it_in_time_and_says_so(hanging: Hanging) -> None:
    reader: Any = NoReader()
    sender = SourceSender(with_environment().kafka, reader, {})
    for _ in range(2):
        with pytest.raises(Failed, match=r"coordinator can't be reached.*nothing of this batch was sent"):
            sender.send((), {DEAD: Position(1, "")})
    assert hanging.calls == ["begin", "offsets"] * 2
