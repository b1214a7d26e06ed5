"""`--until-end`: it settles what was there at the start, commits to the very end, and leaves."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from confluent_kafka import Producer

from tests.acceptance.workload import FAULTS, mixed
from tests.acceptance.world import QUICK, world
from tests.kafka.client import Kafka

pytestmark = pytest.mark.broker


@pytest.mark.parametrize("properties", [QUICK, "group.protocol=consumer"], ids=["classic", "consumer"])
def test_a_topic_that_ends_in_tombstones_is_committed_to_its_end(
    kafka: Kafka, tmp_path: Path, properties: str
) -> None:
    work = mixed(5_000, 2_000, seed=40)
    with world(tmp_path, kafka, faults=FAULTS) as here:
        here.produce(work)
        here.kafka.produce(here.topic, [(b"gone", None, each % 4) for each in range(2000)])
        connector = here.run("--until-end", kafka_properties=properties)
        assert connector.wait(60) == 0, connector.tail()
        here.reconcile(work)
        here.show()
        assert here.twice() == 0


def test_a_topic_that_ends_in_an_aborted_transaction_is_committed_to_its_end(
    kafka: Kafka, tmp_path: Path
) -> None:
    work = mixed(2_000, 1_000, seed=41)
    with world(tmp_path, kafka, faults=FAULTS) as here:
        producer = Producer({"bootstrap.servers": kafka.bootstrap, "transactional.id": kafka.name("id")})
        producer.init_transactions(30)
        producer.begin_transaction()
        for index, (key, value) in enumerate(work.records):
            producer.produce(here.topic, value, key, headers=[("n", str(index).encode())])
        producer.commit_transaction(30)
        producer.begin_transaction()
        for each in range(500):
            producer.produce(here.topic, b"never to be read", partition=each % 4)
        producer.flush(30)
        producer.abort_transaction(30)
        connector = here.run("--until-end")
        assert connector.wait(60) == 0, connector.tail()
        here.reconcile(work)
        here.show()
        assert here.twice() == 0


def test_an_empty_topic_ends_at_once(kafka: Kafka, tmp_path: Path) -> None:
    with world(tmp_path, kafka) as here:
        began = time.monotonic()
        connector = here.run("--until-end")
        assert connector.wait(30) == 0, connector.tail()
        here.show(seconds=round(time.monotonic() - began, 2))
        assert connector.lines("stopped")
