"""Repeated log lines are counted instead of written."""

from __future__ import annotations

from connector.ops.throttle import Throttle
from tests.clock import Clock


def test_the_first_line_passes_and_its_repetitions_wait() -> None:
    clock = Clock()
    throttle = Throttle(clock, first=10)
    assert throttle.passes("down") == 0
    for clock.now in (1.0, 5.0, 9.9):
        assert throttle.passes("down") is None
    clock.now = 10.0
    assert throttle.passes("down") == 3, "the next line says how many were held back"


def test_a_day_of_an_outage_makes_some_lines_an_hour_and_none_is_uncounted() -> None:
    clock = Clock()
    throttle = Throttle(clock, first=10, factor=3, longest=600)
    told_at: list[float] = []
    counted = 0
    for second in range(86_400):
        clock.now = float(second)
        held_back = throttle.passes("down")
        if held_back is not None:
            told_at.append(clock.now)
            counted += 1 + held_back
    assert told_at[:5] == [0, 10, 40, 130, 400]
    assert 140 < len(told_at) < 160
    assert counted == told_at[-1] + 1


def test_other_lines_are_not_held_back() -> None:
    throttle = Throttle(Clock())
    assert throttle.passes("down") == 0
    assert throttle.passes("slow") == 0


def test_what_was_quiet_for_long_is_new_again_and_says_what_was_never_told() -> None:
    clock = Clock()
    throttle = Throttle(clock, first=10, longest=600)
    throttle.passes("down")
    clock.now = 1.0
    throttle.passes("down")
    clock.now = 601.0
    assert throttle.passes("down") == 1
    clock.now = 602.0
    assert throttle.passes("down") is None
    clock.now = 611.0
    assert throttle.passes("down") == 1, "the interval began anew"


def test_no_number_of_different_lines_fills_the_memory() -> None:
    throttle = Throttle(Clock(), most=3)
    for kind in range(100):
        assert throttle.passes(kind) == 0
    assert throttle.passes(99) is None
    assert throttle.passes(0) == 0, "the one seen longest ago was forgotten"
    assert len(throttle._kinds) == 3
