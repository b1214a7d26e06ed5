"""A denial that others contradict: it is one request's, or a stray one, and halts nobody."""

from __future__ import annotations

import random

import pytest

from connector.answers import Denied, PollAnswer, PostAnswer
from connector.core.halts import DOUBTED
from connector.core.jobs import Batch, Job
from connector.model import Cause
from tests.unit.core.adopting import adopting
from tests.unit.core.broken_api import FORBIDDEN, MINUTE, SICK, told, unsettled
from tests.unit.core.builders import devices, limits
from tests.unit.core.driving import Drive

MOVED = Denied(Cause.WRONG_URL, "moved", 302)
DENIALS = pytest.mark.parametrize("denial", [MOVED, FORBIDDEN], ids=["302", "403"])


def working(count: int, **more: object) -> Drive:
    """An engine that has had a job of ten devices (0 to 9), and has so many more to send."""
    drive = Drive(limits(linger=0.0, deadline=10 * MINUTE, probe_interval=30.0, **more))
    drive.assign()
    drive.read(*devices(range(10)))
    drive.run()
    drive.let_many_go()
    drive.read(*devices(range(10, 10 + count)))
    return drive


def is_sick(request: Batch | Job) -> bool:
    return any(event.offset == SICK for event in request.events)


def halts(drive: Drive) -> int:
    return sum(notice.event == "halted" for notice in drive.engine.notices)


@DENIALS
@pytest.mark.parametrize("count", [50, 500])
def test_a_job_that_alone_may_not_be_asked_about_holds_up_itself_until_its_deadline(
    denial: Denied, count: int
) -> None:
    drive = working(count)
    sick: list[str] = []

    def poll(job: Job) -> PollAnswer | None:
        if is_sick(job):
            sick.append(job.request_id)
        return denial if job.request_id in sick[:1] else None

    drive.run(poll=poll, seconds=2 * MINUTE)
    assert unsettled(drive) == 10
    drive.read(*devices(range(600, 610)))
    drive.run(poll=poll, seconds=2 * MINUTE)
    assert unsettled(drive) == 10, "others go on"
    assert halts(drive) == 0
    assert len(told(drive)) == 1
    drive.run(poll=poll, seconds=10 * MINUTE)
    assert (unsettled(drive), drive.letters) == (0, [])
    assert sum(SICK in offsets for offsets in drive.sent) == 2


@DENIALS
def test_after_a_restart_such_a_job_is_told_from_a_halt_by_one_job_more(denial: Denied) -> None:
    """Nothing got past that stage in this process: at first it must be taken for a halt."""
    drive = adopting({"J": [0, 1]}, limits(linger=0.0, deadline=60 * MINUTE, probe_interval=30.0))
    drive.read(*devices(range(2)))

    def poll(job: Job) -> PollAnswer | None:
        return denial if job.request_id == "J" else None

    drive.run(poll=poll, seconds=1)
    drive.read(*devices(range(2, 200)))
    drive.run(poll=poll, seconds=9 * MINUTE)
    assert (halts(drive), drive.posts) == (1, 0)
    drive.run(poll=poll, seconds=2 * MINUTE)
    assert (halts(drive), unsettled(drive)) == (1, 2)


def test_where_every_get_is_denied_one_job_more_is_all_that_is_sent() -> None:
    drive = adopting({"J": [0, 1]}, limits(linger=0.0, deadline=60 * MINUTE, probe_interval=30.0))
    drive.read(*devices(range(2)))
    drive.run(poll=lambda _: FORBIDDEN, seconds=1)
    drive.read(*devices(range(2, 200)))
    drive.run(poll=lambda _: FORBIDDEN, seconds=50 * MINUTE)
    assert (halts(drive), drive.posts) == (1, 1)
    drive.run()
    assert unsettled(drive) == 0


@DENIALS
def test_an_event_that_alone_is_denied_is_found_and_the_others_go_on(denial: Denied) -> None:
    drive = working(500)

    def post(batch: Batch) -> PostAnswer | None:
        return denial if is_sick(batch) else None

    drive.run(post, seconds=5 * MINUTE)
    assert unsettled(drive) == 1
    assert halts(drive) == 0
    assert [each["devices"] for each in told(drive)] == [10, 1]
    drive.run()
    assert (unsettled(drive), drive.letters) == (0, [])


@DENIALS
def test_after_a_restart_such_an_event_is_not_in_every_probe(denial: Denied) -> None:
    drive = Drive(limits(linger=0.0, probe_interval=30.0))
    drive.assign()
    drive.read(*devices(range(50, 200)))

    def post(batch: Batch) -> PostAnswer | None:
        return denial if is_sick(batch) else None

    drive.run(post, seconds=5 * MINUTE)
    assert unsettled(drive) <= 10, "its batch, until others are answered beside"
    assert halts(drive) == 1


@pytest.mark.parametrize("seed", range(5))
def test_a_stray_denial_now_and_then_halts_nobody(seed: int) -> None:
    drive, dice = working(3000), random.Random(seed)

    def stray(_: object) -> Denied | None:
        return MOVED if dice.random() < 0.02 else None

    drive.run(stray, stray)
    assert unsettled(drive) == 0
    assert halts(drive) == 0


def test_a_token_that_is_no_longer_good_halts_after_some_doubts() -> None:
    drive = working(500)
    before = drive.posts
    drive.run(lambda _: FORBIDDEN, lambda _: FORBIDDEN, seconds=10)
    assert halts(drive) == 1
    assert drive.engine.halts.all()[0].cause == Cause.UNAUTHORIZED
    assert drive.posts - before <= 16 + DOUBTED
    posts = drive.posts
    drive.run(lambda _: FORBIDDEN, lambda _: FORBIDDEN, seconds=299)
    assert drive.posts - posts <= 10
    drive.run()
    assert (unsettled(drive), drive.letters) == (0, [])


def test_a_token_that_may_no_longer_ask_halts_though_it_may_submit() -> None:
    drive = working(100)
    drive.run(poll=lambda _: FORBIDDEN, seconds=20)
    assert halts(drive) == 1
    posts = drive.posts
    drive.run(poll=lambda _: FORBIDDEN, seconds=30 * MINUTE)
    assert drive.posts - posts <= 1
    drive.run()
    assert (unsettled(drive), drive.letters) == (0, [])
