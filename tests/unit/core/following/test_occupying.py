"""Which unfinished jobs take a place: what is held up for its own reasons must not stop the others."""

from __future__ import annotations

import pytest

from connector.answers import Denied, PollAnswer, Unavailable
from connector.core.batching.batch import Batch
from connector.core.following.adoption import PROGRESS_LIMIT
from connector.core.following.job import MIN_OUTRUN, Job
from connector.core.following.tracking import SLOW_FROM, STUCK_FROM, Tracking
from connector.model import Cause, Endpoint
from tests.unit.core.adopting import adopting, remembered
from tests.unit.core.builders import NOW, P0, P1, devices, limits, tags, unfinished
from tests.unit.core.driving import Drive

DEADLINE = 900.0


def job(serial: int, accepted_at: float) -> Job:
    return Job(serial, f"request-{serial}", Endpoint.TAGS, "", [], accepted_at)


def with_one_that_never_ends(*, most: int, stuck: set[str]) -> Drive:
    """A device a job; those of these hwids never end. Half a minute of work for the others."""
    drive = Drive(limits(max_in_flight=most, max_devices=1, deadline=DEADLINE))
    drive.assign()
    drive.read(*devices(range(40)))

    def answer(job: Job) -> PollAnswer | None:
        if job.events[0].hwid in stuck or drive.now - job.accepted_at < 1:
            return unfinished()
        return None

    drive.run(poll=answer, seconds=2 * SLOW_FROM)
    return drive


def test_jobs_that_never_end_do_not_stop_the_others_though_they_are_as_many_as_there_may_be() -> None:
    drive = with_one_that_never_ends(most=3, stuck={"d5", "d6", "d12"})
    settled = drive.engine.assignments[next(iter(drive.engine.assignments))].offsets.settled_beyond()
    assert drive.position() == 5
    assert settled == 40 - 5 - 3


def test_a_slow_api_is_not_sent_more_jobs_than_may_be_unfinished() -> None:
    drive = Drive(limits(max_in_flight=3, max_devices=1, deadline=DEADLINE))
    drive.assign()
    drive.read(*devices(range(40)))
    drive.run(poll=lambda _: unfinished(), seconds=STUCK_FROM - 10)
    assert len(drive.engine.jobs) == 3


def test_jobs_of_which_none_has_ended_for_minutes_leave_a_place_for_one_that_may() -> None:
    drive = Drive(limits(max_in_flight=3, max_devices=1, deadline=DEADLINE))
    drive.assign()
    drive.read(*devices(range(40)))
    drive.run(poll=lambda _: unfinished(), seconds=STUCK_FROM - 10)
    well_since = drive.now
    drive.run(poll=lambda job: None if job.accepted_at > well_since else unfinished(), seconds=60)
    assert len(drive.engine.jobs) == 3
    assert drive.position() == 0
    assert drive.posts == 40


def test_an_api_that_becomes_slow_is_sent_one_more_job_than_may_be_unfinished_and_no_second() -> None:
    drive = Drive(limits(max_in_flight=3, max_devices=1, deadline=DEADLINE))
    drive.assign()
    drive.read(*devices(range(100)))
    began = drive.now

    def answer(job: Job) -> PollAnswer | None:
        return unfinished() if job.accepted_at > began + 20 or drive.now - job.accepted_at < 1 else None

    drive.run(poll=answer, seconds=DEADLINE - 60)
    assert len(drive.engine.jobs) == 4


def test_where_fewer_jobs_go_at_once_than_may_a_slow_one_does_not_take_the_only_place() -> None:
    drive = Drive(limits(max_in_flight=16, max_devices=1, deadline=DEADLINE))
    drive.assign()
    while drive.engine.components.concurrency.limit > 1:
        drive.engine.components.concurrency.overloaded(drive.now)
    drive.read(*devices(range(10)))
    drive.run(poll=lambda job: unfinished() if job.events[0].hwid == "d0" else None, seconds=SLOW_FROM - 5)
    assert drive.posts == 1
    drive.run(poll=lambda job: unfinished() if job.events[0].hwid == "d0" else None, seconds=30)
    assert drive.posts == 10


def test_a_slow_job_counts_as_stuck_once_so_many_have_come_and_gone() -> None:
    some, slow = Tracking(limits()), job(1, NOW)
    some.add(slow)
    slow.slow = True
    some.ended(job(2, NOW - 1), NOW + 5, NOW + 5, completed=True)
    for count in range(MIN_OUTRUN):
        assert (slow.outrun, slow.kept_from_ending, some.occupying(16)) == (count, False, 1)
        some.ended(job(count + 3, NOW + 1), NOW + 5, NOW + 5, completed=True)
    assert slow.kept_from_ending
    assert some.occupying(16) == 0


def asked(some: Tracking, one: Job, age: float, progress: int = -1) -> bool:
    """Ask about an unfinished job at this age; tell whether it is slow."""
    some.known(one, NOW + age, progress)
    some.unfinished(one, unfinished(progress), NOW + age, NOW + age)
    return one.slow


def test_a_job_is_slow_once_it_has_taken_a_minute_without_progress() -> None:
    some, one = Tracking(limits()), job(1, NOW)
    some.add(one)
    some.begin(one, NOW)
    assert not asked(some, one, SLOW_FROM, progress=9)
    assert not asked(some, one, SLOW_FROM + 20, progress=10)
    assert not asked(some, one, 2 * SLOW_FROM + 20, progress=10)
    assert asked(some, one, 2 * SLOW_FROM + 21, progress=10)
    assert not asked(some, one, 2 * SLOW_FROM + 22, progress=11), "it moves again"


def test_where_jobs_take_long_one_is_slow_once_it_has_taken_ten_times_as_long() -> None:
    some, one, usual = Tracking(limits()), job(1, NOW), job(2, NOW - 20)
    usual.batch = Batch(2, Endpoint.TAGS, "", [], 0.0)
    some.add(one)
    some.begin(one, NOW)
    some.add(usual)
    some.ended(usual, NOW, NOW, completed=True)
    some.remove(usual)
    assert not asked(some, one, 190)
    assert asked(some, one, 201)


@pytest.mark.parametrize("jobs", [2, 4])
def test_jobs_that_may_not_be_asked_about_do_not_stop_another_application(jobs: int) -> None:
    drive = Drive(limits(max_in_flight=jobs, max_devices=1))
    drive.assign()
    drive.assign(P1)
    drive.let_many_go()
    drive.read(*[tags(at, f"x{at}", application="XX") for at in range(10)])

    def answer(job: Job) -> PollAnswer | None:
        return Denied(Cause.UNAUTHORIZED, "unauthorized", 401) if job.application else None

    drive.run(poll=answer, seconds=5)
    assert drive.posts == jobs
    drive.read(*devices(range(5), P1))
    drive.run(poll=answer, seconds=5)
    assert drive.position(P1) == 5
    drive.run()
    assert drive.position() == 10


@pytest.mark.parametrize("progress", [-1, 0, 40])
@pytest.mark.parametrize(("most", "stuck"), [(2, 2), (4, 4), (4, 5), (4, 7)])
def test_adopted_jobs_that_never_end_do_not_stop_the_others_however_many_they_are(
    most: int, stuck: int, progress: int
) -> None:
    jobs = {f"J{at}": [at] for at in range(stuck)}
    drive = Drive(limits(max_in_flight=most, max_devices=1, deadline=DEADLINE))
    drive.assign(P0, *remembered(0, jobs, at=NOW - 100))
    drive.read(*devices(range(20)))
    drive.later(0.05)

    def answer(job: Job) -> PollAnswer | None:
        return unfinished(progress) if job.adopted or drive.now - job.accepted_at < 1 else None

    drive.run(poll=answer, seconds=50)
    assert drive.engine.assignments[P0].offsets.settled_beyond() == 20 - stuck


@pytest.mark.parametrize("most", [1, 2])
def test_adopted_jobs_that_never_can_be_asked_about_do_not_stop_another_application(most: int) -> None:
    """More of them than may be unfinished at once; one of them fails in a way that closes the gate."""
    denied = Denied(Cause.UNAUTHORIZED, "unauthorized", 401)
    sick: dict[str, PollAnswer] = {"J0": denied, "J1": denied, "J2": Unavailable("Internal error", 500)}
    drive = Drive(limits(max_in_flight=most, max_devices=1, deadline=60 * DEADLINE))
    drive.assign(P0, *remembered(0, {name: [at] for at, name in enumerate(sick)}))
    drive.assign(P1)
    drive.read(*devices(range(3)))
    drive.run(poll=lambda job: sick.get(job.request_id), seconds=60)
    drive.read(*[tags(at, f"x{at}", partition=P1, application="XX") for at in range(10)])
    drive.run(poll=lambda job: sick.get(job.request_id), seconds=90)
    assert drive.position(P1) == 10


def test_of_adopted_jobs_none_that_is_held_up_takes_a_place() -> None:
    some = Tracking(limits(max_in_flight=2))
    for serial in range(5):
        some.add(held := job(serial, NOW))
        held.polls.denied_gets = 1
    assert some.occupying(2) == 0
    some.add(job(5, NOW))
    assert some.occupying(2) == 1


def test_a_stop_does_not_wait_for_jobs_whose_records_do_not_come() -> None:
    drive = adopting({"J": [0]})
    drive.assign(P1)
    drive.read(*devices(range(1), P1))
    drive.run(poll=lambda _: unfinished(), seconds=PROGRESS_LIMIT + 5)
    drive.engine.stop()
    assert not drive.engine.quiet, "a job of the other partition is under way"
    drive.run(seconds=5)
    assert drive.engine.quiet


@pytest.mark.parametrize(
    ("before", "progress", "moved"),
    [(0, 5, True), (-1, 5, False), (5, 5, False), (5, 4, False)],
)
def test_a_job_has_moved_once_its_progress_is_above_what_it_was_be_that_nought(
    before: int, progress: int, moved: bool
) -> None:
    one, some = job(1, NOW), Tracking(limits())
    one.polls.progress = before
    some.known(one, NOW + 9, progress)
    some.known(one, NOW + 10)
    assert (one.polls.grew_at == NOW + 9) == moved
