"""Three replicas under load are replaced one by one, as a Deployment with `maxSurge: 0` does it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from connector.kafka.clients.properties import consumer_properties
from tests.acceptance.processes import Connector, wait_for
from tests.acceptance.workload import mixed
from tests.acceptance.world import World, world
from tests.kafka.client import Kafka

pytestmark = [pytest.mark.broker, pytest.mark.timeout(300)]

REPLICAS = 3
PARTITIONS = 12
EVENTS = 15_000
PORTION = EVENTS // REPLICAS
SESSION = float(consumer_properties({})[0]["session.timeout.ms"]) / 1000
"""Seconds: the session time-out where nothing else is configured."""


class Owners:
    """Looks all the time at who owns what; `longest` is how long a partition had no owner, in seconds."""

    def __init__(self, here: World) -> None:
        self._here = here
        self._since: dict[int, float] = {}
        self.longest = 0.0

    def look(self) -> None:
        owned: set[int] = set()
        for connector in self._here.connectors:
            owned |= {int(each["partition"]) for each in owned_by(connector)}
        now = time.monotonic()
        for partition in range(PARTITIONS):
            if partition in owned:
                self._since.pop(partition, None)
            else:
                self.longest = max(self.longest, now - self._since.setdefault(partition, now))

    @contextmanager
    def watching(self) -> Iterator[None]:
        done = threading.Event()

        def watch() -> None:
            while not done.wait(0.1):
                self.look()

        thread = threading.Thread(target=watch)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()


def owned_by(connector: Connector) -> list[dict[str, int]]:
    if connector.process.poll() is not None:
        return []
    return list(connector.status().get("partitions", ()))


def settled_down(here: World) -> bool:
    """Whether every replica that lives owns its share: what `minReadySeconds` leaves time for."""
    owned = [len(owned_by(each)) for each in here.connectors if each.process.poll() is None]
    return owned == [PARTITIONS // REPLICAS] * REPLICAS


def replica(here: World) -> Connector:
    """Start one with Kafka's time-outs as they are in production."""
    return here.run(kafka_properties="", batch_max_devices="100")


def test_a_rolling_restart_submits_nothing_twice_and_leaves_no_partition_alone(
    kafka: Kafka, tmp_path: Path
) -> None:
    work = mixed(EVENTS, 20_000, odd=0.0, spoilt=0.0, skew=0.0)
    faults = {"latency": {"seconds": 0.5, "distribution": "exponential"}}
    with world(tmp_path, kafka, faults=faults, partitions=PARTITIONS) as here:
        old = [replica(here) for _ in range(REPLICAS)]
        wait_for(lambda: settled_down(here), 60, "a share for each")
        owners = Owners(here)
        waiting = []
        with owners.watching():
            for number, each in enumerate(old):
                here.produce(work, number * PORTION, (number + 1) * PORTION)
                waiting.append(here.lag())
                assert each.terminate() == 0, each.tail()
                wait_for(replica(here).ready, 60, "readiness")
                wait_for(lambda: settled_down(here), 60, "a share for each")
        here.finish(work)
        here.show(longest_without_owner=round(owners.longest, 2), lag_at_each_restart=waiting)
        assert all(waiting), "there was no load"
        assert here.twice() == 0
        assert owners.longest < SESSION
