"""Records, and shorthands for what decoding makes of them."""

import json
from dataclasses import dataclass, field
from typing import Any

from connector.core.decode import Interpreter
from connector.model import Content, Event, Rejection


@dataclass
class FakeRecord:
    """A record in the shape of `confluent_kafka.Message`."""

    payload: bytes | None
    name: bytes | None = None
    position: int = 7
    time: tuple[int, int] = (1, 1_700_000_000_123)
    extra: list[tuple[str, bytes | None]] = field(default_factory=list)

    def topic(self) -> str:
        return "t"

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return self.position

    def timestamp(self) -> tuple[int, int]:
        return self.time

    def key(self) -> bytes | None:
        return self.name

    def value(self) -> bytes | None:
        return self.payload

    def headers(self) -> list[tuple[str, bytes | None]] | None:
        return self.extra


Outcome = Event | Rejection | None


def read(
    value: object, content: Content = Content.TAGS, *, key: bytes | None = None, **options: Any
) -> Outcome:
    """Read one record; a value that isn't bytes is written as JSON."""
    payload = value if isinstance(value, bytes) else json.dumps(value).encode()
    [outcome] = Interpreter(content, **options).read([FakeRecord(payload, key)])
    return outcome


def event(value: object, content: Content = Content.TAGS, **options: Any) -> Event:
    outcome = read(value, content, **options)
    assert isinstance(outcome, Event), outcome
    return outcome


def rejection(value: object, content: Content = Content.TAGS, **options: Any) -> Rejection:
    outcome = read(value, content, **options)
    assert isinstance(outcome, Rejection), outcome
    return outcome


def row(value: object, content: Content = Content.TAGS, **options: Any) -> Any:
    return json.loads(event(value, content, **options).row)


PHONE = {"hwid": "A1", "push_token": "t0", "platform": "ios"}
