"""What becomes of devices that were not confirmed: tried again, searched for, taken apart, given up."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import pytest

from connector.core.coalesce import contributors
from connector.core.jobs import Batch, Job
from connector.model import (
    Endpoint,
    Event,
    JobReport,
    JobUnknown,
    PollAnswer,
    PostAnswer,
    Reason,
    Refused,
    Row,
    TopicPartition,
    Unavailable,
)
from tests.strength import in_full
from tests.unit.core.builders import (
    FAILED,
    P0,
    P1,
    completed,
    devices,
    limits,
    registration,
    row,
    tags,
    unfinished,
)
from tests.unit.core.driving import REFUSED, Drive, refusing

TOO_LARGE = Refused("request entity too large", 413)


def reading(*events: Event, **changed: object) -> Drive:
    drive = Drive(limits(**changed))
    drive.assign()
    drive.read(*events)
    return drive


def saying(status: str, *offsets: int) -> Callable[[Job], PollAnswer | None]:
    """Reports that say this of the devices at these offsets, done of the others."""

    def report(job: Job) -> JobReport:
        return completed(*[row(each, status if each.offset in offsets else "done") for each in job.events])

    return report


def failing(*offsets: int) -> Callable[[Job], PollAnswer | None]:
    """Jobs that fail when they carry one of these."""

    def report(job: Job) -> PollAnswer | None:
        return FAILED if {each.offset for each in job.events} & set(offsets) else None

    return report


# -- a spoilt device in a batch ---------------------------------------------------------------------


@pytest.mark.parametrize("count", [2, 3, 10, 37, 1000])
def test_one_spoilt_device_costs_few_requests_wherever_it_stands(count: int) -> None:
    worst = worst_posts = 0
    places = range(count) if count < 1000 else [*range(0, 1000, 23 if in_full() else 111), 499, 500, 998]
    for bad in places:
        drive = reading(*devices(range(count)), max_devices=1000)
        drive.run(refusing(bad))
        assert drive.letters == [(P0, bad, "refused_by_api")]
        assert drive.position() == count
        assert drive.at_rest()
        worst = max(worst, drive.posts + drive.gets - 2)
        worst_posts = max(worst_posts, drive.posts - 1)
    assert worst <= 2 * math.ceil(math.log2(count)) + 2 <= 22
    assert worst_posts <= math.ceil(math.log2(count)) + 2


@pytest.mark.parametrize("bad", [(0, 1), (0, 999), (499, 500), (3, 400, 800), tuple(range(0, 1000, 100))])
def test_several_spoilt_devices_cost_as_many_searches(bad: tuple[int, ...]) -> None:
    drive = reading(*devices(range(1000)), max_devices=1000)
    drive.run(refusing(*bad))
    assert sorted(drive.written) == sorted(bad)
    assert drive.position() == 1000
    assert drive.posts <= 1 + len(bad) * (math.ceil(math.log2(1000)) + 2)
    assert drive.at_rest()


def test_a_batch_of_nothing_but_spoilt_devices_ends_with_a_letter_each() -> None:
    drive = reading(*devices(range(20)), max_devices=20)
    drive.run(refusing(*range(20)))
    assert sorted(drive.written) == [*range(20)]
    assert drive.position() == 20
    assert drive.at_rest()


def test_other_devices_proceed_while_a_spoilt_one_is_searched() -> None:
    drive = reading(*devices(range(8)), max_devices=8, linger=0.0)
    drive.let_many_go()
    drive.wait_for(lambda: bool(drive.submits))
    drive.posted(drive.submits[0], REFUSED)
    drive.read(*devices(range(8, 16)))
    drive.plan()
    assert [8, 9, 10, 11, 12, 13, 14, 15] in drive.sent


def test_a_device_s_later_event_waits_until_its_spoilt_one_is_found() -> None:
    drive = reading(*devices(range(8)), max_devices=8)
    drive.run(refusing(5), seconds=0.6)
    drive.read(registration(8, "d5"), registration(9, "d6", push_token="U"))
    drive.run(refusing(5))
    assert drive.written == [5]
    assert drive.position() == 10


def test_a_search_goes_on_after_the_destination_was_down() -> None:
    answers: list[PostAnswer | None] = []

    def flaky(batch: Batch) -> PostAnswer | None:
        answers.append(None)

        return Unavailable("down") if len(answers) % 3 == 2 else refusing(17)(batch)

    drive = reading(*devices(range(64)), max_devices=64)
    drive.run(flaky)
    assert drive.written == [17]
    assert drive.position() == 64
    assert drive.at_rest()


def test_what_is_refused_alone_is_dead_lettered_with_the_api_s_words() -> None:
    drive = reading(*devices(range(1)))
    drive.wait_for(lambda: bool(drive.submits))
    sent_at = drive.now
    drive.later(0.5)
    drive.posted(drive.submits[0], Refused("wrong platform", 422))
    drive.plan()
    assert drive.commit is not None
    (letter,) = drive.commit.letters
    assert (letter.rejection.reason, letter.rejection.detail) == (Reason.REFUSED_BY_API, "wrong platform")
    assert letter.rejection.http_status == 422
    assert letter.attempts == 1
    assert letter.first_attempt == letter.last_attempt == sent_at
    assert (letter.hwid, letter.user_id, letter.push_token) == ("d0", None, None)


# -- too large --------------------------------------------------------------------------------------


def by_size(most: int) -> Callable[[Batch], PostAnswer | None]:
    return lambda batch: TOO_LARGE if sum(len(event.row) for event in batch.events) > most else None


def test_a_batch_that_is_too_large_goes_in_halves_and_later_ones_are_smaller() -> None:
    drive = reading(*devices(range(200)), max_devices=100)
    drive.run(by_size(2000))
    assert drive.position() == 200
    assert drive.letters == []
    refusals = drive.posts
    drive.read(*devices(range(200, 400)))
    posts: list[Batch] = []

    def watch(batch: Batch) -> PostAnswer | None:
        posts.append(batch)
        return by_size(2000)(batch)

    drive.run(watch)
    assert drive.position() == 400
    assert not any(by_size(2000)(batch) for batch in posts)
    assert drive.posts - refusals == len(posts)
    assert [notice.level for notice in drive.engine.notices][:1] == ["warning"]


def test_one_device_that_is_refused_as_too_large_does_not_make_later_batches_small() -> None:
    drive = reading(*devices(range(128)), max_devices=64)
    drive.run(lambda batch: TOO_LARGE if any(event.hwid == "d5" for event in batch.events) else None)
    assert drive.written == [5]
    before = drive.posts
    drive.read(*devices(range(128, 128 + 640)))
    drive.run()
    assert drive.posts - before == 10


def test_batches_grow_again_once_the_api_takes_larger_ones() -> None:
    drive = reading(*devices(range(100)), max_devices=100)
    drive.run(by_size(1000))
    sent: list[int] = []

    def watch(batch: Batch) -> None:
        sent.append(len(batch.events))

    drive.read(*devices(range(100, 10_000)))
    drive.run(watch)
    assert drive.position() == 10_000
    assert sent[0] < 40
    assert max(sent) == 100


def test_a_device_that_is_too_large_by_itself_is_dead_lettered_as_that() -> None:
    large = tags(5, "large", values={"a": "x" * 3000})
    drive = reading(*devices(range(5)), large, *devices(range(6, 10)))
    drive.run(by_size(2000))
    assert drive.letters == [(P0, 5, "too_large")]
    assert drive.position() == 10


def test_a_search_in_which_a_half_is_too_large_still_finds_the_spoilt_device() -> None:
    refuse, limit = refusing(40), by_size(1500)
    drive = reading(*devices(range(100)), max_devices=100)
    first: list[int] = []

    def post(batch: Batch) -> PostAnswer | None:
        first.append(1)
        return REFUSED if len(first) == 1 else limit(batch) or refuse(batch)

    drive.run(post)
    assert drive.written == [40]
    assert drive.position() == 100
    assert drive.at_rest()


# -- a device's own verdict -------------------------------------------------------------------------


@pytest.mark.parametrize(("status", "reason"), [("not found", "device_not_found"), ("odd", "no_verdict")])
def test_what_may_help_is_tried_a_bounded_number_of_times(status: str, reason: str) -> None:
    drive = reading(*devices(range(4)), max_attempts=3)
    drive.run(poll=saying(status, 2))
    assert drive.sent == [[0, 1, 2, 3], [2], [2]]
    assert drive.letters == [(P0, 2, reason)]
    assert drive.position() == 4
    assert drive.at_rest()


def test_what_helps_the_second_time_is_no_letter() -> None:
    drive = reading(*devices(range(4)))
    drive.run(poll=lambda job: saying("not found", 2)(job) if len(job.events) > 1 else None)
    assert drive.letters == []
    assert drive.position() == 4


def test_a_device_that_failed_is_dead_lettered_at_once() -> None:
    drive = reading(*devices(range(4)))
    drive.run(poll=saying("failed", 2))
    assert drive.letters == [(P0, 2, "device_failed")]
    assert drive.posts == 1


def test_attempts_grow_apart() -> None:
    drive = reading(*devices(range(1)), max_attempts=4, retry_base=1.0, retry_ceiling=2.0)
    times: list[float] = []

    def post(_: Batch) -> None:
        times.append(drive.now)

    drive.run(post, saying("not found", 0))
    waits = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert len(waits) == 3
    assert all(0.5 <= wait <= 2.5 for wait in waits)


def test_a_letter_says_how_often_and_when_it_was_tried() -> None:
    drive = reading(*devices(range(1)), max_attempts=3)
    times: list[float] = []

    def post(_: Batch) -> None:
        drive.later(0.25)
        times.append(drive.now)

    drive.run(post, saying("not found", 0))
    (letter,) = drive.written_letters
    assert letter.attempts == 3
    assert (letter.first_attempt, letter.last_attempt) == (times[0], times[-1])
    assert letter.rejection.request_id


def test_later_events_of_a_device_wait_for_its_retries_and_stay_in_order() -> None:
    drive = reading(tags(0, "A"), registration(1, "A"), tags(2, "A"))
    answers = iter(["not found", "not found"])

    def report(job: Job) -> PollAnswer | None:
        return saying(next(answers, "done"), 0)(job)

    drive.run(poll=report)
    assert drive.sent == [[0], [0], [0], [1], [2]]
    assert drive.position() == 3


def test_who_waited_behind_a_device_that_cannot_be_found_gets_one_attempt() -> None:
    drive = reading(tags(0, "A"), registration(1, "A"), tags(2, "A"), max_attempts=3)
    drive.run(poll=saying("not found", 0, 1, 2))
    assert drive.sent == [[0], [0], [0], [1], [2]]
    assert drive.written == [0, 1, 2]


def test_who_comes_after_a_device_could_not_be_found_gets_all_attempts() -> None:
    drive = reading(tags(0, "A"), max_attempts=3)
    drive.run(poll=saying("not found", 0))
    drive.read(tags(1, "A"))
    drive.run(poll=saying("not found", 1))
    assert drive.posts == 6


# -- merged updates ---------------------------------------------------------------------------------


def merged(count: int, **changed: object) -> Drive:
    """`count` updates of one device in one row."""
    return reading(*[tags(at, "A", values={f"t{at}": at}) for at in range(count)], **changed)


def test_one_good_verdict_settles_all_that_was_merged() -> None:
    drive = merged(8)
    drive.run()
    assert drive.posts == 1
    assert drive.position() == 8


@pytest.mark.parametrize("bad", range(8))
def test_of_a_merged_update_with_a_refused_tag_only_the_guilty_event_is_dead_lettered(bad: int) -> None:
    drive = merged(8)

    def report(job: Job) -> JobReport:
        (event,) = job.events
        guilty = any(each.offset == bad for each in contributors(event))
        return completed(row(event, "done", {f"t{bad}": "tag not found"} if guilty else None))

    drive.run(poll=report)
    assert drive.letters == [(P0, bad, "tag_refused")]
    assert drive.position() == 8
    assert drive.posts <= 1 + 2 * 3
    assert drive.at_rest()


@pytest.mark.parametrize("bad", range(8))
def test_of_a_merged_update_that_the_api_refuses_only_the_guilty_event_is_dead_lettered(bad: int) -> None:
    drive = merged(8)
    drive.run(refusing(bad))
    assert drive.letters == [(P0, bad, "refused_by_api")]
    assert drive.position() == 8
    assert drive.at_rest()


def test_the_events_of_a_merged_update_whose_device_failed_go_one_by_one_and_in_order() -> None:
    drive = merged(4)
    drive.run(poll=saying("failed", 0, 2))
    assert drive.sent == [[0, 1, 2, 3], [0], [1], [2], [3]]
    assert drive.written == [0, 2]
    assert drive.position() == 4


def test_a_merged_update_of_a_device_that_cannot_be_found_is_not_tried_for_ever() -> None:
    drive = merged(6, max_attempts=3)
    drive.run(poll=saying("not found", *range(6)))
    assert drive.written == [*range(6)]
    assert drive.posts == 3 + 6
    assert drive.at_rest()


def test_an_update_in_the_middle_of_a_search_is_taken_apart_and_the_search_goes_on() -> None:
    drive = reading(
        *devices(range(10, 16)),
        *[tags(20 + at, "A", values={f"t{at}": at}) for at in range(4)],
        *devices(range(30, 36)),
        max_devices=20,
    )
    drive.engine.assignments[P0].offsets.ended(10)
    drive.run(refusing(22, 33))
    assert sorted(drive.written) == [22, 33]
    assert drive.position() == 36
    assert drive.at_rest()


# -- jobs that fail ---------------------------------------------------------------------------------


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


def test_a_device_whose_jobs_failed_with_others_is_given_up_once_its_own_fails() -> None:
    drive = reading(*devices(range(2)), max_attempts=5)
    drive.run(poll=failing(0))
    assert drive.letters == [(P0, 0, "job_failed")]
    assert drive.sent == [[0, 1], [0, 1], [0], [1]]


def test_a_letter_counts_the_jobs_that_failed_as_a_whole_and_no_attempt_that_was_not_made() -> None:
    drive = reading(*devices(range(2)), max_attempts=5)
    times: list[float] = []

    def post(_: Batch) -> None:
        drive.later(1.0)
        times.append(drive.now)

    drive.run(post, failing(0))
    (letter,) = drive.written_letters
    assert drive.sent == [[0, 1], [0, 1], [0], [1]]
    assert letter.attempts == 3
    assert (letter.first_attempt, letter.last_attempt) == (times[0], times[2])


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


def test_a_letter_for_a_job_that_was_lost_says_how_often_and_when_it_was_tried() -> None:
    drive = merged(2, max_resubmissions=2)
    times: list[float] = []

    def post(_: Batch) -> None:
        drive.later(1.0)
        times.append(drive.now)

    drive.run(post, lambda job: unfinished() if job.polls == 1 else JobUnknown("no such job", 404))
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


# -- settled across partitions ----------------------------------------------------------------------


def test_a_merged_update_of_two_partitions_settles_both() -> None:
    drive = Drive()
    drive.assign(P0)
    drive.assign(P1)
    drive.read(tags(0, "A"))
    drive.read(tags(0, "A", partition=P1), tags(1, "B", partition=P1))
    drive.run()
    assert (drive.position(P0), drive.position(P1)) == (1, 2)


def test_rows_tell_the_devices_of_two_partitions_apart() -> None:
    drive = Drive()
    drive.assign(P0)
    drive.assign(P1)
    drive.read(tags(0, "A"))
    drive.read(tags(0, "B", partition=P1))
    drive.run(poll=lambda _: completed(Row("B", status="failed"), Row("A", status="done")))
    found: list[tuple[TopicPartition, int, str]] = drive.letters
    assert found == [(P1, 0, "device_failed")]


# -- devices that reports don't name -----------------------------------------------------------------


def users(offsets: range) -> list[Event]:
    return [tags(offset, None, user_id=f"user-{offset}") for offset in offsets]


def naming_phones(*rowless: int, twice: tuple[int, ...] = ()) -> Callable[[Job], PollAnswer | None]:
    """Reports that name a user's phones: none of the first, two of the second, one of the others."""

    def report(job: Job) -> JobReport:
        rows = []
        for event in job.events:
            phones = 0 if event.offset in rowless else 2 if event.offset in twice else 1
            rows += [Row(hwid=f"phone-{event.offset}-{phone}", status="done") for phone in range(phones)]
        return completed(*rows)

    return report


@pytest.mark.parametrize("count", [2, 10, 200])
def test_one_user_without_a_row_does_not_cost_the_others_their_verdicts(count: int) -> None:
    for bad in {0, count // 2, count - 1}:
        drive = reading(*users(range(count)), max_devices=1000)
        drive.run(poll=naming_phones(bad))
        assert drive.letters == [(P0, bad, "no_verdict")]
        assert drive.position() == count
        assert drive.posts <= 2 * math.ceil(math.log2(count)) + 1 + 3
        assert drive.at_rest()


def test_a_user_with_two_phones_is_confirmed_by_both_rows() -> None:
    drive = reading(*users(range(20)), max_devices=1000)
    drive.run(poll=naming_phones(twice=(3, 11)))
    assert drive.letters == []
    assert drive.position() == 20


def test_of_two_rows_of_one_user_the_worse_counts() -> None:
    def report(_: Job) -> JobReport:
        return completed(Row(hwid="phone-1", status="done"), Row(hwid="phone-2", status="failed"))

    drive = reading(tags(0, None, user_id="user"))
    drive.run(poll=report)
    assert drive.letters == [(P0, 0, "device_failed")]


def test_devices_that_a_report_forgets_go_again_together() -> None:
    drive = reading(*devices(range(50)), max_devices=50)
    reports = iter([completed()] * 3)
    drive.run(poll=lambda _: next(reports, None))
    assert drive.posts == 2
    assert drive.engine.tally.resubmitted[Endpoint.TAGS] == 50
    assert drive.position() == 50
