"""Records that go from a partition while it is read, and logs that are begun anew."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaError

from connector.kafka.group.start_lookup import MOST_SILENT
from connector.kafka.troubles import Phase
from connector.model import Fetched, Position, Start, TopicPartition
from tests.unit.kafka.consumer import messages
from tests.unit.kafka.member import P0, Member

GONE = KafkaError._AUTO_OFFSET_RESET


async def reading(member: Member) -> None:
    """It has read up to offset 5 of a log that was then cut off below 12."""
    member.consumer.log = {P0: (0, 5)}
    await member.given(P0)
    member.consumer.messages = messages(P0, range(5))
    await member.fetch()
    member.consumer.log = {P0: (12, 15)}
    member.consumer.messages = messages(P0, [5], GONE)


async def test_a_loss_while_reading_halts_the_partition_which_stays_owned(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    member = Member(monkeypatch)
    await reading(member)
    await member.fetch()
    assert member.consumer.paused == {P0}
    assert "7 records from offset 5" in member.troubles[0].message
    assert member.losses == []
    await member.source.resume([P0])
    assert member.consumer.paused == {P0}
    member.consumer.messages = messages(P0, [5], GONE)
    await member.fetch()
    assert member.told("data_loss") == [Phase.BEGAN]
    await member.source.commit({P0: Position(5, "still ours")})
    assert member.consumer.committed_offsets == {P0: Position(5, "still ours")}


@pytest.mark.parametrize("paused", [False, True])
async def test_a_loss_while_reading_goes_on_from_what_is_left_paused_if_it_was(
    monkeypatch: pytest.MonkeyPatch, *, paused: bool
) -> None:
    member = Member(monkeypatch, on_data_loss="continue")
    await reading(member)
    if paused:
        await member.source.pause([P0])
    await member.fetch()
    assert member.consumer.places == {P0: 12}
    assert member.consumer.paused == ({P0} if paused else set())
    assert member.source.take_records_lost() == {"t": 7}
    assert member.source.known_ends() == {P0: 15}


async def test_a_partition_that_was_created_anew_is_lost_and_begun_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    member = Member(monkeypatch, on_data_loss="continue")
    await reading(member)
    member.consumer.log = {P0: (0, 3)}
    await member.source.pause([P0])
    await member.fetch()
    assert member.losses == [[P0]]
    assert member.starts == [Start(P0, 0, "", committed=False)] * 2
    assert member.consumer.places == {P0: 0}
    assert member.consumer.paused == set()


async def test_what_was_delivered_before_a_gap_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    member = Member(monkeypatch, on_data_loss="continue")
    await reading(member)
    member.consumer.messages = messages(P0, range(5, 9)) + messages(P0, [9], GONE)
    fetched, gap = await member.fetch()
    assert [record.offset() for record in fetched.records] == [5, 6, 7, 8]
    assert gap == Fetched(P0, [], 12), "so that a commit tells the next owner"
    assert member.source.take_records_lost() == {"t": 3}
    assert member.consumer.places == {P0: 12}


async def test_a_gap_is_told_to_the_listener_once(monkeypatch: pytest.MonkeyPatch) -> None:
    member = Member(monkeypatch, on_data_loss="continue")
    await reading(member)
    assert await member.fetch() == [Fetched(P0, [], 12)]
    member.consumer.messages = []
    assert await member.fetch() == []


async def test_what_was_delivered_before_a_log_was_begun_anew_does_not_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    member = Member(monkeypatch, on_data_loss="continue")
    await reading(member)
    member.consumer.log = {P0: (0, 3)}
    member.consumer.messages = messages(P0, range(5, 9)) + messages(P0, [9], GONE)
    assert await member.fetch() == []
    assert member.starts[-1] == Start(P0, 0, "", committed=False)
    member.consumer.messages = messages(P0, range(3))
    (fetched,) = await member.fetch()
    assert [record.offset() for record in fetched.records] == [0, 1, 2]
    assert member.source.known_ends() == {P0: 3}


async def test_while_no_broker_says_where_the_log_begins_it_is_asked_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    member = Member(monkeypatch, on_data_loss="continue")
    await reading(member)
    member.consumer.silent = True
    await member.fetch()
    assert member.consumer.places == {P0: 0}
    member.consumer.silent = False
    await member.look()
    assert member.consumer.places == {P0: 12}
    before = member.consumer.questions
    await member.look()
    assert member.consumer.questions == before


async def test_a_moment_of_a_new_leader_is_no_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    member = Member(monkeypatch)
    await reading(member)
    member.consumer.log = {P0: (0, 9)}
    await member.fetch()
    assert member.consumer.places == {P0: 5}
    assert member.troubles == []


async def test_a_log_that_was_truncated_is_a_loss_though_the_offset_is_in_it_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    member = Member(monkeypatch)
    await reading(member)
    member.consumer.log = {P0: (0, 9)}
    member.consumer.messages = messages(P0, [5], KafkaError._LOG_TRUNCATION)
    await member.fetch()
    assert member.told("data_loss") == [Phase.BEGAN]
    assert member.consumer.paused == {P0}


async def test_a_broker_that_hangs_as_its_records_go_costs_two_questions_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    member = Member(monkeypatch, on_data_loss="continue")
    partitions = [TopicPartition("t", number) for number in range(50)]
    hanging, others = partitions[:48], partitions[48:]
    member.consumer.log = dict.fromkeys(partitions, (0, 9))
    await member.given(*partitions)
    member.consumer.log = dict.fromkeys(partitions, (7, 9))
    member.consumer.hanging = set(hanging)
    member.consumer.messages = [each for p in partitions for each in messages(p, [5], GONE)]
    for looks in range(1, 27):
        member.consumer.asked.clear()
        await member.look()
        assert len({*member.consumer.asked} & {*hanging}) <= MOST_SILENT, looks
    assert {p for p in partitions if member.consumer.places[p] == 7} == {*others}
    member.consumer.hanging.clear()
    await member.look()
    assert {*member.consumer.places.values()} == {7}


async def test_a_leader_that_was_away_while_an_offset_was_gone_is_told_of_until_it_is_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    member = Member(monkeypatch, on_data_loss="continue")
    member.consumer.log = {P0: (0, 9)}
    await member.given(P0)
    member.consumer.messages = messages(P0, [5], GONE)
    del member.consumer.log[P0]
    await member.look()
    assert member.told("no_leader") == [Phase.BEGAN]

    member.consumer.log[P0] = (0, 9)
    member.consumer.hanging = {P0}
    await member.look()
    assert member.told("offsets_unavailable") == [Phase.BEGAN]

    member.consumer.hanging = set()
    for _ in range(2):
        await member.look()
    assert member.told("no_leader") == [Phase.BEGAN, Phase.ENDED]
    assert member.told("offsets_unavailable") == [Phase.BEGAN, Phase.ENDED]
