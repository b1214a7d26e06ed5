"""Letters that are owed: which of them one commit may write, and which come later."""

from __future__ import annotations

import pytest

from connector.core.settling.holds import HOLD_LIMIT, Hold
from connector.core.settling.owed import MOST_LETTER_BYTES, MOST_LETTERS
from connector.model import TopicPartition
from tests.unit.core.builders import (
    P0,
    P1,
    completed,
    limits,
    registration,
    row,
    tags,
)
from tests.unit.core.driving import Drive, refusing
from tests.unit.core.letters_owed import FIRST_DELAY, NO_JITTER, SURE, hold, letter, owing, partition, take

# -- what goes now -----------------------------------------------------------------------------------


def test_letters_go_in_the_order_in_which_they_were_owed_and_each_once() -> None:
    assignment = partition()
    owed = owing(letter(assignment, 5), letter(assignment, 2))
    owed.add(letter(assignment, 9))
    assert len(owed) == 3
    assert take(owed) == [5, 2, 9]
    assert take(owed) == []
    assert len(owed) == 0


def test_letters_that_were_not_written_come_first_again_in_their_order() -> None:
    assignment = partition()
    owed = owing(letter(assignment, 0), letter(assignment, 1))
    unwritten = owed.take(0.0, SURE, at_once=False)
    owed.add(letter(assignment, 2))
    owed.put_back(unwritten)
    assert take(owed) == [0, 1, 2]


def test_as_many_bytes_go_at_once_as_one_commit_may_carry_and_not_one_more() -> None:
    assignment = partition()
    half = MOST_LETTER_BYTES // 2
    owed = owing(*(letter(assignment, offset, size=half) for offset in range(4)))
    assert take(owed) == [0, 1]
    owed = owing(letter(assignment, 0, size=half), letter(assignment, 1, size=half + 1))
    assert take(owed) == [0]
    assert take(owed) == [1]


def test_a_letter_that_is_larger_than_all_that_may_go_goes_alone() -> None:
    assignment = partition()
    owed = owing(letter(assignment, 0, size=MOST_LETTER_BYTES + 1), letter(assignment, 1))
    assert take(owed) == [0]
    assert take(owed) == [1]


# -- after failures ----------------------------------------------------------------------------------


def test_after_a_failure_of_all_none_goes_for_a_while_unless_everything_is_to_go() -> None:
    owed = owing(letter(partition(), 0))
    owed.all_failed(10.0, NO_JITTER)
    assert owed.due_at(SURE) == 10.0 + FIRST_DELAY
    assert take(owed, 10.0 + FIRST_DELAY - 0.01) == []
    assert take(owed, 10.0 + FIRST_DELAY) == [0]
    owed = owing(letter(partition(), 0))
    owed.all_failed(10.0, NO_JITTER)
    assert take(owed, 10.0, at_once=True) == [0]


def test_after_failures_of_all_fewer_letters_and_bytes_go_at_once_down_to_one() -> None:
    assignment = partition()
    quarter = MOST_LETTER_BYTES // 4
    large = owing(*(letter(assignment, offset, size=quarter) for offset in range(4)))
    large.all_failed(0.0, NO_JITTER)
    assert take(large, at_once=True) == [0, 1]
    small = owing(*(letter(assignment, offset) for offset in range(20)))
    for _ in range(20):
        small.all_failed(0.0, NO_JITTER)
    assert take(small, at_once=True) == [0]


@pytest.mark.parametrize(("took", "rest"), [(0.1, 0.5), (5.0, 10.0), (40.0, 20.0)])
def test_after_an_attempt_that_took_long_the_next_one_comes_later_still(took: float, rest: float) -> None:
    owed = owing(letter(partition(), 0))
    owed.all_failed(7.0, NO_JITTER, took)
    assert owed.due_at(SURE) == pytest.approx(7.0 + rest, abs=0.3)


def test_letters_that_were_written_double_what_goes_at_once_up_to_the_most() -> None:
    assignment = partition()
    owed = owing(*(letter(assignment, 0) for _ in range(5 * MOST_LETTERS)))
    owed.all_failed(0.0, NO_JITTER)
    sizes: list[int] = []
    for _ in range(3):
        taken = owed.take(0.0, SURE, at_once=True)
        sizes.append(len(taken))
        owed.written(taken)
    assert sizes == [MOST_LETTERS // 2, MOST_LETTERS, MOST_LETTERS]


def test_a_commit_without_letters_does_not_prove_that_the_topic_takes_any() -> None:
    owed = owing(letter(partition(), 0))
    owed.all_failed(0.0, NO_JITTER)
    owed.written([])
    owed.all_failed(0.0, NO_JITTER)
    assert owed.due_at(SURE) == 2 * FIRST_DELAY
    owed.written([letter(partition(), 1)])
    owed.all_failed(0.0, NO_JITTER)
    assert owed.due_at(SURE) == FIRST_DELAY


def test_a_letter_that_the_topic_refused_waits_longer_each_time_and_holds_up_no_other() -> None:
    assignment = partition()
    owed = owing(letter(assignment, 0, size=9))
    for delay in (FIRST_DELAY, 2 * FIRST_DELAY, 4 * FIRST_DELAY):
        (refused,) = owed.take(1000.0, SURE, at_once=True)
        owed.refused(refused, 10.0, NO_JITTER)
        assert owed.due_at(SURE) == 10.0 + delay
        assert len(owed) == 1
    owed.add(letter(assignment, 1))
    assert owed.due_at(SURE) == 0.0
    assert take(owed, 10.0) == [1]
    assert take(owed, 10.0 + 4 * FIRST_DELAY) == [0]


def test_letters_that_the_topic_refused_go_one_at_a_time_and_each_has_its_turn() -> None:
    assignment = partition()
    owed = owing()
    for offset in (3, 1, 2):
        owed.refused(letter(assignment, offset), 0.0, NO_JITTER)
    now = owed.due_at(SURE)
    assert now == 4 * FIRST_DELAY
    (again,) = owed.take(now, SURE, at_once=False)
    owed.refused(again, now, NO_JITTER)
    assert owed.due_at(SURE) == now + 8 * FIRST_DELAY
    assert [take(owed, 99.0) for _ in range(3)] == [[1], [2], [3]]


def test_once_the_topic_takes_one_that_it_refused_the_others_follow_without_a_delay() -> None:
    assignment = partition()
    owed = owing()
    for offset in (3, 1, 2):
        owed.refused(letter(assignment, offset, size=9), 0.0, NO_JITTER)
    owed.written(owed.take(4 * FIRST_DELAY, SURE, at_once=False))
    assert owed.due_at(SURE) == 0.0
    owed.add(letter(assignment, 8, size=9))
    assert take(owed) == [8], "it is as large as one that was written"
    assert take(owed) == [1]
    assert take(owed) == [2]


def test_those_as_large_as_one_that_was_refused_are_not_tried_with_others() -> None:
    assignment = partition()
    owed = owing(*(letter(assignment, offset, size=9 if offset % 2 else 1) for offset in range(6)))
    first, *others = owed.take(0.0, SURE, at_once=False)
    assert first.offset == 0
    owed.refused(others.pop(0), 0.0, NO_JITTER)
    owed.put_back([first, *others])
    owed.add(letter(assignment, 7, size=10))
    owed.add(letter(assignment, 8, size=8))
    assert take(owed) == [0, 2, 4, 8]
    assert take(owed) == []
    assert [take(owed, FIRST_DELAY) for _ in range(4)] == [[3], [5], [7], [1]]


def test_once_one_as_large_is_written_the_others_of_that_size_go_together_again() -> None:
    assignment = partition()
    owed = owing(*(letter(assignment, offset) for offset in range(1000)))
    refused, *others = owed.take(0.0, SURE, at_once=False)
    owed.refused(refused, 0.0, NO_JITTER)
    owed.put_back(others)
    assert owed.written(owed.take(1.0, SURE, at_once=False)) == []
    owed.add(letter(assignment, 1000))
    assert take(owed, 1.0) == [*range(2, 1001)], "its size was not why"
    assert take(owed, 1.0) == [0]


def test_those_that_were_refused_and_the_others_take_turns() -> None:
    assignment = partition()
    owed = owing()
    for offset in (1, 2):
        owed.refused(letter(assignment, offset, size=9), 0.0, NO_JITTER)
    for offset in (5, 6):
        owed.add(letter(assignment, offset))
        assert take(owed, 99.0) == [offset - 4]
        assert take(owed, 99.0) == [offset]


def test_where_everything_is_to_go_those_that_were_refused_come_last() -> None:
    assignment = partition()
    owed = owing()
    owed.refused(letter(assignment, 1, size=9), 0.0, NO_JITTER)
    owed.add(letter(assignment, 5))
    assert take(owed, at_once=True) == [5]
    assert take(owed, at_once=True) == [1]


@pytest.mark.parametrize("large", [1, 30, 500])
def test_however_many_the_topic_refuses_the_others_are_written_after_two_attempts(large: int) -> None:
    assignment = partition()
    owed = owing(*(letter(assignment, offset, size=9 if offset < large else 1) for offset in range(600)))
    written: list[int] = []
    attempts = 0
    while len(written) < 600 - large:
        attempts += 1
        tried = owed.take(0.0, SURE, at_once=False)
        if any(each.size == 9 for each in tried):
            owed.refused(tried.pop(0), 0.0, NO_JITTER)
            owed.put_back(tried)
        else:
            owed.written(tried)
            written += [each.offset for each in tried]
    assert attempts == 2
    assert len(owed) == large


# -- out of reach ------------------------------------------------------------------------------------


def test_a_letter_put_aside_is_due_once_its_partition_has_moved_on() -> None:
    assignment = partition()
    owed = owing()
    owed.put_far(letter(assignment, SURE + 5))
    assert owed.due_at(SURE) is None
    assert take(owed) == []
    assert len(owed) == 1
    assignment.offsets.settle(range(6))
    assert owed.due_at(SURE) == 0.0
    assert take(owed) == [SURE + 5]


def test_one_that_holds_its_device_is_due_after_a_while_wherever_it_is() -> None:
    owed = owing()
    owed.put_far(letter(partition(), 900, since=7.0, hold=hold()))
    assert owed.due_at(SURE) == 7.0 + HOLD_LIMIT
    owed.all_failed(7.0 + HOLD_LIMIT, NO_JITTER)
    assert owed.due_at(SURE) == 7.0 + HOLD_LIMIT + FIRST_DELAY


def test_nothing_owed_is_never_due() -> None:
    owed = owing()
    assert owed.due_at(SURE) is None
    owed.all_failed(0.0, NO_JITTER)
    assert owed.due_at(SURE) is None


# -- whom letters hold up ----------------------------------------------------------------------------


def test_an_event_is_free_once_the_letters_of_all_that_it_stands_for_are_written() -> None:
    assignment = partition()
    both = Hold(tags(1), letters_left=2)
    owed = owing()
    assert owed.written([letter(assignment, 0, hold=both), letter(assignment, 5)]) == []
    assert owed.written([letter(assignment, 1, hold=both)]) == [both]


def test_who_waited_behind_a_device_that_was_refused_as_it_is_gets_all_attempts() -> None:
    drive = Drive(limits(max_attempts=3))
    drive.assign()
    drive.read(tags(0, "A"), registration(1, "A"))
    drive.run(refusing(0), lambda job: completed(row(job.events[0], "not found")))
    assert drive.sent == [[0], [1], [1], [1]]
    assert drive.written == [0, 1]


def test_a_partition_that_goes_frees_its_events_wherever_their_letters_wait_and_no_others() -> None:
    mine, gone = partition(P0), partition(P1)
    owed = owing()
    holds: dict[TopicPartition, list[Hold]] = {P0: [], P1: []}
    for assignment in (mine, gone):
        waiting, aside = (letter(assignment, offset, hold=hold()) for offset in (1, 900))
        later = letter(assignment, 2, size=9, hold=hold())
        owed.add(waiting)
        owed.refused(later, 0.0, NO_JITTER)
        owed.put_far(aside)
        holds[assignment.partition] = [each.hold for each in (waiting, later, aside) if each.hold]
    assert owed.drop([gone]) == holds[P1]
    assert len(owed) == 3
    taken = [*owed.take(HOLD_LIMIT, SURE, at_once=True), *owed.take(HOLD_LIMIT, SURE, at_once=True)]
    assert [(each.assignment, each.offset) for each in taken] == [(mine, 1), (mine, 900), (mine, 2)]


def test_letters_that_the_topic_refused_stay_in_order_when_a_partition_goes() -> None:
    mine, gone = partition(P0), partition(P1)
    owed = owing()
    for offset, assignment in enumerate((gone, mine, mine, mine, gone)):
        owed.refused(letter(assignment, offset), 0.0, NO_JITTER)
    owed.drop([gone])
    assert [take(owed, 20.0) for _ in range(3)] == [[1], [2], [3]]
