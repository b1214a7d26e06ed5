"""What becomes of devices that a report doesn't confirm, or doesn't even name."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable

import pytest

from connector.answers import Denied, JobReport, PollAnswer, Row
from connector.core.batching.batch import Batch
from connector.core.following.job import Job
from connector.core.following.missing_rows import PATIENT_DELAYS
from connector.core.reading.event import Event
from connector.model import Cause, Endpoint, TopicPartition
from tests.strength import in_full
from tests.unit.core.builders import P0, P1, all_done, completed, devices, registration, tags
from tests.unit.core.driving import Drive
from tests.unit.core.verdicts import reading, saying

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
        times.append(drive.now)
        drive.later(0.25)

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


@pytest.mark.parametrize("count", [2, 10, 200 if in_full() else 60])
def test_one_user_without_a_row_does_not_cost_the_others_their_verdicts(count: int) -> None:
    for bad in {0, count // 2, count - 1}:
        drive = reading(*users(range(count)), max_devices=1000)
        drive.run(poll=naming_phones(bad))
        assert drive.letters == [(P0, bad, "no_verdict")]
        assert drive.position() == count
        assert drive.posts <= 1 + count + 2, "each by itself, the one without a row three times"
        assert drive.at_rest()


def test_a_letter_counts_the_times_that_nobody_could_tell_its_row() -> None:
    drive = reading(*users(range(4)), max_devices=1000, max_attempts=1)
    drive.run(poll=naming_phones(0))
    (letter,) = drive.written_letters
    assert len([offsets for offsets in drive.sent if 0 in offsets]) == letter.attempts == 2


def test_users_whose_rows_name_nobody_are_told_by_their_places_after_a_row_was_missing() -> None:
    drive = reading(*users(range(64)), max_devices=1000)

    def report(job: Job) -> JobReport:
        return completed(*[Row(status="done") for event in job.events if event.offset != 9])

    drive.run(poll=report)
    assert drive.letters == [(P0, 9, "no_verdict")]
    assert drive.posts <= 1 + 2 * 6 + 3


def test_a_user_with_two_phones_is_confirmed_by_both_rows() -> None:
    drive = reading(*users(range(20)), max_devices=1000)
    drive.run(poll=naming_phones(twice=(3, 11)))
    assert drive.letters == []
    assert drive.position() == 20


@pytest.mark.parametrize("seed", range(5 if in_full() else 1))
def test_users_with_two_phones_do_not_make_up_for_users_with_none(seed: int) -> None:
    dice = random.Random(seed)
    phones = {at: dice.choice([0, 1, 1, 1, 1, 2]) for at in range(200)}

    def report(job: Job) -> JobReport:
        owners = [event.offset for event in job.events for _ in range(phones[event.offset])]
        return completed(
            *[Row(hwid=f"phone-{at}-{number}", status="done") for number, at in enumerate(owners)]
        )

    drive = reading(*users(range(200)), max_devices=50)
    drive.run(poll=report)
    assert sorted(drive.written) == [at for at, count in phones.items() if not count]
    assert drive.position() == 200


@pytest.mark.parametrize("seed", range(5 if in_full() else 2))
def test_where_rows_come_in_another_order_no_user_is_told_by_its_place(seed: int) -> None:
    """The first report shows it by the hwids beside; users that go again without these don't."""
    dice = random.Random(seed)
    bad = {at for at in range(100) if dice.random() < 0.1}

    def row_of(event: Event) -> Row:
        return Row(event.hwid or f"phone-{event.offset}", status="failed" if event.offset in bad else "done")

    def report(job: Job) -> JobReport:
        return completed(*dice.sample([row_of(event) for event in job.events], len(job.events)))

    drive = reading(*users(range(70)), *devices(range(70, 100)), max_devices=100)
    drive.run(poll=report)
    assert sorted(drive.letters) == [(P0, at, "device_failed") for at in sorted(bad)]
    assert drive.position() == 100


def test_of_two_rows_of_one_user_the_worse_counts() -> None:
    def report(_: Job) -> JobReport:
        return completed(Row(hwid="phone-1", status="done"), Row(hwid="phone-2", status="failed"))

    drive = reading(tags(0, None, user_id="user"))
    drive.run(poll=report)
    assert drive.letters == [(P0, 0, "device_failed")]


@pytest.mark.parametrize(("most", "count"), [(1, 1000 if in_full() else 150), (10, 1000), (499, 1000)])
def test_reports_that_never_have_more_rows_than_so_many_refuse_nobody(most: int, count: int) -> None:
    drive = reading(*devices(range(count)), max_devices=1000)
    drive.run(poll=lambda job: all_done(job.events[:most]))
    assert drive.position() == count
    assert drive.letters == []


def test_a_device_that_is_silent_beside_others_has_the_last_word_alone() -> None:
    drive = reading(*devices(range(3)), max_devices=3, max_attempts=1)
    drive.run(poll=lambda job: all_done([event for event in job.events if event.hwid != "d1"]))
    assert drive.sent == [[0, 1, 2], [1]]
    assert drive.letters == [(P0, 1, "no_verdict")]


def test_devices_without_a_row_stay_by_themselves_through_a_denial() -> None:
    drive = reading(*devices(range(5)), max_devices=5)
    drive.run(poll=lambda job: all_done([event for event in job.events if event.hwid != "d1"]), seconds=3)
    drive.wait_for(lambda: bool(drive.submits))
    assert drive.sent[-1] == [1]
    drive.posted(drive.submits[0], Denied(Cause.UNAUTHORIZED, "unauthorized", 401))
    drive.read(*devices(range(5, 8)))
    drive.run()
    assert [1] in drive.sent[2:]
    assert drive.letters == []


@pytest.mark.parametrize("most", [5, 6, 9])
def test_reports_of_limited_length_refuse_nobody_where_more_is_sent_than_one_batch(most: int) -> None:
    drive = reading(*devices(range(500)), max_devices=10)
    drive.run(poll=lambda job: all_done(job.events[:most]))
    assert drive.position() == 500
    assert drive.letters == []


@pytest.mark.parametrize("share_without", [0.0, 0.01])
def test_rows_that_come_late_refuse_nobody_though_some_come_later_and_some_never(
    share_without: float,
) -> None:
    dice = random.Random(3)
    without = {offset for offset in range(2000) if dice.random() < share_without}
    drive = reading(*devices(range(2000)), max_devices=50)

    def poll(job: Job) -> JobReport:
        late = 5.0 if job.serial % 25 == 0 else 0.9
        if drive.now - job.accepted_at < late:
            return completed()
        return all_done([event for event in job.events if event.offset not in without])

    drive.run(poll=poll)
    assert {offset for _, offset, _ in drive.letters} == without


def test_devices_that_a_report_forgets_go_again_together() -> None:
    drive = reading(*devices(range(50)), max_devices=50)
    reports = iter([completed()] * (1 + len(PATIENT_DELAYS)))
    drive.run(poll=lambda _: next(reports, None))
    assert drive.posts == 2
    assert drive.engine.tally.resubmitted[Endpoint.TAGS] == 50
    assert drive.position() == 50


def test_a_device_that_reports_forget_is_joined_by_no_others_when_it_goes_again() -> None:
    drive = reading(*devices(range(3)), max_devices=10, max_in_flight=1)
    for offset in range(3, 60):
        drive.run(poll=lambda job: all_done([each for each in job.events if each.offset != 1]), seconds=0.3)
        drive.read(*devices([offset]))
    assert [sent for sent in drive.sent if 1 in sent] == [[0, 1, 2, 3], [1], [1]]
