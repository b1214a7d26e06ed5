"""What becomes of a job that failed as a whole: once more as it was, then in halves."""

from __future__ import annotations

from connector.answers import JobReport, JobState, JobUnknown
from connector.core.batching.batch import Batch
from connector.core.following.job import Job
from connector.model import Reason
from tests.unit.core.adopting import adopting
from tests.unit.core.builders import FAILED, P0, P1, devices, limits, tags, unfinished
from tests.unit.core.driving import Drive
from tests.unit.core.verdicts import failing, merged, reading, saying


def test_a_job_that_failed_once_is_sent_again_as_it_was() -> None:
    drive = reading(*devices(range(8)))
    failures = iter([FAILED])
    drive.run(poll=lambda _: next(failures, None))
    assert drive.sent == [[*range(8)], [*range(8)]]
    assert drive.letters == []
    assert drive.position() == 8


def test_a_job_that_fails_for_one_device_is_halved_until_that_is_alone() -> None:
    drive = reading(*devices(range(16)), max_devices=16)
    drive.run(poll=failing(5))
    assert drive.letters == [(P0, 5, "job_failed")]
    assert drive.position() == 16
    assert drive.posts <= 2 + 2 * 4 + 3
    assert drive.at_rest()


def test_a_job_that_fails_for_each_device_ends_with_a_letter_each() -> None:
    drive = reading(*devices(range(8)), max_devices=8)
    drive.run(poll=lambda _: FAILED)
    assert sorted(drive.written) == [*range(8)]
    assert drive.at_rest()


def test_a_device_whose_jobs_failed_with_others_is_given_up_once_its_own_fails_twice() -> None:
    drive = reading(*devices(range(2)), max_attempts=5)
    drive.run(poll=failing(0))
    assert drive.letters == [(P0, 0, "job_failed")]
    assert drive.sent == [[0, 1], [0, 1], [0], [1], [0]], "once may be where an outage begins or ends"


def test_a_letter_counts_the_jobs_that_failed_as_a_whole_and_no_attempt_that_was_not_made() -> None:
    drive = reading(*devices(range(2)), max_attempts=5)
    times: list[float] = []

    def post(_: Batch) -> None:
        times.append(drive.now)
        drive.later(1.0)

    drive.run(post, failing(0))
    (letter,) = drive.written_letters
    assert drive.sent == [[0, 1], [0, 1], [0], [1], [0]]
    assert letter.attempts == 4
    assert (letter.first_attempt, letter.last_attempt) == (times[0], times[4])


def test_a_job_of_one_device_that_keeps_failing_counts_each_attempt() -> None:
    drive = reading(*devices(range(1)), max_attempts=5)
    drive.run(poll=lambda _: FAILED)
    (letter,) = drive.written_letters
    assert letter.attempts == drive.posts == 5


def test_jobs_that_failed_with_others_take_no_attempt_from_a_device_s_own_verdicts() -> None:
    drive = reading(*devices(range(2)), max_attempts=3)
    failures = iter([FAILED, FAILED])
    drive.run(poll=lambda job: next(failures, None) or saying("not found", 0)(job))
    (letter,) = drive.written_letters
    assert [sent for sent in drive.sent if 0 in sent] == [[0, 1], [0, 1], [0], [0], [0]]
    assert letter.attempts == 5
    assert letter.rejection.reason == Reason.DEVICE_NOT_FOUND


def test_a_job_that_failed_says_nothing_of_one_device_whose_companion_was_handed_over_meanwhile() -> None:
    drive = Drive(limits(max_attempts=1))
    drive.assign()
    drive.assign(P1)
    drive.read(tags(0, "A"), partition=P0)
    drive.read(tags(0, "B", partition=P1), partition=P1)
    drive.start_job()
    drive.engine.revoked([P1], drive.now)
    drive.polled(drive.next_poll(), FAILED)
    drive.run()
    assert [len(sent) for sent in drive.sent] == [2, 1]
    assert drive.letters == []
    assert drive.position() == 1


def test_twice_failed_it_goes_alone_then_and_is_judged_by_that() -> None:
    drive = Drive(limits(max_attempts=1))
    drive.assign()
    drive.assign(P1)
    drive.read(tags(0, "A"), partition=P0)
    drive.read(tags(0, "B", partition=P1), partition=P1)
    drive.start_job()
    drive.polled(drive.next_poll(), FAILED)
    drive.committed()
    drive.start_job()
    drive.engine.revoked([P1], drive.now)
    drive.polled(drive.next_poll(), FAILED)
    drive.run(poll=lambda _: FAILED)
    assert [len(sent) for sent in drive.sent] == [2, 2, 1]
    assert drive.letters == [(P0, 0, "job_failed")]


def test_an_adopted_job_that_failed_may_have_failed_for_devices_of_another_owner() -> None:
    drive = adopting({"J": [0]}, limits(max_attempts=1))
    drive.read(*devices(range(1)))
    failures = iter([FAILED])
    drive.run(poll=lambda _: next(failures, None))
    assert drive.sent == [[0]]
    assert drive.letters == []
    assert drive.position() == 1


def test_a_letter_for_a_job_that_was_lost_says_how_often_and_when_it_was_tried() -> None:
    drive = merged(2, max_resubmissions=2)
    times: list[float] = []

    def post(_: Batch) -> None:
        times.append(drive.now)
        drive.later(1.0)

    drive.run(post, lambda job: unfinished() if job.polls.made == 1 else JobUnknown("no such job", 404))
    assert len(times) == 3
    assert [letter.attempts for letter in drive.written_letters] == [3, 3]
    assert {letter.first_attempt for letter in drive.written_letters} == {times[0]}
    assert {letter.last_attempt for letter in drive.written_letters} == {times[-1]}


def test_a_job_of_one_device_that_fails_is_tried_as_often_as_any_device() -> None:
    drive = reading(*devices(range(1)), max_attempts=3)
    drive.run(poll=lambda _: FAILED)
    assert drive.posts == 3
    assert drive.letters == [(P0, 0, "job_failed")]


def test_a_merged_update_whose_job_fails_is_taken_apart() -> None:
    drive = merged(4)
    drive.run(poll=failing(2))
    drive.run()
    assert drive.position() == 4
    assert set(drive.written) <= {2}


def test_jobs_that_find_the_api_overloaded_are_no_fault_of_their_devices() -> None:
    busy = JobReport(JobState.FAILED, "Failed", message="busy, retry later", overloaded=True)
    drive = Drive(limits(max_devices=10, max_in_flight=8, linger=0.0))
    drive.assign()
    drive.let_many_go()
    drive.read(*devices(range(100)))
    limits_seen: list[int] = []

    def poll(_: Job) -> JobReport:
        limits_seen.append(drive.engine.components.concurrency.limit)
        return busy

    drive.run(poll=poll, seconds=600)
    assert drive.letters == []
    assert drive.posts < 10 * 20, "each batch later and later, and whole"
    assert {len(offsets) for offsets in drive.sent} == {10}
    assert min(limits_seen) == 1
    told = [each for each in drive.engine.notices if each.text == "the API has no time for jobs"]
    assert len(told) == 1
    drive.run()
    assert (drive.letters, drive.position()) == ([], 100)
    assert drive.at_rest()


def test_a_device_is_singled_out_by_a_single_failure_with_others_too() -> None:
    drive = Drive(limits(max_attempts=9))
    drive.assign()
    drive.assign(P1)
    drive.read(tags(0, "A"), partition=P0)
    drive.read(tags(0, "B", partition=P1), partition=P1)
    drive.start_job()
    drive.polled(drive.next_poll(), FAILED)
    drive.engine.revoked([P1], drive.now)
    offset = 1
    while not drive.letters:
        assert drive.posts < 20
        drive.read(tags(offset, f"good-{offset}"))
        offset += 1
        drive.run(poll=failing(0), seconds=2)
    assert sum(sent == [0] for sent in drive.sent) <= 3, (
        "it has two failures alone beside good ones, not nine"
    )
    assert drive.letters == [(P0, 0, "job_failed")]


def test_where_all_jobs_fail_a_batch_is_halved_at_once_and_its_halves_wait() -> None:
    drive = reading(*devices(range(8)), max_devices=8)
    times: list[tuple[float, int]] = []
    drive.run(lambda batch: times.append((drive.now, len(batch.events))), lambda _: FAILED, seconds=60)
    began = {size: min(at for at, devices_ in times if devices_ == size) for size in (8, 4, 2)}
    whole = [at for at, size in times if size == 8]
    assert len(whole) == 2
    assert began[4] - whole[1] < 2
    assert began[2] - began[4] > 5, "it may be the API: from the third failure on they are sent slowly"
