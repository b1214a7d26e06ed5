"""Jobs that the API says it doesn't know: not yet, not any more, or not at this address."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from itertools import pairwise

import pytest

from connector.answers import Denied, JobReport, JobState, JobUnknown, PollAnswer, PostAnswer
from connector.core.batching.batch import Batch
from connector.core.following.job import Job
from connector.core.holding_back.proofs import Where
from connector.model import Cause
from tests.strength import in_full
from tests.unit.core.builders import NOW, P0, devices, limits, tags, unfinished
from tests.unit.core.driving import Drive, reading
from tests.unit.core.looking import all_halts

COMPLETED = JobReport(JobState.COMPLETED, "Completed", 100)


def test_a_job_is_lost_when_the_api_does_not_know_it_for_ten_seconds_any_more() -> None:
    drive = Drive()
    drive.assign()
    drive.read(*devices(range(3)))
    unknown = JobUnknown("?", 404)
    answers: Iterator[PollAnswer] = iter([unknown, unknown, unfinished(), unknown, unknown])
    drive.run(poll=lambda _: next(answers, None))
    assert drive.posts == 1
    answers = iter([unfinished(), *[unknown] * 11])
    drive.read(tags(3))
    drive.run(poll=lambda _: next(answers, None))
    assert drive.posts == 3
    assert drive.position() == 4


def test_a_job_that_the_api_does_not_know_yet_is_no_lost_one() -> None:
    drive = Drive()
    drive.assign()
    drive.read(*devices(range(3)))
    drive.run(poll=lambda job: JobUnknown("?", 404) if drive.now < job.accepted_at + 9 else None)
    assert drive.posts == 1
    assert drive.gets < 12
    assert drive.position() == 3


def test_a_job_that_the_api_never_knew_is_sent_again_after_ten_seconds_then_later_each_time() -> None:
    drive = Drive(limits(max_resubmissions=2))
    drive.assign()
    drive.read(*devices(range(3)))
    sent: list[float] = []

    def post(batch: Batch) -> PostAnswer | None:
        if batch.events[0].offset == 0:
            sent.append(drive.now - NOW)
        return None

    drive.run(post, lambda _: JobUnknown("?", 404), seconds=200)
    waits = [after - before for before, after in pairwise(sent)]
    assert [round(wait) for wait in waits[:3]] == [pytest.approx(each, rel=0.3) for each in (10, 20, 40)]


def test_nothing_is_given_up_while_the_api_knows_no_job_at_all() -> None:
    drive = Drive(limits(max_resubmissions=1))
    drive.assign()
    drive.read(*devices(range(3)))
    drive.run(poll=lambda _: JobUnknown("?", 404), seconds=3600)
    assert drive.letters == []
    assert "the API knows none of its jobs: nothing is confirmed" in {
        notice.text for notice in drive.engine.notices
    }
    drive.run()
    assert drive.position() == 3


@pytest.mark.parametrize("most", [1, 3])
@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("seconds", [60.0, 300.0])
def test_an_api_that_forgot_all_jobs_for_a_while_costs_nobody_its_event(
    seconds: float, size: int, most: int
) -> None:
    drive = Drive(limits(max_resubmissions=most, max_devices=size, max_in_flight=16))
    drive.assign()
    until, once = drive.now + 20 + seconds, 10 if in_full() else 4

    def poll(job: Job) -> PollAnswer | None:
        return JobUnknown("?", 404) if NOW + 20 <= job.accepted_at < until else None

    for step in range(60):
        drive.read(*devices(range(once * step, once * (step + 1))))
        drive.run(poll=poll, seconds=(seconds + 60) / 60)
    drive.run(poll=poll)
    assert drive.letters == []
    assert drive.position() == 60 * once


def test_a_job_that_alone_is_unknown_again_and_again_is_given_up() -> None:
    drive = Drive(limits(max_resubmissions=1, max_devices=1))
    drive.assign()
    drive.read(*devices(range(40)))

    def poll(job: Job) -> PollAnswer | None:
        if job.events[0].offset == 0:
            return JobUnknown("?", 404)
        return unfinished() if drive.now < job.accepted_at + 60 else None

    drive.run(poll=poll)
    assert [offset for _, offset, _ in drive.letters] == [0]
    assert drive.position() == 40


@pytest.mark.parametrize("takes", [5.0, 40.0, 300.0])
def test_a_job_whose_report_with_details_is_unknown_until_it_ends_is_not_lost(takes: float) -> None:
    drive = reading(3)

    def poll(job: Job) -> PollAnswer | None:
        if drive.now >= job.accepted_at + takes:
            return COMPLETED if job.polls.without_details else None
        return unfinished() if job.polls.without_details else JobUnknown("report not found", 404)

    drive.run(poll=poll)
    assert drive.posts == 1
    assert drive.position() == 3
    assert drive.now < NOW + 1.6 * takes + 5


def without_details(job: Job) -> PollAnswer:
    """The report with details isn't there, the other one is."""
    return COMPLETED if job.polls.without_details else JobUnknown("report not found", 404)


def test_nothing_is_given_up_while_no_report_with_details_is_there() -> None:
    drive = reading(3, max_attempts=1)
    drive.run(poll=without_details, seconds=3600)
    assert drive.letters == []
    assert drive.posts < 90
    drive.run()
    assert drive.position() == 3


def test_one_whose_report_with_details_alone_never_comes_is_given_up() -> None:
    drive = reading(1)
    for offset in range(1, 40):
        drive.run(poll=lambda job: without_details(job) if job.events[0].offset == 0 else None, seconds=30)
        drive.read(*devices([offset]))
    drive.run(poll=lambda job: without_details(job) if job.events[0].offset == 0 else None)
    assert drive.letters == [(P0, 0, "no_verdict")]
    assert drive.position() == 40


def test_a_job_that_is_not_known_yet_is_asked_about_a_second_later() -> None:
    drive = Drive()
    drive.assign()
    drive.read(*devices(range(3)))
    drive.start_job()
    drive.polled(drive.next_poll(), JobUnknown("?", 404))
    polled_at = drive.now
    drive.next_poll()
    assert drive.now - polled_at == pytest.approx(1.0)


def test_an_unknown_job_is_lost_where_nothing_else_could_tell_that_the_address_is_right_again() -> None:
    """What the POST carried that was denied has gone with its partition: nobody would ever try again."""
    drive = Drive(limits(probe_interval=30.0))
    drive.assign()
    drive.read(*devices(range(3)))
    drive.start_job()
    drive.engine.components.halts.denied(
        "", Denied(Cause.WRONG_URL, "<html>", 404), Where.POST, drive.now, drive.now
    )
    asked = itertools.count()
    drive.run(poll=lambda _: JobUnknown("?", 404) if next(asked) < 11 else None, seconds=3600)
    assert drive.sent == [[0, 1, 2], [0, 1, 2]]
    assert all_halts(drive.engine.components.halts) == []
    assert drive.position() == 3


def test_an_unknown_job_is_lost_where_such_jobs_take_every_place_of_one_that_could_tell() -> None:
    drive = Drive(limits(probe_interval=30.0, max_devices=3, max_in_flight=1))
    drive.assign()
    drive.read(*devices(range(3)))
    drive.start_job()
    drive.read(*devices(range(3, 5)))
    drive.engine.components.halts.denied(
        "", Denied(Cause.WRONG_URL, "<html>", 404), Where.POST, drive.now, drive.now
    )
    asked = itertools.count()
    drive.run(poll=lambda _: JobUnknown("?", 404) if next(asked) < 10 else None, seconds=3600)
    assert all_halts(drive.engine.components.halts) == []
    assert drive.position() == 5


def test_while_the_address_is_wrong_no_job_counts_as_unknown() -> None:
    wrong = Denied(Cause.WRONG_URL, "<html>", 404)
    drive = Drive(limits(probe_interval=30.0, max_devices=3))
    drive.assign()
    drive.let_many_go()
    drive.read(*devices(range(3)))
    job = drive.start_job()
    drive.read(*devices(range(3, 5)))
    until = drive.now + 600
    drive.run(
        lambda _: wrong if drive.now < until else None,
        lambda _: JobUnknown("?", 404) if drive.now < until else None,
        seconds=1200,
    )
    assert job.polls.unknown == 0
    assert len([offsets for offsets in drive.sent if 0 in offsets]) == 1
    assert drive.position() == 5
