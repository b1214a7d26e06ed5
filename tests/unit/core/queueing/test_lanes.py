"""Order per device: who may go, who waits, and who stands where after a change of plan."""

from __future__ import annotations

import pytest

from connector.core.assigned.assignment import Assignment
from connector.core.queueing.coalesce import contributors, join
from connector.core.queueing.lanes import MERGE_REPEATS_FROM, Lanes
from tests.unit.core.builders import P0, P1, registration, tags
from tests.unit.core.queueing.laning import append, lanes, order, sent


def test_events_of_different_devices_may_go_at_once() -> None:
    some = lanes()
    events = [tags(at, f"d{at}") for at in range(3)]
    assert some.admit(events) == events
    assert some.busy == 3


def test_an_event_waits_for_the_one_before_it() -> None:
    some = lanes()
    first, second = append(0), append(1)
    assert some.admit([first, second]) == [first]
    assert some.waiters() == [second]
    assert some.release([first]) == [second]
    assert some.release([second]) == []
    assert some.busy == 0


def test_updates_that_wait_together_become_one() -> None:
    some = lanes()
    head = tags(0)
    sent(head)
    second, third = tags(1), tags(2)
    some.admit([head])
    assert some.admit([second, third]) == []
    assert some.coalesced == 1
    assert contributors(second) == [second, third]
    assert some.release([head]) == [second]


def test_an_update_that_has_not_been_sent_absorbs_what_comes_behind_it() -> None:
    some = lanes()
    head, second = tags(0), tags(1)
    some.admit([head, second])
    assert contributors(head) == [head, second]


@pytest.mark.parametrize("field", ["bound_to", "attempts", "unmergeable"])
def test_what_was_sent_before_absorbs_nothing(field: str) -> None:
    some = lanes()
    head, second = tags(0), tags(1)
    some.admit([head])
    setattr(head, field, 1)
    some.admit([second])
    assert contributors(head) == [head]
    assert some.waiters() == [second]


@pytest.mark.parametrize(("distance", "merged"), [(4095, 1), (4096, 0)])
def test_events_of_one_partition_merge_unless_they_are_far_apart(distance: int, merged: int) -> None:
    some = lanes()
    some.admit([tags(10), tags(10 + distance)])
    assert some.coalesced == merged


def test_how_far_apart_events_of_two_partitions_are_tells_nothing() -> None:
    some = lanes()
    first, second = tags(10), tags(50_000, partition=P1)
    first.assignment, second.assignment = Assignment(P0, 0), Assignment(P1, 0)
    some.admit([first, second])
    assert some.coalesced == 1


def test_a_registration_is_a_barrier_in_both_of_its_lanes() -> None:
    some = lanes()
    before = tags(0, "A")
    barrier = registration(1, "A")
    after, token = tags(2, "A"), tags(3, None, push_token="T")
    free = some.admit([before, barrier, after, token])
    assert free == [before]
    assert some.release([before]) == [barrier]
    assert some.release([barrier]) == [after, token]


def test_an_update_with_two_identifiers_waits_for_both() -> None:
    some = lanes()
    one, other = append(0, "A"), append(2, None, user_id="U")
    both = append(4, "A", user_id="U")
    some.admit([one, other])
    assert some.admit([both]) == []
    assert some.release([one]) == []
    assert some.release([other]) == [both]


def test_an_update_does_not_merge_into_one_that_is_last_in_another_s_lane_too() -> None:
    some = lanes()
    both = tags(0, "A", user_id="U")
    alone = tags(1, "A")
    some.admit([both, alone])
    assert contributors(both) == [both]
    assert some.waiters() == [alone]


def test_an_update_does_not_merge_past_one_that_came_between() -> None:
    some = lanes()
    first = tags(0, "A", user_id="U")
    between = tags(1, None, user_id="U")
    third = tags(2, "A", user_id="U")
    assert some.admit([first, between, third]) == [first]
    assert order(some, [first]) == [0, 1, 2]


def test_two_registrations_that_swap_their_tokens_do_not_wait_for_each_other() -> None:
    some = lanes()
    events = [
        registration(0, "A", push_token="a"),
        registration(1, "B", push_token="b"),
        registration(2, "A", push_token="b"),
        registration(3, "B", push_token="a"),
    ]
    free = some.admit(events)
    assert [event.offset for event in free] == [0, 1]
    assert sorted(order(some, free)) == [0, 1, 2, 3]


def test_the_parts_of_an_update_stand_where_it_stood() -> None:
    some = lanes()
    whole = tags(0)
    some.admit([whole, tags(1), tags(2), registration(3, "A")])
    sent(whole)
    parts = [whole, *contributors(whole)[1:]]
    for part in parts:
        part.merged = None
    some.replace(whole, parts)
    assert some.holder("A") is whole
    assert order(some, [whole]) == [0, 1, 2, 3]


def test_the_parts_of_an_update_with_two_identifiers_stand_in_both_lanes() -> None:
    some = lanes()
    whole, second = tags(0, "A", user_id="U"), tags(1, "A", user_id="U")
    after = append(2, None, user_id="U")
    some.admit([whole, second, after])
    whole.merged = None
    some.replace(whole, [whole, second])
    assert second.blocked == 2
    assert order(some, [whole]) == [0, 1, 2]


def test_one_part_alone_takes_the_whole_place() -> None:
    some = lanes()
    whole, part = tags(0), tags(1)
    some.admit([whole])
    some.replace(whole, [part])
    assert some.holder("A") is part
    assert order(some, [part]) == [1]


def test_who_withdraws_from_the_middle_lets_the_others_keep_their_order() -> None:
    some = lanes()
    events = [append(at) for at in range(4)]
    some.admit(events)
    assert some.withdraw(events[2]) == []
    assert order(some, [events[0]]) == [0, 1, 3]


def test_who_withdraws_from_a_lane_that_it_holds_frees_the_next() -> None:
    some = lanes()
    blocker = append(0, None, user_id="U")
    both = append(1, "A", user_id="U")
    behind = append(2, "A")
    some.admit([blocker, both, behind])
    assert some.withdraw(both) == [behind]
    assert both.keys == ()
    assert both.blocked == 0
    assert some.release([both]) == [], "it has no lane any more"
    assert order(some, [blocker, behind]) == [0, 2]


def test_parts_of_a_waiting_update_stand_where_it_waited() -> None:
    some = lanes()
    first, whole, last = append(0), tags(2), append(3)
    parts = [tags(20), tags(21)]
    some.admit([first, whole, last])
    some.substitute(whole, parts)
    assert order(some, [first]) == [0, 20, 21, 3]


def test_parts_of_an_update_that_holds_one_lane_and_waits_in_another_do_so_too() -> None:
    some = lanes()
    blocker = append(0, None, user_id="U")
    whole = tags(1, "A", user_id="U")
    behind = append(2, "A")
    some.admit([blocker, whole, behind])
    parts = [tags(20, "A", user_id="U"), tags(21, "A", user_id="U")]
    some.substitute(whole, parts)
    assert some.holder("A") is parts[0]
    assert order(some, [blocker]) == [0, 20, 21, 2]


def test_devices_at_rest_take_no_memory() -> None:
    some = lanes()
    events = [append(at, f"d{at % 5}") for at in range(50)]
    free = some.admit(events)
    while free:
        free = some.release(free)
    assert not some._holders
    assert not some._waiting


def test_updates_join_only_as_far_as_there_is_room() -> None:
    some = Lanes(150)
    blocker = registration(0, "A")
    some.admit([blocker])
    some.admit([tags(at, values={f"name{at}": "x" * 20}) for at in range(1, 7)])
    assert all(len(contributors(event)) < 6 for event in some.waiters())
    assert len(join([], 150)) == 0


def test_of_many_that_wait_for_a_device_even_the_same_appends_are_merged() -> None:
    lanes = Lanes(1 << 20)
    appends = [tags(at, "A", "append", values={"seen": ["home"]}) for at in range(100)]
    assert lanes.admit(appends[:1]) == appends[:1]
    appends[0].bound_to = 1
    assert lanes.admit(appends[1:]) == []
    jobs = 1
    holder = appends[0]
    while freed := lanes.release([holder]):
        (holder,) = freed
        jobs += 1
    assert jobs == 1 + MERGE_REPEATS_FROM
