"""Dead letters in a real topic: once each, atomic with the offsets, and nothing stays open."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from connector.kafka.letters.letter_producer import LetterProducer
from connector.kafka.letters.unwritable import Fenced, LettersUnwritable
from connector.kafka.troubles import Phase
from connector.model import Position, Start, TopicPartition
from tests.acceptance.processes import wait_for
from tests.broker import Cluster
from tests.integration.kafka.letters_desk import Delivery, desk, letter, noise, owner, source
from tests.integration.kafka.member import Member
from tests.kafka.client import Kafka
from tests.records import WRITTEN_AT
from tests.unit.fakes import until

pytestmark = pytest.mark.broker


@pytest.mark.parametrize("delivery", ["exactly_once", "at_least_once"])
async def test_the_source_record_arrives_byte_for_byte(kafka: Kafka, delivery: Delivery) -> None:
    topic = kafka.create_topic()
    theirs: list[tuple[str, bytes | None]] = [("h", b"\xff"), ("h", b"2"), ("n", None), ("e", b"")]
    records = [
        source(b"\xffv", key=b"\x00k", headers=theirs),
        source(None, key=None),
        source(b"", key=b""),
        source(timestamp=(2, 1_700_000_000_999)),
    ]
    async with desk(kafka, topic, delivery=delivery) as (letters, troubles):
        await letters.write([letter(record) for record in records], {}, None)
        assert not troubles
    found = kafka.read_all(topic)
    assert [(r.key, r.value) for r in found] == [(r.key(), r.value()) for r in records]
    assert [r.timestamp for r in found] == [r.timestamp()[1] for r in records]
    assert found[0].headers[:4] == theirs
    assert found[1].header("pushwoosh.id") == "source/3/5"
    assert found[1].header("__connect.errors.offset") == "5"


async def test_letters_and_positions_are_one_transaction(kafka: Kafka, stack: Any) -> None:
    topic = kafka.create_topic()
    member, group, partition = await owner(kafka, stack)
    longest = "x" * 4095
    async with desk(kafka, topic) as (letters, _):
        metadata = await member.source.group_metadata()
        await letters.write([letter(), letter()], {partition: Position(4, longest)}, metadata)
    assert len(kafka.read_all(topic)) == 2
    assert kafka.committed(group) == {partition: Position(4, longest)}


async def test_metadata_that_is_too_long_aborts_and_leaves_nothing_open(kafka: Kafka, stack: Any) -> None:
    topic = kafka.create_topic()
    member, group, partition = await owner(kafka, stack)
    async with desk(kafka, topic) as (letters, _):
        metadata = await member.source.group_metadata()
        with pytest.raises(LettersUnwritable) as failed:
            await letters.write([letter()], {partition: Position(1, "x" * 4096)}, metadata)
        assert failed.value.kind == "metadata_too_large"
        assert kafka.read_all(topic) == []
        await letters.write([letter()], {partition: Position(1, "x")}, metadata)
    assert len(kafka.read_all(topic)) == 1
    assert kafka.committed(group) == {partition: Position(1, "x")}


@pytest.mark.parametrize("delivery", ["exactly_once", "at_least_once"])
async def test_a_missing_topic_is_named_at_once_and_heals(kafka: Kafka, delivery: Delivery) -> None:
    topic = kafka.name("dead")
    async with desk(kafka, topic, delivery=delivery) as it:
        for _ in range(2):
            with pytest.raises(LettersUnwritable) as failed:
                await it.letters.write([letter()], {}, None)
            assert failed.value.kind == "topic_missing"
        assert len(it.troubles) == 1
        kafka.create_topic(topic)
        await it.letters.write([letter()], {}, None)
        assert it.told("topic_missing", Phase.ENDED)
    assert len(kafka.read_all(topic)) == 1


async def test_a_time_in_the_future_is_kept_in_a_header(kafka: Kafka) -> None:
    topic = kafka.create_topic()
    now = int(time.time() * 1000)
    far = now + 3 * 24 * 3600 * 1000
    batch = [letter(), letter(source(timestamp=(1, far))), letter(source(timestamp=(0, -1)))]
    batch.append(letter(source(timestamp=(1, 0))))
    async with desk(kafka, topic) as (letters, troubles):
        await letters.write(batch, {}, None)
        assert not troubles
    kept, stamped, without, epoch = kafka.read_all(topic)
    assert (kept.timestamp, kept.header("pushwoosh.timestamp")) == (WRITTEN_AT, None)
    assert now <= stamped.timestamp < now + 60_000
    assert stamped.header("pushwoosh.timestamp") == str(far)
    assert without.header("pushwoosh.timestamp") is None
    assert epoch.header("pushwoosh.timestamp") == "0"


async def test_a_second_instance_fences_the_first_and_the_first_leaves_it_alone(kafka: Kafka) -> None:
    topic, name = kafka.create_topic(), kafka.name("transactional")
    async with desk(kafka, topic, name=name) as first:
        await first.letters.write([letter()], {}, None)
        async with desk(kafka, topic, name=name) as (second, _):
            await second.write([letter()], {}, None)
            for _ in range(2):
                with pytest.raises(Fenced) as fenced:
                    await first.letters.write([letter()], {}, None)
                assert fenced.value.by == "producer"
            await second.write([letter()], {}, None)
        assert first.told("fenced")
        assert not first.told("fenced", Phase.ENDED)
    assert len(kafka.read_all(topic)) == 3


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
async def test_a_member_that_left_the_group_writes_neither_letters_nor_offsets(
    kafka: Kafka, protocol: str
) -> None:
    topic, source, group = kafka.create_topic(), kafka.create_topic(), kafka.name("group")
    partition = TopicPartition(source, 0)
    async with Member(kafka.bootstrap, group, [source], group_protocol=protocol) as member:
        await member.until(lambda: member.starts)
        zombie = await member.source.group_metadata()
    async with Member(kafka.bootstrap, group, [source], group_protocol=protocol) as heir:
        await heir.until(lambda: heir.starts)
        async with desk(kafka, topic) as (letters, _):
            with pytest.raises(Fenced) as fenced:
                await letters.write([letter()], {partition: Position(9, "zombie")}, zombie)
            assert fenced.value.by == "group"
            assert kafka.read_all(topic) == []
            living = await heir.source.group_metadata()
            await letters.write([letter()], {partition: Position(1, "heir")}, living)
    assert len(kafka.read_all(topic)) == 1
    assert kafka.committed(group) == {partition: Position(1, "heir")}


async def test_what_an_aborted_transaction_left_holds_nobody_up(kafka: Kafka, stack: Any) -> None:
    topic = kafka.create_topic(config={"max.message.bytes": "20000"})
    member, group, partition = await owner(kafka, stack)
    async with desk(kafka, topic) as (letters, _):
        metadata = await member.source.group_metadata()
        large = letter(source(value=noise(50_000)))
        with pytest.raises(LettersUnwritable):
            await letters.write([large], {partition: Position(5, "")}, metadata)
        heir = Member(kafka.bootstrap, group, [partition.topic])
        await member.stop_fetching()
        await member.source.close()
        began = time.monotonic()
        async with heir:
            await heir.until(lambda: heir.starts)
            assert heir.starts[partition].offset == 0
        assert time.monotonic() - began < 5


async def test_a_broker_that_dies_in_between_costs_neither_letters_nor_copies(
    own_broker: Callable[..., Any],
) -> None:
    broker = own_broker()
    kafka = Kafka(broker.bootstrap)
    topic = kafka.create_topic()
    async with desk(kafka, topic) as it:
        await it.letters.write([letter(detail="0")], {}, None)
        broker.kill()
        restart = asyncio.create_task(asyncio.to_thread(broker.start))
        written = 0
        while not written:
            try:
                await it.letters.write([letter(detail="1"), letter(detail="2")], {}, None)
                written = 1
            except (LettersUnwritable, Fenced):
                await asyncio.sleep(0.1)
        await restart
    assert [r.header("pushwoosh.detail") for r in kafka.read_all(topic)] == ["0", "1", "2"]


async def test_a_broker_that_stops_in_order_leaves_no_transaction_half_done(
    own_broker: Callable[..., Any], stack: Any
) -> None:
    """While it stops its partitions have no leader: markers due then are never written (Kafka 4.4.0)."""
    broker = own_broker()
    kafka = Kafka(broker.bootstrap)
    topic = kafka.create_topic()
    member, group, partition = await owner(kafka, stack, records=1000)

    def restart() -> None:
        broker.stop()
        broker.start()

    async with desk(kafka, topic) as it:
        expected: list[str] = []
        failures: list[str] = []

        async def write(offset: int, *details: str) -> None:
            proof = await member.source.group_metadata()
            try:
                await it.letters.write(
                    [letter(detail=each) for each in details], {partition: Position(offset, "")}, proof
                )
                expected.extend(details)
            except LettersUnwritable as failure:
                failures.append(failure.message)

        await write(1, "first")
        restarting = asyncio.create_task(asyncio.to_thread(restart))
        while not restarting.done():
            await write(2, f"meanwhile {len(expected)}")
        await restarting
        while it.letters.doubtful:
            await write(2)
        await write(3)
        assert kafka.committed(group) == {partition: Position(3, "")}
        await write(4, "last")
    assert not [each for each in failures if "no answer in time" in each], "waits for a broker that is gone"
    assert [each.header("pushwoosh.detail") for each in kafka.read_all(topic)] == expected


@pytest.mark.slow
@pytest.mark.usefixtures("kafka_jars")
async def test_a_transaction_that_keeps_back_what_nobody_owns_is_undone_and_its_letters_are_written_once(
    tmp_path: Path, stack: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broker that has the group's offsets, and the letters, is killed between these and their commit."""
    alone = {"default.replication.factor": "1", "min.insync.replicas": "1"}
    offsets = {"offsets.topic.replication.factor": "1", "offsets.topic.num.partitions": "1"}
    cluster = Cluster(tmp_path / "cluster", extra_config={**alone, **offsets})
    stack.callback(cluster.stop)
    await asyncio.to_thread(cluster.start)
    kafka = Kafka(cluster.bootstrap)
    first, group, partition = await owner(kafka, stack)
    for_ever = {"retention.ms": "-1"}  # letters have the times of their records, which are old here
    topic = kafka.create_topic(config=for_ever, on=kafka.leader("__consumer_offsets"))
    commit = LetterProducer._commit

    def interrupted(self: LetterProducer, producer: Any, *, patient: bool) -> None:
        monkeypatch.setattr(LetterProducer, "_commit", commit)
        cluster.brokers[kafka.leader("__consumer_offsets") - 1].kill()
        wait_for(lambda: kafka.leader("__consumer_offsets") < 0, 60, "its partition without a leader")
        commit(self, producer, patient=patient)

    async with desk(kafka, topic) as it:
        proof = await first.source.group_metadata()
        await it.letters.write([letter(detail="before")], {partition: Position(1, "before")}, proof)
        gone = cluster.brokers[kafka.leader("__consumer_offsets") - 1]
        monkeypatch.setattr(LetterProducer, "_commit", interrupted)
        await it.letters.write([letter(detail="after")], {partition: Position(5, "after")}, proof)
        await asyncio.to_thread(gone.start)
        await first.stop_fetching()
        await first.source.close()
        async with Member(kafka.bootstrap, group, [partition.topic]) as heir:
            await heir.until(lambda: heir.told("offsets_unavailable"))
            it.letters._producer.doubt.connection_lost()
            assert it.letters.doubtful_partitions == {partition}
            await it.letters.undo(await heir.source.group_metadata())
            await heir.until(lambda: heir.starts)
            assert heir.starts[partition] == Start(partition, 1, "before")
            proof = await heir.source.group_metadata()
            await it.letters.write([letter(detail="after")], {partition: Position(5, "after")}, proof)
            assert not it.letters.doubtful
    assert kafka.committed(group) == {partition: Position(5, "after")}
    assert [each.header("pushwoosh.detail") for each in kafka.read_all(topic)] == ["before", "after"]


async def test_a_missing_topic_is_told_of_and_over_without_any_letter(
    kafka: Kafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connector.kafka.letters.dead_letters.REOPEN_EVERY", 0.1)
    topic = kafka.name("dead")
    async with desk(kafka, topic) as it:
        await until(lambda: it.told("topic_missing"), limit=30)
        kafka.create_topic(topic)
        await until(lambda: it.told("topic_missing", Phase.ENDED), limit=30)
