"""The demo's Kafka: what the connector asks of a cluster, it does, with the limits that it names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from connector.model import Position, TopicPartition
from connector.sandbox.broker import MEMBER_PROPERTIES, PARTITIONS, EmbeddedKafka
from tests.integration.kafka.member import Member
from tests.integration.kafka.test_dead_letters import Delivery, desk, letter
from tests.kafka.client import Kafka

QUICK: dict[str, Any] = {name.replace(".", "_"): value for name, value in MEMBER_PROPERTIES.items()}


@pytest.fixture
def embedded() -> Iterator[EmbeddedKafka]:
    with EmbeddedKafka() as running:
        running.create_topics(["events", "dead"])
        yield running


async def test_a_group_reads_and_hands_over_with_metadata(embedded: EmbeddedKafka) -> None:
    kafka = Kafka(embedded.bootstrap)
    kafka.produce("events", [(b"k", b"v", p) for p in range(PARTITIONS) for _ in range(100)])
    assert embedded.end_offsets("events") == dict.fromkeys(range(PARTITIONS), 100)
    hand_over = {TopicPartition("events", p): Position(60, f"job {p}") for p in range(PARTITIONS)}
    first = Member(embedded.bootstrap, "g", ["events"], hand_over=hand_over, **QUICK)
    async with first:
        await first.until(lambda: len(first.records) == 400)
        async with Member(embedded.bootstrap, "g", ["events"], **QUICK) as second:
            await second.until(lambda: len(second.starts) == PARTITIONS // 2)
            for partition, start in second.starts.items():
                assert start == (partition, 60, f"job {partition.partition}")
            await second.until(lambda: len(second.records) == 80)


@pytest.mark.parametrize("delivery", ["at_least_once", "exactly_once"])
async def test_dead_letters_are_taken_but_offsets_in_transactions_are_not(
    embedded: EmbeddedKafka, delivery: Delivery
) -> None:
    async with Member(embedded.bootstrap, "g", ["events"], **QUICK) as member:
        await member.until(lambda: member.starts)
        metadata = await member.source.group_metadata()
        async with desk(Kafka(embedded.bootstrap), "dead", delivery=delivery) as it:
            partition = TopicPartition("events", 0)
            await it.letters.write([letter()], {partition: Position(7, "")}, metadata)
            assert not it.troubles
        assert embedded.committed("g", "events")[0] == -1
        await member.source.commit({partition: Position(7, "")})
        assert embedded.committed("g", "events")[0] == 7
        assert len(Kafka(embedded.bootstrap).read_all("dead")) == 1
