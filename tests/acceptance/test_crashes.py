"""What a crash costs: processes killed at any moment, taken over by the next, reconciled record by record."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Collection
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException
from confluent_kafka import TopicPartition as KafkaTopicPartition

from tests.acceptance.processes import Connector, wait_for
from tests.acceptance.workload import FAULTS, mixed
from tests.acceptance.world import LONG, ONE, PROTOCOLS, SESSION, World, settled, world
from tests.kafka.client import Kafka

pytestmark = pytest.mark.broker

KILLS = 20
USUAL = 1
"""Batches that a kill may cost on average of those.

With 16 jobs of 0.3 s 53 end in a second. Where it takes 0.02 s from a POST to its commit, as on an idle
machine, `53 * 0.02` are in between on average. A busy one takes longer, but sends less, too.
"""
TRANSACTION = 10.0 + 10.0
"""Seconds after which the broker ends a transaction that nobody ends: `transaction.timeout.ms`, and its own
`transaction.abort.timed.out.transaction.cleanup.interval.ms` until it looks."""
DEFAULT_SESSION = 10.0
"""Seconds: the session of the classic protocol where nobody sets one."""
LOADED = 2.0
"""Seconds more that a machine may take on which other tests run."""


@pytest.mark.timeout(360)
def test_twenty_kills_at_random_moments_lose_nothing_and_write_no_letter_twice(
    kafka: Kafka, tmp_path: Path
) -> None:
    """Each kill may cost the devices whose POST was accepted but not yet recorded, and no more."""
    dice = random.Random(20)
    work = mixed(20_000, 5_000, seed=2)
    faults = {**FAULTS, "latency": {"seconds": 0.3, "distribution": "exponential"}}
    with world(tmp_path, kafka, faults=faults) as here:
        here.settings["batch.max_devices"] = "100"
        here.produce(work)
        port = 0
        for _ in range(KILLS):
            connector = here.run(port=port)
            port = connector.port
            wait_for(lambda c=connector: c.metric("jobs_in_flight") or here.lag() == 0, 40, "a job")  # type: ignore[misc]
            time.sleep(dice.uniform(0.0, 1.5))
            connector.kill()
        left = here.lag()
        assert here.run("--until-end", port=port).wait(110) == 0
        here.reconcile(work)
        here.show(left_at_the_last_kill=left, kills=KILLS)
        assert left < len(work.records), "each time it was killed before it had settled anything"
        assert here.twice() <= KILLS * USUAL * 100


@pytest.mark.timeout(240)
def test_killed_half_way_sixteen_jobs_of_a_thousand_cost_at_most_a_thousand_devices(
    kafka: Kafka, tmp_path: Path
) -> None:
    """The figure of others for this work, 100,000 events and jobs of 5 s, is 21,000 to 34,095 devices."""
    work = mixed(100_000, 200_000, seed=3, odd=0.0, unreadable=0.0, skew=0.0, operators="set")
    faults = {"latency": {"seconds": 5.0}, "tag_refused": FAULTS["tag_refused"]}
    with world(tmp_path, kafka, faults=faults) as here:
        here.produce(work)
        first = here.run(jobs_max_in_flight="16", batch_max_devices="1000")
        wait_for(lambda: settled(first) >= 40_000 and first.metric("jobs_in_flight") >= 12, 60, "half of it")
        first.kill()
        second = here.run("--until-end", port=first.port)
        assert second.wait(150) == 0, second.tail()
        here.reconcile(work)
        adopted = sum(line["jobs"] for line in second.lines("adopting unfinished jobs"))
        here.show(adopted=adopted)
        assert adopted > 0
        assert here.twice() <= 1000


def _its_share(connector: Connector) -> bool:
    """Whether it is one of two members that has settled something."""
    return settled(connector) > 0 and len(connector.status().get("partitions", [])) == 2


def _goes_on(here: World, partitions: Collection[int]) -> None:
    """Wait until an owner commits something of one of these: what it has settled, or a job that it has begun.

    An offset would tell less: the lowest may be in a batch that nobody has recorded, and take a job's time.
    """
    before = here.checkpoints()
    wait_for(lambda: any(here.checkpoints()[each] != before[each] for each in partitions), 60, "a commit")


def _kill_one_of_two(here: World) -> float:
    """Kill one with jobs under way; the seconds until its partitions go on."""
    first, second = here.run(), here.run()
    for one in (first, second):
        wait_for(lambda c=one: _its_share(c), 60, "its share")  # type: ignore[misc]
    theirs = [each["partition"] for each in first.status()["partitions"]]
    wait_for(lambda: first.metric("jobs_in_flight") >= 4, 30, "jobs under way")
    first.kill()
    began = time.monotonic()
    _goes_on(here, theirs)
    took = time.monotonic() - began
    wait_for(lambda: len(second.status()["partitions"]) == 4, 30, "the partitions")
    return took


@PROTOCOLS
def test_a_member_that_stands_by_takes_over_within_the_session_and_two_seconds(
    kafka: Kafka, tmp_path: Path, properties: str
) -> None:
    work = mixed(12_000, 100_000, seed=4, odd=0.0, unreadable=0.0, spoilt=0.0, skew=0.0, operators="set")
    with world(tmp_path, kafka, faults={"latency": {"seconds": LONG}}) as here:
        here.settings |= {"batch.max_devices": "200", "jobs.max_in_flight": "8"}
        here.settings["kafka.properties"] = properties
        here.shorten_session()
        here.produce(work)
        took = _kill_one_of_two(here)
        here.finish(work)
        here.show(seconds_to_take_over=round(took, 2))
        assert took <= SESSION + 2 + LOADED
        assert here.twice() <= ONE * 200


def test_with_every_setting_at_its_default_a_take_over_takes_ten_seconds_and_two(
    kafka: Kafka, tmp_path: Path
) -> None:
    """Only what has no default is set: addresses, topics, names."""
    work = mixed(60_000, 200_000, seed=13, odd=0.0, unreadable=0.0, spoilt=0.0, skew=0.0, operators="set")
    with world(tmp_path, kafka, faults={"latency": {"seconds": LONG}}) as here:
        for changed in ("kafka.properties", "batch.linger", "jobs.poll_ceiling"):
            del here.settings[changed]
        here.produce(work)
        took = _kill_one_of_two(here)
        here.finish(work)
        here.show(seconds_to_take_over=round(took, 2))
        assert took <= DEFAULT_SESSION + 2 + LOADED
        assert here.twice() <= ONE * 1000


def _kill_in_a_transaction(here: World, connector: Connector, partitions: Collection[int]) -> None:
    """Freeze it again and again until a transaction keeps back offsets of these, then kill it."""
    asked = [KafkaTopicPartition(here.topic, each) for each in partitions]
    group = {"bootstrap.servers": here.kafka.bootstrap, "group.id": here.group, "log_level": 0}
    reader = Consumer({**group, "isolation.level": "read_committed"})
    reader.committed(asked, timeout=30)  # knows its coordinator from now on
    dice = random.Random(5)
    try:
        for _ in range(500):
            connector.signal(signal.SIGSTOP)
            try:
                reader.committed(asked, timeout=0.3)  # librdkafka asks again while offsets are kept back
            except KafkaException as late:
                if late.args[0].code() != KafkaError._TIMED_OUT:
                    raise
                return connector.kill()
            connector.signal(signal.SIGCONT)
            time.sleep(dice.uniform(0.0, 0.03))
    finally:
        reader.close()
    raise AssertionError("no transaction was open at any look")


def test_an_open_transaction_lengthens_a_take_over_until_the_broker_ends_it_and_its_letters_come_once(
    kafka: Kafka, tmp_path: Path
) -> None:
    """A device is refused at its first attempt, so that each job has letters and transactions are many."""
    work = mixed(8_000, 20_000, seed=6, odd=0.3, prone=["failed-"], skew=0.0, operators="set")
    with world(tmp_path, kafka, faults={**FAULTS, "latency": {"seconds": LONG}}) as here:
        here.settings |= {"batch.max_devices": "100", "jobs.max_in_flight": "8"}
        here.settings |= {"brake.refused_share": "0", "jobs.max_attempts": "1"}
        here.produce(work)
        first, second = here.run(), here.run()
        for one in (first, second):
            wait_for(lambda c=one: _its_share(c), 60, "its share")  # type: ignore[misc]
        theirs = [each["partition"] for each in first.status()["partitions"]]
        _kill_in_a_transaction(here, first, theirs)
        began = time.monotonic()
        _goes_on(here, theirs)
        took = time.monotonic() - began
        here.finish(work)
        here.show(seconds_to_take_over=round(took, 2))
        assert took <= max(SESSION, TRANSACTION) + 2 + LOADED, "both run from the kill on"
        assert here.twice() <= ONE * 100
