"""How fast it went: in the last minute, and before."""

from __future__ import annotations

from connector.ops.rates import POINT_EVERY, POINTS, RateMeter, Rates


def test_rates_are_of_the_last_minute_and_have_a_history() -> None:
    meter = RateMeter()
    assert meter.rates() == Rates()
    for second in range(301):
        meter.sample(float(second), second * 100, second * 80, second)
    rates = meter.rates()
    assert (rates.consumed, rates.confirmed, rates.dead_letters) == (100, 80, 1)
    assert rates.confirmed_history == [80.0] * 60
    assert rates.step == POINT_EVERY


def test_a_rate_forgets_what_is_more_than_a_minute_ago() -> None:
    meter = RateMeter()
    for second in range(200):
        meter.sample(float(second), 0, min(second, 100) * 10, 0)
    assert meter.rates().confirmed == 0
    assert meter.rates().confirmed_history[0] == 10


def test_the_history_is_a_quarter_of_an_hour_and_no_more() -> None:
    meter = RateMeter()
    for second in range(5000):
        meter.sample(float(second), second, second, 0)
    assert len(meter.rates().confirmed_history) == POINTS


def test_a_connector_that_just_started_counts_from_its_start() -> None:
    meter = RateMeter()
    meter.sample(0.0, 0, 0, 0)
    meter.sample(2.0, 100, 50, 0)
    assert meter.rates().confirmed == 25
