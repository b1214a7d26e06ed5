"""Calls that the API has no time for: where they are frequent there are fewer jobs at once."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from connector.answers import PollAnswer, Unavailable
from connector.core.batching.batch import Batch
from connector.core.following.job import Job
from connector.model import Endpoint
from tests.unit.core.builders import NOW, devices, limits, unfinished
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


class Life:
    """Some hundreds of devices, five a job, up to 16 jobs of about four seconds; what meets a 429 or 503."""

    def __init__(self, status: int, post: Callable[[Drive], bool], get: Callable[[Drive], bool]) -> None:
        drive, dice, busy = Drive(limits(max_devices=5)), random.Random(1), Unavailable("busy", status)
        drive.assign()
        drive.read(*devices(range(800)))
        self.limits: list[int] = []

        def posting(_: Batch) -> Unavailable | None:
            self.limits.append(drive.engine.components.concurrency.limit)
            return busy if post(drive) else None

        def polling(job: Job) -> PollAnswer | None:
            ended = drive.now - job.accepted_at > dice.uniform(3.0, 5.0)
            return busy if get(drive) else None if ended else unfinished()

        drive.run(posting, polling)
        assert drive.position() == 800
        self.seconds = drive.now - NOW


@pytest.mark.parametrize("status", [429, 503])
def test_outages_of_two_seconds_each_ten_take_no_place_for_jobs(status: int) -> None:
    def down(drive: Drive) -> bool:
        return (drive.now - NOW) % 10 < 2

    life = Life(status, down, down)
    assert min(life.limits) == 16
    assert life.seconds < 100, "800 devices, 20 a second while all is well"


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("room", [1, 4])
def test_an_api_that_takes_so_many_jobs_and_no_more_gets_about_as_many(room: int, status: int) -> None:
    life = Life(status, lambda drive: len(drive.engine.components.tracking.jobs) >= room, lambda _: False)
    assert room - 1 <= sorted(life.limits)[len(life.limits) // 2] <= room + 1


BUSY = Unavailable("too many", 429)


def _places_after(drive: Drive, closings: int, answer: Unavailable = BUSY, requests: int = 1) -> int:
    """Each closing so many POSTs of one time meet a 429, or this, as does a trial; then a GET is answered.

    Return the places for jobs.
    """
    outages = drive.engine.components.outages
    for _ in range(closings):
        drive.later(60)
        at = drive.now
        batches = [Batch(n, Endpoint.TAGS, "", devices([n]), at) for n in range(requests + 1)]
        for batch in batches:
            sent_at = at + 10 if batch is batches[-1] else at
            outages.down("post", batch, answer, sent_at, sent_at)
        assert outages.gate.closed_until is not None
        outages.answered(at + 40, "get", 1)
    return drive.engine.components.concurrency.limit


def test_an_outage_that_nothing_gets_through_takes_no_place_however_many_calls_meet_it() -> None:
    drive = Drive()
    for _ in range(20):
        assert _places_after(drive, 1, requests=16) == 16
        for _ in range(7):
            drive.engine.components.outages.answered(drive.now + 50, "post", 1)


def test_where_posts_alone_meet_it_the_third_time_takes_a_third_of_the_places() -> None:
    drive = Drive()
    assert [_places_after(drive, closings) for closings in (2, 1, 2, 1)] == [16, 11, 11, 7]


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
    assert _places_after(Drive(), 3, answer) == left
