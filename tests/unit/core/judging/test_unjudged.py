"""Jobs that vanish, or always find the API overloaded: one device may be why, or nobody."""

from __future__ import annotations

import pytest

from connector.answers import JobReport, JobState, JobUnknown, PollAnswer, Row, Unavailable
from connector.core.following.job import Job
from tests.unit.core.builders import P0, all_done, tags, unfinished
from tests.unit.core.driving import Drive, reading

GONE = JobUnknown("no such job", 404)


OVERLOADED = JobReport(JobState.FAILED, "Failed", 100, None, "try again later", overloaded=True)


def _with_others(drive: Drive, seconds: int, answer: PollAnswer, application: str | None = None) -> None:
    """Other devices' jobs come and are Completed all the time; that of the one gets this answer.

    Where the others are another application's, whoever is asked about of the one's gets it.
    """

    def poll(job: Job) -> PollAnswer | None:
        all_of_one = application is not None and not job.application
        return answer if all_of_one or any(event.offset == 7 for event in job.events) else None

    offset = drive.engine.assignments[P0].offsets.next
    for _ in range(0, seconds, 10):
        name = f"other-{offset}"
        drive.read(tags(offset, name, application=application) if application else tags(offset, name))
        offset += 1
        drive.run(poll=poll, seconds=10)


@pytest.mark.parametrize("answer", [GONE, unfinished()], ids=["vanish", "never end"])
def test_a_device_whose_jobs_come_to_nothing_is_found_and_costs_no_other_its_verdict(
    answer: PollAnswer,
) -> None:
    drive = reading(10, max_devices=10, max_in_flight=4, deadline=150.0)
    _with_others(drive, 1500, answer)
    assert drive.letters == [(P0, 7, "no_verdict")]


@pytest.mark.parametrize("answer", [GONE, Unavailable("Internal error", 500)], ids=["unknown", "500"])
def test_that_jobs_of_another_application_are_told_of_blames_no_device_of_this_one(
    answer: PollAnswer,
) -> None:
    drive = reading(10, max_devices=10, max_in_flight=4, deadline=150.0)
    _with_others(drive, 1500, answer, application="BBBBB")
    assert drive.letters == []
    drive.run()
    assert drive.at_rest()


@pytest.mark.parametrize("in_flight", [1, 4])
def test_where_the_api_knows_no_job_at_all_they_go_in_parts_less_and_less_often(in_flight: int) -> None:
    drive = reading(1000, max_devices=1000, max_in_flight=in_flight)
    drive.run(poll=lambda _: GONE, seconds=3600)
    assert min(len(offsets) for offsets in drive.sent) > 10
    assert drive.posts < 1500
    drive.run()
    assert drive.letters == []
    assert drive.at_rest()


def test_of_two_batches_with_a_device_each_whose_jobs_vanish_only_these_two_wait() -> None:
    drive = reading(200, max_devices=100, max_in_flight=4)
    gone = {7, 107}
    drive.run(
        poll=lambda job: GONE if any(event.offset in gone for event in job.events) else None, seconds=7200
    )
    assert {offset for _, offset, _ in drive.letters} <= gone
    assert (
        sum(assignment.events_held for assignment in drive.engine.assignments.values()) + len(drive.letters)
        == 2
    )


SPOILT: dict[str, PollAnswer] = {
    "never ends": unfinished(),
    "vanishes": GONE,
    "has no rows": JobReport(JobState.COMPLETED, "Completed", 100, None),
    "has an empty report": JobReport(JobState.COMPLETED, "Completed", 100, []),
    "can not be asked about": Unavailable("Internal error", 500),
}


@pytest.mark.parametrize("answer", SPOILT.values(), ids=SPOILT)
def test_one_device_that_spoils_its_job_costs_no_other_its_verdict_though_nothing_else_is_sent(
    answer: PollAnswer,
) -> None:
    drive = reading(100, max_devices=100, max_in_flight=4, deadline=150.0)
    drive.run(
        poll=lambda job: answer if any(event.offset == 7 for event in job.events) else None, seconds=7200
    )
    assert drive.letters == [(P0, 7, "no_verdict")]
    assert drive.at_rest()


def test_devices_that_a_report_left_out_are_silent_each_for_itself_in_their_next_job() -> None:
    drive = reading(20, max_devices=20)
    drive.run(poll=lambda job: all_done([each for each in job.events if each.offset % 5]))
    assert drive.sent == [[*range(20)], [0, 5, 10, 15], [0, 5, 10, 15]]
    assert sorted(drive.written) == [0, 5, 10, 15]


@pytest.mark.parametrize("rows", [None, []], ids=["no rows", "empty"])
def test_that_a_report_has_no_row_is_told_of_a_single_device_too(rows: list[Row] | None) -> None:
    drive = reading(1)
    drive.run(poll=lambda _: JobReport(JobState.COMPLETED, "Completed", 100, rows))
    assert drive.posts == 3
    assert "a report leaves devices out" in {notice.text for notice in drive.engine.notices}
    assert drive.letters == [(P0, 0, "no_verdict")]


def test_rows_that_are_all_pending_where_one_device_is_among_them_are_that_one_s_fault() -> None:
    def pending(job: Job) -> PollAnswer | None:
        rows = [Row(event.hwid, status="pending") for event in job.events]
        spoilt = any(event.offset == 7 for event in job.events)
        return JobReport(JobState.COMPLETED, "Completed", 100, rows) if spoilt else None

    drive = reading(100, max_devices=100, max_in_flight=4)
    drive.run(poll=pending, seconds=7200)
    assert drive.letters == [(P0, 7, "no_verdict")]
    assert drive.at_rest()


def test_a_device_whose_jobs_always_find_the_api_overloaded_waits_alone() -> None:
    drive = reading(10, max_devices=10, max_in_flight=4)
    _with_others(drive, 600, OVERLOADED)
    assert drive.letters == []
    assert sum(assignment.events_held for assignment in drive.engine.assignments.values()) == 1
