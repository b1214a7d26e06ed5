"""A job alone that can not be asked about: one that has ended tells it from an outage."""

from __future__ import annotations

import pytest

from connector.answers import Denied, JobUnknown, PollAnswer, Unavailable
from connector.core.following.job import Job
from connector.core.following.witness import NOBODYS, LastEnded
from connector.core.holding_back.outages import MOST_SICK
from connector.model import Cause
from tests.unit.core.broken_api import BROKEN, FORBIDDEN, MINUTE, SICK, SILENT, told, unsettled
from tests.unit.core.builders import devices, limits, tags, unfinished
from tests.unit.core.driving import Drive, reading


@pytest.mark.parametrize("answer", [BROKEN, SILENT, Unavailable("busy", 503)], ids=["500", "no reply", "503"])
def test_the_last_job_is_sent_again_at_its_deadline_though_it_cannot_be_polled(
    answer: PollAnswer,
) -> None:
    """Nobody else is sent or asked: a job that has ended tells that it is this one alone."""
    drive = Drive(limits(max_devices=10, deadline=10 * MINUTE))
    drive.assign()
    drive.let_many_go()
    drive.read(*devices(range(100)))
    sick: list[str] = []

    def poll(job: Job) -> PollAnswer | None:
        if any(event.offset == SICK for event in job.events):
            sick.append(job.request_id)
        return answer if job.request_id in sick[:1] else None

    drive.run(poll=poll, seconds=9 * MINUTE)
    assert unsettled(drive) == 10
    assert len(told(drive)) == 1
    assert drive.engine.components.gate.closed_until is None
    gets = drive.gets
    drive.run(poll=poll, seconds=2 * MINUTE)
    assert drive.gets - gets <= 8, "two a minute, and a bit"
    drive.run(poll=poll, seconds=2 * MINUTE)
    assert unsettled(drive) == 0
    assert (drive.letters, drive.posts) == ([], 11)


def test_it_is_sent_again_too_where_no_job_has_ended_yet() -> None:
    drive = Drive(limits(max_devices=10, deadline=MINUTE))
    drive.assign()
    drive.read(*devices(range(10)))
    asked: list[str] = []

    def poll(job: Job) -> PollAnswer | None:
        asked.append(job.request_id)
        if job.request_id == NOBODYS:
            return JobUnknown("no such job", 404)
        return BROKEN if job.request_id == asked[0] else None

    drive.run(poll=poll, seconds=5 * MINUTE)
    assert unsettled(drive) == 0
    assert (drive.letters, drive.posts) == ([], 2)
    assert NOBODYS in asked


def test_a_job_of_another_application_that_nobody_may_ask_about_any_more_is_no_witness() -> None:
    drive = Drive(limits(max_devices=10, deadline=MINUTE))
    drive.assign()
    drive.read(*devices(range(9)), tags(9, "x9", application="XX"))
    drive.run(poll=lambda job: None if job.application else unfinished(), seconds=1)

    def poll(job: Job) -> PollAnswer | None:
        if job.application:
            return FORBIDDEN
        return JobUnknown("no such job", 404) if job.request_id == NOBODYS else BROKEN

    drive.run(poll=poll, seconds=MINUTE)
    assert drive.engine.components.gate.closed_until is None
    drive.run(seconds=3 * MINUTE)
    assert unsettled(drive) == 0


def _one_job_of_each(drive: Drive, answer: PollAnswer, count: int, *, hours: float) -> None:
    """Jobs of ten that can't be asked about, and what is said of one that has ended."""
    drive.assign()
    drive.let_many_go()
    drive.read(*devices(range(10 * count)))
    drive.run(poll=lambda job: BROKEN if job.events else answer, seconds=hours * 60 * MINUTE)


@pytest.mark.parametrize("count", [1, MOST_SICK])
def test_where_that_happens_to_each_of_its_jobs_a_device_is_dead_lettered_once_it_is_alone(
    count: int,
) -> None:
    drive = Drive(limits(max_devices=10))
    _one_job_of_each(drive, JobUnknown("no such job", 404), count, hours=6)
    assert sorted(map(len, drive.sent)) == sorted(([10] * 4 + [2] * 5 + [1] * 10) * count)
    assert {reason for _, _, reason in drive.letters} == {"no_verdict"}
    assert unsettled(drive) == 0


def test_several_such_devices_in_one_batch_cost_no_other_its_verdict() -> None:
    sick = {3, 30, 55, 80}
    drive = reading(100, max_devices=100, max_in_flight=16, deadline=150.0)
    drive.run(
        poll=lambda job: BROKEN if any(event.offset in sick for event in job.events) else None,
        seconds=6 * 60 * MINUTE,
    )
    assert {offset for _, offset, _ in drive.letters} == sick
    assert unsettled(drive) == 0


def test_a_single_device_to_whose_jobs_that_happens_is_dead_lettered_in_the_end() -> None:
    drive = Drive(limits(max_devices=10))
    drive.assign()
    drive.read(*devices(range(1)))
    gone = JobUnknown("no such job", 404)
    drive.run(poll=lambda job: BROKEN if job.events else gone, seconds=3 * 60 * MINUTE)
    assert [reason for _, _, reason in drive.letters] == ["no_verdict"]
    assert drive.posts == 1 + 3


def test_where_more_jobs_than_a_few_fail_at_once_it_is_an_outage_in_part() -> None:
    drive = Drive(limits(max_devices=10))
    _one_job_of_each(drive, JobUnknown("no such job", 404), MOST_SICK + 1, hours=6)
    assert (drive.letters, drive.posts) == ([], MOST_SICK + 1)
    drive.run(seconds=5 * MINUTE)
    assert unsettled(drive) == 0


def test_an_ended_job_that_may_not_be_asked_about_tells_nothing_and_costs_few_requests() -> None:
    drive = Drive(limits(max_devices=10))
    _one_job_of_each(drive, FORBIDDEN, 1, hours=1)
    assert (unsettled(drive), drive.posts) == (10, 1)
    assert drive.gets < 60 * 10


def test_an_ended_job_whose_report_denies_is_a_witness_too_as_its_report_was_read() -> None:
    drive = Drive(limits(max_devices=10, deadline=MINUTE))
    denying = Denied(Cause.UNKNOWN_APPLICATION, "application not found", 200, of_job=True)
    _one_job_of_each(drive, denying, 1, hours=0.05)
    assert drive.posts > 1
    assert drive.engine.components.gate.closed_until is None


def test_what_is_said_of_it_tells_no_more_where_another_has_ended_meanwhile() -> None:
    drive = Drive(limits(max_devices=10))
    drive.assign()
    drive.read(*devices(range(10)))
    drive.start_job()
    while (poll := drive.next_poll()).job.events:
        drive.polled(poll, BROKEN)
    drive.engine.components.tracking.last_ended = LastEnded()
    drive.polled(poll, FORBIDDEN)
    assert drive.engine.components.gate.closed_until is not None
    assert drive.next_poll().job.events, "and the next trial goes"


def test_where_a_job_that_has_ended_can_not_be_asked_about_either_it_is_an_outage() -> None:
    drive = Drive(limits(max_devices=10))
    drive.assign()
    drive.read(*devices(range(20)))
    drive.run(
        poll=lambda job: None if any(not event.offset for event in job.events) else BROKEN, seconds=3600
    )
    assert unsettled(drive) == 10
    assert drive.engine.components.gate.closed_until is not None
    assert not told(drive)
    drive.run(seconds=2 * MINUTE)
    assert (unsettled(drive), drive.posts) == (0, 2)
