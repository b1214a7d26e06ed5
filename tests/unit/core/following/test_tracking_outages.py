"""Time that is no job's: of outages, and of standstills of the process."""

from __future__ import annotations

from connector.answers import PollAnswer, Unavailable
from connector.core.following.job import Job
from tests.unit.core.builders import devices, limits, tags, unfinished
from tests.unit.core.driving import Drive


def test_a_job_is_not_lost_while_the_api_is_down() -> None:
    drive = Drive(limits(deadline=100.0))
    drive.assign()
    drive.read(*devices(range(3)))
    drive.start_job()
    drive.run(poll=lambda _: Unavailable("down", 503), seconds=4 * 3600)
    drive.run()
    assert drive.posts == 1
    assert drive.position() == 3


def test_the_time_of_an_outage_is_not_a_job_s() -> None:
    drive = Drive(limits(deadline=100.0))
    drive.assign()
    drive.read(*devices(range(3)))
    job = drive.start_job()
    until = drive.now + 3600

    def poll(_: Job) -> PollAnswer | None:
        if drive.now < until:
            return Unavailable("down", 503)
        return unfinished() if drive.now < until + 90 else None

    drive.run(poll=poll)
    assert drive.posts == 1
    assert drive.now - job.accepted_at > 3600
    assert drive.position() == 3


def test_nobody_learns_from_an_outage_how_long_jobs_take() -> None:
    drive = Drive(limits(deadline=1e6))
    drive.assign()
    drive.read(*devices(range(3)))
    drive.start_job()
    until = drive.now + 600
    drive.run(poll=lambda _: Unavailable("down", 503) if drive.now < until else None)
    drive.read(tags(3))
    job = drive.start_job()
    drive.next_poll()
    assert drive.now - job.accepted_at < 1


def test_nor_from_a_standstill_of_the_process_whose_time_is_no_job_s_either() -> None:
    drive = Drive(limits(deadline=100.0))
    drive.assign()
    drive.read(*devices(range(3)))
    slow = drive.start_job()
    drive.later(600)
    drive.engine.stood_still(600)
    drive.polled(drive.next_poll(), unfinished())
    assert not slow.polls.under_way
    assert slow.serial in drive.engine.jobs, "it was not lost"
    drive.run()
    drive.read(tags(3))
    job = drive.start_job()
    drive.next_poll()
    assert drive.now - job.accepted_at < 1


def test_a_standstill_during_an_outage_is_counted_once() -> None:
    drive = Drive(limits(deadline=100.0))
    drive.assign()
    drive.read(tags(0))
    job = drive.start_job()
    for _ in range(3):
        drive.polled(drive.next_poll(), Unavailable("down", 503))
    assert drive.engine.outage
    drive.later(600)
    drive.engine.stood_still(600)
    drive.run(poll=lambda _: unfinished(), seconds=150)
    assert job.serial not in drive.engine.jobs, "its deadline is over"
