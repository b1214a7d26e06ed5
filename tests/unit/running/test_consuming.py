"""The consumer's coroutine: how long it waits, what ends it, what the engine orders."""

from __future__ import annotations

import asyncio

import pytest

from connector.core.actions import Pause, Resume
from connector.kafka.group.source import SourceFailed
from connector.model import Fetched
from connector.running import consuming as module
from connector.running import wedged
from tests.unit.core.builders import P0, P1
from tests.unit.fakes import until
from tests.unit.running.consuming_desk import Desk, fetched, rubbish


async def test_what_is_fetched_is_decoded_and_told() -> None:
    desk = Desk([fetched(0, 3)], [Fetched(P0, [], 5)])
    await desk.assign(P0)
    await desk.rounds(2)
    assignment = desk.engine.assignments[P0]
    assert assignment.events_held == 3
    assert assignment.offsets.next == 5


async def test_while_nothing_is_under_way_it_waits_longer_and_one_record_ends_the_wait() -> None:
    desk = Desk([], [], [fetched(0, 1)], [fetched(1, 3)], [], max_events=10_000)
    await desk.assign(P0)
    await desk.rounds(3)
    long_wait, short_wait = (1, module.IDLE_WAIT), (module.MOST_RECORDS, module.FETCH_WAIT)
    assert desk.source.asked == [short_wait, long_wait, long_wait]
    await desk.rounds()
    assert desk.next_offset() == 4
    desk.order()
    assert desk.engine.components.dispatch.posting
    await desk.rounds(3)
    none_came = (module.MOST_RECORDS, module.EMPTY_WAIT)
    assert desk.source.asked[3:] == [short_wait, short_wait, none_came, none_came]


async def test_with_enough_to_send_it_decodes_fewer_at_once() -> None:
    desk = Desk([fetched(0, 159)], [fetched(159, 1)], max_events=10_000)
    await desk.assign(P0)
    await desk.rounds(3)
    enough = 16 * 10  # jobs, and devices of each
    assert desk.next_offset() == enough
    most = module.MOST_RECORDS
    assert [asked for asked, _ in desk.source.asked] == [most, most, module.FEW_RECORDS]


async def test_it_runs_until_it_is_stopped_and_shows_that_it_lives() -> None:
    desk = Desk([fetched(0, 3)])
    await desk.assign(P0)
    running = asyncio.create_task(desk.consuming.run())
    await until(lambda: desk.next_offset() == 3)
    desk.consuming.stop()
    await running
    assert set(desk.beats) == {"consumer"}
    assert desk.consuming.failure == ""


async def test_a_dead_consumer_ends_it_with_the_reason() -> None:
    desk = Desk()

    async def die() -> None:
        raise SourceFailed("fatal: it is over")

    desk.source.in_fetch = [die]
    await desk.consuming.run()
    assert desk.consuming.failure == "Kafka: fatal: it is over"


async def test_any_other_fault_ends_it_too_and_is_told_without_its_message(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk = Desk([fetched(0, 1)])
    await desk.assign(P0)

    def broken(*_: object) -> None:
        raise KeyError("user@example.com")

    monkeypatch.setattr(desk.engine, "received", broken)
    await desk.consuming.run()
    assert desk.consuming.failure.startswith("what Kafka delivered: KeyError in ")
    assert "user@example.com" not in desk.consuming.failure


async def test_with_a_full_buffer_nothing_is_fetched_for_a_moment_but_rebalances_are_served_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk = Desk([fetched(0, 10)], [fetched(10, 1)], max_events=10)
    await desk.assign(P0)
    await desk.rounds(3)
    assert desk.next_offset() == 10
    monkeypatch.setattr(module, "FULL_WAIT", 0.0)
    await desk.rounds(1)
    assert desk.next_offset() == 11


async def test_an_order_ends_the_wait_for_a_full_buffer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EMPTY_WAIT", 60.0)
    desk = Desk([rubbish(0)], [fetched(1, 10)], max_events=10)
    await desk.assign(P0)
    await desk.rounds(2)
    assert desk.engine.full
    assert desk.order() is not None
    async with asyncio.timeout(5):
        await desk.rounds()
    assert desk.engine.full


async def test_partitions_are_paused_and_resumed_as_the_engine_says() -> None:
    desk = Desk()
    await desk.assign(P0, P1)
    desk.consuming.pause_or_resume(Pause([P0, P1]))
    desk.consuming.pause_or_resume(Resume([P1]))
    await desk.rounds()
    assert desk.source.paused == {P0}


def test_it_shows_life_for_a_coroutine_that_waits_for_a_commit_and_only_then() -> None:
    desk = Desk()
    desk.consuming.watch_calls()
    assert desk.beats == []
    desk.source.waiting = True
    desk.consuming.watch_calls()
    assert desk.beats == ["consumer"]


async def test_a_call_that_is_never_answered_ends_it_though_it_shows_life(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(wedged, "OVERDUE", 0.0)
    monkeypatch.setattr(wedged, "ASK_BROKERS_EVERY", 0.0)
    desk = Desk([Fetched(P0, [], 7)])
    desk.source.answered_others = True
    desk.source.answers = asyncio.Event()
    desk.consuming.watch_calls()
    assert desk.consuming.wedged._asking is None, "it doesn't run"
    await desk.assign(P0)
    running = asyncio.create_task(desk.consuming.run())
    await until(lambda: desk.next_offset() == 7)
    commit = desk.engine.flush(desk.pulse.clock())
    assert commit is not None
    desk.consuming.commit(commit)
    await until(lambda: desk.source.commits == 1)

    def ended() -> bool:
        desk.consuming.watch_calls()
        return bool(desk.consuming.failure)

    await until(ended)
    assert desk.consuming.failure.startswith("Kafka's client does not answer")
    desk.consuming.stop()
    desk.source.answers.set()
    await running
    desk.consuming.watch_calls()
    assert desk.consuming.wedged._since is None
