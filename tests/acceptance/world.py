"""What is around a test: topics, an API, connectors; and the reckoning of every record at its end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import KafkaException

from connector.model import Position, TopicPartition
from tests.acceptance.processes import Api, Connector, wait_for
from tests.acceptance.workload import DOOMED, Workload
from tests.chaos_table import MARK
from tests.kafka.client import Kafka

QUICK = "session.timeout.ms=1500\nheartbeat.interval.ms=300"
"""librdkafka's properties that let a group notice a death soon; what takes 10 s by default takes 1.5."""
SESSION = 1.5
"""Seconds: the session time-out of these."""
NEW_PROTOCOL = "group.protocol=consumer"
"""The session is the broker's to decide then: 45 s, or what `World.shorten_session` makes of it."""
PROTOCOLS = pytest.mark.parametrize("properties", [QUICK, NEW_PROTOCOL], ids=["classic", "consumer"])
"""For what must hold with either `group.protocol`."""
LONG = 2.5
"""Seconds that jobs take where a bound on what a kill costs must be tight: one batch, see `ONE`."""
ONE = 1
"""Batches that one kill may cost where jobs are `LONG` or longer.

At risk are those whose POST was accepted and which no commit has recorded yet, one a concurrent submission.
The connector lets `max_in_flight * recording / job` of them go at once, rounded: one, unless it takes longer
than `1.5 * job / max_in_flight` from a POST to its commit. With 8 jobs of 2.5 s that is 0.47 s; 0.02 s are
usual.
"""


class World:
    """A topic, a dead-letter topic, an API and as many connectors as a test wants."""

    def __init__(self, folder: Path, kafka: Kafka, api: Api, partitions: int = 4) -> None:
        self.folder = folder
        self.kafka = kafka
        self.api = api
        self.topic = kafka.name("events")
        self.dead = kafka.name("dead")
        self.group = kafka.name("group")
        kafka.create_topic(self.topic, partitions)
        kafka.create_topic(self.dead, 2)
        self.connectors: list[Connector] = []
        self.settings = {
            "kafka.bootstrap_servers": kafka.bootstrap,
            "kafka.group_id": self.group,
            "kafka.mixed_topics": self.topic,
            "kafka.dead_letter_topic": self.dead,
            "kafka.properties": QUICK,
            "pushwoosh.url": api.url,
            "pushwoosh.application": "AAAAA-BBBBB",
            "pushwoosh.token": "token",
            "batch.linger": "50ms",
            "jobs.poll_ceiling": "500ms",
        }

    def produce(self, work: Workload, start: int = 0, end: int | None = None) -> None:
        """Write records of a workload; the header `n` is the record's index."""
        records = enumerate(work.records[start:end], start)
        self.kafka.produce(
            self.topic, ((key, value, None, [("n", str(index).encode())]) for index, (key, value) in records)
        )

    def shorten_session(self, seconds: float = SESSION) -> None:
        """Have this group's members missed so soon under the new protocol, as `QUICK` does under the old."""
        self.kafka.configure_group(self.group, consumer_session_timeout_ms=str(round(seconds * 1000)))

    def run(self, *arguments: str, port: int = 0, **settings: str) -> Connector:
        """Start a connector; `batch_linger="1s"` changes a setting, an empty text removes it.

        The `port` of one that has ended makes this its restart: the same instance to Kafka's transactions.
        """
        changed = {key.replace("_", ".", 1): value for key, value in settings.items()}
        chosen = {key: value for key, value in {**self.settings, **changed}.items() if value}
        name = f"connector-{len(self.connectors)}"
        connector = Connector(self.folder, name, chosen, *arguments, port=port)
        self.connectors.append(connector)
        return connector

    def positions(self) -> dict[int, int]:
        """Committed offset by partition of the source topic; 0 where there is none."""
        return {partition: at.offset for partition, at in self.checkpoints().items()}

    def checkpoints(self) -> dict[int, Position]:
        """The same with the metadata, which tell the jobs under way and what is settled beyond the offset."""
        committed = self.kafka.committed(self.group)
        partitions = self.kafka.partitions(self.topic)
        return {each: committed.get(TopicPartition(self.topic, each), Position(0, "")) for each in partitions}

    def lag(self) -> int:
        """Records that are not committed."""
        ends = self.kafka.end_offsets(self.topic)
        return sum(ends.values()) - sum(self.positions().values())

    def letters(self) -> dict[int, list[str | None]]:
        """By the record's index, the reason of each of its letters."""
        found: dict[int, list[str | None]] = {}
        for each in self.kafka.read_all(self.dead):
            found.setdefault(int(each.header("n") or -1), []).append(each.header("pushwoosh.reason"))
        return found

    def twice(self) -> int:
        """Devices that were submitted again although an earlier submission had come through."""
        return int(self.api.stats()["submitted_twice"])

    def in_two_jobs(self) -> int:
        """How often a device was sent that was in an unfinished job, which its sender could have known of."""
        return int(self.api.stats()["violations"]["overlapping"])

    def finish(self, work: Workload, seconds: float = 90) -> None:
        """Wait until nothing is left, stop every connector in order, reconcile."""
        self.wait_settled(seconds)
        for connector in self.connectors:
            if connector.process.poll() is None:
                assert connector.terminate() == 0, connector.tail()
        self.reconcile(work)

    def wait_settled(self, seconds: float = 90) -> None:
        """Wait until every record is committed."""
        try:
            wait_for(self._has_no_lag, seconds, "the end of the lag")
        except AssertionError as late:
            tails = "\n".join(connector.tail(8) for connector in self.connectors)
            raise AssertionError(f"{late}, {self.lag()} are left\n{tails}") from None

    def _has_no_lag(self) -> bool:
        try:
            return self.lag() == 0
        except KafkaException:  # a broker is on its way up
            return False

    def reconcile(self, work: Workload) -> None:
        """Every record accounted for, every device's tags right, every dead letter exactly once."""
        self.reconcile_letters(work)
        self.reconcile_devices(work)

    def reconcile_letters(self, work: Workload) -> None:
        """Every record settled, every refused one in a letter with its reason, and nothing else."""
        assert self.lag() == 0, "records are left"
        letters = self.letters()
        twice = {index: reasons for index, reasons in letters.items() if len(reasons) > 1}
        assert not twice, f"dead-lettered more than once: {twice}"
        missing = {n: why for n, why in work.refused.items() if n not in letters}
        assert not missing, f"{len(missing)} records have no letter: {dict([*missing.items()][:5])}"
        good = {n: why for n, why in letters.items() if n not in work.refused}
        assert not good, f"{len(good)} good records are dead-lettered: {dict([*good.items()][:5])}"
        wrong = {n: (letters[n], why) for n, why in work.refused.items() if letters[n] != [why]}
        assert not wrong, f"wrong reason (has, should have): {dict([*wrong.items()][:5])}"

    def reconcile_devices(self, work: Workload, application: str = "") -> None:
        """Every device's tags are right, and there are no others: of one application, or of all."""
        known = self.api.tags(application)
        wrong = {
            name: (known.get(name), tags)
            for name, tags in work.tags.items()
            if (known.get(name) or {}) != tags
        }
        shown = [*wrong.items()][:3]
        assert not wrong, f"{len(wrong)} devices are wrong, such as (has, should have): {shown}"
        doomed = tuple(DOOMED)
        strange = [name for name in known if name not in work.tags and not name.startswith(doomed)]
        assert not [name for name in strange if known[name]]

    def show(self, **figures: Any) -> None:
        """Print the figures of this test: the table at the end of all tests has them."""
        stats = self.api.stats()
        all_of_them = {"submitted_twice": stats["submitted_twice"], **figures}
        all_of_them["overlapping"] = stats["violations"]["overlapping"]
        line = " ".join(f"{name}={value}" for name, value in all_of_them.items())
        print(f"{MARK}{line}")  # noqa: T201 -- a figure is what these tests are for

    def close(self) -> None:
        for connector in self.connectors:
            if connector.process.poll() is None:
                connector.kill()
        self.api.stop()


def settled(connector: Connector) -> float:
    """How many records this process has settled."""
    return connector.metric("events_settled_total")


@contextmanager
def world(
    folder: Path, kafka: Kafka, *options: str, faults: Mapping[str, Any] | None = None, partitions: int = 4
) -> Iterator[World]:
    """Everything around a connector, cleaned up afterwards."""
    made = World(folder, kafka, Api(folder, *options, faults=faults), partitions)
    try:
        yield made
    finally:
        made.close()


def seconds_until(condition: Callable[[], Any], limit: float, what: str) -> float:
    """How long it takes until it holds; fails after `limit`."""
    began = time.monotonic()
    wait_for(condition, limit, what)
    return time.monotonic() - began
