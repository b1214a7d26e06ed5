"""Letters for tests, as the connector writes them."""

from __future__ import annotations

from connector.kafka.letters import letter as letters
from connector.kafka.letters.letter import Headers
from connector.model import Letter, Reason, Rejection, TopicPartition
from connector.replay.letter import DeadLetter, read_letter
from tests.records import ARecord

NOON = 1_772_366_400_000
"""2026-03-01T12:00:00Z in ms."""


def stored(
    place: TopicPartition,
    offset: int,
    value: bytes | None,
    key: bytes | None = None,
    headers: Headers | None = None,
    timestamp: int = NOON,
) -> ARecord:
    """A record of a topic; `timestamp` in ms, 0 where it has none."""
    time = (1, timestamp) if timestamp else (0, 0)
    return ARecord(value, key=key, headers=headers, place=place, offset=offset, timestamp=time)


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
    record = stored(source, source_offset, content, key, headers, timestamp)
    refused = Letter(record, Rejection(reason, "said no"), last_attempt=last_attempt)
    written = letters.headers(refused, "group", "connector")
    return read_letter(stored(DEAD, offset, content, key, written, timestamp))
