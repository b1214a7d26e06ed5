"""Commits positions for a group member.

Given: positions. Gives: nothing, or `CommitRefused` with the reason. Whether to try again is the caller's to
decide, except at a revocation.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka import TopicPartition as KafkaTopicPartition
from confluent_kafka.aio import AIOConsumer

from connector.kafka.errors import error_in
from connector.kafka.group.commit_refused import CommitRefused, refusal
from connector.model import Position, TopicPartition

REVOKE_LIMIT = 5.0
"""Seconds for the commit in the revocation callback: the group waits meanwhile."""
AGAIN_AFTER = 0.05
"""Seconds until the next try of a commit in the revocation callback."""


class Committer:
    """Commits positions of the partitions that this member `owns`. `client` returns the consumer.

    `notice` gets each error, `works` is called at each success. `clock` is monotonic, in seconds.
    """

    def __init__(
        self,
        client: Callable[[], AIOConsumer],
        owns: Callable[[TopicPartition], bool],
        notice: Callable[[KafkaError], None],
        works: Callable[[], None],
        clock: Callable[[], float],
    ) -> None:
        self._client = client
        self._owns = owns
        self._notice = notice
        self._works = works
        self._clock = clock
        self.waiting_since: float | None = None
        """When the oldest commit without an answer was sent; None if there is none. It counts even after a
        hand-over has given it up, because the consumer's other calls wait behind it."""

    async def commit(self, positions: Mapping[TopicPartition, Position]) -> None:
        """Commit, and wait for the broker. Raises CommitRefused.

        The wait has no limit, because librdkafka retries a commit after some errors: one that nobody waited
        for could arrive after a later commit and undo it.
        """
        offsets = [
            KafkaTopicPartition(p.topic, p.partition, position.offset, metadata=position.metadata)
            for p, position in positions.items()
            if self._owns(p)
        ]
        if not offsets:
            return
        try:
            done = await self._answer(offsets)
        except (KafkaException, RuntimeError) as exception:
            raise self._refused(exception) from exception
        for each in done:
            if each.error is not None:
                self._notice(each.error)
                raise refusal(each.error)
        self._works()

    async def commit_last(self, positions: Mapping[TopicPartition, Position]) -> None:
        """Commit within the limit, or give it up: the next owner then repeats more."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(REVOKE_LIMIT):
                while True:
                    if await self._over(positions):
                        return
                    await asyncio.sleep(AGAIN_AFTER)

    async def _over(self, positions: Mapping[TopicPartition, Position]) -> bool:
        """Commit; return whether there is nothing left to try."""
        try:
            await self.commit(positions)
        except CommitRefused as refused:
            return refused.kind != "retry"
        return True

    async def _answer(self, offsets: list[KafkaTopicPartition]) -> list[KafkaTopicPartition]:
        before = self.waiting_since
        self.waiting_since = self._clock() if before is None else before
        try:
            done: list[KafkaTopicPartition] = await self._client().commit(offsets=offsets, asynchronous=False)
        except (KafkaException, RuntimeError):
            self.waiting_since = before
            raise
        self.waiting_since = before
        return done

    def called(self, waited_since: float | None) -> None:
        """Note that another call on the consumer has returned; `waited_since` is `waiting_since` as it began.

        Calls wait for each other, so a commit that had no answer then no longer holds anything up.
        """
        if self.waiting_since == waited_since:
            self.waiting_since = None

    def _refused(self, exception: KafkaException | RuntimeError) -> CommitRefused:
        if isinstance(exception, RuntimeError):  # AIOConsumer, once closed; or there is none
            return CommitRefused("closed", str(exception))
        error = error_in(exception)
        if error is None:
            return CommitRefused("retry", str(exception))
        self._notice(error)
        return refusal(error)
