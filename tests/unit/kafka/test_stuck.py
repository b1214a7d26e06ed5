"""How long offsets are waited for that a transaction keeps back, and what is taken then."""

from __future__ import annotations

import pytest
from confluent_kafka import TopicPartition as KafkaTopicPartition

from connector.kafka import stuck
from connector.kafka.stuck import PROBE_EVERY, STUCK_AFTER, KeptBack
from connector.model import TopicPartition
from tests.unit.core.builders import P0, P1


class Coordinator:
    """Answers with offset 7 for everything, unless it is away."""

    def __init__(self) -> None:
        self.now = 0.0
        self.away = False
        self.questions = 0

    def __call__(self, _properties: object, partitions: list[TopicPartition]) -> list[KafkaTopicPartition]:
        self.questions += 1
        return [] if self.away else [KafkaTopicPartition(p.topic, p.partition, 7) for p in partitions]

    async def seconds(
        self, kept: KeptBack, seconds: float, *partitions: TopicPartition
    ) -> list[tuple[str, int]]:
        """Have them asked about twice a second for so long; what was found stuck."""
        found: list[tuple[str, int]] = []
        until = self.now + seconds
        while self.now < until:
            found += [(each.topic, each.partition) for each in await kept.stuck(partitions)]
            self.now += 0.5
        return found


@pytest.fixture
def coordinator(monkeypatch: pytest.MonkeyPatch) -> Coordinator:
    made = Coordinator()
    monkeypatch.setattr(stuck, "committed_regardless", made)
    return made


@pytest.fixture
def kept(coordinator: Coordinator) -> KeptBack:
    return KeptBack({"group.id": "g"}, lambda: coordinator.now)


async def test_what_a_transaction_keeps_back_for_longer_than_any_may_last_is_taken_as_it_was(
    coordinator: Coordinator, kept: KeptBack
) -> None:
    assert not await coordinator.seconds(kept, STUCK_AFTER, P0)
    assert await coordinator.seconds(kept, PROBE_EVERY + 1, P0) == [P0]
    assert coordinator.questions <= 2 + STUCK_AFTER / PROBE_EVERY


async def test_while_the_coordinator_is_away_nothing_counts_as_stuck(
    coordinator: Coordinator, kept: KeptBack
) -> None:
    assert not await coordinator.seconds(kept, STUCK_AFTER - 5, P0)
    coordinator.away = True
    assert not await coordinator.seconds(kept, 10 * STUCK_AFTER, P0)
    coordinator.away = False
    assert not await coordinator.seconds(kept, STUCK_AFTER - 5, P0)
    assert await coordinator.seconds(kept, 2 * PROBE_EVERY, P0)


async def test_each_partition_has_its_own_time_and_what_goes_is_forgotten(
    coordinator: Coordinator, kept: KeptBack
) -> None:
    await coordinator.seconds(kept, STUCK_AFTER / 2, P0)
    assert P1 not in await coordinator.seconds(kept, STUCK_AFTER / 2 + PROBE_EVERY, P0, P1)
    kept.forget([P1])
    assert not await coordinator.seconds(kept, STUCK_AFTER, P1)
    kept.free()
    assert not await coordinator.seconds(kept, STUCK_AFTER, P1)
