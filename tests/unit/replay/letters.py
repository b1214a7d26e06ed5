"""Letters for tests, as the connector writes them."""

from __future__ import annotations

from connector.kafka import letters
from connector.kafka.letters import Headers
from connector.model import Letter, Reason, Rejection, TopicPartition
from connector.replay.letter import DeadLetter, read_letter

NOON = 1_772_366_400_000
"""2026-03-01T12:00:00Z in ms."""


class Stored:
    """A record of a topic, in the shape of `connector.model.Record`."""

    def __init__(
        self,
        place: TopicPartition,
        offset: int,
        value: bytes | None,
        key: bytes | None = None,
        headers: Headers | None = None,
        timestamp: int = NOON,
    ) -> None:
        self._place, self._offset = place, offset
        self._value, self._key, self._headers, self._timestamp = value, key, headers, timestamp

    def topic(self) -> str:
        return self._place.topic

    def partition(self) -> int:
        return self._place.partition

    def offset(self) -> int:
        return self._offset

    def timestamp(self) -> tuple[int, int]:
        return (1, self._timestamp) if self._timestamp else (0, 0)

    def key(self) -> bytes | None:
        return self._key

    def value(self) -> bytes | None:
        return self._value

    def headers(self) -> Headers | None:
        return self._headers


DEAD = TopicPartition("dead", 0)
SOURCE = TopicPartition("users", 1)


def event(hwid: str, **tags: object) -> bytes:
    written = ", ".join(f'"{name}": "{value}"' for name, value in (tags or {"plan": "pro"}).items())
    return f'{{"hwid": "{hwid}", "tags": {{{written}}}}}'.encode()


def letter(  # noqa: PLR0913 - what a test may vary
    offset: int = 0,
    source_offset: int = 10,
    *,
    value: bytes | None = None,
    reason: Reason = Reason.DEVICE_FAILED,
    key: bytes | None = b"key",
    headers: Headers | None = None,
    source: TopicPartition = SOURCE,
    timestamp: int = NOON,
    last_attempt: float = 0.0,
) -> DeadLetter:
    """Written by the connector's own code, then read back."""
    content = event("device-1") if value is None else value
    record = Stored(source, source_offset, content, key, headers, timestamp)
    refused = Letter(record, Rejection(reason, "said no"), last_attempt=last_attempt)
    written = letters.headers(refused, "group", "connector")
    return read_letter(Stored(DEAD, offset, content, key, written, timestamp))
