"""The consumer against a real broker: hand-over, membership, ends, pauses, commits."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from confluent_kafka import OFFSET_INVALID, Producer
from confluent_kafka import TopicPartition as KafkaTopicPartition

from connector.kafka.group.commit_refused import CommitRefused
from connector.kafka.group.committer import REVOKE_LIMIT
from connector.kafka.stuck import committed_regardless
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


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_what_is_committed_on_revoke_is_read_by_the_next_owner(kafka: Kafka, protocol: str) -> None:
    topic, group = kafka.create_topic(partitions=2), kafka.name("group")
    kafka.produce(topic, [(b"k", b"v", p) for p in (0, 1) for _ in range(5)])
    hand_over = {TopicPartition(topic, p): Position(3, f"job {p}") for p in (0, 1)}
    first = Member(kafka.bootstrap, group, [topic], hand_over=hand_over, group_protocol=protocol)
    second = Member(kafka.bootstrap, group, [topic], group_protocol=protocol)
    async with first:
        await first.until(lambda: len(first.records) == 10)
        async with second:
            await second.until(lambda: second.starts)
            (moved,) = second.starts
            assert first.let_go == [moved]
            assert second.starts[moved] == (moved, 3, f"job {moved.partition}")
            await second.until(lambda: len(second.records) == 2)
            assert list(first.starts) == [p for p in hand_over if p != moved]


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_member_that_leaves_commits_what_its_listener_says(kafka: Kafka, protocol: str) -> None:
    topic, group = kafka.create_topic(), kafka.name("group")
    partition = TopicPartition(topic, 0)
    kafka.produce(topic, [(b"k", b"v")] * 4)
    hand_over = {partition: Position(2, "last words")}
    async with Member(
        kafka.bootstrap, group, [topic], hand_over=hand_over, group_protocol=protocol
    ) as member:
        await member.until(lambda: member.starts)
    assert kafka.committed(group) == hand_over


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_spare_member_has_joined_without_a_partition(kafka: Kafka, protocol: str) -> None:
    topic, group = kafka.create_topic(), kafka.name("group")
    async with Member(kafka.bootstrap, group, [topic], group_protocol=protocol) as owner:
        await owner.until(lambda: owner.starts)
        async with Member(kafka.bootstrap, group, [topic], group_protocol=protocol) as spare:
            await spare.until(lambda: spare.source.joined)
            assert not spare.starts
            assert not spare.troubles


async def test_the_end_lies_beyond_transaction_markers(kafka: Kafka) -> None:
    topic = kafka.create_topic()
    partition = TopicPartition(topic, 0)
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "transactional.id": kafka.name("id")})
    producer.init_transactions(30)
    for finish in (producer.commit_transaction, producer.abort_transaction):
        producer.begin_transaction()
        producer.produce(topic, b"v")
        producer.flush(10)
        finish(10)
    async with Member(kafka.bootstrap, kafka.name("group"), [topic]) as member:
        await member.until(lambda: member.ends)
        assert member.offsets() == [0]
        assert member.ends == {partition: 4}  # record, marker, aborted record, marker
        assert await member.source.end_offsets([partition]) == {partition: 4}
        assert member.source.known_ends() == {partition: 4}


async def test_an_open_transaction_ends_what_can_be_read(kafka: Kafka) -> None:
    topic = kafka.create_topic()
    partition = TopicPartition(topic, 0)
    kafka.produce(topic, [(None, b"before")])
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "transactional.id": kafka.name("id")})
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.produce(topic, b"open")
    producer.flush(10)
    async with Member(kafka.bootstrap, kafka.name("group"), [topic]) as member:
        await member.until(lambda: member.ends)
        assert member.offsets() == [0]
        assert await member.source.end_offsets([partition]) == {partition: 1}
        producer.commit_transaction(10)
        await member.until(lambda: member.offsets() == [0, 1])
        await member.until(lambda: member.ends == {partition: 3})


@pytest.mark.parametrize(("reset", "offset"), [("latest", 5), ("earliest", 2)])
async def test_without_a_commit_the_reset_policy_says_where_to_begin(
    kafka: Kafka, reset: str, offset: int
) -> None:
    topic = kafka.create_topic()
    kafka.produce(topic, [(None, b"v")] * 5)
    kafka.delete_records(topic, 0, 2)
    async with Member(kafka.bootstrap, kafka.name("group"), [topic], auto_offset_reset=reset) as member:
        await member.until(lambda: member.starts)
        assert member.starts[TopicPartition(topic, 0)].offset == offset


async def test_a_paused_partition_delivers_nothing_and_its_end_is_still_known(kafka: Kafka) -> None:
    topic = kafka.create_topic(partitions=2)
    paused, flowing = TopicPartition(topic, 0), TopicPartition(topic, 1)
    async with Member(kafka.bootstrap, kafka.name("group"), [topic]) as member:
        await member.until(lambda: len(member.ends) == 2)
        await member.source.pause([paused])
        kafka.produce(topic, [(None, b"v", 0)] * 3 + [(None, b"v", 1)])
        await member.until(lambda: member.records)
        await member.until(lambda: member.source.known_ends() == {paused: 3, flowing: 1})
        assert [record.partition() for record in member.records] == [1]
        await member.source.resume([paused])
        await member.until(lambda: len(member.records) == 4)


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_partition_that_was_paused_is_read_again_when_it_comes_back(
    kafka: Kafka, protocol: str
) -> None:
    topic, group = kafka.create_topic(partitions=2), kafka.name("group")
    kafka.produce(topic, [(None, b"v", p) for p in (0, 1) for _ in range(5)])
    both = [TopicPartition(topic, 0), TopicPartition(topic, 1)]
    async with Member(kafka.bootstrap, group, [topic], group_protocol=protocol) as member:
        await member.until(lambda: len(member.records) == 10)
        await member.source.pause(both)
        async with Member(kafka.bootstrap, group, [topic], group_protocol=protocol) as other:
            await other.until(lambda: member.let_go and other.starts)
        (moved,) = member.let_go
        await member.until(lambda: moved in member.starts)
        await member.until(lambda: len(member.records) == 15)
        assert {record.partition() for record in member.records[10:]} == {moved.partition}


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


def test_asking_what_is_committed_regardless_survives_a_coordinator_that_is_not_there(tmp_path: Path) -> None:
    """librdkafka's admin call ended the process here: a new broker has no topic of offsets yet."""
    broker = Broker(tmp_path / "broker")
    broker.start()
    group = {"bootstrap.servers": broker.bootstrap, "group.id": "g"}
    partition = TopicPartition("t", 0)
    try:
        deadline = time.monotonic() + 30
        while not (found := committed_regardless(group, [partition])):
            assert time.monotonic() < deadline
    finally:
        broker.kill()
    assert [(each.topic, each.partition, each.offset) for each in found] == [("t", 0, OFFSET_INVALID)]


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


async def keep_back(producer: Producer, member: Member, topic: str) -> None:
    """Leave a transaction open that commits offset 4 of partition 0."""
    metadata = await member.source.group_metadata()
    await asyncio.to_thread(producer.init_transactions, 30)
    producer.begin_transaction()
    offsets = [KafkaTopicPartition(topic, 0, 4, metadata="in doubt")]
    await asyncio.to_thread(producer.send_offsets_to_transaction, offsets, metadata, 10)


async def test_committed_offsets_are_waited_for_while_a_transaction_is_open(kafka: Kafka) -> None:
    topic, group = kafka.create_topic(), kafka.name("group")
    partition = TopicPartition(topic, 0)
    kafka.produce(topic, [(None, b"v")] * 5)
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "transactional.id": kafka.name("id")})
    async with Member(kafka.bootstrap, group, [topic]) as member:
        await member.until(lambda: member.starts)
        await keep_back(producer, member, topic)
    async with Member(kafka.bootstrap, group, [topic]) as member:
        await member.until(lambda: member.told("offsets_unavailable"))
        assert not member.starts
        await asyncio.to_thread(producer.commit_transaction, 10)
        await member.until(lambda: member.starts)
        assert member.starts[partition] == (partition, 4, "in doubt")
        await member.until(lambda: member.offsets() == [4])
        assert not member.source.troubles.active


async def test_offsets_that_a_transaction_keeps_back_without_an_end_are_taken_as_they_were_before_it(
    kafka: Kafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connector.kafka.stuck.PROBE_EVERY", 0.5)
    monkeypatch.setattr("connector.kafka.stuck.STUCK_AFTER", 1.0)
    topic, group = kafka.create_topic(partitions=2), kafka.name("group")
    kafka.produce(topic, [(None, b"v", p) for p in (0, 1) for _ in range(5)])
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "transactional.id": kafka.name("id")})
    async with Member(kafka.bootstrap, group, [topic]) as member:
        await member.until(lambda: len(member.starts) == 2)
        await member.source.commit({TopicPartition(topic, p): Position(2, "before") for p in (0, 1)})
        await keep_back(producer, member, topic)
    async with Member(kafka.bootstrap, group, [topic]) as member:
        await member.until(lambda: len(member.starts) == 2)
        assert {(start.offset, start.metadata) for start in member.starts.values()} == {(2, "before")}
        assert member.told("offsets_unavailable")
        await member.until(lambda: not member.source.troubles.active)
    await asyncio.to_thread(producer.abort_transaction, 10)


async def test_statistics_measure_the_round_trip(kafka: Kafka) -> None:
    topic = kafka.create_topic()
    async with Member(kafka.bootstrap, kafka.name("group"), [topic]) as member:
        await member.until(lambda: member.source.statistics().round_trip is not None)
        assert 0 < (member.source.statistics().round_trip or 0) < 5
        await member.until(lambda: member.source.statistics().connected)
