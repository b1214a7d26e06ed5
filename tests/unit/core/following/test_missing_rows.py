"""When a report that leaves devices out is asked for again, and when that is of no use."""

from __future__ import annotations

import pytest

from connector.answers import JobReport
from connector.core.batching.batch import Batch
from connector.core.following.job import Job
from connector.core.following.missing_rows import MOST_VAIN_WAITS, MissingRows
from connector.core.judging.verdicts import judge
from connector.model import Endpoint
from tests.unit.core.builders import NOW, all_done, completed, devices, row

MOST = 3
NOTHING = completed()


def job(serial: int, attempts: int = 0) -> Job:
    """A job of two devices; one of them was sent in vain so often."""
    events = devices([2 * serial, 2 * serial + 1])
    events[0].attempts = events[0].bad_verdicts = attempts
    batch = Batch(serial, Endpoint.TAGS, "", events, NOW)
    return Job(serial, f"request-{serial}", Endpoint.TAGS, "", events, NOW, batch=batch)


def half(of: Job) -> JobReport:
    return all_done(of.events[:1])


def again(rows: MissingRows, of: Job, report: JobReport, now: float) -> float | None:
    return rows.look_again(of, judge(of.events, report).missing(of.events), now)


def waits(rows: MissingRows, of: Job, report: JobReport, now: float = NOW) -> float:
    """Ask again until that is of no use; return the seconds that it took."""
    began = now
    while (due := again(rows, of, report, now)) is not None:
        now = due
    return now - began


@pytest.mark.parametrize("word", ["pending", "", "in progress"])
def test_rows_without_a_verdict_are_waited_for_like_rows_that_are_not_there(word: str) -> None:
    one = job(1)
    assert waits(MissingRows(MOST), one, completed(*[row(each, word) for each in one.events])) == 10.5
    one = job(2)
    first, second = one.events
    assert waits(MissingRows(MOST), one, completed(row(first), row(second, word))) == 2.5


@pytest.mark.parametrize("word", ["done", "Done", "failed", "not found", "NOT_FOUND"])
def test_rows_with_a_verdict_are_not_waited_for(word: str) -> None:
    one = job(1)
    assert waits(MissingRows(MOST), one, completed(*[row(each, word) for each in one.events])) == 0


def test_after_a_report_asked_for_again_in_vain_no_other_is_for_ten_seconds() -> None:
    rows, one = MissingRows(MOST), job(1)
    assert waits(rows, one, half(one)) == 2.5
    assert waits(rows, job(2), half(job(2)), NOW + 2.5 + 9.99) == 0
    assert waits(rows, job(3), half(job(3)), NOW + 2.5 + 10) == 2.5


@pytest.mark.parametrize(
    ("attempts", "report"), [(1, half(job(2))), (0, NOTHING)], ids=["sent before", "no row"]
)
def test_reports_without_any_row_or_of_devices_tried_before_are_waited_for_in_any_case(
    attempts: int, report: JobReport
) -> None:
    rows, one = MissingRows(MOST), job(1)
    waits(rows, one, half(one))
    assert waits(rows, job(2, attempts), report) == 10.5


def test_where_it_never_helps_reports_are_asked_for_again_before_a_last_verdict_only() -> None:
    rows = MissingRows(MOST)
    for serial in range(MOST_VAIN_WAITS):
        assert waits(rows, job(serial), NOTHING) == 10.5
    assert waits(rows, job(MOST_VAIN_WAITS, attempts=1), NOTHING) == 0
    assert waits(rows, job(MOST_VAIN_WAITS, attempts=MOST - 1), NOTHING) == 2.5


def test_that_a_short_wait_was_in_vain_says_nothing_of_a_long_one() -> None:
    rows = MissingRows(MOST)
    for serial in range(2 * MOST_VAIN_WAITS):
        one = job(serial)
        assert waits(rows, one, half(one), NOW + 20 * serial) == 2.5
    assert waits(rows, job(2 * MOST_VAIN_WAITS, attempts=1), half(job(2 * MOST_VAIN_WAITS))) == 10.5


def test_once_it_helps_again_all_are_waited_for_again() -> None:
    rows = MissingRows(MOST)
    for serial in range(MOST_VAIN_WAITS):
        waits(rows, job(serial), NOTHING)
    late = job(MOST_VAIN_WAITS, attempts=MOST - 1)
    assert again(rows, late, NOTHING, NOW) is not None
    assert again(rows, late, all_done(late.events), NOW + 0.5) is None
    assert waits(rows, job(MOST_VAIN_WAITS + 1), NOTHING) == 10.5


def test_a_whole_report_is_not_asked_for_again() -> None:
    one = job(1)
    assert again(MissingRows(MOST), one, all_done(one.events), NOW) is None


def test_two_rows_of_one_device_do_not_stand_for_another() -> None:
    one = job(1)
    first, _ = one.events
    assert waits(MissingRows(MOST), one, completed(row(first), row(first))) == 2.5


def test_before_a_last_chance_is_gone_it_is_asked_for_again_whatever_others_said() -> None:
    rows, one = MissingRows(MOST), job(1)
    waits(rows, one, half(one))
    last = job(2)
    last.events[1].last_chance = True
    assert waits(rows, last, half(last)) == 2.5


def test_a_stranger_s_row_may_be_that_of_a_device_without_a_hwid() -> None:
    one = job(1)
    first, second = one.events
    second.hwid, second.user_id = None, "U"
    stranger = row(first)
    stranger.hwid = "nobody's"
    assert waits(MissingRows(MOST), one, completed(stranger, row(first), stranger)) == 0
    assert waits(MissingRows(MOST), one, completed(row(first))) == 2.5


def test_after_it_helped_it_may_be_in_vain_as_often_as_at_the_start() -> None:
    rows = MissingRows(MOST)
    late = job(1)
    assert again(rows, late, NOTHING, NOW) is not None
    assert again(rows, late, all_done(late.events), NOW + 0.5) is None
    for serial in range(2, 2 + MOST_VAIN_WAITS):
        assert waits(rows, job(serial), NOTHING) == 10.5
    assert waits(rows, job(9), NOTHING) == 0
