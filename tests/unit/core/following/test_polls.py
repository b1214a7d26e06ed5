import pytest

from connector.answers import JobReport, JobState, Row
from connector.core.following.polls import Polls

NOW = 1000.0


def test_one_that_was_sent_is_counted_and_under_way_until_it_is_answered() -> None:
    polls = Polls()
    polls.sent()
    assert (polls.made, polls.under_way) == (1, True)
    polls.answered()
    assert (polls.made, polls.under_way) == (1, False)


def test_what_is_on_hold_is_never_due_later() -> None:
    polls = Polls()
    polls.suspend()
    assert polls.suspended
    assert not polls.due_later(NOW)


@pytest.mark.parametrize(
    ("under_way", "due", "later"), [(False, 1, True), (True, 1, False), (False, 0, False)]
)
def test_the_next_one_can_be_brought_forward_while_it_waits(under_way: bool, due: int, later: bool) -> None:
    assert Polls(under_way=under_way, due=NOW + due).due_later(NOW) == later


def test_a_date_holds_until_there_is_another_or_a_poll_is_under_way() -> None:
    polls = Polls(due=NOW)
    assert polls.follows(NOW)
    assert not polls.follows(NOW - 1)
    polls.sent()
    assert not polls.follows(NOW)


def test_seconds_for_which_the_job_is_not_known_count_from_the_first_such_answer_in_a_row() -> None:
    polls = Polls()
    assert [polls.not_known(NOW), polls.not_known(NOW + 3)] == [0, 3]
    polls.known(-1, NOW + 4)
    assert polls.not_known(NOW + 5) == 0


def test_progress_has_grown_once_it_is_above_what_was_told_before() -> None:
    polls = Polls()
    polls.begin(NOW)
    for age, percent in enumerate((10, 20)):
        polls.known(percent, NOW + age)
        polls.found_unfinished(age, JobReport(JobState.UNFINISHED, "Pending", progress=percent))
        assert polls.grew == (percent == 20)
    assert (polls.grew_at, polls.progress, polls.unfinished_age) == (NOW + 1, 20, 1)


@pytest.mark.parametrize("rows", [0, 1])
def test_an_api_that_sends_rows_before_the_end_is_asked_without_them(rows: int) -> None:
    polls = Polls()
    polls.found_unfinished(
        1, JobReport(JobState.UNFINISHED, "Pending", rows=[Row("A", status="done")] * rows)
    )
    assert polls.without_details == bool(rows)


def test_details_are_left_out_until_it_is_asked_for_them_again() -> None:
    polls = Polls()
    polls.ask_plainly()
    assert (polls.without_details, polls.times_asked_plainly) == (True, 1)
    polls.ask_in_detail()
    assert (polls.without_details, polls.times_asked_plainly) == (False, 1)


def test_the_first_get_that_finds_it_completed_is_remembered() -> None:
    polls = Polls()
    polls.found_completed(NOW)
    polls.found_completed(NOW + 1)
    assert polls.completed_at == NOW
