"""The real things around a test: the sandbox as a process, the connector as a process, and the reconciliation."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from connector.model import TopicPartition
from tests.acceptance.workload import DOOMED, Workload
from tests.broker import free_ports
from tests.kafka.client import Kafka

PYTHON = [sys.executable, "-m", "connector"]


def wait_for(condition: Callable[[], Any], seconds: float = 60.0, what: str = "the condition") -> Any:
    """Ask until it holds; fail after `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError(f"{what} did not come true in {seconds:.0f} s")


class Api:
    """The sandbox in a process of its own."""

    def __init__(
        self, folder: Path, *options: str, faults: Mapping[str, Any] | None = None, port: int = 0
    ) -> None:
        self._log = folder / "sandbox.log"
        self.port = port or free_ports(1)[0]
        self._command = [*PYTHON, "sandbox", "--port", str(self.port), *options]
        if faults is not None:
            self._command += ["--faults", json.dumps(faults)]
        self.url = f"http://127.0.0.1:{self.port}"
        self._http = httpx.Client(base_url=self.url, timeout=30)
        self.start()

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)
        wait_for(self._answers, 20, "the sandbox")

    def _answers(self) -> bool:
        try:
            return self._http.get("/sandbox/stats").status_code == 200
        except httpx.HTTPError:
            return False

    def faults(self, **changes: Any) -> None:
        """Change some faults; None removes one."""
        self._http.patch("/sandbox/faults", json=changes).raise_for_status()

    def stats(self) -> dict[str, Any]:
        return dict(self._http.get("/sandbox/stats").raise_for_status().json())

    def tags(self) -> dict[str, dict[str, Any]]:
        """Every known device's tags, by hwid, or by what else it is known."""
        lines = self._http.get("/sandbox/devices").raise_for_status().text.splitlines()
        devices = [json.loads(line) for line in lines]
        return {
            each.get("hwid") or each.get("user_id") or each["push_token"]: each.get("tags", {})
            for each in devices
        }

    def stop(self) -> None:
        self._http.close()
        self._process.kill()
        self._process.wait()


class Connector:
    """`pushwoosh-connector run` in a process of its own."""

    def __init__(self, folder: Path, name: str, settings: Mapping[str, str], *arguments: str) -> None:
        self.log = folder / f"{name}.log"
        self.port = free_ports(1)[0]
        environ = {key: value for key, value in os.environ.items() if not key.startswith("CONNECTOR_")}
        environ |= {"CONNECTOR_ADMIN_HOST": "127.0.0.1", "CONNECTOR_ADMIN_PORT": str(self.port)}
        environ |= {f"CONNECTOR_{key.upper().replace('.', '_')}": value for key, value in settings.items()}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen([*PYTHON, "run", *arguments], env=environ, stdout=log, stderr=log)

    def get(self, path: str) -> httpx.Response | None:
        """GET from the admin endpoints; None while nothing answers."""
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}{path}", timeout=5)
        except httpx.HTTPError:
            return None

    def status(self) -> dict[str, Any]:
        answer = self.get("/status.json")
        return answer.json() if answer is not None and answer.status_code == 200 else {}

    def ready(self) -> bool:
        answer = self.get("/readyz")
        return answer is not None and answer.status_code == 200

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric's samples with these labels; 0 where there is none."""
        answer = self.get("/metrics")
        total = 0.0
        for line in answer.text.splitlines() if answer is not None else []:
            if (
                line.startswith(f"pushwoosh_connector_{name}")
                and line[len(f"pushwoosh_connector_{name}")] in "{ "
            ):
                if all(f'{key}="{value}"' in line for key, value in labels.items()):
                    total += float(line.rsplit(" ", 1)[1])
        return total

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def terminate(self, seconds: float = 60) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)

    def wait(self, seconds: float = 120) -> int:
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {seconds:.0f} s:\n{self.tail()}") from None

    def tail(self, lines: int = 30) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def logged(self, text: str) -> int:
        return self.log.read_text(errors="replace").count(text)


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
            "pushwoosh.url": api.url,
            "pushwoosh.application": "AAAAA-BBBBB",
            "pushwoosh.token": "token",
            "batch.linger": "50ms",
        }

    def produce(self, work: Workload, start: int = 0, end: int | None = None) -> None:
        """Write records of a workload; the header `n` is the record's index."""
        records = enumerate(work.records[start:end], start)
        self.kafka.produce(
            self.topic, ((key, value, None, [("n", str(index).encode())]) for index, (key, value) in records)
        )

    def run(self, *arguments: str, **settings: str) -> Connector:
        """Start a connector; `batch_linger="1s"` changes a setting."""
        changed = {key.replace("_", ".", 1): value for key, value in settings.items()}
        connector = Connector(
            self.folder, f"connector-{len(self.connectors)}", {**self.settings, **changed}, *arguments
        )
        self.connectors.append(connector)
        return connector

    def lag(self) -> int:
        """Records that are not committed."""
        committed = self.kafka.committed(self.group)
        ends = self.kafka.end_offsets(self.topic)
        return sum(
            end
            - (
                committed[place].offset
                if (place := TopicPartition(self.topic, partition)) in committed
                else 0
            )
            for partition, end in ends.items()
        )

    def letters(self) -> Counter[int]:
        """How often each record, by its index, is in the dead-letter topic."""
        return Counter(int(each.header("n") or -1) for each in self.kafka.read_all(self.dead))

    def reconcile(self, work: Workload) -> None:
        """Every record accounted for, every device's tags right, every dead letter exactly once."""
        assert self.lag() == 0, "records are left"
        stored = self.kafka.read_all(self.dead)
        letters = {int(each.header("n") or -1): each.header("pushwoosh.reason") for each in stored}
        twice = {index: times for index, times in self.letters().items() if times > 1}
        assert not twice, f"dead-lettered more than once: {twice}"
        assert not (missing := {n: why for n, why in work.refused.items() if n not in letters}), (
            f"no letter: {missing}"
        )
        assert not (extra := {n: why for n, why in letters.items() if n not in work.refused}), (
            f"good: {extra}"
        )
        wrong_reason = {n: (letters[n], why) for n, why in work.refused.items() if letters[n] != why}
        assert not wrong_reason, f"wrong reason (has, should have): {wrong_reason}"
        known = self.api.tags()
        wrong = {
            name: (known.get(name), tags)
            for name, tags in work.tags.items()
            if (known.get(name) or {}) != tags
        }
        assert not wrong, (
            f"{len(wrong)} devices are wrong, such as (has, should have): {[*wrong.items()][:3]}"
        )
        assert not [name for name in known if name not in work.tags and not name.startswith(tuple(DOOMED))]

    def close(self) -> None:
        for connector in self.connectors:
            if connector.process.poll() is None:
                connector.kill()
        self.api.stop()


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
