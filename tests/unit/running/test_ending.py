"""Who runs until the end: all that was there at the start is committed, by it or by others."""

from __future__ import annotations

import pytest

from connector.model import Start, TopicPartition
from connector.running import ending
from tests.unit.core.builders import P0, P1
from tests.unit.fakes import turns, until
from tests.unit.running.consuming_desk import Desk
from tests.unit.running_process import Listening, Process, records


async def test_until_the_end_means_the_ends_that_were_seen_first() -> None:
    desk = Desk(until_end=True)
    desk.source.ends = {P0: 5}
    await desk.assign(P0)
    await desk.rebalancing.revoked([P0])
    desk.source.ends = {P0: 99}
    await desk.assign(P0)
    assert desk.engine.assignments[P0].until == 5


async def test_who_gets_a_partition_later_reads_it_to_where_it_ended_at_the_start() -> None:
    desk = Desk(until_end=True)
    desk.source.ends = {P0: 99, P1: 7}
    desk.source.remainder.ends = {P0: 5}
    await desk.assign(P0, P1)
    assert {assignment.partition: assignment.until for assignment in desk.engine.assignments.values()} == {
        P0: 5,
        P1: 7,
    }


async def test_what_the_group_has_read_beyond_that_is_done() -> None:
    desk = Desk(until_end=True)
    desk.source.remainder.ends = {P0: 5}
    await desk.rebalancing.assigned([Start(P0, 8, "")])
    assert desk.engine.assignments[P0].done


async def test_an_end_that_cannot_be_told_ends_the_process_rather_than_being_guessed() -> None:
    desk = Desk(until_end=True)
    await desk.assign(P0)
    assert desk.consuming.failure
    assert desk.engine.assignments == {}


async def test_a_spare_instance_ends_once_others_have_done_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ending, "ASK_REMAINDER_EVERY", 0.0)
    process = Process(monkeypatch)
    process.source.starts = []
    process.source.remainder.partitions = [TopicPartition("tags", 3)]
    told = Listening()
    monkeypatch.setattr(process.runner._ending, "_log", told)
    async with process.running() as task:
        await until(lambda: process.source.remainder.asked > 3)
        assert not task.done()
        process.source.remainder.partitions = []
    assert task.result() == 0
    assert told.lines == [("waiting for partitions of other members", {"partitions": ["tags/3"]})]


async def test_what_others_have_is_waited_for_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ending, "ASK_REMAINDER_EVERY", 0.0)
    process = Process(monkeypatch, records(0), end=1)
    process.source.remainder.partitions = [TopicPartition("tags", 1)]
    async with process.running() as task:
        await until(lambda: process.source.remainder.asked > 3)
        assert process.position == 1
        assert not task.done()
        process.source.remainder.partitions = []
    assert task.result() == 0


@pytest.mark.parametrize("known", [True, False])
async def test_where_nobody_tells_what_is_left_the_end_is_not_reached(
    monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    monkeypatch.setattr(ending, "AFTER_SILENCE", 0.0)
    process = Process(monkeypatch, records(0), end=1)
    remainder = process.source.remainder
    remainder.known, remainder.partitions = known, None
    async with process.running() as task:
        await until(lambda: process.position == 1)
        await turns()
        assert not task.done()
        remainder.known, remainder.partitions = True, []
    assert task.result() == 0


async def test_an_instance_that_has_not_joined_is_no_spare_one(monkeypatch: pytest.MonkeyPatch) -> None:
    process = Process(monkeypatch)
    process.source.starts = []
    process.source.joined = False
    async with process.running() as task:
        await until(lambda: process.runner._heartbeat.health().ok)
        await turns()
        assert not task.done()
        process.source.joined = True
        process.runner._pulse.ring()


async def test_the_end_is_not_reached_while_it_is_not_known_where_a_partition_begins(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    process = Process(monkeypatch, records(0), end=1)
    process.source.unresolved = {TopicPartition("tags", 1)}
    async with process.running() as task:
        await until(lambda: process.position == 1)
        await turns()
        assert not task.done()
        process.source.unresolved = set()
        process.runner._pulse.ring()
