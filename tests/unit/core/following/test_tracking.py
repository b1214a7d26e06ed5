"""The unfinished jobs and their timetable."""

from __future__ import annotations

import itertools

import pytest

from connector.answers import JobReport, JobState, PollAnswer, Row
from connector.core.batching.batch import Batch
from connector.core.following.job import Job
from connector.core.following.tracking import Tracking
from connector.core.tally import JobOutcome
from connector.model import Endpoint
from tests.unit.core.builders import NOW, all_done, devices, limits, tags, unfinished
from tests.unit.core.driving import Drive


def job(serial: int, at: float = NOW, *, adopted: bool = False) -> Job:
    batch = None if adopted else Batch(serial, Endpoint.TAGS, "", [], at)
    return Job(serial, f"request-{serial}", Endpoint.TAGS, "", [], at, batch=batch)


def tracking(*jobs: Job, **changed: object) -> Tracking:
    found = Tracking(limits(**changed))
    for each in jobs:
        found.add(each)
    return found


def test_a_job_is_due_once_and_not_again_until_it_is_put_back() -> None:
    one = job(1)
    some = tracking(one)
    some.poll_at(one, NOW + 1)
    assert some.due(NOW, 10) == []
    assert some.wake_at() == NOW + 1
    assert some.due(NOW + 1, 10) == [one]
    assert some.due(NOW + 1, 10) == []
    assert some.wake_at() is None


@pytest.mark.parametrize(("seconds", "lost"), [(9.9, False), (10.0, True)])
def test_a_job_that_is_not_known_for_ten_seconds_is_asked_for_plainly_and_then_lost(
    seconds: float, *, lost: bool
) -> None:
    some = tracking(one := job(1))
    told = [some.unknown(one, NOW + at) for at in (0.0, seconds / 2, seconds)]
    assert (told, one.polls.without_details) == ([False] * 3, lost)
    assert some.unknown(one, NOW + seconds) == lost


def test_only_the_last_time_that_was_set_counts() -> None:
    one = job(1)
    some = tracking(one)
    some.poll_at(one, NOW + 1)
    some.poll_at(one, NOW + 5)
    assert some.due(NOW + 2, 10) == []
    assert some.wake_at() == NOW + 5


def test_the_trial_is_the_job_that_has_failed_least_and_the_others_stay_due() -> None:
    jobs = [job(serial) for serial in range(1, 4)]
    some = tracking(*jobs)
    for each, failures in zip(jobs, (3, 1, 2), strict=True):
        each.suspicion.failures = failures
        some.poll_at(each, NOW)
    assert not some.has_spotless(NOW)
    assert some.trial(NOW) == [jobs[1]]
    assert some.due(NOW, 9) == [jobs[0], jobs[2]]
    assert some.trial(NOW) == []


def test_no_more_jobs_are_due_than_are_asked_for() -> None:
    jobs = [job(serial) for serial in range(5)]
    some = tracking(*jobs)
    for each in jobs:
        some.poll_at(each, NOW)
    assert some.due(NOW, 2) == jobs[:2]
    assert some.due(NOW, 9) == jobs[2:]


def test_a_job_that_waits_for_its_rows_takes_no_place() -> None:
    one, other = job(1), job(2)
    some = tracking(one, other)
    assert some.occupying(16) == 2
    one.polls.waits_for_rows = 1
    assert some.occupying(16) == 1


def test_a_job_that_was_removed_is_never_due() -> None:
    one = job(1)
    some = tracking(one)
    some.poll_at(one, NOW)
    some.remove(one)
    assert some.wake_at() is None
    assert some.due(NOW + 9, 10) == []
    assert some.jobs == {}


def test_an_adopted_job_is_polled_at_once() -> None:
    one = job(1, NOW - 50, adopted=True)
    some = tracking(one)
    some.begin(one, NOW)
    assert some.wake_at() == NOW


def test_the_first_poll_comes_when_jobs_are_known_to_end() -> None:
    some = tracking()
    for serial in range(20):
        one = job(serial)
        some.add(one)
        one.polls.unfinished_age = 4.99
        some.ended(one, NOW + 5.01, NOW + 5.01, completed=True)
        some.remove(one)
    fresh = job(99)
    some.add(fresh)
    some.begin(fresh, NOW)
    assert some.wake_at() == pytest.approx(NOW + 5, abs=0.1)


def test_adopted_jobs_teach_nothing() -> None:
    some = tracking()
    first = job(0)
    some.add(first)
    some.begin(first, NOW)
    before = some.wake_at()
    for serial in range(1, 20):
        some.ended(job(serial, adopted=True), NOW + 100, NOW + 100, completed=True)
    some.begin(first, NOW)
    assert some.wake_at() == before


def test_a_job_that_ended_is_the_witness_from_then_on() -> None:
    one, two = job(1), job(2)
    some = tracking(one, two)
    some.ended(one, NOW + 1, NOW + 1, completed=True)
    assert some.last_ended.instead_of(two, NOW).request_id == one.request_id


@pytest.mark.parametrize("ceiling", [0.5, 3.0, 40.0])
def test_no_two_polls_of_a_job_are_farther_apart_than_the_setting_says(ceiling: float) -> None:
    drive = Drive(limits(poll_ceiling=ceiling, deadline=1e6))
    drive.assign()
    drive.read(tags(0))
    drive.start_job()
    times: list[float] = []
    while not times or times[-1] - times[0] < 600:
        poll = drive.next_poll()
        times.append(drive.now)
        drive.polled(poll, unfinished())
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert ceiling * 0.9 <= max(gaps) <= ceiling + 0.001


def test_hurrying_leaves_those_alone_that_are_polled_or_read_again() -> None:
    busy, waiting, reading = job(1), job(2), job(3)
    some = tracking(busy, waiting, reading)
    busy.polls.under_way, busy.polls.due = True, NOW + 9
    some.poll_at(waiting, NOW + 9)
    reading.polls.suspend()
    some.hasten("", NOW)
    assert some.due(NOW, 10) == [waiting]


def test_a_job_is_asked_about_until_its_deadline_and_then_sent_again_a_bounded_number_of_times() -> None:
    drive = Drive(limits(deadline=100.0, max_resubmissions=2))
    drive.assign()
    drive.read(*devices(range(3)))
    begun = drive.now
    drive.run(poll=lambda _: unfinished())
    assert drive.sent == [[0, 1, 2]] * 3 + [[0], [1], [2]] * 4
    assert [reason for _, _, reason in drive.letters] == ["no_verdict"] * 3
    deadlines = 1 + 2 + 4 + 8 + 16 + 32 + 64
    assert 100 * deadlines <= drive.now - begun <= 100 * deadlines + 60
    assert drive.position() == 3
    assert drive.at_rest()


def test_a_lost_job_that_ends_the_second_time_is_no_letter() -> None:
    drive = Drive(limits(deadline=100.0))
    drive.assign()
    drive.read(*devices(range(3)))

    def answer(asked: Job) -> PollAnswer | None:
        return unfinished() if asked.request_id == "request-1" else None

    drive.run(poll=answer)
    assert drive.posts == 2
    assert drive.letters == []
    assert drive.engine.tally.jobs[Endpoint.TAGS, JobOutcome.LOST] == 1


def test_a_job_remembers_at_what_age_it_was_seen_unfinished_last() -> None:
    one = job(1)
    some = tracking(one)
    some.unfinished(one, unfinished(40), NOW + 2.5, NOW + 3)
    assert (one.polls.unfinished_age, one.polls.progress) == (2.5, 40)
    assert some.due(one.polls.due, 1) == [one]


def test_where_rows_come_with_unfinished_jobs_they_are_asked_for_at_the_end_only() -> None:
    drive = Drive()
    drive.assign()
    drive.read(*devices(range(3)))
    asked: list[bool] = []

    def answer(poll_job: Job) -> JobReport | None:
        asked.append(not poll_job.polls.without_details)
        if len(asked) <= 2:
            return JobReport(JobState.UNFINISHED, "Pending", 10, [Row("d0", status="done")])
        if poll_job.polls.without_details:
            return JobReport(JobState.COMPLETED, "Completed", 100, None)
        return all_done(poll_job.events)

    drive.run(poll=answer)
    assert asked == [True, False, False, True]
    assert drive.position() == 3


def test_no_more_jobs_are_unfinished_than_the_setting_says() -> None:
    drive = Drive(limits(max_in_flight=3, max_devices=1))
    drive.assign()
    drive.read(*devices(range(20)))
    most = 0

    def watch(_: Job) -> None:
        nonlocal most
        most = max(most, len(drive.engine.jobs) + len(drive.engine.components.dispatch.posting))

    drive.run(poll=watch)
    assert most == 3
    assert drive.position() == 20


def test_no_more_batches_are_out_that_no_commit_remembers_than_a_crash_may_cost() -> None:
    drive = Drive(limits(max_in_flight=16, max_devices=1))
    drive.assign()
    drive.let_many_go()
    drive.read(*devices(range(50)))
    for _ in range(20):
        drive.plan()
        for submit in list(drive.submits):
            drive.posted(submit)
    assert drive.posts == 8
    drive.committed()
    drive.plan()
    assert drive.posts > 8


@pytest.mark.parametrize(
    ("without_details", "polls", "known"),
    [(False, 0, True), (True, 0, True), (False, 1, True), (True, 1, False)],
    ids=["its report", "rows before its end", "details again", "only without details"],
)
def test_whatever_is_said_of_a_job_tells_that_others_are_known_unless_it_is_so_only_without_details(
    without_details: bool, polls: int, known: bool
) -> None:
    one, other = job(1), job(2)
    one.polls.without_details, one.polls.times_asked_plainly = without_details, polls
    some = tracking(one, other)
    some.known(one, NOW + 1)
    assert some.known_jobs.any_since(other.application, other.accepted_at) == known
