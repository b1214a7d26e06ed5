"""A member of the group: hands over with a last commit, says why commits fail, notices what is wrong."""

from __future__ import annotations

import asyncio

import pytest
from confluent_kafka import KafkaError, KafkaException

from connector.kafka import committer, joining
from connector.kafka.commit_refused import CommitRefused
from connector.kafka.source import SourceFailed
from connector.kafka.troubles import Phase
from connector.model import Position
from tests.unit.kafka.consumer import messages
from tests.unit.kafka.member import P0, P1, Member

CONNECTED = '{"brokers": {"b": {"nodeid": 1, "state": "UP", "stateage": 9000000}}}'
BUSY = KafkaError(KafkaError._NO_OFFSET, "the coordinator moves")


async def owning(monkeypatch: pytest.MonkeyPatch, **properties: str) -> Member:
    member = Member(monkeypatch, **properties)  # type: ignore[arg-type]  # properties only
    member.consumer.log = {P0: (0, 9), P1: (0, 9)}
    await member.given(P0, P1)
    return member


# -- commits -----------------------------------------------------------------------------------------


async def test_a_commit_carries_its_checkpoint_and_leaves_out_what_is_not_owned(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    member = await owning(monkeypatch)
    await member.robbed(P1)
    await member.source.commit({P0: Position(3, "jobs"), P1: Position(4, "")})
    assert member.consumer.committed_offsets == {P0: Position(3, "jobs")}
    await member.source.commit({P1: Position(4, "")})
    assert P1 not in member.consumer.committed_offsets


@pytest.mark.parametrize(
    ("refusal", "kind"),
    [
        (KafkaError(KafkaError.OFFSET_METADATA_TOO_LARGE), "too_large"),
        (KafkaException(KafkaError(KafkaError.ILLEGAL_GENERATION)), "fenced"),
        (KafkaException(BUSY), "retry"),
        (KafkaException("no error in it"), "retry"),
        (RuntimeError("Consumer closed"), "closed"),
    ],
)
async def test_why_a_commit_was_not_taken(
    monkeypatch: pytest.MonkeyPatch, refusal: Exception | KafkaError, kind: str
) -> None:
    member = await owning(monkeypatch)
    member.consumer.refusals = [refusal]
    with pytest.raises(CommitRefused) as refused:
        await member.source.commit({P0: Position(3, "")})
    assert refused.value.kind == kind


async def test_a_missing_right_is_over_once_a_commit_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    member = await owning(monkeypatch)
    member.consumer.refusals = [KafkaError(KafkaError.GROUP_AUTHORIZATION_FAILED, "no READ")]
    with pytest.raises(CommitRefused):
        await member.source.commit({P0: Position(3, "")})
    assert "group g" in member.troubles[0].mend
    await member.source.commit({P0: Position(3, "")})
    assert member.told("group_authorization") == [Phase.BEGAN, Phase.ENDED]


async def test_before_it_runs_nothing_can_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CommitRefused, match="not running"):
        await Member(monkeypatch).source.group_metadata()


# -- rebalances --------------------------------------------------------------------------------------


async def test_what_is_handed_over_is_committed_before_it_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    member = await owning(monkeypatch)
    member.hand_over = {P0: Position(5, "jobs")}
    await member.robbed(P0)
    assert member.revocations == [[P0]]
    assert member.consumer.committed_offsets == {P0: Position(5, "jobs")}
    assert set(member.consumer.places) == {P1}


async def test_the_last_commit_is_tried_again_while_that_can_help(monkeypatch: pytest.MonkeyPatch) -> None:
    member = await owning(monkeypatch)
    member.hand_over = {P0: Position(5, "jobs")}
    member.consumer.refusals = [KafkaException(BUSY)]
    await member.robbed(P0)
    assert member.consumer.committed_offsets == {P0: Position(5, "jobs")}


async def test_a_last_commit_that_can_not_be_taken_does_not_hold_up_the_group(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    member = await owning(monkeypatch)
    member.hand_over = {P0: Position(5, "jobs"), P1: Position(6, "")}
    member.consumer.refusals = [KafkaError(KafkaError.ILLEGAL_GENERATION)]
    await member.robbed(P0)
    monkeypatch.setattr(committer, "REVOKE_LIMIT", 0.01)
    member.consumer.refusals = [KafkaException(BUSY) for _ in range(100)]
    async with asyncio.timeout(5):
        await member.robbed(P1)
    assert member.consumer.committed_offsets == {}
    assert member.consumer.places == {}


async def test_that_a_commit_has_no_answer_is_known_and_told_once_it_is_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    member = await owning(monkeypatch)
    member.consumer.answers = asyncio.Event()
    commit = asyncio.create_task(member.source.commit({P0: Position(3, "")}))
    await asyncio.sleep(0)
    assert member.source.waits()
    member.now = 19.0
    member.source.tell_silence()
    assert not member.told("unreachable")
    member.now = 20.0
    member.source.tell_silence()
    assert member.told("unreachable") == [Phase.BEGAN]
    member.consumer.answers.set()
    await commit
    assert not member.source.waits()


async def test_a_commit_that_a_hand_over_gives_up_keeps_calls_waiting_until_one_comes_through(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(committer, "REVOKE_LIMIT", 0.01)
    member = await owning(monkeypatch)
    member.hand_over = {P0: Position(5, "jobs")}
    member.consumer.answers = asyncio.Event()
    member.consumer.in_consume.append(lambda: member.robbed(P0))
    await member.fetch()
    assert member.source.waits()
    await member.fetch()
    assert not member.source.waits()


async def test_what_is_lost_is_not_committed(monkeypatch: pytest.MonkeyPatch) -> None:
    member = await owning(monkeypatch)
    member.hand_over = {P0: Position(5, "jobs")}
    await member.shut_out(P0, P1)
    assert (member.losses, member.revocations) == ([[P0, P1]], [])
    assert member.consumer.committed_offsets == {}
    assert member.consumer.places == {}
    assert not member.source.joined


async def test_leaving_the_group_commits_last(monkeypatch: pytest.MonkeyPatch) -> None:
    member = await owning(monkeypatch)
    member.hand_over = {P0: Position(5, "jobs")}
    await member.source.close()
    await member.source.close()
    assert member.consumer.committed_offsets == {P0: Position(5, "jobs")}
    assert len(member.revocations) == 1


async def test_a_spare_member_is_one_too(monkeypatch: pytest.MonkeyPatch) -> None:
    member = Member(monkeypatch)
    await member.given()
    assert member.source.joined
    assert member.starts == []
    await member.robbed()
    assert member.revocations == []


# -- what is wrong -----------------------------------------------------------------------------------


async def test_a_fatal_error_is_the_end_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    member = await owning(monkeypatch)
    member.consumer.failures = [KafkaException(KafkaError(KafkaError._FATAL, "it is over"))]
    with pytest.raises(SourceFailed, match="it is over"):
        await member.fetch()


async def test_any_other_error_of_a_fetch_is_told_and_gone_through(monkeypatch: pytest.MonkeyPatch) -> None:
    member = await owning(monkeypatch)
    member.consumer.failures = [KafkaException(KafkaError(KafkaError._AUTHENTICATION, "bad password"))]
    assert await member.fetch() == []
    assert member.told("authentication") == [Phase.BEGAN]
    member.consumer.messages = messages(P0, [0])
    await member.fetch()
    assert member.told("authentication") == [Phase.BEGAN, Phase.ENDED]


async def test_what_is_no_error_of_librdkafka_is_not_swallowed(monkeypatch: pytest.MonkeyPatch) -> None:
    member = await owning(monkeypatch)
    member.consumer.failures = [SystemError("a fault of ours in a callback")]
    with pytest.raises(SystemError, match="a fault of ours"):
        await member.fetch()


async def test_an_error_about_one_topic_names_it_and_ends_with_its_first_record(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    member = await owning(monkeypatch)
    member.consumer.messages = messages(P0, [-1001], KafkaError.TOPIC_AUTHORIZATION_FAILED)
    await member.fetch()
    assert member.troubles[0].mend == "grant this user READ on topic t"
    member.consumer.messages = messages(P0, [0])
    await member.fetch()
    assert member.told("topic_authorization") == [Phase.BEGAN, Phase.ENDED]


@pytest.mark.parametrize(
    ("protocol", "code"), [("classic", "not_joined"), ("consumer", "protocol_unsupported")]
)
async def test_a_group_that_takes_no_member_is_told_of_once_brokers_answer(
    monkeypatch: pytest.MonkeyPatch, protocol: str, code: str
) -> None:
    member = Member(monkeypatch, group_protocol=protocol)
    await member.source.start()
    member.now = joining.JOIN_LIMIT + 1
    await member.fetch()
    assert member.troubles == []  # no broker has answered: that is another trouble
    await member.statistics(CONNECTED)
    await member.look()
    assert member.told(code) == [Phase.BEGAN]
    member.consumer.epoch = 3
    await member.look()
    assert member.source.joined
    assert member.told(code) == [Phase.BEGAN, Phase.ENDED]


async def test_a_token_that_is_not_renewed_blocks_nothing_while_the_last_one_is_good(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    late = KafkaError(KafkaError._AUTHENTICATION, "Failed to acquire SASL OAUTHBEARER token: HTTP 500")
    member = Member(monkeypatch)
    await member.source.start()
    await member.error(late)
    assert [trouble.blocking for trouble in member.troubles] == [True]
    await member.statistics(CONNECTED)
    await member.given()
    await member.error(late)
    assert [trouble.blocking for trouble in member.troubles] == [True, False]
    member.now += joining.SILENCE + 1
    await member.look()
    assert member.troubles[-1].phase is Phase.ENDED


async def test_brokers_that_stay_connected_can_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    member = await owning(monkeypatch)
    await member.error(KafkaError(KafkaError._ALL_BROKERS_DOWN, "all down"))
    assert member.source.troubles.blocking
    await member.statistics(CONNECTED)
    assert member.told("unreachable") == [Phase.BEGAN, Phase.ENDED]
    assert member.source.statistics().connected
