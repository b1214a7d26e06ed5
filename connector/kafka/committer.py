"""Offset commits of a group member: one that is waited for, one whose answer comes while records are fetched.

librdkafka sends a commit again and again while no broker is left, and a call that waits for it keeps
everybody else from the consumer: no record, no rebalance and no error is heard of (measured: for 150 s and
more). So only a rebalance's callback waits, in which nothing could be fetched anyway.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka import TopicPartition as KafkaTopicPartition
from confluent_kafka.aio import AIOConsumer

from connector.kafka.commits import CommitRefused, refusal
from connector.kafka.errors import error_in
from connector.model import Position, TopicPartition


@dataclass(eq=False)
class _Asked:
    positions: dict[TopicPartition, Position]
    answer: asyncio.Future[None]


class Committer:
    """Commits for the partitions that this member `owns`. `client` gives the consumer, which is made later.

    `notice` is told of each error, `works` of each success. `answered` is the consumer's `on_commit`.
    """

    def __init__(
        self,
        client: Callable[[], AIOConsumer],
        owns: Callable[[TopicPartition], bool],
        notice: Callable[[KafkaError], None],
        works: Callable[[], None],
    ) -> None:
        self._client = client
        self._owns = owns
        self._notice = notice
        self._works = works
        self._asked: list[_Asked] = []

    async def commit(self, positions: Mapping[TopicPartition, Position]) -> None:
        """Commit, and wait for the broker. Raises CommitRefused."""
        offsets = _offsets(self._ours(positions))
        if not offsets:
            return
        try:
            done = await self._client().commit(offsets=offsets, asynchronous=False)
        except (KafkaException, RuntimeError) as exception:
            raise self._refused(exception) from exception
        self._look_at(None, done)

    async def begin(self, positions: Mapping[TopicPartition, Position]) -> asyncio.Future[None]:
        """Commit. The broker's answer, perhaps a CommitRefused, ends the future while records are fetched.

        Who does not want the answer any more cancels it.
        """
        asked = _Asked(self._ours(positions), asyncio.get_running_loop().create_future())
        self._asked = [each for each in self._asked if not each.answer.cancelled()]
        try:
            if asked.positions:
                await self._client().commit(offsets=_offsets(asked.positions), asynchronous=True)
                self._asked.append(asked)
            else:
                asked.answer.set_result(None)
        except CommitRefused as refused:
            asked.answer.set_exception(refused)
        except (KafkaException, RuntimeError) as exception:
            asked.answer.set_exception(self._refused(exception))
        return asked.answer

    async def answered(self, error: KafkaError | None, offsets: Sequence[KafkaTopicPartition]) -> None:
        """The broker's answer to a commit that was begun; they may come in another order."""
        told = {TopicPartition(each.topic, each.partition): _position(each) for each in offsets}
        asked = next((each for each in self._asked if each.positions == told or not told), None)
        if asked is None:
            return
        self._asked.remove(asked)
        if asked.answer.done():
            return
        try:
            self._look_at(error, offsets)
        except CommitRefused as refused:
            asked.answer.set_exception(refused)
        else:
            asked.answer.set_result(None)

    def _ours(self, positions: Mapping[TopicPartition, Position]) -> dict[TopicPartition, Position]:
        return {partition: position for partition, position in positions.items() if self._owns(partition)}

    def _look_at(self, error: KafkaError | None, offsets: Sequence[KafkaTopicPartition]) -> None:
        """Raise what the answer says is wrong, if anything is: of all, or of one partition."""
        for each in (error, *(each.error for each in offsets)):
            if each is not None:
                self._notice(each)
                raise refusal(each)
        self._works()

    def _refused(self, exception: KafkaException | RuntimeError) -> CommitRefused:
        if isinstance(exception, RuntimeError):  # AIOConsumer, once closed
            return CommitRefused("closed", str(exception))
        error = error_in(exception)
        if error is None:
            return CommitRefused("retry", str(exception))
        self._notice(error)
        return refusal(error)


def _offsets(positions: Mapping[TopicPartition, Position]) -> list[KafkaTopicPartition]:
    return [
        KafkaTopicPartition(p.topic, p.partition, position.offset, metadata=position.metadata)
        for p, position in positions.items()
    ]


def _position(offset: KafkaTopicPartition) -> Position:
    return Position(offset.offset, offset.metadata or "")
