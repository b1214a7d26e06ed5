"""Letters that are owed: whether a stop waits for them, and which goes alone whatever happens."""

from __future__ import annotations

import pytest

from connector.core.settling.holds import HOLD_LIMIT
from connector.core.settling.owed import MOST_FAILURES_AWAITED
from tests.unit.core.letters_owed import FIRST_DELAY, NO_JITTER, SURE, hold, letter, owing, partition, take


def test_letters_count_wherever_they_wait() -> None:
    assignment = partition()
    owed = owing()
    owed.refused(letter(assignment, 0, size=9), 0.0, NO_JITTER)
    for offset, size in enumerate((1, 9, 10, 11), 1):
        owed.add(letter(assignment, offset, size=size))
    owed.put_far(letter(assignment, 900))
    assert len(owed) == len([*owed]) == 6


# -- whether a stop waits ----------------------------------------------------------------------------


def test_where_nothing_is_owed_nothing_may_be_written() -> None:
    assert not owing().may_soon_be_written(SURE)


@pytest.mark.parametrize("took", [0.0, 1.6])
def test_a_letter_may_be_written_until_all_have_failed_again_and_again(took: float) -> None:
    owed = owing(letter(partition(), 0))
    seen: list[bool] = []
    for _ in range(MOST_FAILURES_AWAITED + 1):
        seen.append(owed.may_soon_be_written(SURE))
        owed.all_failed(0.0, NO_JITTER, took)
    assert seen == [*[True] * MOST_FAILURES_AWAITED, False]


def test_a_letter_may_not_be_written_soon_where_the_rest_before_it_is_long() -> None:
    owed = owing(letter(partition(), 0))
    owed.all_failed(0.0, NO_JITTER, took=3.0)
    assert not owed.may_soon_be_written(SURE)


def test_a_letter_that_goes_alone_may_be_written_until_it_was_refused_again_and_again() -> None:
    owed, again = owing(), letter(partition(), 0)
    seen: list[bool] = []
    for _ in range(MOST_FAILURES_AWAITED):
        owed.refused(again, 0.0, NO_JITTER)
        seen.append(owed.may_soon_be_written(SURE))
        (again,) = owed.take(99.0, SURE, at_once=False)
        assert not owed.may_soon_be_written(SURE), "that one is under way"
    assert seen == [*[True] * (MOST_FAILURES_AWAITED - 1), False]


def test_a_letter_out_of_reach_may_be_written_once_its_partition_has_moved_on() -> None:
    assignment = partition()
    owed = owing()
    owed.put_far(letter(assignment, SURE + 5, hold=hold()))
    assert not owed.may_soon_be_written(SURE)
    assignment.offsets.settle(range(6))
    assert owed.may_soon_be_written(SURE)
    assert owed.due_at(SURE) == 0.0 < HOLD_LIMIT


# -- alone, whatever happens -------------------------------------------------------------------------


def test_a_letter_that_was_refused_goes_alone_though_its_size_was_not_why_and_its_commit_failed() -> None:
    assignment = partition()
    owed = owing()
    owed.refused(letter(assignment, 0), 0.0, NO_JITTER)
    owed.add(letter(assignment, 1, size=9))
    owed.written(owed.take(0.0, SURE, at_once=True))
    owed.put_back(owed.take(99.0, SURE, at_once=False))
    owed.add(letter(assignment, 2))
    assert [take(owed, 99.0) for _ in range(2)] == [[2], [0]]


def test_once_the_topic_takes_one_that_it_refused_the_next_refusal_is_the_first_again() -> None:
    owed = owing()
    for _ in range(3):
        owed.refused(letter(partition(), 0), 0.0, NO_JITTER)
        owed.written(owed.take(99.0, SURE, at_once=False))
        owed.refused(letter(partition(), 1), 5.0, NO_JITTER)
        assert owed.due_at(SURE) == 5.0 + FIRST_DELAY
        owed.written(owed.take(99.0, SURE, at_once=False))
