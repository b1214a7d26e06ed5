"""What Kafka does to the connector: brokers that go, dead-letter topics that take no letters, retention."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from connector.core.limits import Limits
from connector.model import Position, TopicPartition
from tests.acceptance.processes import Connector, wait_for
from tests.acceptance.workload import FAULTS, Change, Workload, mixed
from tests.acceptance.world import World, seconds_until, settled, world
from tests.broker import Broker, Cluster
from tests.kafka.client import Kafka

pytestmark = pytest.mark.broker

ODD = {**FAULTS, "latency": {"seconds": 0.3}}
DEFAULT_SESSION = ""
"""No properties: the group's time-outs are the connector's own defaults, longer than a broker's restart."""


PAUSED = {"kafka.properties": DEFAULT_SESSION, "batch.max_devices": "200"}


def _half_way(here: World, connector: Connector, work: Workload) -> set[str]:
    """Produce half, wait for progress; the other half is there when it has gone wrong. Who is member then?"""
    here.produce(work, 0, len(work.records) // 2)
    wait_for(lambda: settled(connector) > 1000, 60, "progress")
    return here.kafka.members(here.group)


def _may_go_twice(here: World, members: set[str]) -> int:
    """Devices: none while the group has not missed the connector, which remembers all that it has sent.

    A machine so busy that a broker starts in more than the session's 10 s makes it a crash: one batch a
    submission at once, of which there are as many as jobs.
    """
    return 0 if here.kafka.members(here.group) == members else Limits().max_in_flight * 200


@pytest.mark.parametrize("end", [Broker.stop, Broker.kill], ids=["in order", "killed"])
def test_a_restarted_broker_costs_no_more_than_a_pause(
    own_broker: Callable[..., Broker], tmp_path: Path, end: Callable[[Broker], None]
) -> None:
    broker = own_broker()
    work = mixed(20_000, 20_000, seed=30, skew=0.2)
    with world(tmp_path, Kafka(broker.bootstrap), faults=ODD) as here:
        here.settings |= PAUSED
        connector = here.run()
        members = _half_way(here, connector, work)
        end(broker)
        broker.start()
        before = settled(connector)
        here.produce(work, len(work.records) // 2)
        back = seconds_until(lambda: settled(connector) > before, 60, "progress")
        here.wait_settled()
        allowed = _may_go_twice(here, members)
        here.finish(work)
        here.show(seconds_to_go_on=round(back, 2), allowed=allowed)
        assert here.twice() <= allowed


@pytest.fixture
def three_brokers(kafka_jars: Path, tmp_path: Path) -> Iterator[Cluster]:
    """Three brokers, of which two must have a record."""
    assert kafka_jars.exists()
    cluster = Cluster(tmp_path / "cluster")
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_one_of_three_brokers_restarted_costs_no_more_than_a_pause(
    three_brokers: Cluster, tmp_path: Path
) -> None:
    work = mixed(20_000, 20_000, seed=31, skew=0.2)
    with world(tmp_path, Kafka(three_brokers.bootstrap), faults=ODD) as here:
        here.settings |= PAUSED
        connector = here.run()
        members = _half_way(here, connector, work)
        three_brokers.brokers[0].kill()
        here.produce(work, len(work.records) // 2, len(work.records) - 2000)
        before = settled(connector)
        back = seconds_until(lambda: settled(connector) > before, 60, "progress without one broker")
        three_brokers.brokers[0].start()
        here.produce(work, len(work.records) - 2000)
        here.wait_settled()
        allowed = _may_go_twice(here, members)
        here.finish(work)
        here.show(seconds_to_go_on=round(back, 2), allowed=allowed)
        assert here.twice() <= allowed


def _not_ready(connector: Connector, code: str) -> None:
    """Wait until the probe says so."""

    def told() -> bool:
        answer = connector.get("/readyz")
        return answer is not None and answer.status_code == 503 and code in answer.text

    wait_for(told, 30, f"not ready for {code}")


def test_a_missing_dead_letter_topic_holds_up_only_what_is_refused_until_it_is_there(
    kafka: Kafka, tmp_path: Path
) -> None:
    work = mixed(10_000, 10_000, seed=32)
    with world(tmp_path, kafka, faults=ODD) as here:
        here.kafka.delete_topic(here.dead)
        here.produce(work)
        connector = here.run(kafka_properties=here.settings["kafka.properties"])
        _not_ready(connector, "topic_missing")
        good = len(work.records) - len(work.refused)
        wait_for(lambda: settled(connector) >= good * 0.9, 60, "the good records' confirmation")
        assert 0 < here.lag() <= len(work.records)
        assert connector.metric("dead_letters_total") == 0
        here.kafka.create_topic(here.dead, 2)
        back = seconds_until(lambda: connector.metric("dead_letters_total") > 0, 60, "the first letters")
        wait_for(connector.ready, 30, "readiness")
        here.finish(work)
        here.show(seconds_to_go_on=round(back, 2))
        assert here.twice() == 0


def test_a_letter_too_large_for_its_topic_holds_up_itself_until_the_topic_takes_it(
    kafka: Kafka, tmp_path: Path
) -> None:
    work = mixed(5_000, 5_000, seed=33)
    large = len(work.records)
    event = {
        "type": "tags",
        "hwid": "failed-large",
        "tags": {"text": random.Random(1).randbytes(25_000).hex()},
    }
    work.records.append((b"failed-large", json.dumps(event).encode()))
    work.refused[large] = "device_failed"
    with world(tmp_path, kafka, faults=ODD) as here:
        kafka.configure_topic(here.dead, max_message_bytes="20000")
        here.produce(work, large)
        here.produce(work, 0, large)
        connector = here.run()
        written = len(work.refused) - 1
        wait_for(lambda: connector.metric("dead_letters_total") == written, 90, "all letters but one")
        assert connector.lines("kafka")[0]["code"] == "letter_too_large"
        assert here.lag() > 0
        kafka.configure_topic(here.dead, max_message_bytes="1000000")
        back = seconds_until(lambda: here.lag() == 0, 60, "the large letter")
        here.finish(work)
        here.show(seconds_to_go_on=round(back, 2))
        assert here.twice() == 0


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_a_dead_letter_topic_with_too_few_replicas_in_sync_holds_up_only_what_is_refused(
    three_brokers: Cluster, tmp_path: Path
) -> None:
    work = mixed(10_000, 10_000, seed=36)
    with world(tmp_path, Kafka(three_brokers.bootstrap), faults=ODD) as here:
        here.kafka.configure_topic(here.dead, min_insync_replicas="3")
        connector = here.run(kafka_properties=DEFAULT_SESSION)
        wait_for(connector.ready, 30, "readiness")
        three_brokers.brokers[-1].kill()
        here.produce(work)
        _not_ready(connector, "too_few_replicas")
        good = len(work.records) - len(work.refused)
        wait_for(lambda: settled(connector) >= good * 0.9, 60, "the good records' confirmation")
        assert connector.metric("dead_letters_total") == 0
        three_brokers.brokers[-1].start()
        back = seconds_until(lambda: connector.metric("dead_letters_total") > 0, 60, "the first letters")
        wait_for(connector.ready, 30, "readiness")
        here.finish(work)
        here.show(seconds_to_go_on=round(back, 2))


def _lose_records(here: World, work: Workload) -> Workload:
    """Have retention take the first 100 records of partition 0, of which 10 are committed; what is left."""
    here.produce(work)
    here.kafka.commit(here.group, {TopicPartition(here.topic, 0): Position(10, "")})
    here.kafka.delete_records(here.topic, 0, 100)
    there = {int(each.header("n") or -1) for each in here.kafka.read_all(here.topic)}
    return work.without(set(range(len(work.records))) - there)


def test_records_that_retention_took_halt_it_and_with_continue_are_counted(
    kafka: Kafka, tmp_path: Path
) -> None:
    work = mixed(5_000, 5_000, seed=34, odd=0.0)
    with world(tmp_path, kafka, faults=ODD) as here:
        left = _lose_records(here, work)
        connector = here.run()
        _not_ready(connector, "data_loss")
        (line,) = connector.lines("halted")
        assert line["cause"] == "data_loss"
        assert "offset 10 " in line["message"]
        assert "begins at 100" in line["message"]
        assert connector.metric("halted", cause="data_loss") == 1
        assert connector.terminate() == 0, connector.tail()
        assert here.positions()[0] == 10
        assert here.api.stats()["devices_received"] == 0
        careless = here.run(kafka_on_data_loss="continue")
        here.wait_settled()
        assert careless.metric("records_lost_total", topic=here.topic) == 90
        assert careless.ready()
        here.finish(left)
        here.show()
        assert here.twice() == 0


def test_until_the_end_with_records_lost_is_a_failure(kafka: Kafka, tmp_path: Path) -> None:
    work = mixed(500, 500, seed=35, odd=0.0)
    with world(tmp_path, kafka, faults=ODD) as here:
        _lose_records(here, work)
        connector = here.run("--until-end")
        assert connector.wait(40) == 1
        assert connector.lines("failed")[0]["reason"].startswith("records were lost")


def test_records_lost_while_it_stands_still_halt_it_too(kafka: Kafka, tmp_path: Path) -> None:
    """A reader that stands still, its buffer full, is overtaken by retention."""
    work = Workload()
    for index in range(20_000):
        name, tags = f"device-{index}", {"seen": index}
        event: dict[str, Any] = {"type": "tags", "hwid": name, "tags": tags}
        work.records.append((name.encode(), json.dumps(event).encode() + b" " * 2000))
        work.change(Change(index, name, "set", tags))
    with world(tmp_path, kafka, faults={"outage": [{}]}, partitions=1) as here:
        properties = here.settings["kafka.properties"] + "\nqueued.max.messages.kbytes=64"
        here.settings |= {"kafka.properties": properties, "buffer.max_events": "200"}
        here.produce(work)
        connector = here.run()
        wait_for(lambda: connector.metric("pauses_total") > 0, 40, "the full buffer")
        here.kafka.delete_records(here.topic, 0, 19_000)
        here.api.faults(outage=None)
        _not_ready(connector, "data_loss")
        (line,) = connector.lines("halted")
        assert "begins at 19000" in line["message"]
        assert here.positions()[0] < 19_000
