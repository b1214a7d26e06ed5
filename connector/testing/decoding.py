"""What records become, by one's own decoder or by one's own settings: read as `run` reads them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from connector.core.reading.decode import Decoder, Interpreter
from connector.core.reading.event import Decoded
from connector.interpreters import interpreters, patiently
from connector.model import Content
from connector.settings import Settings


class SampleRecord:
    """One record, in the shape of `connector.Record`. What is no bytes, text or None is written as JSON.

    `timestamp` is in milliseconds since the epoch; 0 means that it has none.
    """

    def __init__(
        self,
        body: Any,
        *,
        headers: Mapping[str, bytes | None] | None = None,
        key: bytes | str | None = None,
        topic: str = "events",
        offset: int = 0,
        timestamp: int = 0,
    ) -> None:
        encoded = body.encode() if isinstance(body, str) else body
        self._value = encoded if encoded is None or isinstance(encoded, bytes) else msgspec.json.encode(body)
        self._headers = list((headers or {}).items())
        self._key = key.encode() if isinstance(key, str) else key
        self._topic = topic
        self._offset = offset
        self._timestamp = timestamp

    def topic(self) -> str:
        return self._topic

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return self._offset

    def timestamp(self) -> tuple[int, int]:
        return (1, self._timestamp) if self._timestamp else (0, -1)

    def key(self) -> bytes | None:
        return self._key

    def value(self) -> bytes | None:
        return self._value

    def headers(self) -> list[tuple[str, bytes | None]] | None:
        return [*self._headers] or None


def read(
    body: Any, decoder: Decoder | None = None, content: Content | str = Content.TAGS, **around: Any
) -> Decoded:
    """Return what one record becomes: an `Event`, a `Rejection` that says why not, or None: it is skipped.

    `decoder` is a function as `kafka.decoder` names it; without one it is the built-in JSON decoder, for a
    topic of this `content` (`tags`, `registrations`, `mixed`). `around` is what the record has beside its
    value, as `SampleRecord` takes it. Of what a decoder may raise only `DecoderUnavailable` comes through.
    """
    (outcome,) = Interpreter(Content(content), decoder).read([SampleRecord(body, **around)])
    return outcome


def outcomes(settings: Settings, topic: str, bodies: Iterable[Any], **around: Any) -> list[Decoded]:
    """Return what records of a configured topic become: its decoder, mapping, schemas and limits, no broker.

    Raises ValueError where the settings don't name the topic.
    """
    found = interpreters(settings)
    if topic not in found:
        raise ValueError(f"{topic!r} is none of the configured topics: {', '.join(found)}")
    records = [SampleRecord(body, topic=topic, offset=number, **around) for number, body in enumerate(bodies)]
    return [*patiently(found[topic], records)]
