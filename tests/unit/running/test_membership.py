"""A standstill is noticed by whoever asks first, and doubted until a later commit has worked."""

from __future__ import annotations

import pytest
import structlog

from connector.core.engine import Engine
from connector.pulse import Clock, Pulse
from connector.running import membership as module
from connector.running.membership import STANDSTILL_FROM, Membership
from tests.unit.core.builders import P0, P1, limits, start


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that a standstill is measured by."""
    seconds = [1000.0]
    monkeypatch.setattr(module, "_now", lambda: seconds[0])
    return seconds


def a_membership() -> Membership:
    """A member whose ticks never come: as if its process were frozen."""
    pulse = Pulse(Engine(limits(), lambda: 0.5), Clock())
    pulse.engine.assigned(start())
    return Membership(pulse, structlog.get_logger())


def test_a_process_that_goes_on_is_fresh(clock: list[float]) -> None:
    member = a_membership()
    clock[0] += STANDSTILL_FROM
    assert member.may_still_send


def test_a_standstill_that_nobody_looked_at_yet_is_known_already(clock: list[float]) -> None:
    member = a_membership()
    clock[0] += STANDSTILL_FROM + 0.1
    assert not member.may_still_send


def test_to_ask_for_it_does_not_hide_it_from_who_acts_on_it(clock: list[float]) -> None:
    member = a_membership()
    clock[0] += 9
    assert not member.may_still_send
    member.note_standstill()
    assert member.in_doubt
    assert member._engine.components.tracking._not_counted == 9, "its jobs were not polled meanwhile"


def test_partitions_that_were_about_to_come_during_a_standstill_are_doubted_too(clock: list[float]) -> None:
    pulse = Pulse(Engine(limits(), lambda: 0.5), Clock())
    member = Membership(pulse, structlog.get_logger())
    clock[0] += 9
    member.note_standstill()
    pulse.engine.assigned(start())
    member.ask()
    assert not member.may_still_send
    assert pulse.engine.assignments[P0].dirty, "a commit will tell"
    member.proved(member.standstills)
    assert member.may_still_send


def test_who_hands_over_the_last_partition_may_still_get_one_from_before_the_standstill(
    clock: list[float],
) -> None:
    """A rebalance that both revokes and assigns goes on without asking the group whether we are in it."""
    member = a_membership()
    clock[0] += 9
    member.note_standstill()
    member._engine.revoked([P0], 0.0)
    member.ask()
    member._engine.assigned(start())
    member.ask()
    assert not member.may_still_send
    assert member._engine.assignments[P0].dirty, "a commit will tell"


def test_who_lost_only_some_partitions_still_has_to_ask(clock: list[float]) -> None:
    member = a_membership()
    member._engine.assigned(start(partition=P1))
    clock[0] += 9
    member.note_standstill()
    member._engine.lost([P1], 0.0)
    member.ask()
    assert not member.may_still_send


def test_after_a_standstill_nothing_may_be_sent_until_a_later_commit_has_worked(clock: list[float]) -> None:
    member = a_membership()
    clock[0] += 9
    before = member.standstills
    member.note_standstill()
    member.proved(before)
    assert not member.may_still_send
    member.proved(member.standstills)
    assert member.may_still_send
