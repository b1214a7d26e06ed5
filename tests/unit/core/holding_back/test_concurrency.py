"""The limit of jobs in flight against a simulated API that serves so many at once; the others queue there."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from heapq import heappop, heappush

import pytest

from connector.core.holding_back.concurrency import NOT_OURS_FOR, Concurrency
from connector.core.limits import Limits
from tests.strength import examples

MOST = 16
DEVICES = 1000


@dataclass
class QueueingApi:
    """Serves `capacity` jobs at once, first come, first served; `seconds` each, or that on average."""

    capacity: int = MOST
    seconds: float = 1.0
    dice: random.Random | None = None
    unfilled: int = 0
    """Places that are empty whenever a job ends: a new one waits for a commit."""
    concurrency: Concurrency = field(default_factory=lambda: Concurrency(Limits(max_in_flight=MOST)))
    now: float = 0.0
    waiting: list[float] = field(default_factory=list)
    serving: list[tuple[float, float]] = field(default_factory=list)
    """(when it ends, when it was accepted)."""
    latencies: list[float] = field(default_factory=list)
    limits: list[int] = field(default_factory=list)

    def drive(self, seconds: float) -> int:
        """Keep as many jobs there as may be; return how many ended."""
        self.latencies, self.limits = [], []
        until = self.now + seconds
        while self.now < until:
            while len(self.waiting) + len(self.serving) < self.concurrency.limit:
                self.waiting.append(self.now)
            while self.waiting and len(self.serving) < self.capacity:
                took = self.dice.expovariate(1 / self.seconds) if self.dice else self.seconds
                heappush(self.serving, (self.now + took, self.waiting.pop(0)))
            self.concurrency.planned(len(self.waiting) + len(self.serving) - self.unfilled)
            self.now, accepted_at = heappop(self.serving)
            self.concurrency.ended(DEVICES, accepted_at, self.now)
            self.latencies.append(self.now - accepted_at)
            self.limits.append(self.concurrency.limit)
        return len(self.latencies)

    @property
    def latency(self) -> float:
        """Average of the last drive, seconds."""
        return sum(self.latencies) / len(self.latencies)


@pytest.mark.parametrize("seconds", [0.01, 1.0, 5.0])
@pytest.mark.parametrize("seed", [None, 1, 2, 3])
def test_an_api_that_keeps_up_gets_as_many_jobs_as_may_be(seconds: float, seed: int | None) -> None:
    api = QueueingApi(seconds=seconds, dice=None if seed is None else random.Random(seed))
    api.drive(200 * seconds)
    assert sum(api.limits) / len(api.limits) > 0.97 * MOST


def test_how_long_the_first_jobs_took_by_chance_cuts_nothing_later() -> None:
    for seed in range(40):
        api = QueueingApi(seconds=5.0, dice=random.Random(seed))
        api.drive(150)
        assert min(api.limits) == MOST, f"seed {seed}"


def test_where_the_capacity_steps_down_the_queue_goes_and_the_speed_stays() -> None:
    api = QueueingApi()
    api.drive(100)
    api.capacity = 4
    settling = api.drive(40)
    assert settling > 0.95 * 4 * 40
    served = api.drive(300)
    assert served > 0.98 * 4 * 300  # all that it can
    assert api.latency < 2.5  # 16 at once would take 4 s each
    assert min(api.limits) >= 4  # no fewer than it can serve


def test_a_queue_is_noticed_though_some_places_are_always_about_to_be_filled() -> None:
    api = QueueingApi(unfilled=2)
    api.drive(100)
    api.capacity = 4
    api.drive(40)
    api.drive(300)
    assert api.latency < 2.5
    assert max(api.limits) < MOST


def test_where_the_capacity_steps_up_again_so_does_the_limit() -> None:
    api = QueueingApi()
    api.drive(100)
    api.capacity = 4
    api.drive(200)
    api.capacity = MOST
    api.drive(10)
    api.drive(100)
    assert min(api.limits) == MOST
    assert api.latency == pytest.approx(1.0)


def test_an_api_that_becomes_slower_without_a_queue_gets_as_many_jobs_as_before() -> None:
    api = QueueingApi()
    api.drive(100)
    api.seconds = 5.0
    served = api.drive(500)
    assert served > 0.95 * MOST * 500 / 5
    assert api.concurrency.limit == MOST


def test_durations_that_vary_widely_are_no_sign_of_a_queue() -> None:
    served = 0
    apis = [QueueingApi(dice=random.Random(seed)) for seed in range(examples(20))]
    for api in apis:
        served += api.drive(300)
    assert served > 0.97 * len(apis) * MOST * 300


def test_slow_jobs_that_do_not_fill_the_limit_do_not_lower_it() -> None:
    concurrency = Concurrency(Limits(max_in_flight=MOST))
    concurrency.planned(3)
    for number in range(500):
        concurrency.ended(DEVICES, float(number), number + (0.5 if number < 100 else 20.0))
    assert concurrency.limit == MOST


def test_larger_jobs_may_take_longer() -> None:
    concurrency = Concurrency(Limits(max_in_flight=MOST))
    concurrency.planned(MOST)
    for number in range(100):
        concurrency.ended(1, float(number), number + 0.1)
    for number in range(100, 500):
        concurrency.ended(DEVICES, float(number), number + 10.0)
    assert concurrency.limit == MOST


def test_an_overloaded_api_gets_a_third_less_and_then_step_by_step_more() -> None:
    api = QueueingApi()
    api.drive(20)
    api.concurrency.overloaded(api.now)
    assert api.concurrency.limit == 11
    api.concurrency.overloaded(api.now)
    assert api.concurrency.limit == 7
    api.drive(30)
    assert api.limits == sorted(api.limits)
    assert api.concurrency.limit == MOST


def _with_one_at_a_time(now: float = 0.0) -> Concurrency:
    concurrency = Concurrency(Limits(max_in_flight=MOST))
    while concurrency.limit > 1:
        concurrency.overloaded(now)
    return concurrency


def test_an_api_that_has_too_much_of_one_job_at_a_time_gets_as_many_as_may_be_for_a_while() -> None:
    concurrency = _with_one_at_a_time()
    concurrency.planned(1)
    concurrency.overloaded(10.0)
    assert concurrency.limit == MOST
    concurrency.overloaded(10.0 + NOT_OURS_FOR - 1)
    assert concurrency.limit == MOST
    concurrency.overloaded(10.0 + NOT_OURS_FOR)
    assert concurrency.limit == 11


def test_one_at_a_time_it_stays_while_jobs_of_before_are_unfinished() -> None:
    concurrency = _with_one_at_a_time()
    concurrency.planned(2)
    concurrency.overloaded(10.0)
    assert concurrency.limit == 1


def test_from_one_job_at_a_time_it_is_two_after_one_easy_window() -> None:
    windows = Windows(usual=1.0)
    windows.concurrency = _with_one_at_a_time(windows.now)
    assert windows.one(1.0) == 2


def test_jobs_of_one_time_for_which_there_was_no_time_lower_the_limit_once() -> None:
    concurrency = Concurrency(Limits(max_in_flight=MOST))
    lowered = []
    for accepted_at, now in ((1.0, 5.0), (2.0, 6.0), (5.0, 6.0), (5.1, 7.0)):
        concurrency.overloaded_for_job(accepted_at, now)
        lowered.append(concurrency.limit)
    assert lowered == [11, 11, 11, 7]


def test_a_fixed_limit_stays() -> None:
    api = QueueingApi(concurrency=Concurrency(Limits(max_in_flight=MOST, adaptive=False)))
    api.drive(20)
    api.capacity = 2
    api.drive(100)
    api.concurrency.overloaded(api.now)
    assert set(api.limits) == {MOST} == {api.concurrency.limit}


def test_a_tenth_of_a_second_more_is_noise_however_many_times_the_usual_that_is() -> None:
    api = QueueingApi(seconds=0.02)
    api.drive(2)
    api.concurrency.overloaded(api.now)
    assert api.concurrency.limit < MOST
    api.seconds = 0.12
    api.drive(4)
    assert api.concurrency.limit == MOST


class Windows:
    """Jobs of a fixed time, one window of them after another, while the limit is reached."""

    def __init__(self, usual: float) -> None:
        self.concurrency = Concurrency(Limits(max_in_flight=MOST))
        self.now = 0.0
        self.learn(usual)

    def learn(self, seconds: float) -> None:
        for _ in range(5):
            self.one(seconds)

    def one(self, seconds: float) -> int:
        """A window of jobs that take so long; return the limit after it."""
        self.concurrency.planned(MOST)
        for _ in range(max(12, self.concurrency.limit)):
            self.concurrency.ended(DEVICES, self.now, self.now + seconds)
        self.now += seconds
        return self.concurrency.limit


def test_jobs_that_take_somewhat_longer_hold_the_limit_where_it_is_but_not_for_ever() -> None:
    windows = Windows(usual=1.0)
    windows.concurrency.overloaded(windows.now)
    assert [windows.one(1.7) for _ in range(20)] == [11] * 9 + [14] * 10 + [MOST]


def test_one_easy_window_lets_more_go_and_the_patience_begin_anew() -> None:
    windows = Windows(usual=1.0)
    windows.concurrency.overloaded(windows.now)
    windows.concurrency.overloaded(windows.now)
    assert [windows.one(1.7) for _ in range(9)] == [7] * 9
    assert windows.one(1.0) == 9
    assert [windows.one(1.7) for _ in range(10)] == [9] * 9 + [12]


def test_fewer_than_a_dozen_jobs_decide_nothing() -> None:
    windows = Windows(usual=1.0)
    windows.concurrency.overloaded(windows.now)
    windows.concurrency.overloaded(windows.now)
    limits = []
    for _ in range(12):
        windows.concurrency.ended(DEVICES, windows.now, windows.now + 1.0)
        limits.append(windows.concurrency.limit)
    assert limits == [7] * 11 + [9]


def test_a_cut_that_proved_itself_is_not_undone_when_the_api_becomes_slower_later() -> None:
    windows = Windows(usual=1.0)
    assert [windows.one(3.0) for _ in range(2)] == [MOST, 11], "a queue, and three tenths less to try"
    judged = [windows.one(1.0) for _ in range(2)][-1]
    assert windows.one(5.0) == judged, "not more, at once, but what may be a queue again"
