"""Letters out of a checkpoint's reach: taken when it reaches them, or when they have waited for too long."""

import math
from dataclasses import dataclass

from connector.core.assigned.assignment import Assignment
from connector.core.settling.far_letters import FarLetters
from connector.model import TopicPartition

SURE = 100
"""Offsets that are remembered for sure."""


@dataclass
class Letter:
    assignment: Assignment
    offset: int
    overdue: float = math.inf

    def overdue_at(self) -> float:
        return self.overdue


def partition(number: int = 0, records: int = 1000) -> Assignment:
    assignment = Assignment(TopicPartition("events", number), 0)
    assignment.offsets.received(range(records), [0] * records)
    return assignment


def aside(*letters: Letter) -> FarLetters[Letter]:
    kept = FarLetters[Letter]()
    for letter in letters:
        kept.add(letter)
    return kept


def offsets(letters: list[Letter]) -> list[int]:
    return [letter.offset for letter in letters]


def test_a_letter_out_of_reach_stays_until_its_partition_has_moved_on() -> None:
    assignment = partition()
    kept = aside(Letter(assignment, 100), Letter(assignment, 150), Letter(assignment, 120))
    assert kept.take(0.0, SURE) == []
    assert kept.due_at(SURE) == math.inf
    assignment.offsets.settle(range(21))
    assert kept.due_at(SURE) == 0.0
    assert offsets(kept.take(0.0, SURE)) == [100, 120]
    assert offsets(list(kept)) == [150]
    assert len(kept) == 1


def test_the_lowest_unsettled_record_s_own_letter_is_never_out_of_reach() -> None:
    assignment = partition()
    assignment.offsets.settle(range(7))
    kept = aside(Letter(assignment, 7), Letter(assignment, 8))
    assert offsets(kept.take(0.0, 0)) == [7]


def test_one_that_waited_for_too_long_is_taken_wherever_it_is() -> None:
    assignment = partition()
    kept = aside(
        Letter(assignment, 500, overdue=60.0), Letter(assignment, 400), Letter(assignment, 600, overdue=50.0)
    )
    assert kept.due_at(SURE) == 50.0
    assert offsets(kept.take(50.0, SURE)) == [600]
    assert offsets(kept.take(60.0, SURE)) == [500]
    assert kept.due_at(SURE) == math.inf
    assignment.offsets.settle(range(400))
    assert offsets(kept.take(60.0, SURE)) == [400]
    assert len(kept) == 0


def test_what_was_taken_as_near_is_not_overdue_any_more() -> None:
    assignment = partition()
    kept = aside(Letter(assignment, 150, overdue=60.0), Letter(assignment, 300, overdue=70.0))
    assignment.offsets.settle(range(100))
    assert offsets(kept.take(0.0, SURE)) == [150]
    assert kept.due_at(SURE) == 70.0


def test_what_was_taken_as_overdue_is_not_the_nearest_any_more() -> None:
    assignment = partition()
    kept = aside(
        Letter(assignment, 150, overdue=60.0), Letter(assignment, 160, overdue=60.0), Letter(assignment, 400)
    )
    assert offsets(kept.take(60.0, SURE)) == [150, 160]
    assert kept.due_at(SURE) == math.inf
    assignment.offsets.settle(range(301))
    assert kept.due_at(SURE) == 0.0
    assert offsets(kept.take(60.0, SURE)) == [400]


def test_a_letter_may_come_back() -> None:
    assignment = partition()
    letter = Letter(assignment, 150, overdue=60.0)
    kept = aside(letter, Letter(assignment, 400))
    assert offsets(kept.take(60.0, SURE)) == [150]
    letter.overdue = 90.0
    kept.add(letter)
    assert kept.due_at(SURE) == 90.0
    assert offsets(kept.take(90.0, SURE)) == [150]


def test_partitions_move_on_by_themselves_and_go_by_themselves() -> None:
    one, other = partition(0), partition(1)
    kept = aside(Letter(one, 150), Letter(other, 150, overdue=5.0))
    one.offsets.settle(range(100))
    assert [letter.assignment for letter in kept.take(0.0, SURE)] == [one]
    kept.drop(other)
    kept.drop(one)
    assert (len(kept), kept.due_at(SURE)) == (0, math.inf)


def test_a_step_looks_at_a_few_letters_however_many_wait() -> None:
    assignment = partition(records=1)
    asked = 0

    class Watched(Letter):
        def overdue_at(self) -> float:
            nonlocal asked
            asked += 1
            return 1e9

    kept = aside(*(Watched(assignment, 1000 + number) for number in range(10_000)))
    asked = 0
    for now in range(1000):
        assert kept.take(float(now), SURE) == []
        assert kept.due_at(SURE) == 1e9
    assert asked == 0
