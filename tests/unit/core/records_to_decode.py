"""Records, and shorthands for what decoding makes of them."""

import json
from typing import Any

from connector.core.reading.decode import Interpreter
from connector.core.reading.event import Decoded, Event
from connector.model import Content, Rejection
from tests.records import ARecord


def read(
    value: object, content: Content = Content.TAGS, *, key: bytes | None = None, **options: Any
) -> Decoded:
    """Read one record; a value that isn't bytes is written as JSON."""
    payload = value if isinstance(value, bytes) else json.dumps(value).encode()
    [outcome] = Interpreter(content, **options).read([ARecord(payload, key=key)])
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
