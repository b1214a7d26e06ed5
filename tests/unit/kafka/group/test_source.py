"""A member of the group: hands over with a last commit, notices what is wrong."""

from __future__ import annotations

import asyncio

import pytest
from confluent_kafka import KafkaError, KafkaException, Message

from connector.kafka.group import committer, joining
from connector.kafka.group.source import SourceFailed
from connector.kafka.troubles import Phase
from connector.model import Position
from tests.unit.kafka.consumer import messages
from tests.unit.kafka.member import BUSY, P0, P1, Member, owning

CONNECTED = '{"brokers": {"b": {"nodeid": 1, "state": "UP", "stateage": 9000000}}}'


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


async def test_a_member_without_a_partition_has_joined_too(monkeypatch: pytest.MonkeyPatch) -> None:
    member = Member(monkeypatch)
    await member.given()
    assert member.source.joined
    assert member.starts == []
    await member.robbed()
    assert member.revocations == []


# -- what is wrong -----------------------------------------------------------------------------------


async def test_before_it_runs_nothing_can_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RuntimeError, match="not running"):
        await Member(monkeypatch).source.group_metadata()


async def test_a_fatal_error_is_the_end_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    member = await owning(monkeypatch)
    member.consumer.failures = [KafkaException(KafkaError(KafkaError._FATAL, "it is over"))]
    with pytest.raises(SourceFailed, match="it is over"):
        await member.fetch()


UNRELEASED = "Fatal error: Broker: The instance ID is still used by another member in the consumer group: x"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (UNRELEASED, "instance_id"),
        (f"Fatal error: {KafkaError(KafkaError.GROUP_MAX_SIZE_REACHED).str()}: x", "group_full"),
        ("Fatal error: Broker: The group id does not exist: x", "group_settings"),
        ("Fatal error: Broker: Unknown broker error: x", None),
    ],
)
async def test_a_fatal_error_among_the_messages_is_the_end_of_it_too(
    monkeypatch: pytest.MonkeyPatch, words: str, code: str | None
) -> None:
    member = await owning(monkeypatch)
    fatal = KafkaError(KafkaError._FATAL, words)
    member.consumer.messages = [Message(error=fatal)]
    with pytest.raises(SourceFailed, match=words[:30]):
        await member.fetch()
    assert [trouble.code for trouble in member.troubles] == ([code] if code else [])


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
    await member.statistics(CONNECTED)
    await member.look()
    assert member.troubles == []  # no broker had answered: that is another trouble
    member.now += joining.JOIN_LIMIT
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
