"""Commits without letters: what their answers mean to the engine."""

from __future__ import annotations

import asyncio
from typing import get_args

import pytest

from connector.kafka.group.commit_refused import CommitRefused, Refusal
from connector.model import Fetched
from tests.unit.core.builders import P0
from tests.unit.fakes import until
from tests.unit.running.consuming_desk import Desk


async def test_a_commit_is_made_and_acknowledged() -> None:
    desk = Desk([Fetched(P0, [], 7)])
    await desk.assign(P0)
    await desk.rounds()
    assert desk.order() is not None
    await desk.settled()
    assert desk.position() == 7


@pytest.mark.parametrize("kind", get_args(Refusal))
async def test_a_refused_commit_is_owed_as_before(kind: Refusal) -> None:
    desk = Desk([Fetched(P0, [], 7)])
    desk.source.refusals = [CommitRefused(kind, "no")]
    await desk.assign(P0)
    await desk.rounds()
    desk.order()
    await desk.rounds()
    assert desk.position() == -1
    assert desk.consuming.committing.failures == 1
    assert desk.engine.assignments[P0].dirty
    assert desk.engine.components.ledger.under_way is None
    longest = desk.engine.components.reach._limit
    assert longest == (2047 if kind == "too_large" else 4095)


async def test_a_commit_that_nobody_waits_for_any_more_is_owed_as_before() -> None:
    desk = Desk([Fetched(P0, [], 7)])
    desk.source.answers = asyncio.Event()
    await desk.assign(P0)
    await desk.rounds()
    desk.order()
    waiting = asyncio.create_task(desk.rounds())
    await until(lambda: desk.source.commits == 1)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert desk.engine.components.ledger.under_way is None
    assert desk.engine.assignments[P0].dirty


@pytest.mark.parametrize("stood_still_before", [True, False])
async def test_a_commit_proves_the_membership_that_was_in_doubt_when_it_began(
    monkeypatch: pytest.MonkeyPatch, stood_still_before: bool
) -> None:
    desk = Desk([Fetched(P0, [], 7)])
    desk.source.answers = asyncio.Event()
    await desk.assign(P0)
    await desk.rounds()
    monkeypatch.setattr(desk.membership.standstill, "noticed", lambda: 2.0)
    if stood_still_before:
        desk.membership.note_standstill()
    desk.order()
    committing = asyncio.create_task(desk.rounds())
    await until(lambda: desk.source.commits == 1)
    if not stood_still_before:
        desk.membership.note_standstill()
    desk.source.answers.set()
    await committing
    assert desk.position() == 7
    assert desk.membership.in_doubt is not stood_still_before
