"""The demo's Kafka: what the connector asks of a cluster, it does, with the limits that it names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from connector.model import Position, Start, TopicPartition
from connector.sandbox.broker import MEMBER_PROPERTIES, PARTITIONS, EmbeddedKafka
from tests.integration.kafka.letters_desk import Delivery, desk, letter
from tests.integration.kafka.member import Member
from tests.kafka.client import Kafka

QUICK: dict[str, Any] = {name.replace(".", "_"): value for name, value in MEMBER_PROPERTIES.items()}
RECORDS = 100
"""Of each partition."""
HANDED_OVER = {TopicPartition("events", p): Position(60, f"job {p}") for p in range(PARTITIONS)}
"""What the first member commits last."""
HAND_OVERS = 3
"""Hand-overs of which one must be committed: on a busy machine every sixth was refused."""


@pytest.fixture
def embedded() -> Iterator[EmbeddedKafka]:
    with EmbeddedKafka() as running:
        running.create_topics(["events", "dead"])
        yield running


async def given_to_a_second_member(embedded: EmbeddedKafka, group: str) -> list[Start] | None:
    """Where a second member begins with what the first one gives it; it has read on from there.

    None where the last commit of the first one was refused: unlike a real one, this broker takes none while
    members join, and another round may begin at any time.
    """
    async with Member(embedded.bootstrap, group, ["events"], hand_over=HANDED_OVER, **QUICK) as first:
        await first.until(lambda: len(first.records) == RECORDS * PARTITIONS)
        async with Member(embedded.bootstrap, group, ["events"], **QUICK) as second:
            await second.until(lambda: second.all_starts)
            starts = [*second.all_starts]
            committed = embedded.committed(group, "events")
            if any(committed[start.partition.partition] == -1 for start in starts):
                return None
            left = sum(RECORDS - start.offset for start in starts)
            await second.until(lambda: len(second.records) >= left)
            return starts


async def test_a_group_reads_and_hands_over_with_metadata(embedded: EmbeddedKafka) -> None:
    kafka = Kafka(embedded.bootstrap)
    kafka.produce("events", [(b"k", b"v", p) for p in range(PARTITIONS) for _ in range(RECORDS)])
    assert embedded.end_offsets("events") == dict.fromkeys(range(PARTITIONS), RECORDS)
    for attempt in range(HAND_OVERS):
        starts = await given_to_a_second_member(embedded, f"g{attempt}")
        if starts is not None:
            assert len(starts) == PARTITIONS // 2
            assert starts == [Start(start.partition, *HANDED_OVER[start.partition]) for start in starts]
            return
    pytest.fail(f"none of {HAND_OVERS} hand-overs was committed")


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
