"""How soon it works: from the start of the process, from its death, from its farewell."""

from __future__ import annotations

import subprocess
import sys
import time
from functools import partial
from statistics import median

from tests.acceptance.processes import Api, wait_for
from tests.bench import load
from tests.bench.setting import Bench
from tests.bench.watch import Watched

NAME = "start"


def start(bench: Bench) -> None:
    """Start to first POST, `--help`, and the two ways in which a partition changes its owner."""
    topic = bench.topic(load.once_each(4000))
    with bench.api() as api, bench.connector(topic, api) as connector:
        # The first member of a new broker's first group waits a second for the coordinator.
        connector.follow(lambda _: _posts(api) > 0)
    times = [_first_post(bench, topic) for _ in range(bench.scale(5, 1))]
    bench.add(NAME, "process start to first POST", median(times), "s", bound="at most", least=2, aim=1)
    helps = [_help() for _ in range(bench.scale(5, 1))]
    bench.add(NAME, "--help", median(helps), "s")
    bench.add(NAME, "take-over after SIGTERM, to the last commit", _take_over(bench, kill=False), "s")
    if not bench.quick:
        after = _take_over(bench, kill=True)
        bench.add(NAME, "take-over after kill -9 (session time-out 10 s), to the last commit", after, "s")


def _posts(api: Api) -> int:
    return int(api.stats()["posts"])


def _first_post(bench: Bench, topic: str) -> float:
    with bench.api() as api, bench.connector(topic, api) as connector:
        while not _posts(api):
            time.sleep(0.005)
        return time.monotonic() - connector.started


def _help() -> float:
    began = time.monotonic()
    subprocess.run([sys.executable, "-m", "connector", "--help"], check=True, capture_output=True)
    return time.monotonic() - began


def _take_over(bench: Bench, *, kill: bool) -> float:
    """One of two members ends, then records come: how long until the other has committed them all."""
    topic = bench.topic()
    with bench.api() as api:
        settings = bench.settings(topic, api, batch_linger="10ms")
        with Watched(bench.folder, settings) as first, Watched(bench.folder, settings) as second:
            for each in (first, second):
                wait_for(partial(_owns, each, 2), 60, "two partitions for each")
            ended = time.monotonic()
            first.process.kill() if kill else first.process.terminate()
            load.backlog(bench.kafka.bootstrap, topic, load.once_each(400))
            wait_for(lambda: bench.lag(topic, settings["kafka.group_id"]) == 0, 60, "the end of the lag")
            return time.monotonic() - ended


def _owns(connector: Watched, partitions: int) -> bool:
    return connector.metrics().count("connector_backlog_records{") == partitions
