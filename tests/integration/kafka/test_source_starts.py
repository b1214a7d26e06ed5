"""The consumer against a real broker: where it begins, also while a transaction keeps offsets back."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from confluent_kafka import OFFSET_INVALID, Producer
from confluent_kafka import TopicPartition as KafkaTopicPartition

from connector.kafka.stuck import committed_regardless
from connector.model import Position, Start, TopicPartition
from tests.broker import Broker
from tests.integration.kafka.member import Member
from tests.kafka.client import Kafka

pytestmark = pytest.mark.broker


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
        assert member.starts[partition] == Start(partition, 4, "in doubt")
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
