"""Delays."""

from __future__ import annotations

import pytest

from connector.core.backoff import Backoff

WORST = 0.999_999


def test_delays_double_up_to_the_ceiling() -> None:
    backoff = Backoff(1, 10)
    longest = [backoff.delay(attempt, WORST) for attempt in range(1, 7)]
    assert longest == pytest.approx([1, 2, 4, 8, 10, 10], rel=1e-5)


def test_half_of_a_delay_is_random() -> None:
    backoff = Backoff(3, 100)
    assert backoff.delay(2, 0.0) == 3
    assert backoff.delay(2, 0.5) == 4.5


def test_a_very_late_attempt_and_a_zeroth_one_are_no_trouble() -> None:
    backoff = Backoff(0.1, 30)
    assert backoff.delay(10**9, 0.0) == 15
    assert backoff.delay(0, 0.0) == 0.05


@pytest.mark.parametrize(("base", "ceiling"), [(0, 1), (2, 1)])
def test_a_backoff_that_could_not_grow_is_refused(base: float, ceiling: float) -> None:
    with pytest.raises(ValueError, match="base"):
        Backoff(base, ceiling)
