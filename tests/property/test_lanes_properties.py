"""Lanes against a plain list: an event may go when none before it in the list shares an identifier."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from connector.core.queueing.coalesce import contributors, join, row_of, take_apart
from connector.core.queueing.lanes import Lanes
from connector.core.reading.event import Event
from connector.sandbox.devices import change_tags
from tests.strength import examples
from tests.unit.core.builders import registration, tags, tags_of

MAX_ROW = 160
HWIDS = st.sampled_from(["A", "B", "C"])
TOKENS = st.sampled_from(["t", "u"])
OPERATORS = st.sampled_from(["set", "append", "remove"])


class LanesAgainstAList(RuleBasedStateMachine):
    """Events are admitted, go, come back in parts, step back and leave, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.lanes = Lanes(MAX_ROW)
        self.offset = 0
        self.admitted: list[Event] = []
        """Every source event that is not done, in the order that its devices must see."""
        self.free: list[Event] = []
        """Heads that may go."""

    def add(self, event: Event) -> None:
        self.offset += 1
        self.admitted.append(event)
        self.free += self.lanes.admit([event])

    @rule(hwid=HWIDS, operator=OPERATORS, values=st.lists(st.sampled_from("xyz"), max_size=2))
    def a_change_of_a_device(self, hwid: str, operator: str, values: list[str]) -> None:
        self.add(tags(self.offset, hwid, operator, values={"l": values, f"n{self.offset % 3}": values}))

    @rule(hwid=HWIDS, token=TOKENS)
    def a_registration(self, hwid: str, token: str) -> None:
        self.add(registration(self.offset, hwid, push_token=token))

    @rule(token=TOKENS)
    def a_change_by_token(self, token: str) -> None:
        self.add(tags(self.offset, None, push_token=token))

    @rule(hwid=HWIDS, token=TOKENS)
    def a_change_by_both(self, hwid: str, token: str) -> None:
        self.add(tags(self.offset, hwid, push_token=token))

    @precondition(lambda self: self.free)
    @rule(data=st.data())
    def one_is_sent(self, data: st.DataObject) -> None:
        data.draw(st.sampled_from(self.free)).bound_to = 1

    @precondition(lambda self: any(event.bound_to for event in self.free))
    @rule(data=st.data())
    def one_is_done(self, data: st.DataObject) -> None:
        event = data.draw(st.sampled_from([event for event in self.free if event.bound_to]))
        done = {id(each) for each in contributors(event)}
        self.admitted = [each for each in self.admitted if id(each) not in done]
        self.free.remove(event)
        self.free += self.lanes.release([event])

    @precondition(lambda self: any(event.merged for event in self.free))
    @rule(data=st.data(), one_by_one=st.booleans())
    def one_is_taken_apart(self, data: st.DataObject, one_by_one: bool) -> None:
        event = data.draw(st.sampled_from([event for event in self.free if event.merged]))
        parts = take_apart(event, MAX_ROW, one_by_one=one_by_one)
        self.lanes.replace(event, parts)
        self.free[self.free.index(event)] = parts[0]
        for part in parts:
            part.bound_to = 0

    @precondition(lambda self: self.lanes.waiters())
    @rule(data=st.data())
    def one_that_waits_leaves(self, data: st.DataObject) -> None:
        event = data.draw(st.sampled_from(self.waiting()))
        gone = {id(each) for each in contributors(event)}
        self.admitted = [each for each in self.admitted if id(each) not in gone]
        self.free += self.lanes.withdraw(event)

    @precondition(lambda self: any(event.merged for event in self.lanes.waiters()))
    @rule(data=st.data())
    def a_part_of_one_that_waits_leaves(self, data: st.DataObject) -> None:
        event = data.draw(st.sampled_from([event for event in self.waiting() if event.merged]))
        everyone = contributors(event)
        kept = data.draw(st.lists(st.sampled_from(everyone), min_size=1, unique_by=id))
        stays = {id(each) for each in kept}
        gone = {id(each) for each in everyone} - stays
        self.lanes.substitute(event, join([each for each in everyone if id(each) in stays], MAX_ROW))
        self.admitted = [each for each in self.admitted if id(each) not in gone]

    def waiting(self) -> list[Event]:
        return sorted(self.lanes.waiters(), key=lambda event: event.offset)

    @invariant()
    def those_may_go_that_nobody_stands_before(self) -> None:
        may_go = {id(head) for head in self.free}
        heads = {id(each): head for head in self.heads() for each in contributors(head)}
        assert sorted(heads) == sorted(id(each) for each in self.admitted), "lost, or there twice"
        seen: dict[str, Event] = {}
        for each in self.admitted:
            head = heads[id(each)]
            before = [seen[key] for key in each.keys if key in seen and seen[key] is not head]
            if id(head) in may_go:
                assert not before, "it overtook an older one"
            for key in each.keys:
                seen.setdefault(key, head)
        for head in self.heads():
            if id(head) not in may_go:
                first = [seen[key] is head for key in head.keys]
                assert not all(first), "nobody stands before it, and it waits"

    @invariant()
    def somebody_can_always_go(self) -> None:
        assert bool(self.free) == bool(self.admitted)

    def heads(self) -> list[Event]:
        return self.free + self.lanes.waiters()

    def teardown(self) -> None:
        """Let everybody go: each device ends as if its changes had come one after the other."""
        expected: dict[str, dict[str, Any]] = {}
        for each in self.admitted:
            apply(expected, each, each.row)
        found: dict[str, dict[str, Any]] = {}
        free = list(self.free)
        while free:
            event = free.pop()
            apply(found, event, row_of(event))
            free += self.lanes.release([event])
        assert found == expected
        assert self.lanes.busy == 0


def apply(states: dict[str, dict[str, Any]], event: Event, row: bytes) -> None:
    if b'"tags"' in row:
        state = states.setdefault(event.hwid or f"by token {event.push_token}", {})
        change_tags(state, event.list_operator, copy.deepcopy(tags_of(row)))


TestLanesAgainstAList = LanesAgainstAList.TestCase
TestLanesAgainstAList.settings = settings(max_examples=examples(100), stateful_step_count=40)
