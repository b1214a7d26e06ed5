"""Which loops are alive, and what went wrong lately."""

from __future__ import annotations

from connector.ops.watch import Heartbeat, RecentErrors
from tests.clock import Clock


def test_a_loop_that_beats_is_alive_and_one_that_stopped_is_named() -> None:
    clock = Clock(100.0)
    heart = Heartbeat(clock, limit=30)
    assert heart.health().ok
    heart.beat("consumer")
    heart.beat("engine")
    clock.now += 30
    heart.beat("engine")
    assert heart.health().ok
    clock.now += 1
    health = heart.health()
    assert not health.ok
    assert health.reason == "consumer has not progressed for 31 s"
    heart.beat("consumer")
    assert heart.health().ok


def test_errors_are_counted_by_text_newest_first_and_bounded() -> None:
    errors = RecentErrors(most=2)
    for at, what in enumerate(["a", "b", "a", "c"]):
        errors.add(at, what)
    assert [(each.at, each.what, each.count) for each in errors.newest_first()] == [(3, "c", 1), (2, "a", 2)]
    errors.add(9, "x" * 5000)
    assert len(errors.newest_first()[0].what) == 300
