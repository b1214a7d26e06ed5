"""Where partitions begin, as brokers tell it, and what keeps them from telling."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka import TopicPartition as KafkaTopicPartition

from connector.kafka import stuck
from connector.kafka.group.start_lookup import StartLookup
from connector.kafka.stuck import PROBE_EVERY, STUCK_AFTER
from connector.kafka.troubles import DATA_LOSS, Phase, Trouble, Troubles
from connector.model import Position, Start, TopicPartition
from tests.unit.kafka.consumer import SILENT, FakeConsumer
from tests.unit.kafka.member import P0, P1, Member

Told = list[tuple[str, Phase]]


class Asking:
    """Asks a fake consumer; `now` is its clock, `told` the troubles that it told of."""

    def __init__(self, *, on_data_loss: Literal["halt", "continue"] = "halt") -> None:
        self.consumer: Any = FakeConsumer()
        self.consumer.log = {P0: (2, 9), P1: (0, 5)}
        self.now = 0.0
        self.told: Told = []
        self.start_lookup = StartLookup(
            lambda: self.consumer,
            {"group.id": "g"},
            Troubles(self._tell, self._clock),
            self._clock,
            reset="earliest",
            on_data_loss=on_data_loss,
        )

    def _clock(self) -> float:
        return self.now

    def _tell(self, trouble: Trouble) -> None:
        self.told.append((trouble.code, trouble.phase))

    async def seconds(self, seconds: float) -> dict[TopicPartition, int]:
        """Ask about the first partition once a second for so long; what was found last, if anything."""
        found: dict[TopicPartition, int] = {}
        for _ in range(int(seconds)):
            self.now += 1.0
            answers = await self.start_lookup.find([P0])
            found.update({partition: each.offset for partition, each in answers.items()})
        return found


async def test_a_partition_begins_where_the_last_owner_committed_with_its_checkpoint(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    member = Member(monkeypatch)
    member.consumer.log = {P0: (0, 9), P1: (2, 5)}
    member.consumer.committed_offsets = {P0: Position(4, "jobs")}
    await member.given(P0, P1)
    assert member.starts == [Start(P0, 4, "jobs"), Start(P1, 2, "", committed=False)]
    assert member.consumer.places == {P0: 4, P1: 2}
    assert member.consumer.paused == set()


async def test_a_partition_without_a_leader_waits_and_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    member = Member(monkeypatch)
    member.consumer.log = {P0: (0, 9), P1: (0, 9)}
    del member.consumer.log[P1]
    await member.given(P0, P1)
    assert [start.partition for start in member.starts] == [P0]
    assert member.told("no_leader") == [Phase.BEGAN]
    assert member.told("topic_missing") == []

    member.consumer.log[P1] = (0, 9)
    await member.look()
    assert [start.partition for start in member.starts] == [P0, P1]
    assert member.told("no_leader") == [Phase.BEGAN, Phase.ENDED]


async def test_a_broker_that_hangs_does_not_keep_the_others_from_being_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    member = Member(monkeypatch)
    partitions = [TopicPartition("t", number) for number in range(6)]
    hanging, others = partitions[:4], partitions[4:]
    member.consumer.log = dict.fromkeys(partitions, (0, 9))
    member.consumer.hanging = set(hanging)
    monkeypatch.setattr("connector.kafka.group.source.ASSIGN_LIMIT", 0.0)
    await member.given(*partitions)
    for looks in range(1, 4):
        await member.look()
        assert len({*member.consumer.asked} & {*hanging}) <= 2 * looks
    assert {start.partition for start in member.starts} == {*others}
    asked = len(member.consumer.asked)
    await member.look()
    assert len(member.consumer.asked) == asked + 2


async def test_where_many_partitions_end_is_one_question(monkeypatch: pytest.MonkeyPatch) -> None:
    member = Member(monkeypatch)
    partitions = [TopicPartition("t", number) for number in range(9)]
    member.consumer.log = dict.fromkeys(partitions, (0, 8))
    await member.given(*partitions)
    before = member.consumer.questions
    assert await member.source.end_offsets(partitions) == dict.fromkeys(partitions, 8)
    assert member.consumer.questions == before + 1


async def test_what_can_not_be_read_is_left_out_and_told_of_until_all_can() -> None:
    asking = Asking()
    asking.consumer.unreadable = {P1: KafkaError(KafkaError.UNSTABLE_OFFSET_COMMIT, "a transaction is open")}
    assert {*await asking.start_lookup.find([P0, P1])} == {P0}
    assert asking.told == [("offsets_unavailable", Phase.BEGAN)]
    asking.consumer.unreadable = {}
    found = await asking.start_lookup.find([P0, P1])
    assert asking.told[1:] == [("offsets_unavailable", Phase.ENDED)]
    assert {partition: decision.end for partition, decision in found.items()} == {P0: 9, P1: 5}


async def test_a_broker_that_hangs_does_not_matter_once_its_partitions_have_another_owner() -> None:
    asking = Asking()
    asking.consumer.hanging = {P0}
    await asking.start_lookup.find([P0, P1])
    assert (asking.start_lookup.hanging, asking.start_lookup.silent(P0)) == (True, True)
    asking.start_lookup.forget([P0])
    assert not asking.start_lookup.hanging


@pytest.mark.parametrize(("on_data_loss", "halts"), [("halt", True), ("continue", False)])
async def test_a_log_that_was_truncated_is_a_loss_though_the_offset_is_in_it(
    on_data_loss: Literal["halt", "continue"], halts: bool
) -> None:
    asking = Asking(on_data_loss=on_data_loss)
    truncated = KafkaError(KafkaError._LOG_TRUNCATION, "truncated")
    found = await asking.start_lookup.find_again(P0, 5, truncated)
    assert found is not None
    assert (found.offset, found.trouble, found.halted) == (5, DATA_LOSS, halts)
    moment = await asking.start_lookup.find_again(P0, 5, KafkaError(KafkaError._AUTO_OFFSET_RESET))
    assert moment is not None
    assert (moment.offset, moment.trouble) == (5, "")


async def test_offsets_that_no_end_of_a_transaction_frees_are_taken_as_they_were_before_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before_it = [KafkaTopicPartition(*P0, 7)]
    monkeypatch.setattr(stuck, "committed_regardless", lambda *_: before_it)
    asking = Asking()
    committed = asking.consumer.committed

    async def kept_back(*_: object, **__: object) -> None:
        raise KafkaException(SILENT)

    asking.consumer.committed = kept_back
    assert await asking.seconds(STUCK_AFTER) == {}
    asking.consumer.committed = committed
    assert await asking.seconds(1) == {P0: 2}, "they were freed: nothing was committed"
    asking.consumer.committed = kept_back
    assert await asking.seconds(STUCK_AFTER) == {}, "from then on the time counts anew"
    assert await asking.seconds(2 * PROBE_EVERY) == {P0: 7}
