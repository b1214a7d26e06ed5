"""A Kafka record for tests that need no client, in the shape of `connector.model.Record`."""

from __future__ import annotations

from connector.model import TopicPartition

Headers = list[tuple[str, bytes | None]]

PLACE = TopicPartition("events", 0)
WRITTEN_AT = 1_700_000_000_000
"""In ms since the epoch."""


class ARecord:
    """A test says what matters to it. `timestamp` is kind and ms: (0, -1) for a record that has none."""

    def __init__(
        self,
        value: bytes | None,
        *,
        key: bytes | None = None,
        headers: Headers | None = None,
        place: TopicPartition = PLACE,
        offset: int = 7,
        timestamp: tuple[int, int] = (1, WRITTEN_AT),
    ) -> None:
        self._value, self._key, self._headers = value, key, headers
        self._place, self._offset, self._timestamp = place, offset, timestamp

    def topic(self) -> str:
        return self._place.topic

    def partition(self) -> int:
        return self._place.partition

    def offset(self) -> int:
        return self._offset

    def timestamp(self) -> tuple[int, int]:
        return self._timestamp

    def key(self) -> bytes | None:
        return self._key

    def value(self) -> bytes | None:
        return self._value

    def headers(self) -> Headers | None:
        return self._headers
