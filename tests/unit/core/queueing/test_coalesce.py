"""Which updates of one device merge, and what becomes of them."""

from __future__ import annotations

from typing import Any

import pytest

from connector.core.assigned.assignment import Assignment
from connector.core.batching.batch import Batch
from connector.core.queueing.coalesce import (
    MOST_COMPARED,
    contributors,
    join,
    merge,
    row_of,
    size_of,
    superseded,
    take_apart,
)
from connector.core.reading.event import Event
from connector.model import Endpoint, TopicPartition
from tests.unit.core.builders import P1, registration, tags, tags_of

ROOM = 1 << 20


def merged(operator: str, *changes: dict[str, Any]) -> list[dict[str, Any]]:
    heads = join([tags(at, "A", operator, values=each) for at, each in enumerate(changes)], ROOM)
    return [tags_of(row_of(head)) for head in heads]


def one(operator: str, *changes: dict[str, Any]) -> Event:
    (head,) = join([tags(at, "A", operator, values=each) for at, each in enumerate(changes)], ROOM)
    return head


def test_of_values_that_are_set_the_last_one_counts_tag_by_tag() -> None:
    assert merged("set", {"a": 1, "b": 1}, {"b": 2, "c": None}) == [{"a": 1, "b": 2, "c": None}]


def test_a_null_replaces_no_value_as_the_api_may_leave_it_as_it_is() -> None:
    apart: list[dict[str, Any]] = [{"a": 1}, {"a": None, "b": 2}]
    assert merged("set", *apart) == apart
    assert merged("set", {"a": None}, {"a": 1}) == [{"a": 1}]
    assert merged("set", {"a": 1}, {"b": None}) == [{"a": 1, "b": None}]


@pytest.mark.parametrize("operator", ["append", "remove"])
def test_arrays_are_joined_in_order(operator: str) -> None:
    assert merged(operator, {"l": ["a"]}, {"l": []}, {"l": ["b", "c"]}) == [{"l": ["a", "b", "c"]}]


def test_what_is_appended_already_is_appended_again_by_a_request_of_its_own() -> None:
    assert merged("append", {"l": ["a"]}, {"l": ["b", "a"]}) == [{"l": ["a"]}, {"l": ["b", "a"]}]
    assert merged("remove", {"l": ["a"]}, {"l": ["b", "a"]}) == [{"l": ["a", "b", "a"]}]


def test_long_arrays_are_joined_whatever_is_in_them() -> None:
    long = ["x" * MOST_COMPARED]
    assert merged("append", {"l": long}, {"l": long}) == [{"l": [*long, *long]}]
    many = [[f"{at}" for at in range(first, first + 100)] for first in range(0, MOST_COMPARED + 100, 100)]
    assert len(merged("append", *({"l": each} for each in many), {"l": ["5"]})) == 1


def test_items_that_are_no_plain_values_are_not_compared_and_not_joined() -> None:
    assert merged("append", {"l": [{"n": 1}]}, {"l": ["b"]}) == [{"l": [{"n": 1}]}, {"l": ["b"]}]


def test_of_thousands_that_are_joined_each_is_kept_as_it_came_until_they_are_sent() -> None:
    head = one("append", *({"seen": [at, f"n{at}"]} for at in range(2000)))
    assert head.merged is not None
    assert len(bytes(head.merged.tags["seen"])) < 20
    assert tags_of(row_of(head))["seen"] == [value for at in range(2000) for value in (at, f"n{at}")]
    assert len(row_of(head)) <= size_of(head) < len(row_of(head)) + 2000


@pytest.mark.parametrize("operator", ["append", "remove"])
def test_changes_of_different_tags_are_put_side_by_side_whatever_their_values(operator: str) -> None:
    assert merged(operator, {"a": "x"}, {"b": None}, {"c": ["y"]}) == [{"a": "x", "b": None, "c": ["y"]}]


@pytest.mark.parametrize("operator", ["append", "remove"])
@pytest.mark.parametrize("values", [("a", ["b"]), (["a"], "b"), ("a", "b"), (None, ["b"]), (["a"], None)])
def test_a_bare_value_is_not_joined_with_anything(operator: str, values: tuple[Any, Any]) -> None:
    assert merged(operator, {"l": values[0]}, {"l": values[1]}) == [{"l": values[0]}, {"l": values[1]}]


def test_different_operators_never_merge() -> None:
    set_, append, remove = (tags(0, "A", each, values={each: ["x"]}) for each in ("set", "append", "remove"))
    assert not merge(set_, append, ROOM)
    assert not merge(append, remove, ROOM)
    assert not merge(remove, set_, ROOM)


def test_a_registration_merges_with_nothing() -> None:
    assert not merge(registration(0), registration(1), ROOM)
    assert not merge(registration(0), tags(1, "A", push_token="T"), ROOM)
    assert not merge(tags(0, "A", push_token="T"), registration(1), ROOM)


def test_only_updates_with_the_very_same_identifiers_merge() -> None:
    assert not merge(tags(0, "A"), tags(1, "A", user_id="U"), ROOM)
    assert not merge(tags(0, "A"), tags(1, "B"), ROOM)
    assert merge(tags(0, "A", user_id="U"), tags(1, "A", user_id="U"), ROOM)


def test_updates_of_different_partitions_merge() -> None:
    head = tags(0)
    assert merge(head, tags(0, partition=P1), ROOM)


def test_a_merged_row_names_its_device_and_operator_as_before() -> None:
    head, later = (tags(at, None, "append", push_token="P", values={"l": [at]}) for at in range(2))
    assert merge(head, later, ROOM)
    assert row_of(head) == b'{"tags":{"l":[0,1]},"push_token":"P","list_operator":"append"}'


def test_a_row_that_would_grow_too_long_is_left_alone() -> None:
    head = tags(0, values={"a": "x" * 50})
    assert not merge(head, tags(1, values={"b": "y" * 50}), len(head.row) + 50)
    assert head.merged is None
    assert merge(head, tags(2, values={"a": "z" * 50}), len(head.row))
    assert len(row_of(head)) <= size_of(head) <= len(head.row)


def test_joining_splits_where_the_room_ends() -> None:
    parts = join([tags(at, "A", "append", values={"l": [f"{at}" * 20]}) for at in range(6)], 110)
    assert [len(contributors(part)) for part in parts] == [2, 2, 2]
    assert all(len(row_of(part)) <= 110 for part in parts)


def test_an_update_is_superseded_when_later_ones_replace_each_of_its_values() -> None:
    head = one("set", {"a": 1}, {"a": 2, "b": 2}, {"b": 3}, {"a": 4})
    assert [each.offset for each in superseded(head)] == [1, 0]


def test_nothing_is_superseded_in_what_is_appended_or_stands_alone() -> None:
    assert superseded(one("append", {"l": ["a"]}, {"l": ["b"]})) == []
    assert superseded(tags(0)) == []


def test_one_by_one_each_event_stands_alone_again() -> None:
    head = one("set", {"a": 1}, {"a": 2}, {"b": 3})
    parts = take_apart(head, ROOM, one_by_one=True)
    assert [tags_of(row_of(part)) for part in parts] == [{"a": 1}, {"a": 2}, {"b": 3}]
    assert all(part.unmergeable and part.merged is None for part in parts)


def test_in_halves_a_merged_update_becomes_two() -> None:
    head = one("set", *({f"t{at}": at} for at in range(5)))
    first, second = take_apart(head, ROOM, one_by_one=False)
    assert tags_of(row_of(first)) == {"t0": 0, "t1": 1}
    assert tags_of(row_of(second)) == {"t2": 2, "t3": 3, "t4": 4}
    assert first.unmergeable
    assert second.unmergeable


def test_the_partitions_of_a_batch_are_those_of_all_that_they_stand_for() -> None:
    head, later, alone = tags(0, "A"), tags(1, "A", partition=P1), tags(2, "B")
    assignments = [Assignment(TopicPartition("t", number), 0) for number in range(3)]
    head.assignment, later.assignment, alone.assignment = assignments
    assert merge(head, later, ROOM)
    batch = Batch(1, Endpoint.TAGS, "", [head], ready_at=0.0)
    assert batch.assignments() == set(assignments[:2])
    batch.events.append(alone)
    assert batch.assignments() == set(assignments)
    assert batch.rows() == [row_of(head), alone.row]


DEEP = b'{"hwid":"A","tags":{"a":' + b"[" * 100_000 + b"]" * 100_000 + b'},"list_operator":"set"}'
"""What could be read where less of the stack was in use."""


def test_what_is_nested_too_deeply_to_be_read_again_is_sent_by_itself() -> None:
    for deep, other in ((0, 1), (1, 0)):
        events = [tags(0, "A"), tags(1, "A")]
        events[deep].row = DEEP
        assert not merge(events[0], events[1], ROOM)
        assert events[other].merged is None
        assert row_of(events[deep]) == DEEP


def test_what_can_not_be_read_again_is_not_said_to_be_superseded() -> None:
    head = one("set", {"a": 1}, {"a": 2}, {"a": 3})
    first, second, _ = contributors(head)
    second.row = DEEP
    assert superseded(head) == [first]
