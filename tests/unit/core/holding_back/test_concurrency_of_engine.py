"""The limit of jobs as the whole engine has it: jobs end together, and polls find out later."""

from __future__ import annotations

import pytest

from connector.answers import JobReport
from connector.core.batching.batch import Batch
from connector.core.following.job import Job
from tests.strength import in_full
from tests.unit.core.builders import devices, limits, unfinished
from tests.unit.core.driving import Drive
from tests.unit.core.looking import waiting_in

MOST = 16


class QueueingApi:
    """Works at `capacity` jobs at once, first come, first served, for so many seconds each."""

    def __init__(self, seconds: float, *, tells_progress: bool, adaptive: bool = True) -> None:
        self.capacity = MOST
        self.seconds = seconds
        self.drive = Drive(limits(max_devices=2, linger=0.0, max_in_flight=MOST, adaptive=adaptive))
        self.drive.assign()
        self._tells_progress = tells_progress
        self._read = 0
        self._ends: list[float] = []
        self._jobs: dict[int, tuple[float, float]] = {}
        """By serial number: when it was posted, and when it ends."""
        self._ended = 0

    def run(self, seconds: float) -> tuple[list[int], float]:
        """Keep events waiting for so long; return the limits, and the share of what it could do."""
        until, before, found = self.drive.now + seconds, self._ended, []
        while self.drive.now < until:
            while waiting_in(self.drive.engine.components.dispatch) < 80:
                self.drive.read(*devices(range(self._read, self._read + 200)))
                self._read += 200
            self.drive.run(self._post, self._poll, seconds=self.seconds)
            found.append(self.drive.engine.components.concurrency.limit)
        return found, (self._ended - before) * self.seconds / seconds / self.capacity

    def _post(self, batch: Batch) -> None:
        now = self.drive.now
        self._ends = sorted(end for end in self._ends if end > now)
        begins = self._ends[-self.capacity] if len(self._ends) >= self.capacity else now
        self._ends.append(begins + self.seconds)
        self._jobs[batch.serial] = now, begins + self.seconds

    def _poll(self, job: Job) -> JobReport | None:
        posted, end = self._jobs[job.serial]
        if self.drive.now < end:
            share = (self.drive.now - posted) / (end - posted)
            return unfinished(min(99, int(100 * share)) if self._tells_progress else -1)
        self._ended += 1
        return None


@pytest.mark.parametrize(
    ("seconds", "tells_progress"),
    [(0.4, True), (5.0, False), *([(0.4, False), (5.0, True)] if in_full() else [])],
)
def test_a_queue_is_noticed_goes_away_and_costs_no_speed(seconds: float, *, tells_progress: bool) -> None:
    api = QueueingApi(seconds, tells_progress=tells_progress)
    api.run(12 * seconds)
    usual, share = api.run(10 * seconds)
    assert min(usual) >= 14
    assert share > 0.95
    api.capacity = 4
    _, share = api.run(40 * seconds)
    assert share > 0.95
    shrunk, share = api.run(60 * seconds)
    assert min(shrunk) >= 4
    assert sum(shrunk) / len(shrunk) < 10  # more is tried from time to time
    assert share > 0.95
    api.capacity = MOST
    grown, _ = api.run(18 * seconds)
    assert grown[-1] >= 14


def test_a_fixed_number_stays_whatever_happens() -> None:
    api = QueueingApi(1.0, tells_progress=False, adaptive=False)
    api.run(10)
    api.capacity = 4
    assert set(api.run(30)[0]) == {MOST}


def test_jobs_that_become_slower_by_themselves_keep_their_number() -> None:
    api = QueueingApi(0.4, tells_progress=True)
    api.run(6)
    api.seconds = 2.0
    api.run(50)
    limits_then, share = api.run(20)
    assert min(limits_then) >= 14
    assert share > 0.9
