"""Offset commits of a member: what they carry, why they fail, and that one has no answer."""

from __future__ import annotations

import asyncio

import pytest
from confluent_kafka import KafkaError, KafkaException

from connector.kafka.group import committer as module
from connector.kafka.group import source
from connector.kafka.group.commit_refused import CommitRefused
from connector.kafka.troubles import Phase
from connector.model import Position
from tests.unit.fakes import until
from tests.unit.kafka.member import BUSY, P0, P1, owning


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
async def test_a_commit_that_was_not_taken_says_why(
    monkeypatch: pytest.MonkeyPatch, refusal: Exception | KafkaError, kind: str
) -> None:
    member = await owning(monkeypatch)
    member.consumer.refusals = [refusal]
    with pytest.raises(CommitRefused) as refused:
        await member.source.commit({P0: Position(3, "")})
    assert refused.value.kind == kind


async def test_a_commit_while_there_is_no_consumer_is_refused_and_holds_nothing_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    member = await owning(monkeypatch)
    monkeypatch.setattr(member.source, "_consumer", None)
    with pytest.raises(CommitRefused, match="not running") as refused:
        await member.source.commit({P0: Position(3, "")})
    assert refused.value.kind == "closed"
    assert not member.source.waits()


async def test_a_missing_right_is_over_once_a_commit_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    member = await owning(monkeypatch)
    member.consumer.refusals = [KafkaError(KafkaError.GROUP_AUTHORIZATION_FAILED, "no READ")]
    with pytest.raises(CommitRefused):
        await member.source.commit({P0: Position(3, "")})
    assert "group g" in member.troubles[0].mend
    await member.source.commit({P0: Position(3, "")})
    assert member.told("group_authorization") == [Phase.BEGAN, Phase.ENDED]


async def test_that_a_commit_has_no_answer_is_known_and_told_once_it_is_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    member = await owning(monkeypatch)
    member.consumer.answers = asyncio.Event()
    commit = asyncio.create_task(member.source.commit({P0: Position(3, "")}))
    await until(member.source.waits)
    member.now = 19.0
    member.source.tell_silence()
    assert not member.told("unreachable")
    member.now = 20.0
    member.source.tell_silence()
    assert member.told("unreachable") == [Phase.BEGAN]
    member.consumer.answers.set()
    await commit
    assert not member.source.waits()


async def test_whether_others_are_answered_is_asked_of_the_group_s_coordinator(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    member = await owning(monkeypatch)
    asked: list[object] = []
    answer: list[object] = [P0]

    def committed(properties: dict[str, object], partitions: list[object]) -> list[object]:
        asked.append((properties["group.id"], partitions))
        return answer

    monkeypatch.setattr(source, "committed_regardless", committed)
    assert member.source.answers_another()
    assert asked == [("g", [P0])]
    answer.clear()
    assert not member.source.answers_another()


async def test_a_commit_that_a_hand_over_gives_up_keeps_calls_waiting_until_one_comes_through(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "REVOKE_LIMIT", 0.01)
    member = await owning(monkeypatch)
    member.hand_over = {P0: Position(5, "jobs")}
    member.consumer.answers = asyncio.Event()
    member.consumer.in_consume.append(lambda: member.robbed(P0))
    await member.fetch()
    assert member.source.waits()
    await member.fetch()
    assert not member.source.waits()


async def test_a_commit_that_fails_has_its_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    member = await owning(monkeypatch)
    member.consumer.refusals = [KafkaException(BUSY)]
    with pytest.raises(CommitRefused):
        await member.source.commit({P0: Position(3, "")})
    assert not member.source.waits()
