"""A denial that others contradict: it is one request's, or a stray one, and halts nobody."""

from __future__ import annotations

import random

import pytest

from connector.answers import Denied, PollAnswer, PostAnswer
from connector.core.batching.batch import Batch
from connector.core.following.job import Job
from connector.core.holding_back.belief import MOST_DENIALS
from connector.model import Cause
from tests.unit.core.adopting import adopting, remembered
from tests.unit.core.broken_api import FORBIDDEN, MINUTE, SICK, told, unsettled
from tests.unit.core.builders import P0, P1, devices, limits, tags, unfinished
from tests.unit.core.driving import Drive
from tests.unit.core.halting import JOB_DENIED
from tests.unit.core.looking import all_halts

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
    return sum(notice.text == "halted" for notice in drive.engine.notices)


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
    drive.run(poll=poll, seconds=MINUTE - 2)
    assert (halts(drive), drive.posts) == (1, 0)
    drive.run(poll=poll, seconds=MINUTE / 2)
    assert (halts(drive), unsettled(drive)) == (1, 2)


def test_where_that_one_job_may_not_be_asked_about_either_another_one_shows_it() -> None:
    drive = adopting({"J": [0, 1]}, limits(linger=0.0, deadline=60 * MINUTE, probe_interval=30.0))
    drive.read(*devices(range(2)))

    def poll(job: Job) -> PollAnswer | None:
        return FORBIDDEN if any(event.offset in (0, 2) for event in job.events) else None

    drive.run(poll=poll, seconds=1)
    drive.read(*devices(range(2, 200)))
    drive.run(poll=poll, seconds=9 * MINUTE)
    assert (halts(drive), unsettled(drive)) == (1, 12)


def test_jobs_that_were_denied_before_another_was_answered_halt_nobody_again() -> None:
    """More of them than it takes denials in a row to halt, before a job more can have ended."""
    sick = {f"J{at}": [at] for at in range(6)}
    drive = adopting(sick, limits(linger=0.0, deadline=60 * MINUTE, probe_interval=30.0))
    drive.read(*devices(range(50)))

    def poll(job: Job) -> PollAnswer | None:
        if job.request_id in sick:
            return MOVED
        return unfinished() if drive.now - job.accepted_at < 20 else None

    drive.run(poll=poll, seconds=15 * MINUTE)
    assert (halts(drive), unsettled(drive)) == (1, 6)
    for offset in range(50, 170):
        drive.read(*devices([offset]))
        drive.run(poll=poll, seconds=MINUTE)
    assert (halts(drive), unsettled(drive)) == (1, 0), "sent again at their deadline"
    assert drive.letters == []


def test_where_every_get_is_denied_a_few_jobs_more_are_all_that_is_sent() -> None:
    """Each after four times as many denials as the one before: it may be the application after all."""
    drive = adopting({"J": [0, 1]}, limits(linger=0.0, deadline=60 * MINUTE, probe_interval=30.0))
    drive.read(*devices(range(2)))
    drive.run(poll=lambda _: FORBIDDEN, seconds=1)
    drive.read(*devices(range(2, 200)))
    drive.run(poll=lambda _: FORBIDDEN, seconds=6 * MINUTE)
    assert (halts(drive), drive.posts) == (1, 1)
    drive.run(poll=lambda _: FORBIDDEN, seconds=24 * 60 * MINUTE)
    assert (halts(drive), drive.posts) == (1, 5)
    assert drive.letters == []
    drive.run()
    assert (unsettled(drive), drive.letters) == (0, [])


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


@pytest.mark.parametrize("seed", range(2))
def test_a_stray_denial_now_and_then_halts_nobody(seed: int) -> None:
    drive, dice = working(2000), random.Random(seed)

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
    assert all_halts(drive.engine.components.halts)[0].cause == Cause.UNAUTHORIZED
    assert drive.posts - before <= 16 + MOST_DENIALS
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


@pytest.mark.parametrize("what", ["post", "get"])
def test_what_another_application_is_told_says_nothing_of_this_one(what: str) -> None:
    """B is well and busy as A's token is withdrawn."""
    drive = Drive(limits(linger=0.0, probe_interval=30.0, max_resubmissions=0))
    drive.assign()
    drive.assign(P1)
    drive.read(tags(0, "a0", application="A"))
    drive.run()
    drive.read(tags(1, "a1", application="A"))

    def post(batch: Batch) -> PostAnswer | None:
        return FORBIDDEN if (what, batch.application) == ("post", "A") else None

    def poll(job: Job) -> PollAnswer | None:
        return FORBIDDEN if (what, job.application) == ("get", "A") else None

    for second in range(0, 60, 5):
        drive.read(*[tags(second + at, f"b{at}", partition=P1, application="B") for at in range(5)])
        drive.run(post, poll, seconds=5)
    assert [halt.application for halt in all_halts(drive.engine.components.halts)] == ["A"]
    assert drive.position(P1) == 60
    drive.run(post, poll, seconds=60 * MINUTE)
    assert drive.letters == []


@pytest.mark.parametrize("rate", [0.0, 2.0])
def test_jobs_that_are_not_asked_about_at_the_same_instant_are_told_from_a_halt_too(rate: float) -> None:
    drive = Drive(limits(linger=0.0, probe_interval=30.0, requests_per_second=rate))

    def poll(job: Job) -> PollAnswer | None:
        return MOVED if job.request_id.startswith("J") else None

    drive.assign(P0, *remembered(0, {"J1": [0]}))
    drive.read(*devices(range(1)))
    drive.run(poll=poll, seconds=10)
    drive.assign(P1, *remembered(0, {"J2": [0]}))
    drive.read(tags(0, "x", partition=P1))
    drive.run(poll=poll, seconds=MINUTE)
    drive.read(*devices(range(2, 200)))
    drive.run(poll=poll, seconds=14 * MINUTE)
    assert unsettled(drive) == 2


def test_a_job_whose_records_never_come_does_not_keep_such_a_halt_for_ever() -> None:
    drive = Drive(limits(linger=0.0, probe_interval=30.0, deadline=60 * MINUTE))
    drive.assign(P0, *remembered(0, {"J": [0, 1]}))
    drive.assign(P1, *remembered(0, {"K": [0]}))
    drive.read(*devices(range(2)))

    def poll(job: Job) -> PollAnswer | None:
        return MOVED if job.request_id == "J" else None

    drive.run(poll=poll, seconds=MINUTE)
    drive.read(*devices(range(2, 200)))
    drive.run(poll=poll, seconds=14 * MINUTE)
    assert unsettled(drive) == 2


def test_a_device_whose_jobs_may_never_be_polled_takes_no_other_into_the_dead_letter_topic() -> None:
    drive = working(50)
    for minute in range(100):
        drive.run(poll=lambda job: MOVED if is_sick(job) else None, seconds=MINUTE)
        drive.read(*devices(range(1000 + 3 * minute, 1003 + 3 * minute)))
    assert [offset for _, offset, _ in drive.letters] == [SICK]


def test_the_time_of_a_halt_is_not_how_long_jobs_take() -> None:
    drive = Drive(limits(linger=0.0, probe_interval=30.0))
    drive.assign()
    drive.read(*devices(range(10)))
    drive.run(poll=lambda _: FORBIDDEN, seconds=8 * MINUTE)
    drive.run(poll=lambda _: JOB_DENIED, seconds=MINUTE)
    drive.run()
    drive.read(*devices(range(10, 20)))
    accepted_at = drive.start_job().accepted_at
    drive.next_poll()
    assert drive.now - accepted_at < 5
