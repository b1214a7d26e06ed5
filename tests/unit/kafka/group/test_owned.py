"""What a member was assigned: where it begins, what isn't in the log any more, what can't be told yet."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaError, KafkaException

from connector.kafka.troubles import Phase
from connector.model import Position, Start
from tests.unit.kafka.consumer import END, SILENT, messages
from tests.unit.kafka.member import P0, P1, Member

GONE = KafkaError._AUTO_OFFSET_RESET


# -- where it begins -------------------------------------------------------------------------------


async def test_what_can_not_be_told_waits_at_the_end_and_the_rest_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    member = Member(monkeypatch)
    member.consumer.log = {P0: (0, 9), P1: (0, 9)}
    member.consumer.unreadable = {P1: KafkaError(KafkaError.UNSTABLE_OFFSET_COMMIT, "a transaction is open")}
    await member.given(P0, P1)
    assert [start.partition for start in member.starts] == [P0]
    assert member.consumer.places == {P0: 0, P1: END}
    assert member.consumer.paused == {P1}
    assert member.told("offsets_unavailable") == [Phase.BEGAN]

    member.consumer.unreadable = {}
    member.consumer.committed_offsets = {P1: Position(7, "later")}
    await member.look()
    assert member.starts[1:] == [Start(P1, 7, "later")]
    assert member.consumer.places == {P0: 0, P1: 7}
    assert member.consumer.paused == set()
    assert member.told("offsets_unavailable") == [Phase.BEGAN, Phase.ENDED]


async def test_a_look_that_took_long_is_followed_by_a_long_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    member = Member(monkeypatch)
    member.consumer.log = {P0: (0, 9), P1: (0, 9)}
    member.consumer.hanging = {P1}
    await member.given(P0, P1)
    asked = len(member.consumer.asked)

    async def slowly() -> None:
        member.now += 2.0

    member.consumer.while_hanging = slowly
    await member.look()
    assert len(member.consumer.asked) == asked + 1
    for _ in range(30):
        await member.look()
    assert len(member.consumer.asked) == asked + 1
    for _ in range(10):
        await member.look()
    assert len(member.consumer.asked) == asked + 2


async def test_committed_offsets_that_a_transaction_keeps_back_are_asked_for_again_soon(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    member = Member(monkeypatch)
    member.consumer.log = {P0: (0, 9)}
    monkeypatch.setattr("connector.kafka.group.source.ASSIGN_LIMIT", 0.0)
    await member.given(P0)
    asked = 0

    async def no_answer_yet(*_: object, **__: object) -> None:
        nonlocal asked
        asked += 1
        member.now += 2.0
        raise KafkaException(SILENT)

    monkeypatch.setattr(member.consumer, "committed", no_answer_yet)
    for looks in range(1, 6):
        await member.look()
        assert asked == looks


async def test_what_is_still_not_known_goes_on_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    member = Member(monkeypatch)
    member.consumer.log = {P0: (0, 9)}
    member.consumer.unreadable = {P0: KafkaError(KafkaError.UNSTABLE_OFFSET_COMMIT, "a transaction is open")}
    monkeypatch.setattr("connector.kafka.group.source.ASSIGN_LIMIT", 0.0)
    await member.given(P0)
    await member.look()
    assert member.starts == []
    assert member.consumer.places == {P0: END}
    assert member.consumer.paused == {P0}


# -- what isn't read -------------------------------------------------------------------------------


async def test_records_of_a_partition_that_is_not_owned_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    member = Member(monkeypatch)
    member.consumer.log = {P0: (0, 9)}
    await member.given(P0)
    member.consumer.messages = [*messages(P0, [0, 1]), *messages(P1, [5])]
    fetched = await member.fetch()
    assert [(each.partition, len(each.records)) for each in fetched] == [(P0, 2)]


async def test_a_partition_that_lost_records_is_not_read_and_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    member = Member(monkeypatch)
    member.consumer.log = {P0: (6, 9), P1: (0, 9)}
    member.consumer.committed_offsets = {P0: Position(2, "jobs")}
    await member.given(P0, P1)
    assert [start.partition for start in member.starts] == [P1]
    assert member.consumer.paused == {P0}
    assert member.source.troubles.blocking
    assert "4 records from offset 2" in member.troubles[0].message
    assert member.source.take_records_lost() == {}
    member.consumer.messages = messages(P0, [6])
    assert await member.fetch() == []
    await member.robbed(P0)
    assert member.told("data_loss") == [Phase.BEGAN, Phase.ENDED]


async def test_with_continue_what_is_left_is_read_and_the_loss_is_counted_and_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    member = Member(monkeypatch, on_data_loss="continue")
    member.consumer.log = {P0: (6, 9)}
    member.consumer.committed_offsets = {P0: Position(2, "jobs")}
    await member.given(P0)
    assert member.starts == [Start(P0, 6, "", committed=False)]
    assert member.source.take_records_lost() == {"t": 4}
    assert member.told("data_loss") == [Phase.BEGAN, Phase.ENDED]


# -- where partitions end ------------------------------------------------------------------------------


def ends(**partitions: int) -> str:
    """Statistics in which fetch replies told where partitions end."""
    told = ", ".join(f'"{p}": {{"partition": {p[1:]}, "ls_offset": {end}}}' for p, end in partitions.items())
    return f'{{"topics": {{"t": {{"topic": "t", "partitions": {{{told}}}}}}}}}'


async def test_an_end_is_as_fetch_replies_told_and_never_before_what_was_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    member = Member(monkeypatch)
    member.consumer.log = {P0: (0, 2), P1: (0, 2)}
    await member.given(P0)
    await member.statistics(ends(p0=7, p1=99))
    assert member.source.known_ends() == {P0: 7}
    member.consumer.messages = messages(P0, range(20))
    await member.fetch()
    assert member.source.known_ends() == {P0: 20}


async def test_who_is_paused_is_asked_about(monkeypatch: pytest.MonkeyPatch) -> None:
    member = Member(monkeypatch)
    member.consumer.log = {P0: (0, 2), P1: (0, 2)}
    await member.given(P0, P1)
    await member.source.pause([P0])
    await member.statistics("{}")
    member.consumer.log = {P0: (0, 50), P1: (0, 50)}
    await member.look()
    assert member.source.known_ends() == {P0: 50, P1: 2}


async def test_the_end_of_a_run_is_asked_for_and_else_as_last_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    member = Member(monkeypatch)
    member.consumer.log = {P0: (0, 2)}
    await member.given(P0)
    member.consumer.log = {P0: (0, 8)}
    assert await member.source.end_offsets([P0]) == {P0: 8}
    member.consumer.silent = True
    assert await member.source.end_offsets([P0]) == {P0: 8}


async def test_what_is_not_owned_is_neither_paused_nor_resumed(monkeypatch: pytest.MonkeyPatch) -> None:
    member = Member(monkeypatch)
    member.consumer.log = {P0: (0, 2)}
    await member.given(P0)
    await member.source.pause([P1])
    assert member.consumer.paused == set()
    await member.source.pause([P0, P1])
    await member.robbed(P0)
    await member.source.resume([P0])
    assert member.consumer.places == {}
