"""Lanes of what is with the API already, as adopted jobs find them: it goes before what is not."""

from __future__ import annotations

from connector.core.assigned.assignment import Assignment
from tests.unit.core.builders import P0, P1, registration
from tests.unit.core.queueing.laning import append, lanes, order, sent


def test_what_is_with_the_api_goes_before_what_is_not() -> None:
    some = lanes()
    waiting, adopted = append(0), append(7)
    some.admit([waiting])
    assert some.seize(adopted) == [waiting]
    assert some.holder("A") is adopted
    assert waiting.blocked == 1
    assert order(some, [adopted]) == [7, 0]


def test_what_is_with_the_api_waits_for_what_is_too() -> None:
    some = lanes()
    before, behind, adopted = append(0), append(1), append(7)
    some.admit([before, behind])
    sent(before)
    assert some.seize(adopted) == []
    assert adopted.blocked == 1
    assert some.overtaken
    assert order(some, [before]) == [0, 7, 1]


def test_what_is_with_the_api_stays_behind_what_is_older_in_its_partition_whoever_holds_the_lane() -> None:
    for other_was_sent in (True, False):
        some, assignment, elsewhere = lanes(), Assignment(P0, 0, b""), Assignment(P1, 0, b"")
        holder, older, newer = append(5, partition=P1), append(0), append(7)
        holder.assignment, older.assignment, newer.assignment = elsewhere, assignment, assignment
        assert some.admit([holder]) == [holder]
        sent(holder)
        assert some.seize(older) == []
        older.bound_to = 0  # refused meanwhile, and not sent again yet
        holder.bound_to = 99 * other_was_sent
        sent(newer)
        assert some.seize(newer) == []
        assert order(some, [holder]) == [5, 0, 7]


def test_a_free_lane_is_seized_without_displacing_anybody() -> None:
    some = lanes()
    adopted = registration(0, "A")
    assert some.seize(adopted) == []
    assert not some.overtaken
    assert order(some, [adopted]) == [0]


def test_who_waits_already_steps_back_once_more_without_being_told_twice() -> None:
    some = lanes()
    blocker = append(0, None, user_id="U")
    sent(blocker)
    both = append(1, "A", user_id="U")
    some.admit([blocker, both])
    adopted = append(7, "A")
    assert some.seize(adopted) == []
    assert both.blocked == 2
    assert some.release([blocker]) == []
    assert some.release([adopted]) == [both]


def test_of_several_that_were_sent_the_first_one_goes_first_when_another_steps_back() -> None:
    some = lanes()
    again, first, second, unsent = (append(offset, "A") for offset in range(4))
    some.admit([again, first, second, unsent])
    sent(first, second)
    assert some.step_back(again)
    assert some.holder("A") is first
    assert order(some, [first]) == [1, 2, 0, 3]


def test_of_two_lanes_one_may_be_seized_while_the_other_is_waited_for() -> None:
    some = lanes()
    under_way, unsent = append(0, "A"), append(1, None, push_token="T")
    some.admit([under_way, unsent])
    sent(under_way)
    adopted = registration(7, "A")
    assert some.seize(adopted) == [unsent]
    assert adopted.blocked == 1
    assert some.release([under_way]) == [adopted]
    assert some.release([adopted]) == [unsent]
