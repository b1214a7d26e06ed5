"""Records that are gone before they were read: said out loud, and never jumped over in silence."""

from __future__ import annotations

import pytest

from connector.kafka.troubles import Phase
from connector.model import Position, Start, TopicPartition
from tests.integration.kafka.member import Member
from tests.kafka.client import Kafka

pytestmark = pytest.mark.broker


async def test_with_halt_a_partition_that_lost_records_is_not_read(kafka: Kafka) -> None:
    topic, group = kafka.create_topic(partitions=2), kafka.name("group")
    kafka.produce(topic, [(None, b"v", p) for p in (0, 1) for _ in range(10)])
    kafka.commit(group, {TopicPartition(topic, 0): Position(2, "jobs")})
    kafka.delete_records(topic, 0, 6)
    async with Member(kafka.bootstrap, group, [topic], on_data_loss="halt") as member:
        await member.until(lambda: len(member.records) == 10)
        trouble = member.told("data_loss")
        assert trouble is not None
        assert trouble.blocking
        assert "4 records from offset 2" in trouble.message
        assert list(member.starts) == [TopicPartition(topic, 1)]
        kafka.produce(topic, [(None, b"v", 0), (None, b"v", 1)])
        await member.until(lambda: len(member.records) == 11)
        assert {record.partition() for record in member.records} == {1}
    assert kafka.committed(group)[TopicPartition(topic, 0)].offset == 2


async def test_with_continue_it_is_read_from_what_is_left_and_the_loss_is_counted(kafka: Kafka) -> None:
    topic, group = kafka.create_topic(), kafka.name("group")
    kafka.produce(topic, [(None, b"v")] * 10)
    kafka.commit(group, {TopicPartition(topic, 0): Position(2, "jobs")})
    kafka.delete_records(topic, 0, 6)
    async with Member(kafka.bootstrap, group, [topic], on_data_loss="continue") as member:
        await member.until(lambda: len(member.records) == 4)
        assert member.all_starts == [Start(TopicPartition(topic, 0), 6, "", committed=False)]
        assert member.offsets() == [6, 7, 8, 9]
        trouble = member.told("data_loss")
        assert trouble is not None
        assert "4 records from offset 2" in trouble.message
        assert member.told("data_loss", Phase.ENDED)
        assert not member.source.troubles.active


async def test_a_log_that_ends_before_the_committed_offset_is_a_loss_too(kafka: Kafka) -> None:
    topic, group = kafka.create_topic(), kafka.name("group")
    kafka.produce(topic, [(None, b"v")] * 3)
    kafka.commit(group, {TopicPartition(topic, 0): Position(9, "jobs")})
    async with Member(kafka.bootstrap, group, [topic], on_data_loss="halt") as member:
        await member.until(lambda: member.told("data_loss"))
        assert "9 lies beyond the end of the log, 3" in member.troubles[0].message
        assert not member.records
    async with Member(kafka.bootstrap, group, [topic], on_data_loss="continue") as member:
        await member.until(lambda: len(member.records) == 3)
        assert member.all_starts == [Start(TopicPartition(topic, 0), 0, "", committed=False)]


async def _lose_while_running(kafka: Kafka, member: Member, topic: str) -> None:
    """Have the log's start overtake the reader: it stands still, then wants an offset that is gone."""
    partition = TopicPartition(topic, 0)
    await member.until(lambda: len(member.records) == 5)
    await member.source.pause([partition])
    kafka.produce(topic, [(None, b"v")] * 10)
    kafka.delete_records(topic, 0, 12)
    await member.source.resume([partition])


async def test_a_loss_while_running_halts_the_partition(kafka: Kafka) -> None:
    topic, group = kafka.create_topic(), kafka.name("group")
    kafka.produce(topic, [(None, b"v")] * 5)
    async with Member(kafka.bootstrap, group, [topic], on_data_loss="halt") as member:
        await _lose_while_running(kafka, member, topic)
        await member.until(lambda: member.told("data_loss"))
        assert "7 records from offset 5" in member.troubles[0].message
        assert member.offsets() == [0, 1, 2, 3, 4]
        assert member.source.troubles.blocking
        await member.source.commit({TopicPartition(topic, 0): Position(5, "still ours")})
    assert kafka.committed(group)[TopicPartition(topic, 0)] == (5, "still ours")


async def test_a_loss_while_running_goes_on_from_what_is_left(kafka: Kafka) -> None:
    topic = kafka.create_topic()
    kafka.produce(topic, [(None, b"v")] * 5)
    async with Member(kafka.bootstrap, kafka.name("group"), [topic], on_data_loss="continue") as member:
        await _lose_while_running(kafka, member, topic)
        await member.until(lambda: len(member.records) == 8)
        assert member.offsets() == [0, 1, 2, 3, 4, 12, 13, 14]
        assert "7 records from offset 5" in member.troubles[0].message
        assert len(member.all_starts) == 1  # what it knows of records read before stays true
        assert not member.lost_partitions


async def test_without_a_committed_offset_and_with_reset_error_nothing_is_read(kafka: Kafka) -> None:
    topic, group = kafka.create_topic(), kafka.name("group")
    kafka.produce(topic, [(None, b"v")])
    async with Member(kafka.bootstrap, group, [topic], auto_offset_reset="error") as member:
        await member.until(lambda: member.told("no_offset"))
        assert not member.starts


async def test_a_topic_created_anew_while_running_is_read_from_its_beginning(kafka: Kafka) -> None:
    topic = kafka.create_topic()
    partition = TopicPartition(topic, 0)
    kafka.produce(topic, [(None, b"old")] * 5)
    async with Member(
        kafka.bootstrap,
        kafka.name("group"),
        [topic],
        on_data_loss="continue",
        topic_metadata_refresh_interval_ms=500,
    ) as member:
        await member.until(lambda: len(member.records) == 5)
        kafka.delete_topic(topic)
        await member.until(lambda: member.told("topic_missing"))
        kafka.create_topic(topic)
        kafka.produce(topic, [(None, b"new")] * 3)
        await member.until(lambda: len(member.records) == 8)
        assert [record.value() for record in member.records[5:]] == [b"new"] * 3
        assert [start.offset for start in member.all_starts] == [0, 0]
        assert partition in [*member.lost_partitions, *member.let_go]


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
async def test_a_topic_created_anew_with_fewer_partitions_is_no_trouble_for_long(
    kafka: Kafka, protocol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connector.kafka.group.missing.ASK_TOPICS_EVERY", 1.0)
    topic = kafka.create_topic(partitions=3)
    kafka.produce(topic, [(None, b"old", number) for number in range(3) for _ in range(5)])
    async with Member(
        kafka.bootstrap,
        kafka.name("group"),
        [topic],
        on_data_loss="continue",
        topic_metadata_refresh_interval_ms=500,
        group_protocol=protocol,
    ) as member:
        await member.until(lambda: len(member.records) == 15)
        kafka.delete_topic(topic)
        kafka.create_topic(topic, partitions=2)
        kafka.produce(topic, [(None, b"new", number) for number in range(2) for _ in range(3)])
        await member.until(lambda: member.told("topic_missing"))
        await member.until(lambda: len(member.records) == 21)
        await member.until(lambda: not member.source.troubles.active)


async def test_a_topic_created_anew_while_nobody_reads_it_is_read_from_its_beginning(kafka: Kafka) -> None:
    """However long it is by then: Kafka forgets what was committed in a topic that is deleted."""
    topic, group = kafka.create_topic(), kafka.name("group")
    partition = TopicPartition(topic, 0)
    kafka.produce(topic, [(None, b"old")] * 5)
    async with Member(kafka.bootstrap, group, [topic]) as member:
        await member.until(lambda: len(member.records) == 5)
        await member.source.commit({partition: Position(5, "")})
    kafka.delete_topic(topic)
    kafka.create_topic(topic)
    kafka.produce(topic, [(None, b"new")] * 20)
    async with Member(kafka.bootstrap, group, [topic]) as member:
        await member.until(lambda: len(member.records) == 20)
        assert [start.offset for start in member.all_starts] == [0]
