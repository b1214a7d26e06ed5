"""The gate."""

from __future__ import annotations

import pytest

from connector.core.backoff import Backoff
from connector.core.holding_back.gate import OPEN, Gate

WORST = 0.999_999


def gate(base: float = 1.0, ceiling: float = 60.0) -> Gate:
    return Gate(Backoff(base, ceiling))


def closed(now: float = 10.0) -> Gate:
    """Return a gate that closed at `now` for one second."""
    made = gate()
    made.failed(now, now - 1, None, WORST)
    return made


def test_an_open_gate_lets_everything_through() -> None:
    made = gate()
    made.trial_started(0.0)
    assert (made.closed_until, made.permits(0.0), made.wake_at()) == (None, OPEN, None)


def test_a_failure_closes_the_gate_until_a_trial_may_go() -> None:
    made = gate()
    assert made.failed(10.0, 9.0, None, WORST)
    assert made.wake_at() == made.closed_until == pytest.approx(11.0, abs=1e-3)
    assert made.permits(10.9) == 0
    assert made.permits(11.0) == 1


def test_only_one_trial_goes_at_a_time() -> None:
    made = closed()
    made.trial_started(11.0)
    assert made.permits(12.0) == 0
    assert made.wake_at() is None


def test_a_failed_trial_lengthens_the_delay() -> None:
    made = closed()
    made.trial_started(11.0)
    assert made.failed(12.0, 11.0, None, WORST)
    assert made.closed_until == pytest.approx(14.0, abs=1e-3)
    made.trial_started(14.0)
    assert made.failed(14.5, 14.0, None, WORST)
    assert made.closed_until == pytest.approx(18.5, abs=1e-3)
    assert made.permits(18.5) == 1


def test_a_trial_that_gets_through_opens_the_gate_and_forgets_the_failures() -> None:
    made = closed()
    made.trial_started(11.0)
    made.failed(12.0, 11.0, None, WORST)
    made.trial_started(14.0)
    made.succeeded(14.0)
    assert made.permits(14.1) == OPEN
    made.failed(20.0, 19.0, None, WORST)
    assert made.closed_until == pytest.approx(21.0, abs=1e-3)


def test_requests_that_were_under_way_when_it_closed_do_not_multiply_the_delay() -> None:
    made = closed(10.0)
    for _ in range(15):
        assert not made.failed(10.2, 9.5, None, WORST)
    assert made.closed_until == pytest.approx(11.0, abs=1e-3)


def test_requests_that_were_sent_and_failed_in_the_same_instant_count_once() -> None:
    made = gate()
    assert made.failed(5.0, 5.0, None, WORST)
    assert not made.failed(5.0, 5.0, None, WORST)
    assert made.closed_until == pytest.approx(6.0, abs=1e-3)


def test_a_trial_that_never_left_makes_room_for_another() -> None:
    made = closed(10.0)
    made.trial_started(11.0)
    assert not made.permits(11.0)
    made.withdrawn()
    assert made.permits(11.0)


def test_a_late_failure_does_not_close_a_gate_that_was_opened_since() -> None:
    made = closed(10.0)
    made.trial_started(11.0)
    made.succeeded(11.0)
    assert not made.failed(30.0, 9.0, None, WORST)
    assert made.permits(30.0) == OPEN


def test_a_late_success_does_not_open_the_gate() -> None:
    made = closed(10.0)
    made.succeeded(9.9)
    assert made.permits(10.5) == 0


def test_a_late_failure_does_not_end_the_trial() -> None:
    made = closed(10.0)
    made.trial_started(11.0)
    made.failed(11.5, 9.0, None, WORST)
    assert made.permits(20.0) == 0


def test_retry_after_is_a_minimum() -> None:
    made = gate()
    assert made.failed(10.0, 9.0, 30.0, WORST)
    assert made.closed_until == 40.0
    shorter = gate(base=50)
    assert shorter.failed(10.0, 9.0, 3.0, 0.0)
    assert shorter.closed_until == 35.0


@pytest.mark.parametrize("endless", [10.0**9, float("inf")])
def test_retry_after_is_honoured_up_to_a_quarter_of_an_hour(endless: float) -> None:
    made = gate()
    made.failed(10.0, 9.0, endless, WORST)
    assert made.closed_until == 910.0


@pytest.mark.parametrize("nonsense", [0.0, -5.0, float("nan")])
def test_a_retry_after_that_means_nothing_is_ignored(nonsense: float) -> None:
    made = gate()
    made.failed(10.0, 9.0, nonsense, 0.0)
    assert made.closed_until == 10.5
    assert not made.failed(10.1, 9.0, nonsense, 0.0)


def test_retry_after_of_a_late_failure_still_counts() -> None:
    made = closed(10.0)
    assert made.failed(10.5, 9.0, 20.0, WORST)
    assert made.closed_until == 30.5
    assert not made.failed(10.6, 9.0, 5.0, WORST)
    assert made.closed_until == 30.5


def test_a_retry_after_of_a_second_counts_too() -> None:
    made = closed(10.0)
    assert made.failed(10.8, 9.0, 1.0, WORST)
    assert made.closed_until == 11.8


def test_a_newer_failure_never_shortens_a_retry_after() -> None:
    made = gate()
    made.failed(10.0, 9.0, 100.0, WORST)
    assert not made.failed(11.0, 10.5, None, WORST)
    assert made.closed_until == 110.0
