"""What every bench stands on: a broker, topics with their backlogs, an API, and the results."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from tests.acceptance.processes import Api
from tests.bench import load
from tests.bench.figures import Figure, Results
from tests.bench.watch import Watched
from tests.kafka.client import Kafka

PARTITIONS = 4


class Bench:
    """One run of the suite. `quick`: just enough to see that it works."""

    def __init__(self, kafka: Kafka, folder: Path, results: Results, *, quick: bool) -> None:
        self.kafka = kafka
        self.folder = folder
        self.results = results
        self.quick = quick
        self._plain: tuple[str, int] | None = None

    def add(
        self,
        bench: str,
        name: str,
        value: float,
        unit: str = "",
        *,
        bound: Literal["at least", "at most", ""] = "",
        least: float | None = None,
        aim: float | None = None,
    ) -> None:
        """Take in a figure and show it."""
        self.results.add(Figure(bench, name, value, unit, bound, least, aim))

    def scale(self, full: int, quick: int) -> int:
        """So many in a full run, so many in a quick one."""
        return quick if self.quick else full

    # -- topics ----------------------------------------------------------------------------------

    def topic(
        self,
        names: Iterable[str] = (),
        partitions: int = PARTITIONS,
        config: Mapping[str, str] | None = None,
        made: load.Made = load.event,
    ) -> str:
        """Make a topic with an event for each name."""
        topic = self.kafka.create_topic(self.kafka.name("bench"), partitions, config)
        load.backlog(self.kafka.bootstrap, topic, names, made)
        return topic

    def plain(self) -> tuple[str, int]:
        """The topic that most benches read, and how many events it has: each device once, 4 partitions."""
        if self._plain is None:
            events = self.scale(2_000_000, 12_000)
            self._plain = self.topic(load.once_each(events)), events
        return self._plain

    # -- processes -------------------------------------------------------------------------------

    @contextmanager
    def api(self, *options: str, faults: Mapping[str, Any] | None = None) -> Iterator[Api]:
        """The sandbox in its light mode: it keeps no devices."""
        api = Api(self.folder, "--light", *options, faults=faults)
        try:
            yield api
        finally:
            api.stop()

    def settings(self, topic: str, api: Api, contents: str = "tags", **changes: str) -> dict[str, str]:
        """Defaults but for what has to be named; `batch_linger="1s"` changes `batch.linger`."""
        dead = self.kafka.create_topic(self.kafka.name("dead"))
        return {
            "kafka.bootstrap_servers": self.kafka.bootstrap,
            "kafka.group_id": self.kafka.name("group"),
            f"kafka.{contents}_topics": topic,
            "kafka.dead_letter_topic": dead,
            "pushwoosh.url": api.url,
            "pushwoosh.application": "AAAAA-BBBBB",
            "pushwoosh.token": "token",
            **{key.replace("_", ".", 1): value for key, value in changes.items()},
        }

    def connector(self, topic: str, api: Api, contents: str = "tags", **changes: str) -> Watched:
        """Start a connector of a new group."""
        return Watched(self.folder, self.settings(topic, api, contents, **changes))

    def program(self, name: str, *arguments: str) -> dict[str, float]:
        """Run one of this folder's programs to its end and read what it prints."""
        command = [sys.executable, "-m", f"tests.bench.{name}", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900)
        if done.returncode != 0:
            raise RuntimeError(f"{name} failed:\n{done.stderr[-2000:]}")
        return dict(json.loads(done.stdout))

    def lag(self, topic: str, group: str) -> int:
        """Records of the topic that the group has not committed."""
        committed = sum(position.offset for position in self.kafka.committed(group).values())
        return sum(self.kafka.end_offsets(topic).values()) - committed

    def reference(self, topic: str, events: int) -> dict[str, float]:
        """What the plain consume loop does on this topic just now."""
        return self.program("reference", self.kafka.bootstrap, topic, str(events))
