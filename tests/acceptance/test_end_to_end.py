"""The whole job as processes: a real broker, the sandbox, and a reckoning of every event."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.workload import FAULTS, PRONE_UNNAMED, UNNAMED, mixed
from tests.acceptance.world import world
from tests.kafka.client import Kafka

pytestmark = pytest.mark.broker


@pytest.mark.timeout(400)  # two minutes on two busy cores
def test_a_backlog_of_every_kind_of_event_is_settled_record_by_record(kafka: Kafka, tmp_path: Path) -> None:
    work = mixed(100_000, 20_000)
    faults = {**FAULTS, "latency": {"seconds": 0.1, "distribution": "exponential"}}
    with world(tmp_path, kafka, faults=faults) as here:
        here.produce(work)
        connector = here.run("--until-end")
        assert connector.wait(300) == 0, connector.tail()
        here.reconcile(work)
        violations = here.api.stats()["violations"]
        assert (violations["overlapping"], violations["twice_in_one_job"]) == (0, 0)


def test_rows_without_names_are_told_by_their_place(kafka: Kafka, tmp_path: Path) -> None:
    work = mixed(20_000, 4_000, prone=PRONE_UNNAMED)
    with world(tmp_path, kafka, faults={**UNNAMED, "latency": {"seconds": 0.1}}) as here:
        here.produce(work)
        connector = here.run("--until-end")
        assert connector.wait(110) == 0, connector.tail()
        here.reconcile(work)
