"""The consumer against a real broker: what a commit carries, and which has no answer or is refused."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from connector.kafka.group.commit_refused import CommitRefused
from connector.kafka.group.committer import REVOKE_LIMIT
from connector.model import Position, TopicPartition
from tests.broker import Broker
from tests.integration.kafka.member import Member
from tests.kafka.client import Kafka

pytestmark = pytest.mark.broker

PROTOCOLS = ["classic", "consumer"]
LONGEST = "ä" * 5 + "x" * (4095 - 10)
"""4,095 bytes of UTF-8: the most that a broker takes beside the binding's trailing NUL."""
SENT_WITHIN = 0.2
"""Seconds within which a request has left the client. Nothing tells that it has, where nobody answers."""
HAND_OVER = 0.5
"""Seconds that `Freezing` gives its last commit."""
GIVEN_UP_AFTER = HAND_OVER + REVOKE_LIMIT + 0.5
"""Seconds after which a hand-over waits for no commit any more."""


async def test_the_longest_metadata_comes_back_whole(kafka: Kafka) -> None:
    topic, group = kafka.create_topic(), kafka.name("group")
    kafka.produce(topic, [(b"k", b"v")] * 10)
    partition = TopicPartition(topic, 0)
    async with Member(kafka.bootstrap, group, [topic]) as member:
        await member.until(lambda: len(member.records) == 10)
        assert member.all_starts[0].offset == 0
        assert member.all_starts[0].metadata == ""
        await member.source.commit({partition: Position(7, LONGEST)})
    async with Member(kafka.bootstrap, group, [topic]) as member:
        await member.until(lambda: len(member.records) == 3)
        assert member.starts[partition].metadata == LONGEST
        assert member.offsets() == [7, 8, 9]


async def test_metadata_that_is_too_long_is_refused_as_such(kafka: Kafka) -> None:
    topic = kafka.create_topic()
    async with Member(kafka.bootstrap, kafka.name("group"), [topic]) as member:
        await member.until(lambda: member.starts)
        with pytest.raises(CommitRefused) as refused:
            await member.source.commit({TopicPartition(topic, 0): Position(0, "x" * 4096)})
        assert refused.value.kind == "too_large"


async def test_a_partition_that_is_not_owned_is_not_committed(kafka: Kafka) -> None:
    topic, group = kafka.create_topic(partitions=2), kafka.name("group")
    gone = TopicPartition(topic, 7)
    async with Member(kafka.bootstrap, group, [topic]) as member:
        await member.until(lambda: len(member.starts) == 2)
        await member.source.commit({gone: Position(1, ""), TopicPartition(topic, 0): Position(0, "x")})
    assert list(kafka.committed(group)) == [TopicPartition(topic, 0)]


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_commit_in_flight_when_the_last_broker_dies_is_answered_once_one_is_back(
    tmp_path: Path, protocol: str
) -> None:
    broker = Broker(tmp_path / "broker")
    broker.start()
    kafka = Kafka(broker.bootstrap)
    topic, group = kafka.create_topic(), kafka.name("group")
    kafka.produce(topic, [(b"k", b"v")] * 4)
    partition = TopicPartition(topic, 0)
    try:
        async with Member(broker.bootstrap, group, [topic], group_protocol=protocol) as member:
            await member.until(lambda: len(member.records) == 4)
            await member.stop_fetching()  # as one coroutine makes all calls
            broker.freeze()
            commit = asyncio.create_task(member.source.commit({partition: Position(3, "a checkpoint")}))
            await asyncio.sleep(SENT_WITHIN)
            broker.kill()
            assert member.source.waits()
            assert not (await asyncio.wait({commit}, timeout=3))[0]
            broker.start()
            async with asyncio.timeout(30):
                await commit
            assert not member.source.waits()
            assert kafka.committed(group) == {partition: Position(3, "a checkpoint")}
    finally:
        broker.kill()


class Freezing(Member):
    """Its broker freezes when it is to hand over for the first time, and its last commit takes too long."""

    broker: Broker

    async def revoked(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, Position]:
        if not self.let_go:
            self.broker.freeze()
        with suppress(TimeoutError):
            async with asyncio.timeout(HAND_OVER):
                await self.source.commit(self.hand_over)
        return await super().revoked(partitions)


async def test_a_commit_that_a_hand_over_gives_up_keeps_calls_waiting_until_the_broker_answers_which_is_known(
    tmp_path: Path,
) -> None:
    broker = Broker(tmp_path / "broker")
    broker.start()
    kafka = Kafka(broker.bootstrap)
    topic, group = kafka.create_topic(partitions=2), kafka.name("group")
    kafka.produce(topic, [(b"k", b"v")] * 4)
    given = {TopicPartition(topic, 0): Position(0, ""), TopicPartition(topic, 1): Position(0, "")}
    try:
        first = Freezing(broker.bootstrap, group, [topic], hand_over=given)
        first.broker = broker
        async with first:
            await first.until(lambda: len(first.records) == 4)
            async with Member(broker.bootstrap, group, [topic]) as second:
                await first.until(lambda: first.let_go)
                await asyncio.sleep(GIVEN_UP_AFTER)
                assert first.source.waits(), "nobody has answered yet"
                broker.thaw()
                await first.until(lambda: not first.source.waits())
                await first.until(lambda: len(first.starts) == len(second.starts) == 1)
    finally:
        broker.kill()


async def test_a_commit_after_closing_says_that_it_is_lost(kafka: Kafka) -> None:
    topic = kafka.create_topic()
    member = Member(kafka.bootstrap, kafka.name("group"), [topic])
    async with member:
        await member.until(lambda: member.starts)
        owned = dict(member.source._owned._offsets)
    member.source._owned._offsets.update(owned)
    with pytest.raises(CommitRefused) as refused:
        await member.source.commit({TopicPartition(topic, 0): Position(0, "")})
    assert refused.value.kind == "closed"
