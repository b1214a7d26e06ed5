"""What retention takes beside records that nobody has read: those of jobs whose owner has died."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.acceptance.processes import wait_for
from tests.acceptance.workload import Change, Workload
from tests.acceptance.world import world
from tests.kafka.client import Kafka

pytestmark = pytest.mark.broker

DEVICES = 20


def twice_each() -> Workload:
    """Each device's plan is set to `old`, and then, the devices in the same order, to `new`."""
    work = Workload()
    for index in range(2 * DEVICES):
        name, tags = f"device-{index % DEVICES}", {"plan": "old" if index < DEVICES else "new"}
        value = json.dumps({"type": "tags", "hwid": name, "tags": tags}).encode()
        work.records.append((name.encode(), value))
        work.change(Change(index, name, "set", tags))
    return work


@pytest.mark.parametrize("gone", [DEVICES, DEVICES // 2], ids=["all of them", "half of them"])
def test_newer_records_wait_for_a_job_whose_records_retention_took(
    kafka: Kafka, tmp_path: Path, gone: int
) -> None:
    """Nobody knows that job's devices any more: its old values would come after new ones sent at once."""
    work = twice_each()
    with world(tmp_path, kafka, faults={"latency": {"seconds": 12}}, partitions=1) as here:
        here.produce(work, 0, DEVICES)
        first = here.run()
        wait_for(lambda: any(at.metadata for at in kafka.committed(here.group).values()), 40, "a checkpoint")
        first.kill()
        kafka.delete_records(here.topic, 0, gone)
        here.produce(work, DEVICES)
        here.api.faults(latency={"seconds": 0.2})
        following = here.run(port=first.port, kafka_on_data_loss="continue")
        here.wait_settled()
        assert following.metric("records_lost_total", topic=here.topic) == gone
        wait_for(lambda: here.api.stats()["jobs"]["unfinished"] == 0, 40, "the end of all jobs")
        here.finish(work)
        here.show()
        assert (here.in_two_jobs(), here.twice()) == (0, 0)
