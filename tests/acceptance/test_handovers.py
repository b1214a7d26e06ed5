"""Members that come and go in order: nothing is submitted twice, whatever is under way."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from tests.acceptance.processes import Connector, wait_for
from tests.acceptance.workload import FAULTS, mixed
from tests.acceptance.world import ONE, PROTOCOLS, World, settled, world
from tests.kafka.client import Kafka

pytestmark = pytest.mark.broker


def _works(connector: Connector) -> bool:
    """Whether it has partitions and has settled something."""
    return settled(connector) > 0 and bool(connector.status().get("partitions"))


def _owned(here: World) -> int:
    """Partitions that somebody owns, by what each running connector says."""
    running = [each for each in here.connectors if each.process.poll() is None]
    return sum(len(each.status().get("partitions", [])) for each in running)


@PROTOCOLS
def test_a_stop_with_jobs_in_flight_ends_in_time_and_the_next_process_adopts_them(
    kafka: Kafka, tmp_path: Path, properties: str
) -> None:
    work = mixed(20_000, 100_000, seed=5, odd=0.0, skew=0.0, operators="set")
    faults = {"latency": {"seconds": 5.0}, "tag_refused": FAULTS["tag_refused"]}
    with world(tmp_path, kafka, faults=faults) as here:
        here.settings["kafka.properties"] = properties
        here.produce(work)
        first = here.run(jobs_stop_timeout="1s")
        wait_for(lambda: first.metric("jobs_in_flight") >= 16, 40, "sixteen jobs")
        began = time.monotonic()
        assert first.terminate() == 0, first.tail()
        stopped_after = time.monotonic() - began
        second = here.run("--until-end")
        assert second.wait(90) == 0, second.tail()
        here.reconcile(work)
        adopted = sum(line["jobs"] for line in second.lines("adopting unfinished jobs"))
        here.show(seconds_to_stop=round(stopped_after, 2), adopted=adopted)
        assert adopted > 0
        assert here.twice() == 0
        assert here.in_two_jobs() == 0
        assert stopped_after <= 1.0 + 2.0


def test_a_stop_waits_for_jobs_that_end_in_time(kafka: Kafka, tmp_path: Path) -> None:
    work = mixed(5_000, 20_000, seed=6, prone=["failed-", "shy-", "late-", "twice-"], skew=0.0)
    with world(tmp_path, kafka, faults={**FAULTS, "latency": {"seconds": 1.5}}) as here:
        here.produce(work)
        first = here.run(jobs_stop_timeout="20s")
        wait_for(lambda: first.metric("jobs_in_flight") >= 3, 40, "jobs")
        assert first.terminate() == 0, first.tail()
        assert not first.lines("handing over with requests unanswered: their devices may be sent twice")
        second = here.run("--until-end")
        assert second.wait(90) == 0, second.tail()
        assert not second.lines("adopting unfinished jobs")
        here.reconcile(work)
        here.show()
        assert here.twice() == 0
        assert here.in_two_jobs() == 0


def test_a_second_signal_leaves_at_once_and_costs_no_more_than_a_crash(kafka: Kafka, tmp_path: Path) -> None:
    work = mixed(10_000, 50_000, seed=7, odd=0.0, skew=0.0, operators="set")
    faults = {"latency": {"seconds": 6.0}, "tag_refused": FAULTS["tag_refused"]}
    with world(tmp_path, kafka, faults=faults) as here:
        here.produce(work)
        here.settings["batch.max_devices"] = "500"
        first = here.run()
        wait_for(lambda: first.metric("jobs_in_flight") >= 16, 40, "jobs")
        first.signal(signal.SIGTERM)
        wait_for(lambda: first.lines("stopping"), 10, "the first signal's line")
        began = time.monotonic()
        first.signal(signal.SIGTERM)
        assert first.wait(10) == 1
        took = time.monotonic() - began
        second = here.run("--until-end", port=first.port)
        assert second.wait(90) == 0, second.tail()
        here.reconcile(work)
        here.show(seconds=round(took, 2))
        assert took < 1.0
        assert here.twice() <= ONE * 500


@PROTOCOLS
def test_scaling_to_three_and_back_under_load_submits_nothing_twice(
    kafka: Kafka, tmp_path: Path, properties: str
) -> None:
    work = mixed(24_000, 100_000, seed=8, odd=0.005, skew=0.0, operators="set")
    with world(tmp_path, kafka, faults={**FAULTS, "latency": {"seconds": 0.5}}, partitions=6) as here:
        here.settings |= {"kafka.properties": properties, "batch.max_devices": "200"}
        here.settings["jobs.max_in_flight"] = "4"
        here.produce(work, 0, 20_000)
        first = here.run()
        wait_for(lambda: _works(first), 40, "the first member's progress")
        others = [here.run(), here.run()]
        for one in (first, *others):
            wait_for(lambda c=one: _works(c) and len(c.status()["partitions"]) == 2, 40, "a third for each")  # type: ignore[misc]
        here.produce(work, 20_000)
        for one in others:
            assert one.terminate() == 0, one.tail()
        wait_for(lambda: len(first.status()["partitions"]) == 6, 40, "all partitions again")
        sent = here.api.stats()["devices_received"]
        here.finish(work)
        here.show(sent_while_scaling=sent)
        assert here.twice() == 0
        assert here.in_two_jobs() == 0


@PROTOCOLS
def test_a_rolling_restart_of_three_submits_nothing_twice(
    kafka: Kafka, tmp_path: Path, properties: str
) -> None:
    work = mixed(24_000, 100_000, seed=9, odd=0.005, skew=0.0, operators="set")
    with world(tmp_path, kafka, faults={**FAULTS, "latency": {"seconds": 0.5}}, partitions=6) as here:
        here.settings |= {"kafka.properties": properties, "batch.max_devices": "200"}
        here.settings |= {"jobs.max_in_flight": "4", "jobs.stop_timeout": "200ms"}
        here.produce(work)
        running = [here.run() for _ in range(3)]
        wait_for(lambda: all(_works(one) for one in running), 40, "three members at work")
        for one in running:
            assert one.terminate() == 0, one.tail()
            after = here.run(port=one.port)
            wait_for(lambda c=after: c.status().get("partitions"), 40, "the new one's partitions")  # type: ignore[misc]
        sent = here.api.stats()["devices_received"]
        wait_for(lambda: _owned(here) == 6, 40, "an owner for each partition")
        here.finish(work)
        here.show(sent_by_the_last_restart=sent)
        assert here.twice() == 0
        assert here.in_two_jobs() == 0


def test_a_taken_admin_port_is_an_error_with_words(kafka: Kafka, tmp_path: Path) -> None:
    with world(tmp_path, kafka) as here:
        first = here.run()
        wait_for(first.ready, 30, "readiness")
        second = here.run(port=first.port)
        assert second.wait(30) == 1
        (line,) = second.lines("admin endpoints unavailable")
        assert "it is taken" in line["reason"]
        assert "admin.port" in line["reason"]
        assert first.ready()
