"""What a member was assigned: where it begins, what isn't in the log any more, what can't be told yet."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaError, KafkaException

from connector.kafka.beginnings import MOST_SILENT
from connector.kafka.troubles import Phase
from connector.model import Position, Start, TopicPartition
from tests.unit.kafka.consumer import END, SILENT, messages
from tests.unit.kafka.member import P0, P1, Member

GONE = KafkaError._AUTO_OFFSET_RESET


# -- where it begins -------------------------------------------------------------------------------


async def test_a_partition_begins_where_the_last_owner_committed_with_its_checkpoint(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    member = Member(monkeypatch)
    member.consumer.log = {P0: (0, 9), P1: (2, 5)}
    member.consumer.committed_offsets = {P0: Position(4, "jobs")}
    await member.given(P0, P1)
    assert member.starts == [Start(P0, 4, "jobs"), Start(P1, 2, "")]
    assert member.consumer.places == {P0: 4, P1: 2}
    assert member.consumer.paused == set()


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
    monkeypatch.setattr("connector.kafka.source.ASSIGN_LIMIT", 0.0)
    await member.given(*partitions)
    for looks in range(1, 4):
        await member.look()
        assert len({*member.consumer.asked} & {*hanging}) <= 2 * looks
    assert {start.partition for start in member.starts} == {*others}
    asked = len(member.consumer.asked)
    await member.look()
    assert len(member.consumer.asked) == asked + 2


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
    monkeypatch.setattr("connector.kafka.source.ASSIGN_LIMIT", 0.0)
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
    monkeypatch.setattr("connector.kafka.source.ASSIGN_LIMIT", 0.0)
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
    assert member.source.records_lost == {}
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
    assert member.starts == [Start(P0, 6, "")]
    assert member.source.records_lost == {"t": 4}
    assert member.told("data_loss") == [Phase.BEGAN, Phase.ENDED]


# -- records that go while it reads ------------------------------------------------------------------


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
    assert member.source.records_lost == {"t": 7}
    assert member.source.high_watermarks() == {P0: 15}


async def test_a_partition_that_was_created_anew_is_lost_and_begun_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    member = Member(monkeypatch, on_data_loss="continue")
    await reading(member)
    member.consumer.log = {P0: (0, 3)}
    await member.source.pause([P0])
    await member.fetch()
    assert member.losses == [[P0]]
    assert member.starts == [Start(P0, 0, ""), Start(P0, 0, "")]
    assert member.consumer.places == {P0: 0}
    assert member.consumer.paused == set()


async def test_what_was_delivered_before_a_gap_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    member = Member(monkeypatch, on_data_loss="continue")
    await reading(member)
    member.consumer.messages = messages(P0, range(5, 9)) + messages(P0, [9], GONE)
    (fetched,) = await member.fetch()
    assert [record.offset() for record in fetched.records] == [5, 6, 7, 8]
    assert member.source.records_lost == {"t": 3}
    assert member.consumer.places == {P0: 12}


async def test_what_was_delivered_before_a_log_was_begun_anew_does_not_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    member = Member(monkeypatch, on_data_loss="continue")
    await reading(member)
    member.consumer.log = {P0: (0, 3)}
    member.consumer.messages = messages(P0, range(5, 9)) + messages(P0, [9], GONE)
    assert await member.fetch() == []
    assert member.starts[-1] == Start(P0, 0, "")
    member.consumer.messages = messages(P0, range(3))
    (fetched,) = await member.fetch()
    assert [record.offset() for record in fetched.records] == [0, 1, 2]
    assert member.source.high_watermarks() == {P0: 3}


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
    assert member.source.high_watermarks() == {P0: 7}
    member.consumer.messages = messages(P0, range(20))
    await member.fetch()
    assert member.source.high_watermarks() == {P0: 20}


async def test_who_is_paused_is_asked_about(monkeypatch: pytest.MonkeyPatch) -> None:
    member = Member(monkeypatch)
    member.consumer.log = {P0: (0, 2), P1: (0, 2)}
    await member.given(P0, P1)
    await member.source.pause([P0])
    await member.statistics("{}")
    member.consumer.log = {P0: (0, 50), P1: (0, 50)}
    await member.look()
    assert member.source.high_watermarks() == {P0: 50, P1: 2}


async def test_the_end_of_a_run_is_asked_for_and_else_as_last_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    member = Member(monkeypatch)
    member.consumer.log = {P0: (0, 2)}
    await member.given(P0)
    member.consumer.log = {P0: (0, 8)}
    assert await member.source.end_offsets([P0]) == {P0: 8}
    member.consumer.silent = True
    assert await member.source.end_offsets([P0]) == {P0: 8}


async def test_where_many_partitions_end_is_one_question(monkeypatch: pytest.MonkeyPatch) -> None:
    member = Member(monkeypatch)
    partitions = [TopicPartition("t", number) for number in range(9)]
    member.consumer.log = dict.fromkeys(partitions, (0, 8))
    await member.given(*partitions)
    before = member.consumer.questions
    assert await member.source.end_offsets(partitions) == dict.fromkeys(partitions, 8)
    assert member.consumer.questions == before + 1


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
