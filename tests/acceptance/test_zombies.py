"""A process that was frozen for longer than its session: others have its partitions when it wakes up."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from tests.acceptance.processes import wait_for
from tests.acceptance.workload import FAULTS, mixed
from tests.acceptance.world import LONG, ONE, QUICK, SESSION, settled, world
from tests.kafka.client import Kafka

pytestmark = pytest.mark.broker

FREEZES = 3


def test_a_frozen_member_that_wakes_up_writes_nothing_twice_and_goes_on(kafka: Kafka, tmp_path: Path) -> None:
    """Each freeze may cost what a kill costs."""
    work = mixed(8_000, 4_000, seed=10, odd=0.0, spoilt=0.03, skew=0.2, operators="set")
    faults = {"latency": {"seconds": LONG}, "tag_refused": FAULTS["tag_refused"]}
    with world(tmp_path, kafka, faults=faults) as here:
        here.settings |= {"batch.max_devices": "100", "jobs.max_in_flight": "8"}
        here.produce(work)
        frozen, other = here.run(), here.run()
        for one in (frozen, other):
            wait_for(lambda c=one: settled(c) > 0 and c.status()["partitions"], 40, "its share")  # type: ignore[misc]
        for _ in range(FREEZES):
            frozen.signal(signal.SIGSTOP)
            time.sleep(SESSION)  # the group does not miss it before
            wait_for(lambda: len(other.status()["partitions"]) == 4, 30, "the other one's take-over")
            before = settled(other)
            wait_for(lambda n=before: settled(other) > n or here.lag() == 0, 30, "work of the other one")  # type: ignore[misc]
            frozen.signal(signal.SIGCONT)
            wait_for(lambda: len(other.status()["partitions"]) == 2, 30, "its own share again")
            wait_for(lambda: len(frozen.status()["partitions"]) == 2, 30, "the frozen one's share again")
        left = here.lag()
        here.finish(work)
        here.show(left_after_the_last=left)
        assert frozen.lines("lost")
        assert here.twice() <= FREEZES * ONE * 100


def test_what_a_frozen_member_still_held_is_not_sent_after_others_did_it(
    kafka: Kafka, tmp_path: Path
) -> None:
    """It wakes up with old events in memory: sent now, they would undo what newer ones did meanwhile."""
    work = mixed(20_000, 500, seed=11, odd=0.0, skew=0.0, operators="set")
    faults = {"latency": {"seconds": 0.3}, "tag_refused": FAULTS["tag_refused"]}
    with world(tmp_path, kafka, faults=faults) as here:
        # What it holds isn't held back by jobs that have to end first, only by a batch that isn't full yet.
        frozen = here.run(batch_linger="3s", batch_max_devices="10000")
        other = here.run()
        for one in (frozen, other):
            wait_for(lambda c=one: len(c.status().get("partitions", [])) == 2, 40, "its share")  # type: ignore[misc]
        here.produce(work)
        wait_for(lambda: frozen.status()["buffered_events"] > 1000, 40, "events in memory")
        frozen.signal(signal.SIGSTOP)
        here.wait_settled()
        before = here.api.stats()["devices_received"]
        frozen.signal(signal.SIGCONT)
        wait_for(lambda: len(frozen.status()["partitions"]) == 2, 40, "a share again")
        here.finish(work)
        here.show(sent_after_waking_up=here.api.stats()["devices_received"] - before)
        assert here.api.stats()["devices_received"] == before


def test_one_that_is_fenced_by_its_instance_id_ends_with_1_and_the_other_does_its_work(
    kafka: Kafka, tmp_path: Path
) -> None:
    """Two of one `group.instance.id`, as when all pods take it from one file: one of them is in the group."""
    work = mixed(5_000, 4_000, seed=12, odd=0.0, skew=0.0)
    faults = {"latency": {"seconds": LONG}, "tag_refused": FAULTS["tag_refused"]}
    with world(tmp_path, kafka, faults=faults) as here:
        here.settings |= {"batch.max_devices": "100", "jobs.max_in_flight": "8"}
        here.settings["kafka.properties"] = f"{QUICK}\ngroup.instance.id=the-same"
        here.produce(work)
        first = here.run()
        wait_for(lambda: settled(first) > 500, 40, "progress")
        here.run()
        assert first.process.wait(40) == 1
        assert [line["code"] for line in first.lines("kafka")] == ["instance_id"]
        assert "group.instance.id" in first.lines("failed")[0]["reason"]
        here.finish(work)
        here.show()
        assert here.twice() <= ONE * 100
