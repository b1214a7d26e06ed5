"""Calls that the API has no time for: where they are frequent there are fewer jobs at once."""

from __future__ import annotations

import random

import pytest

from connector.answers import Unavailable
from connector.core.batching.batch import Batch
from connector.model import Endpoint
from tests.unit.core.builders import NOW, devices
from tests.unit.core.driving import Drive, reading


def _reading(count: int) -> Drive:
    drive = reading(count)
    drive.let_many_go()
    return drive


@pytest.mark.parametrize(("share", "fewer"), [(0.03, False), (0.5, True)])
def test_a_503_now_and_then_leaves_as_many_jobs_as_may_be(share: float, fewer: bool) -> None:
    dice = random.Random(5)
    drive = _reading(400)
    lowest = 16
    for at in range(400, 1000, 10):
        drive.read(*devices(range(at, at + 10)))
        drive.run(lambda _: Unavailable("busy", 503) if dice.random() < share else None, seconds=10)
        lowest = min(lowest, drive.engine.components.concurrency.limit)
    assert (lowest < 8) == fewer


def test_what_cannot_be_read_tells_nothing_of_load() -> None:
    dice = random.Random(5)
    drive = _reading(400)
    drive.run(lambda _: Unavailable("<html>", 200) if dice.random() < 0.5 else None)
    assert drive.engine.components.concurrency.limit == 16


@pytest.mark.parametrize("call", ["post", "get"])
def test_one_call_in_twelve_that_meets_a_503_from_the_first_one_on_takes_no_place_for_jobs(call: str) -> None:
    drive = _reading(500)
    calls, lowest = 0, 16

    def busy(which: str) -> Unavailable | None:
        nonlocal calls, lowest
        lowest = min(lowest, drive.engine.components.concurrency.limit)
        calls += which == call
        return Unavailable("busy", 503) if which == call and calls % 12 == 1 else None

    drive.run(lambda _: busy("post"), lambda _: busy("get"))
    assert calls > 50
    assert lowest == 16


BUSY = Unavailable("too many", 429)


def _places_after(drive: Drive, busy: int, at: float, answer: Unavailable = BUSY) -> int:
    """So many POSTs of one time meet a 429, or this, then one is answered; return the places for jobs."""
    for number in range(busy):
        batch = Batch(number, Endpoint.TAGS, "", devices([number]), at)
        drive.engine.components.outages.down("post", batch, answer, at, at)
    drive.engine.components.outages.answered(at + 60, "post", 1)
    return drive.engine.components.concurrency.limit


def test_each_time_that_the_gate_closes_a_third_of_the_places_for_jobs_goes_at_most() -> None:
    drive = Drive()
    assert [_places_after(drive, 7, NOW + at) for at in (0, 100)] == [11, 7]


@pytest.mark.parametrize(
    ("answer", "left"),
    [
        (Unavailable("error", 500), 11),
        (Unavailable("connection refused"), 16),
        (Unavailable("<html>", 200), 16),
        (Unavailable("moved", 301), 16),
    ],
    ids=["500", "no connection", "no JSON", "301"],
)
def test_what_is_no_answer_of_the_api_says_nothing_of_load(answer: Unavailable, left: int) -> None:
    assert _places_after(Drive(), 7, NOW, answer) == left


def test_after_there_are_fewer_jobs_one_more_429_says_nothing() -> None:
    drive = Drive()
    waves = ((2, NOW), (1, NOW + 100), (1, NOW + 200))
    assert [_places_after(drive, *wave) for wave in waves] == [16, 11, 11]
