"""Merged updates against the same updates sent one after the other to the double of the API."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.core.queueing.coalesce import (
    contributors,
    join,
    merge,
    row_of,
    size_of,
    superseded,
    take_apart,
)
from connector.core.reading.event import Event
from connector.sandbox.devices import change_tags
from tests.strength import examples
from tests.unit.core.builders import tags

NAMES = st.sampled_from(["a", "b", 'quo"te', "ümläut"])
PLAIN = st.sampled_from(["x", "y", "", "a,b", "]", 1, 1.0, True, False, None, 0, {"k": [1]}])
VALUES = st.one_of(PLAIN, st.lists(PLAIN.filter(lambda value: not isinstance(value, dict)), max_size=3))
TAGS = st.dictionaries(NAMES, VALUES, max_size=4)
LISTS = st.dictionaries(NAMES, st.lists(st.sampled_from(["x", "y", "z"]), max_size=3), max_size=3)
OPERATORS = st.sampled_from(["set", "append", "remove"])
CHANGES = st.lists(
    st.tuples(OPERATORS, st.one_of(TAGS, LISTS).filter(bool), st.booleans()), min_size=1, max_size=8
)
SAME_OPERATOR = st.tuples(OPERATORS, st.lists(st.one_of(LISTS, TAGS).filter(bool), min_size=1, max_size=8))


def event(offset: int, operator: str, changes: dict[str, Any], *, twice: bool = False) -> Event:
    """An event; `twice` writes each name twice, of which the last one counts."""
    made = tags(offset, "A", operator, values=changes)
    if twice:
        once = json.dumps(changes)[1:-1]
        other = json.dumps(dict.fromkeys(changes, "overwritten"))[1:-1]
        made.row = f'{{"tags":{{{other}, {once} }},"hwid":"A","list_operator":"{operator}"}}'.encode()
    return made


def apply(present: dict[str, Any], rows: list[bytes]) -> dict[str, Any]:
    present = copy.deepcopy(present)
    for row in rows:
        device = msgspec.json.decode(row)
        assert device["hwid"] == "A"
        change_tags(present, device["list_operator"], device["tags"])
    return present


def append_all(present: list[Any], added: list[Any]) -> list[Any]:
    """Append what is there already, too."""
    return [*present, *added]


def append_what_is_not_there(present: list[Any], added: list[Any]) -> list[Any]:
    """Look only at what was there before the request."""
    return [*present, *(each for each in added if each not in present)]


def appended(rows: list[bytes], append: Callable[[list[Any], list[Any]], list[Any]]) -> dict[str, list[Any]]:
    """What the lists are after these rows, by an API that appends in this way."""
    lists: dict[str, list[Any]] = {}
    for row in rows:
        for name, value in msgspec.json.decode(row)["tags"].items():
            lists[name] = append(lists.get(name, []), value)
    return lists


def same(left: dict[str, Any], right: dict[str, Any]) -> bool:
    """Equal as JSON: 1, 1.0 and true differ."""
    return json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)


@settings(max_examples=examples(250))
@given(present=TAGS, changes=CHANGES)
def test_merged_updates_end_where_the_same_ones_do_one_after_the_other(
    present: dict[str, Any], changes: list[tuple[str, dict[str, Any], bool]]
) -> None:
    events = [event(at, operator, given, twice=twice) for at, (operator, given, twice) in enumerate(changes)]
    rows = [each.row for each in events]
    heads = join(events, 1 << 20)
    assert [each for head in heads for each in contributors(head)] == events
    assert same(apply(present, rows), apply(present, [row_of(head) for head in heads]))


@settings(max_examples=examples(250))
@given(present=TAGS, given_changes=SAME_OPERATOR)
def test_updates_of_one_operator_merge_to_the_same_result(
    present: dict[str, Any], given_changes: tuple[str, list[dict[str, Any]]]
) -> None:
    operator, changes = given_changes
    events = [event(at, operator, each) for at, each in enumerate(changes)]
    heads = join(events, 1 << 20)
    assert len(heads) == 1 or operator != "set" or any(None in each.values() for each in changes)
    sent = [row_of(head) for head in heads]
    assert same(apply(present, [each.row for each in events]), apply(present, sent))


@pytest.mark.parametrize("append", [append_all, append_what_is_not_there])
@settings(max_examples=examples(150))
@given(changes=st.lists(LISTS.filter(bool), min_size=1, max_size=8))
def test_appends_that_are_merged_end_alike_in_whatever_way_an_api_appends(
    append: Callable[[list[Any], list[Any]], list[Any]], changes: list[dict[str, Any]]
) -> None:
    events = [event(at, "append", each) for at, each in enumerate(changes)]
    rows = [each.row for each in events]
    assert appended([row_of(head) for head in join(events, 1 << 20)], append) == appended(rows, append)


@settings(max_examples=examples(150))
@given(changes=CHANGES, max_row=st.integers(40, 200))
def test_a_row_is_never_longer_than_it_counts_and_no_merged_one_than_its_limit(
    changes: list[tuple[str, dict[str, Any], bool]], max_row: int
) -> None:
    events = [event(at, operator, given, twice=twice) for at, (operator, given, twice) in enumerate(changes)]
    for head in join(events, max_row):
        assert len(row_of(head)) <= size_of(head)
        assert head.merged is None or size_of(head) <= max_row


@settings(max_examples=examples(150))
@given(present=TAGS, given_changes=SAME_OPERATOR)
def test_what_is_superseded_can_be_left_out_of_a_merged_update(
    present: dict[str, Any], given_changes: tuple[str, list[dict[str, Any]]]
) -> None:
    operator, changes = given_changes
    for head in join([event(at, operator, each) for at, each in enumerate(changes)], 1 << 20):
        replaced = {each.offset for each in superseded(head)}
        left = [each.row for each in contributors(head) if each.offset not in replaced]
        assert same(apply(present, left), apply(present, [row_of(head)]))
        assert len(left) >= 1


@settings(max_examples=examples(150))
@given(given_changes=SAME_OPERATOR, present=TAGS)
def test_a_merged_update_taken_apart_down_to_single_events_is_what_it_was_made_of(
    given_changes: tuple[str, list[dict[str, Any]]], present: dict[str, Any]
) -> None:
    operator, changes = given_changes
    events = [event(at, operator, each) for at, each in enumerate(changes)]
    rows = [each.row for each in events]
    parts = join(events, 1 << 20)
    while any(part.merged is not None for part in parts):
        sent = [row_of(part) for part in parts]
        assert same(apply(present, sent), apply(present, rows))
        halved = []
        for part in parts:
            whole = part.merged is None
            halved += [part] if whole else take_apart(part, 1 << 20, one_by_one=False)
        assert len(halved) > len(parts)
        parts = halved
    assert parts == events
    assert [part.row for part in parts] == rows


@settings(max_examples=examples(200))
@given(first=st.tuples(OPERATORS, TAGS.filter(bool)), second=st.tuples(OPERATORS, TAGS.filter(bool)))
def test_a_merge_that_is_refused_changes_nothing(
    first: tuple[str, dict[str, Any]], second: tuple[str, dict[str, Any]]
) -> None:
    head, later = event(0, *first), event(1, *second)
    before = row_of(head), row_of(later)
    if merge(head, later, 1 << 20):
        return
    assert (row_of(head), row_of(later)) == before
    assert head.merged is None
