"""What a crash costs: processes killed at any moment, taken over by the next, reconciled record by record."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from tests.acceptance.workload import FAULTS, mixed
from tests.acceptance.world import wait_for, world
from tests.kafka.client import Kafka

pytestmark = pytest.mark.broker

QUICK = {"kafka_properties": "session.timeout.ms=1500\nheartbeat.interval.ms=300"}


def test_twenty_kills_at_random_moments_lose_nothing_and_write_no_letter_twice(
    kafka: Kafka, tmp_path: Path
) -> None:
    """Each kill may cost the devices whose POST was accepted but not yet recorded, and no more."""
    dice = random.Random(20)
    work = mixed(40_000, 8_000, seed=2)
    faults = {**FAULTS, "latency": {"seconds": 0.3, "distribution": "exponential"}}
    with world(tmp_path, kafka, faults=faults) as here:
        here.produce(work)
        for _ in range(20):
            connector = here.run(**QUICK)
            wait_for(lambda c=connector: c.metric("jobs_in_flight") or here.lag() == 0, 40, "a job")  # type: ignore[misc]
            time.sleep(dice.uniform(0.0, 1.0))
            connector.kill()
        last = here.run("--until-end", **QUICK)
        assert last.wait(110) == 0, last.tail()
        here.reconcile(work)
        stats = here.api.stats()
        print({name: stats[name] for name in ("submitted_twice", "submitted_again", "violations")})


def test_after_a_kill_the_jobs_under_way_are_polled_and_not_submitted_again(
    kafka: Kafka, tmp_path: Path
) -> None:
    work = mixed(40_000, 200_000, seed=3, odd=0.0, unreadable=0.0, skew=0.0, operators="set")
    faults = {"latency": {"seconds": 4.0}, "tag_refused": FAULTS["tag_refused"]}
    with world(tmp_path, kafka, faults=faults) as here:
        here.produce(work)
        first = here.run(**QUICK)
        wait_for(lambda: first.metric("jobs_in_flight") >= 16, 40, "sixteen jobs")
        wait_for(lambda: len(here.kafka.committed(here.group)) == 4, 20, "a checkpoint of each partition")
        time.sleep(0.5)
        first.kill()
        second = here.run("--until-end", **QUICK)
        assert second.wait(110) == 0, second.tail()
        here.reconcile(work)
        assert second.logged("adopting unfinished jobs") > 0
        stats = here.api.stats()
        assert stats["submitted_twice"] <= 1000, stats
