"""A decoder that can't do its work: its partition waits, the others go on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from connector.core.actions import Pause, Resume
from connector.model import DecoderUnavailable, Record, TagsUpdate
from connector.running import decoding
from tests.unit.core.builders import P0, P1
from tests.unit.fakes import until
from tests.unit.running.consuming_desk import Desk, fetched


class Moody:
    """A decoder whose registry is down at first."""

    def __init__(self, *, down: bool = True) -> None:
        self.down = down

    def __call__(self, found: Record) -> TagsUpdate | None:
        if self.down and found.offset() % 2:
            raise DecoderUnavailable("registry down")
        return TagsUpdate(hwid=f"d{found.offset()}", tags={"a": 1})


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A decoder that couldn't work is tried again in every round."""
    monkeypatch.setattr(decoding, "DECODER_WAIT", 0.0)


@pytest.mark.usefixtures("at_once")
async def test_records_wait_for_a_decoder_that_cannot_work_and_none_is_lost() -> None:
    decoder = Moody()
    first, second = fetched(0), fetched(1, 2)
    desk = Desk([first, second, fetched(0, 1, P1)], [fetched(3)], decoder=decoder)
    await desk.assign(P0, P1)
    await desk.rounds(2)
    assert desk.next_offset() == 1
    assert desk.next_offset(P1) == 1, "other partitions flow on"
    assert desk.source.paused == {P0}
    decoder.down = False
    await desk.rounds(2)
    assert desk.next_offset() == 4
    assert desk.source.paused == set()
    assert desk.engine.assignments[P0].events_held == 4


@pytest.mark.usefixtures("at_once")
async def test_who_is_paused_by_the_engine_stays_so_when_the_decoder_works_again() -> None:
    decoder = Moody()
    desk = Desk([fetched(1)], decoder=decoder)
    await desk.assign(P0, P1)
    await desk.rounds(2)
    desk.engine.assignments[P0].paused = True
    desk.consuming.pause_or_resume(Resume([P0]))
    await desk.consuming._carry_out_actions()
    assert desk.source.paused == {P0}, "the engine can't let in what would overtake"
    decoder.down = False
    await desk.rounds()
    assert desk.source.paused == {P0}


@pytest.mark.usefixtures("at_once")
async def test_an_outage_of_the_decoder_is_a_trouble_until_it_is_over() -> None:
    decoder = Moody()
    desk = Desk([fetched(1)], decoder=decoder)
    await desk.assign(P0)
    await desk.rounds(3)
    (trouble,) = desk.incidents.open.values()
    assert (trouble.code, trouble.message, trouble.blocking) == (
        decoding.DECODER_TROUBLE,
        "registry down",
        True,
    )
    decoder.down = False
    await desk.rounds()
    assert not desk.incidents.open


async def test_the_trouble_ends_when_its_partitions_are_somebody_elses() -> None:
    desk = Desk([fetched(1)], decoder=Moody())
    await desk.assign(P0)
    await desk.rounds()
    assert desk.incidents.open
    desk.rebalancing.lost([P0])
    assert not desk.incidents.open


async def test_a_partition_that_is_resumed_while_its_decoder_looks_something_up_is_read_on() -> None:
    asked: list[int] = []

    def decoder(found: Record) -> TagsUpdate:
        asked.append(found.offset())
        if len(asked) == 1:
            raise DecoderUnavailable("asking", outage=False)
        return TagsUpdate(hwid="d", tags={"a": 1})

    desk = Desk([fetched(0)], decoder=decoder)
    await desk.assign(P0)
    await desk.rounds()
    for change in (Pause([P0]), Resume([P0])):
        desk.consuming.pause_or_resume(change)
        await desk.consuming._carry_out_actions()
    assert desk.source.paused == {P0}, "its records wait for what is looked up"
    desk.consuming._retry_soon()
    await desk.rounds(3)
    assert desk.next_offset() == 1
    assert desk.source.paused == set()


async def test_for_a_question_that_is_soon_answered_nothing_is_paused() -> None:
    calls: list[Callable[[], None]] = []
    asked: list[int] = []

    def decoder(found: Record) -> TagsUpdate:
        asked.append(found.offset())
        if len(asked) == 1:
            raise DecoderUnavailable("asking", outage=False, on_change=calls.append)
        return TagsUpdate(hwid="d", tags={"a": 1})

    desk = Desk([fetched(0)], decoder=decoder)
    await desk.assign(P0)
    running = asyncio.create_task(desk.consuming.run())
    await until(lambda: bool(calls))
    assert not desk.incidents.open
    await asyncio.to_thread(calls[0])
    await until(lambda: desk.next_offset() == 1)
    assert desk.source.pauses == 0
    desk.consuming.stop()
    await running


async def test_a_question_that_takes_long_pauses_its_partition_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "SHORT_WAIT", 0.0)

    def decoder(found: Record) -> TagsUpdate:
        if found.partition() == P0.partition:
            raise DecoderUnavailable("asking", outage=False)
        return TagsUpdate(hwid="d", tags={"a": 1})

    desk = Desk([fetched(0)], [fetched(0, 1, P1)], decoder=decoder)
    await desk.assign(P0, P1)
    await desk.rounds(2)
    assert desk.source.paused == {P0}
    assert desk.next_offset(P1) == 1
    assert not desk.incidents.open


@pytest.mark.usefixtures("at_once")
async def test_records_that_wait_for_the_decoder_do_not_come_into_the_next_assignment() -> None:
    decoder = Moody()
    desk = Desk([fetched(5)], decoder=decoder)
    await desk.assign(P0)
    await desk.rounds()

    async def moved() -> None:
        desk.rebalancing.lost([P0])
        await desk.assign(P0)

    desk.source.in_fetch = [moved]
    decoder.down = False
    await desk.rounds(2)
    assert desk.next_offset() == 0, "or all before offset 5 would count as settled"
