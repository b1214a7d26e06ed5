"""The poll schedule, alone and against simulated APIs (16 jobs at a time, a GET takes 1 ms or as told)."""

from __future__ import annotations

import functools
import heapq
import random
from collections.abc import Callable
from typing import NamedTuple

import pytest

from connector.core.following.polling import PollSchedule
from tests.strength import in_full

Durations = Callable[[random.Random, int], float]
"""(dice, number of the job) -> seconds that the job takes."""
Progress = Callable[[random.Random, float], int]
"""(dice, share of the job that is done) -> percent that the API gives."""

HTTP = 0.001
CEILING = 10.0
_JOBS = 2_000 if in_full() else 1_200


class Ended(NamedTuple):
    number: int
    duration: float
    in_vain: int
    overshoot: float


class Tally(NamedTuple):
    duration: float
    in_vain: float
    overshoot: float
    late: float
    """The overshoot that one job in a hundred exceeds."""


def simulate(
    durations: Durations, progress: Progress | None = None, jobs: int = _JOBS, took: float = HTTP
) -> list[Ended]:
    dice = random.Random(1)
    schedule = PollSchedule(CEILING)
    ended: list[Ended] = []
    due: list[tuple[float, int, float, float, int, float, int]] = []

    def start(now: float, number: int) -> None:
        duration = durations(dice, number)
        heapq.heappush(due, (now + schedule.first_delay(), number, now, duration, 0, 0.0, -1))

    for number in range(16):
        start(dice.random() * 0.01, number)
    while len(ended) < jobs:
        at, number, started, duration, polls, before, last = heapq.heappop(due)
        age = at + took / 2 - started
        if age >= duration:
            schedule.learn(before, age, last, took)
            ended.append(Ended(number, duration, polls, age - duration))
            start(at + took, len(ended) + 15)
            continue
        uncertain = took * (dice.random() - 0.5)
        percent = -1 if progress is None else progress(dice, min(1, (age + uncertain) / duration))
        delay = schedule.next_delay(age, polls + 1, percent, before, last, took)
        assert 0 < delay <= 600
        heapq.heappush(due, (at + took / 2 + delay, number, started, duration, polls + 1, age, percent))
    return ended


def tally(ended: list[Ended]) -> Tally:
    overshoots = sorted(job.overshoot for job in ended)
    count = len(ended)
    return Tally(
        sum(job.duration for job in ended) / count,
        sum(job.in_vain for job in ended) / count,
        sum(overshoots) / count,
        overshoots[int(count * 0.99)],
    )


def settled(durations: Durations, progress: Progress | None = None, took: float = HTTP) -> Tally:
    return tally(simulate(durations, progress, took=took)[300:])


def constant(seconds: float, noise: float = 0.0) -> Durations:
    return lambda dice, _: seconds * dice.uniform(1 - noise, 1 + noise)


def exponential(mean: float) -> Durations:
    return lambda dice, _: dice.expovariate(1 / mean)


@functools.cache
def blind(took: float = HTTP) -> Tally:
    """Against jobs of widely varying length whose progress nobody tells."""
    return settled(exponential(1), took=took)


def test_without_history_it_starts_short_and_grows_by_half() -> None:
    schedule = PollSchedule(CEILING)
    assert schedule.first_delay() == pytest.approx(0.03)
    assert schedule.next_delay(0.03, 1) == pytest.approx(0.03)
    assert schedule.next_delay(1.0, 5) == pytest.approx(0.5)
    assert schedule.next_delay(500.0, 20) == 10.0


def test_jobs_that_end_at_once_are_seen_within_two_milliseconds() -> None:
    seen = settled(constant(0.0))
    assert seen.in_vain == 0
    assert seen.overshoot < 0.002


@pytest.mark.parametrize("noise", [0.0, 0.02])
@pytest.mark.parametrize(("seconds", "limit"), [(0.1, 0.003), (1.0, 0.01), (5.0, 0.05)])
def test_jobs_of_a_constant_time_are_seen_at_once_with_about_one_get_in_vain(
    seconds: float, limit: float, noise: float
) -> None:
    seen = settled(constant(seconds, noise))
    assert seen.in_vain < 1.6
    assert seen.overshoot <= limit


@pytest.mark.parametrize(
    "durations",
    [
        exponential(1),
        exponential(5),
        lambda dice, _: dice.uniform(0, 2),
        lambda dice, _: dice.lognormvariate(0, 1),
        lambda dice, _: min(600, 0.1 * dice.paretovariate(1.2)),
        lambda dice, _: dice.uniform(0.9, 1.1),
    ],
    ids=["exponential 1 s", "exponential 5 s", "uniform", "lognormal", "pareto", "ten percent"],
)
def test_whatever_the_distribution_three_gets_in_vain_are_enough(durations: Durations) -> None:
    seen = settled(durations)
    assert seen.in_vain <= 3.1
    assert seen.overshoot < 0.25 * seen.duration


def test_two_kinds_of_jobs_are_both_seen_in_time() -> None:
    seen = settled(lambda dice, _: (0.1 if dice.random() < 0.9 else 5) * dice.uniform(0.98, 1.02))
    assert seen.in_vain <= 2
    assert seen.overshoot < 0.08 * seen.duration


def test_honest_progress_tells_the_end() -> None:
    seen = settled(exponential(1), lambda _, share: int(100 * share))
    assert seen.in_vain < 2.3
    assert seen.overshoot < 0.2 * blind().overshoot


def test_honest_progress_is_believed_though_nobody_knows_when_in_a_request_it_was_read() -> None:
    seen = settled(exponential(1), lambda _, share: int(100 * share), took=0.05)
    assert seen.overshoot < 0.5 * blind(took=0.05).overshoot


def test_a_job_that_ends_before_its_promise_ends_all_trust() -> None:
    schedule = PollSchedule(CEILING)
    for _ in range(20):
        schedule.learn(0.9, 1.1)
        schedule.next_delay(0.5, 2, 50, 0.25, 25)
    believed = schedule.next_delay(0.2, 1, 5)
    assert believed == pytest.approx(3.2, abs=0.2)
    schedule.learn(0.2, 1.0, 5)
    assert schedule.next_delay(0.2, 1, 5) < 1.0


def test_a_failed_jobs_progress_promised_nothing() -> None:
    schedule = PollSchedule(CEILING)
    for _ in range(20):
        schedule.learn(0.9, 1.1)
        schedule.next_delay(0.5, 2, 50, 0.25, 25)
    schedule.learn(0.2, 0.3)
    assert schedule.next_delay(0.2, 1, 5) == pytest.approx(3.2, abs=0.2)


@pytest.mark.parametrize("late", [0.0, 0.002], ids=["in time", "late GETs"])
def test_the_first_get_comes_early_enough_for_widely_spread_jobs(late: float) -> None:
    """It starts at what half of them take: those it finds ended don't tell how much earlier they were."""
    dice, schedule = random.Random(1), PollSchedule(CEILING)
    for _ in range(128):
        schedule.learn(0.69, 0.7)
        schedule.learn(1.19, 1.2)
    for _ in range(600):
        first, duration = schedule.first_delay() + late, dice.expovariate(1)
        schedule.learn(0.0 if duration < first else first, max(duration, first))
    assert schedule.first_delay() < 0.4


@pytest.mark.parametrize(
    "progress",
    [
        lambda _, __: 0,
        lambda _, __: 10,
        lambda _, __: 99,
        lambda _, __: 100,
        lambda _, share: int(100 * (1 - share)),
        lambda _, share: int(100 * share**0.5),
        lambda _, share: int(100 * share**2),
        lambda _, share: int(10 * share) * 10,
        lambda _, share: 50 * (share > 0.5),
        lambda _, share: int(50 * share),
        lambda dice, _: dice.randrange(-1, 101),
    ],
    ids=["0", "10", "99", "100", "backwards", "root", "square", "tens", "half", "ends at half", "random"],
)
def test_progress_that_means_nothing_does_no_harm(progress: Progress) -> None:
    seen = settled(exponential(1), progress)
    assert seen.in_vain <= 3.2
    assert seen.overshoot < 1.35 * blind().overshoot


@pytest.mark.parametrize(("before", "after"), [(1, 0.1), (0.1, 1), (5, 0.5), (0.5, 5), (0.01, 5)])
def test_it_learns_again_when_the_api_changes_its_pace(before: float, after: float) -> None:
    ended = simulate(
        lambda dice, number: (before if number < 500 else after) * dice.uniform(0.98, 1.02), jobs=1_200
    )
    changing = tally([job for job in ended if 500 <= job.number < 600])
    assert changing.in_vain < 12
    assert changing.late <= before + after
    learned = tally([job for job in ended if job.number >= 700])
    assert learned.in_vain < 1.6
    assert learned.overshoot <= max(0.01 * after, 0.003)


def test_a_job_that_takes_longer_than_any_before_is_asked_about_ever_less_often() -> None:
    schedule = PollSchedule(CEILING)
    for _ in range(50):
        schedule.learn(0.99, 1.0)
    age, polls, delays = schedule.first_delay(), 1, []
    while age < 900:
        delays.append(schedule.next_delay(age, polls))
        age, polls = age + delays[-1], polls + 1
    assert max(delays) == 10.0
    assert len(delays) < 120


def test_after_many_polls_steps_grow_by_half_each() -> None:
    schedule = PollSchedule(CEILING)
    schedule.learn(0.0, 4.0)
    assert schedule.next_delay(4.0, 6) == pytest.approx(0.04)
    assert schedule.next_delay(4.0, 10) == pytest.approx(0.04 * 1.5**4)


def test_an_absurd_number_of_polls_is_no_trouble() -> None:
    schedule = PollSchedule(CEILING)
    schedule.learn(0.0, 1.0)
    assert 0 < schedule.next_delay(5.0, 10**6, 50, 4.0, 40) <= 10.0


def test_thousands_of_early_ends_are_no_trouble() -> None:
    schedule = PollSchedule(CEILING)
    for _ in range(5_000):
        schedule.learn(0.0, schedule.first_delay())
    assert schedule.first_delay() == 0.001
