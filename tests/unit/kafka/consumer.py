"""The client of a broker that a test writes: what it has, what was asked of it, what is assigned."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from types import SimpleNamespace
from typing import Any

from confluent_kafka import OFFSET_END, OFFSET_INVALID, KafkaError, KafkaException, Message
from confluent_kafka import TopicPartition as KafkaTopicPartition

from connector.model import Position, TopicPartition

END = OFFSET_END
SILENT = KafkaError(KafkaError._TIMED_OUT, "no answer")
Given = Callable[[Any, list[KafkaTopicPartition]], Awaitable[None]]


async def nothing() -> None:
    """Take no time."""


class FakeConsumer:
    """`AIOConsumer` as far as the source uses it. Assigned partitions are in `places`, with their offset."""

    def __init__(self) -> None:
        self.log: dict[TopicPartition, tuple[int, int]] = {}
        """The first offset and the end; a partition that isn't here can't be asked about."""
        self.committed_offsets: dict[TopicPartition, Position] = {}
        self.unreadable: dict[TopicPartition, KafkaError] = {}
        """Partitions whose committed offset the broker can't tell."""
        self.topic_errors: dict[str, KafkaError] = {}
        """What the brokers say of topics that are not there."""
        self.silent = False
        self.hanging: set[TopicPartition] = set()
        """Partitions whose leader doesn't answer."""
        self.while_hanging: Callable[[], Awaitable[None]] = nothing
        self.asked: list[TopicPartition] = []
        """Whose limits were asked for."""
        self.topics_asked: list[str] = []
        self.messages: list[Message] = []
        self.failures: list[Exception] = []
        """Raised by the next fetches."""
        self.in_consume: list[Callable[[], Awaitable[None]]] = []
        """Called within the next fetches, as rebalances are."""
        self.refusals: list[Exception | KafkaError] = []
        """Raised by the next commits, or the answer about each of their partitions."""
        self.answers: asyncio.Event | None = None
        """Commits wait for it."""
        self.epoch = -1
        self.questions = 0
        self.places: dict[TopicPartition, int] = {}
        self.paused: set[TopicPartition] = set()
        self.properties: dict[str, Any] = {}
        self.topics: list[str] = []
        self.given: dict[str, Given] = {}
        self.closed = False

    async def subscribe(self, topics: list[str], **callbacks: Given) -> None:
        self.topics, self.given = topics, callbacks

    async def consume(self, number: int, wait: float) -> list[Message]:
        assert wait >= 0
        if self.failures:
            raise self.failures.pop(0)
        if self.in_consume:
            await self.in_consume.pop(0)()
        found, self.messages = self.messages[:number], self.messages[number:]
        return found

    async def commit(
        self, *, offsets: list[KafkaTopicPartition], asynchronous: bool
    ) -> list[KafkaTopicPartition]:
        assert not asynchronous
        if self.closed:
            raise RuntimeError("Consumer closed")
        if self.answers is not None:
            await self.answers.wait()
        refusal = self.refusals.pop(0) if self.refusals else None
        if isinstance(refusal, Exception):
            raise refusal
        if refusal is not None:
            return [Refused(one, refusal) for one in offsets]  # type: ignore[misc]  # an error can't be set
        for one in offsets:
            self.committed_offsets[ours(one)] = Position(one.offset, one.metadata or "")
        return offsets

    async def committed(
        self,
        asked: list[KafkaTopicPartition],
        timeout: float,  # noqa: ASYNC109  # the client's own name
    ) -> list[Any]:
        self._ask(timeout)
        found: list[Any] = []
        for one in asked:
            position = self.committed_offsets.get(ours(one), Position(OFFSET_INVALID, ""))
            error = self.unreadable.get(ours(one))
            answer = KafkaTopicPartition(
                one.topic, one.partition, position.offset, metadata=position.metadata
            )
            found.append(answer if error is None else Refused(one, error))
        return found

    async def list_topics(
        self,
        topic: str,
        timeout: float,  # noqa: ASYNC109  # the client's own name
    ) -> Any:
        assert 0 < timeout <= 5
        self.topics_asked.append(topic)
        if self.silent:
            raise KafkaException(SILENT)
        return SimpleNamespace(topics={topic: SimpleNamespace(error=self.topic_errors.get(topic))})

    async def get_watermark_offsets(
        self,
        one: KafkaTopicPartition,
        timeout: float,  # noqa: ASYNC109  # the client's own name
    ) -> tuple[int, int]:
        self._ask(timeout)
        self.asked.append(ours(one))
        if ours(one) in self.hanging:
            await self.while_hanging()
            raise KafkaException(SILENT)
        if ours(one) not in self.log:
            raise KafkaException(KafkaError(KafkaError._UNKNOWN_PARTITION, "unknown"))
        return self.log[ours(one)]

    async def offsets_for_times(
        self,
        places: list[KafkaTopicPartition],
        timeout: float,  # noqa: ASYNC109  # the client's own name
    ) -> list[KafkaTopicPartition]:
        self._ask(timeout)
        if any(ours(each) in self.hanging for each in places):
            await self.while_hanging()
            raise KafkaException(SILENT)
        return [KafkaTopicPartition(each.topic, each.partition, self.log[ours(each)][1]) for each in places]

    def _ask(self, limit: float) -> None:
        assert 0 < limit <= 5
        self.questions += 1
        if self.silent:
            raise KafkaException(SILENT)

    async def consumer_group_metadata(self) -> bytes:
        return b"CGMDv2:" + self.epoch.to_bytes(4, "little", signed=True) + b"rest"

    async def incremental_assign(self, given: list[KafkaTopicPartition]) -> None:
        for one in given:
            assert ours(one) not in self.places, "assigned twice"
            self.places[ours(one)] = one.offset

    async def incremental_unassign(self, given: list[KafkaTopicPartition]) -> None:
        for one in given:
            if self.places.pop(ours(one), None) is None:
                raise KafkaException(KafkaError(KafkaError._INVALID_ARG, "not assigned"))
            # What was paused stays paused, as with librdkafka: also when it is assigned again.

    async def pause(self, given: list[KafkaTopicPartition]) -> None:
        assert {ours(one) for one in given} <= set(self.places)
        self.paused.update(ours(one) for one in given)

    async def resume(self, given: list[KafkaTopicPartition]) -> None:
        assert {ours(one) for one in given} <= set(self.places)
        self.paused.difference_update(ours(one) for one in given)

    async def close(self) -> None:
        if self.places:
            await self.given["on_revoke"](self, theirs(self.places))
        self.closed = True


class Refused:
    """A partition of an answer that says an error."""

    def __init__(self, one: KafkaTopicPartition, error: KafkaError) -> None:
        self.topic, self.partition, self.offset, self.metadata = (
            one.topic,
            one.partition,
            OFFSET_INVALID,
            None,
        )
        self.error = error


def ours(one: KafkaTopicPartition) -> TopicPartition:
    return TopicPartition(one.topic, one.partition)


def theirs(partitions: Collection[TopicPartition]) -> list[KafkaTopicPartition]:
    return [KafkaTopicPartition(each.topic, each.partition) for each in partitions]


def messages(partition: TopicPartition, offsets: Sequence[int], error: int | None = None) -> list[Message]:
    """Records, or errors about these offsets."""
    failure = None if error is None else KafkaError(error, "why")
    return [
        Message(topic=partition.topic, partition=partition.partition, offset=each, value=b"v", error=failure)
        for each in offsets
    ]
