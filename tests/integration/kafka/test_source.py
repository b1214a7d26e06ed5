"""The consumer against a real broker: hand-over, membership, ends, pauses."""

from __future__ import annotations

import pytest
from confluent_kafka import Producer

from connector.model import Position, Start, TopicPartition
from tests.integration.kafka.member import Member
from tests.kafka.client import Kafka

pytestmark = pytest.mark.broker

PROTOCOLS = ["classic", "consumer"]


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
            assert second.starts[moved] == Start(moved, 3, f"job {moved.partition}")
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


async def test_the_lag_shows_what_waits_behind_an_open_transaction_of_a_producer(kafka: Kafka) -> None:
    topic = kafka.create_topic()
    partition = TopicPartition(topic, 0)
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "transactional.id": kafka.name("id")})
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.produce(topic, b"open")
    producer.flush(10)
    kafka.produce(topic, [(None, b"committed, and behind it")] * 5)
    async with Member(kafka.bootstrap, kafka.name("group"), [topic]) as member:
        await member.until(lambda: member.source.statistics().log_ends == {partition: 6})
        assert member.source.known_ends() == {partition: 0}
        assert member.offsets() == []
        producer.abort_transaction(10)
        await member.until(lambda: member.offsets() == [1, 2, 3, 4, 5])


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


async def test_statistics_measure_the_round_trip(kafka: Kafka) -> None:
    topic = kafka.create_topic()
    async with Member(kafka.bootstrap, kafka.name("group"), [topic]) as member:
        await member.until(lambda: member.source.statistics().round_trip is not None)
        assert 0 < (member.source.statistics().round_trip or 0) < 5
        await member.until(lambda: member.source.statistics().connected)
