"""A process that was frozen for longer than its session: others have its partitions when it wakes up."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from tests.acceptance.processes import wait_for
from tests.acceptance.workload import FAULTS, mixed
from tests.acceptance.world import SESSION, UNRECORDED, settled, world
from tests.kafka.client import Kafka

pytestmark = pytest.mark.broker

FREEZES = 3


def test_a_frozen_member_that_wakes_up_writes_nothing_twice_and_goes_on(kafka: Kafka, tmp_path: Path) -> None:
    work = mixed(20_000, 8_000, seed=10)
    with world(tmp_path, kafka, faults={**FAULTS, "latency": {"seconds": 0.3}}) as here:
        here.settings |= {"batch.max_devices": "100", "jobs.max_in_flight": "4"}
        here.produce(work)
        frozen, other = here.run(), here.run()
        for one in (frozen, other):
            wait_for(lambda c=one: settled(c) > 0 and c.status()["partitions"], 40, "its share")  # type: ignore[misc]
        for _ in range(FREEZES):
            frozen.signal(signal.SIGSTOP)
            time.sleep(SESSION)
            wait_for(lambda: len(other.status()["partitions"]) == 4, 30, "the other one's take-over")
            time.sleep(0.5)
            frozen.signal(signal.SIGCONT)
            wait_for(lambda: len(other.status()["partitions"]) == 2, 30, "its own share again")
            wait_for(lambda: len(frozen.status()["partitions"]) == 2, 30, "the frozen one's share again")
        left = here.lag()
        here.finish(work)
        here.show(left_after_the_last=left)
        assert frozen.lines("lost")
        assert here.twice() <= FREEZES * UNRECORDED * 100
