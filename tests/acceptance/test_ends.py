"""`--until-end`: it settles what was there at the start, commits to the very end, and leaves."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from confluent_kafka import Producer

from tests.acceptance.processes import wait_for
from tests.acceptance.workload import FAULTS, mixed
from tests.acceptance.world import PROTOCOLS, world
from tests.kafka.client import Kafka

pytestmark = pytest.mark.broker


@PROTOCOLS
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


@PROTOCOLS
def test_restarted_after_a_kill_it_waits_for_what_the_dead_member_still_has(
    kafka: Kafka, tmp_path: Path, properties: str
) -> None:
    """As a Kubernetes Job does: while the dead member's session lasts, the new one has no partition."""
    work = mixed(2_000, 2_000, seed=42)
    with world(tmp_path, kafka, faults={**FAULTS, "latency": {"seconds": 1.0}}) as here:
        here.settings["kafka.properties"] = properties
        here.shorten_session(6.0)
        here.produce(work)
        first = here.run("--until-end")
        wait_for(lambda: first.metric("jobs_in_flight") > 0, 30, "a job")
        first.kill()
        left = here.lag()
        second = here.run("--until-end", port=first.port)
        assert second.wait(110) == 0, second.tail()
        assert left > 0
        here.reconcile(work)


def test_the_end_is_reached_once_all_members_have_reached_it(kafka: Kafka, tmp_path: Path) -> None:
    work = mixed(2_000, 2_000, seed=43)
    with world(tmp_path, kafka, faults={**FAULTS, "latency": {"seconds": 1.0}}, partitions=1) as here:
        here.produce(work)
        members = [here.run("--until-end") for _ in range(2)]
        assert [member.wait(90) for member in members] == [0, 0]
        here.reconcile(work)
        spare = [
            line for member in members for line in member.lines("waiting for partitions of other members")
        ]
        assert spare


def test_a_topic_that_is_missing_is_waited_for(kafka: Kafka, tmp_path: Path) -> None:
    work = mixed(500, 500, seed=44)
    with world(tmp_path, kafka, faults=FAULTS) as here:
        missing = kafka.name("missing")
        here.settings["kafka.mixed_topics"] = f"{here.topic},{missing}"
        here.produce(work)
        connector = here.run("--until-end")
        here.wait_settled(60)
        wait_for(lambda: connector.lines("kafka"), 30, "the trouble")
        assert connector.lines("kafka")[0]["code"] == "topic_missing"
        assert connector.process.poll() is None
        kafka.create_topic(missing, 1)
        assert connector.wait(60) == 0, connector.tail()
        here.reconcile(work)
