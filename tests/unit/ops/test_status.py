"""What readiness means, and how little of a job is shown."""

from __future__ import annotations

import pytest

from connector.ops.rates import POINTS, STEP, RateMeter, Rates
from connector.ops.status import JobView, ObstacleView, PartitionView, readiness, shortened
from connector.ops.watch import Heartbeat, RecentErrors
from tests.clock import Clock

HALT = ObstacleView("unauthorized", "401", "check the token", 0.0)


def test_ready_means_member_not_halted_not_stopping() -> None:
    health = readiness(joined=True, halts=[], stopping=False)
    assert (health.ok, health.reason) == (True, "ready")


@pytest.mark.parametrize(
    ("joined", "halts", "stopping", "word"),
    [
        (False, [], False, "not a member"),
        (True, [HALT], False, "check the token"),
        (True, [], True, "stopping"),
    ],
)
def test_each_reason_against_readiness_is_named(
    *, joined: bool, halts: list[ObstacleView], stopping: bool, word: str
) -> None:
    health = readiness(joined=joined, halts=halts, stopping=stopping)
    assert not health.ok
    assert word in health.reason


def test_a_pause_is_told_and_is_no_reason_against_readiness() -> None:
    health = readiness(joined=True, halts=[], stopping=False, paused="paused by A")
    assert (health.ok, health.reason) == (True, "ready; paused by A")
    health = readiness(joined=True, halts=[], stopping=True, paused="paused by A")
    assert (health.ok, health.reason) == (False, "stopping; paused by A")


def test_all_reasons_against_readiness_are_told_at_once() -> None:
    health = readiness(joined=False, halts=[HALT], stopping=True)
    assert health.reason.count(";") == 3


@pytest.mark.parametrize("request_id", ["r", "r-12", "0123456789", "4f0c8f3e-9f1b-4c57-8c0b-6a1d2f9b7e10"])
def test_a_job_keeps_at_most_half_of_its_request_id(request_id: str) -> None:
    shown = JobView(request_id, "bulkSetTags", age=1.0, devices=2).request
    assert shown.endswith("…")
    assert request_id.startswith(shown[:-1])
    assert len(shown) - 1 <= len(request_id) // 2
    assert shortened(shown) == shown


def test_a_lag_is_known_only_where_both_ends_are() -> None:
    assert PartitionView("t", 0, position=5, end=9).lag == 4
    assert PartitionView("t", 0, position=5).lag is None
    assert PartitionView("t", 0, position=9, end=5).lag == 0, "an end that is older than the position"


def test_the_lag_counts_what_lies_behind_an_open_transaction_too() -> None:
    assert PartitionView("t", 0, position=5, end=6, log_end=20).lag == 15


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


def test_rates_are_of_the_last_minute_and_have_a_history() -> None:
    meter = RateMeter()
    assert meter.rates() == Rates()
    for second in range(301):
        meter.sample(float(second), second * 100, second * 80, second)
    rates = meter.rates()
    assert (rates.consumed, rates.confirmed, rates.dead_letters) == (100, 80, 1)
    assert rates.confirmed_history == [80.0] * 60
    assert rates.step == STEP


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
