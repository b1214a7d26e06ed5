"""Commits whose answers come while records are fetched: each to the one that it belongs to."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.aio import AIOConsumer

from connector.kafka.commits import CommitRefused
from connector.kafka.committer import Committer
from connector.model import Position, TopicPartition
from tests.unit.kafka.consumer import FakeConsumer
from tests.unit.kafka.member import P0, P1

FENCED = KafkaError(KafkaError.ILLEGAL_GENERATION, "gone on")


class Desk:
    """A committer of `owned` between a fake consumer and what it tells."""

    def __init__(self, *owned: TopicPartition) -> None:
        self.consumer = FakeConsumer()
        self.noticed: list[int] = []
        self.successes = 0
        self.committer = Committer(
            lambda: cast("AIOConsumer", self.consumer),
            owned.__contains__,
            lambda error: self.noticed.append(error.code()),
            self._works,
        )

    def _works(self) -> None:
        self.successes += 1

    async def answer(self, number: int = 0, error: KafkaError | None = None) -> None:
        """Answer the commit that is in this place among those under way."""
        await self.committer.answered(error, self.consumer.begun.pop(number))


async def test_the_answer_comes_later_and_names_what_was_committed() -> None:
    desk = Desk(P0)
    answer = await desk.committer.begin({P0: Position(3, "jobs"), P1: Position(4, "")})
    assert not answer.done()
    await desk.answer()
    await answer
    assert desk.consumer.committed_offsets == {P0: Position(3, "jobs")}
    assert desk.successes == 1


async def test_answers_find_their_commits_in_whatever_order_they_come() -> None:
    desk = Desk(P0)
    first = await desk.committer.begin({P0: Position(3, "")})
    second = await desk.committer.begin({P0: Position(4, "")})
    await desk.answer(1)
    assert (first.done(), second.done()) == (False, True)
    await desk.answer(0, FENCED)
    with pytest.raises(CommitRefused) as refused:
        await first
    assert refused.value.kind == "fenced"
    assert desk.noticed == [KafkaError.ILLEGAL_GENERATION]


async def test_an_answer_that_names_nothing_is_for_the_oldest() -> None:
    desk = Desk(P0)
    first = await desk.committer.begin({P0: Position(3, "")})
    second = await desk.committer.begin({P0: Position(4, "")})
    await desk.committer.answered(FENCED, [])
    assert (first.done(), second.done()) == (True, False)
    assert isinstance(first.exception(), CommitRefused)


async def test_a_late_answer_to_a_commit_that_nobody_waits_for_ends_no_other() -> None:
    desk = Desk(P0)
    first = await desk.committer.begin({P0: Position(3, "")})
    first.cancel()
    await desk.answer()
    second = await desk.committer.begin({P0: Position(4, "")})
    stale = desk.consumer.begun[0]
    third = await desk.committer.begin({P0: Position(5, "")})
    second.cancel()
    await desk.committer.answered(None, stale)
    assert not third.done()
    await desk.answer(1)
    assert third.done()


async def test_with_nothing_of_it_owned_a_commit_is_done_at_once() -> None:
    answer = await Desk(P0).committer.begin({P1: Position(3, "")})
    assert answer.done()
    await answer


@pytest.mark.parametrize(
    ("refusal", "kind"),
    [
        (KafkaException(FENCED), "fenced"),
        (KafkaException("no error in it"), "retry"),
        (RuntimeError("Consumer closed"), "closed"),
        (CommitRefused("closed", "the consumer is not running"), "closed"),
    ],
)
async def test_a_commit_that_can_not_even_begin_is_answered_all_the_same(
    refusal: Exception, kind: str
) -> None:
    desk = Desk(P0)
    desk.consumer.refusals = [refusal]
    answer = await desk.committer.begin({P0: Position(3, "")})
    with pytest.raises(CommitRefused) as refused:
        await asyncio.wait_for(answer, 1)
    assert refused.value.kind == kind
