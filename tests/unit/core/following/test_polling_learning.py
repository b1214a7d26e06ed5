"""What the poll schedule learns, figure by figure."""

from __future__ import annotations

import itertools

import pytest

from connector.core.following.polling import PollSchedule

CEILING = 10.0


def trusting() -> PollSchedule:
    """A schedule that has seen figures come true, and that has believed none yet."""
    schedule = PollSchedule(CEILING)
    for _ in range(20):
        schedule.next_delay(1.0, 2, 100, 0.5, 50)
    return schedule


def test_the_first_promises_are_tested_half_way_and_then_one_of_four() -> None:
    schedule = trusting()
    rest = 0.5 * 100 / 50.5 - 0.5
    delays = [schedule.next_delay(0.5, 1, 50) for _ in range(16)]
    assert delays == [pytest.approx(share * rest) for share in [0.5] * 8 + [1, 1, 1, 0.5] * 2]


@pytest.mark.parametrize(
    ("age", "percent", "end"), [(1.0, 9, 10.0), (1.0, 49, 2.0), (1.0, 50, 100 / 50.5), (2.0, 99, 200 / 99.5)]
)
def test_a_promised_end_is_the_earliest_that_a_vague_figure_allows_and_the_middle_of_a_sharp_one(
    age: float, percent: int, end: float
) -> None:
    assert trusting().next_delay(age, 1, percent) == pytest.approx(max((end - age) / 2, 0.01 * age))


@pytest.mark.parametrize("told", [(100, 20), (51, 51), (0, -1)], ids=["it is done", "it stands", "nothing"])
def test_what_promises_no_end_leaves_the_next_get_to_what_jobs_take(told: tuple[int, int]) -> None:
    progress, before = told
    assert trusting().next_delay(0.5, 2, progress, 0.49, before) == 0.25


def test_a_job_older_than_any_is_asked_again_after_as_long_as_it_exceeds_the_oldest() -> None:
    schedule = PollSchedule(CEILING)
    schedule.learn(0.9, 1.1)
    assert schedule.next_delay(1.75, 2) == pytest.approx(0.75)


def test_what_is_believed_is_doubted_again_after_a_while_without_a_test() -> None:
    schedule = trusting()
    delays = [schedule.next_delay(0.5, 1, 50) for _ in range(40)]
    assert delays[20] > delays[-1] == 0.25


def test_a_job_that_had_no_progress_yet_breaks_no_promise_when_it_ends() -> None:
    schedule = trusting()
    schedule.learn(0.2, 1.0, 0)
    assert schedule.next_delay(0.5, 1, 20) == pytest.approx((0.5 * 100 / 21 - 0.5) / 2)


def test_half_of_the_jobs_took_no_longer_than_is_usual_which_is_nothing_while_none_is_known() -> None:
    schedule = PollSchedule(CEILING)
    assert schedule.usual == 0
    for seconds in (5.0, 1.0, 3.0):
        schedule.learn(seconds, seconds)
    assert schedule.usual == 3.0


def test_after_eight_jobs_in_a_row_that_took_longer_the_others_are_forgotten() -> None:
    schedule = PollSchedule(CEILING)
    for _ in range(100):
        schedule.learn(0.9, 1.1)
    firsts: list[float] = []
    for _ in range(8):
        schedule.learn(4.9, 5.1)
        firsts.append(schedule.first_delay())
    assert firsts == [1.0] * 7 + [5.0]


def test_however_many_jobs_end_early_the_first_get_comes_at_least_half_as_early_as_the_one_before() -> None:
    schedule = PollSchedule(CEILING)
    schedule.learn(4.0, 4.0)
    firsts = [schedule.first_delay()]
    for _ in range(25):
        schedule.learn(0.0, firsts[-1])
        firsts.append(schedule.first_delay())
    assert all(0.5 * before <= after <= before for before, after in itertools.pairwise(firsts))
    assert firsts[-1] < 0.1, "and yet it comes soon"
