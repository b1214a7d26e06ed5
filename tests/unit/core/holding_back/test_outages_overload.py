"""Calls that the API has no time for: where they are frequent there are fewer jobs at once."""

from __future__ import annotations

import random

import pytest

from connector.answers import Unavailable
from tests.unit.core.builders import devices
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
        lowest = min(lowest, drive.engine.state.concurrency.limit)
    assert (lowest < 8) == fewer


def test_what_cannot_be_read_tells_nothing_of_load() -> None:
    dice = random.Random(5)
    drive = _reading(400)
    drive.run(lambda _: Unavailable("<html>", 200) if dice.random() < 0.5 else None)
    assert drive.engine.state.concurrency.limit == 16


@pytest.mark.parametrize("call", ["post", "get"])
def test_one_call_in_twelve_that_meets_a_503_from_the_first_one_on_takes_no_place_for_jobs(call: str) -> None:
    drive = _reading(500)
    calls, lowest = 0, 16

    def busy(which: str) -> Unavailable | None:
        nonlocal calls, lowest
        lowest = min(lowest, drive.engine.state.concurrency.limit)
        calls += which == call
        return Unavailable("busy", 503) if which == call and calls % 12 == 1 else None

    drive.run(lambda _: busy("post"), lambda _: busy("get"))
    assert calls > 50
    assert lowest == 16
