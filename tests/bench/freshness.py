"""How soon: from a record's timestamp to its confirmation, at a tenth and at half of the saturated rate."""

from __future__ import annotations

import subprocess
import sys
from array import array
from pathlib import Path

from tests.bench.setting import Bench
from tests.bench.watch import Watched, cpu_per_million, middle, rate

LINGER = 0.02
JOB = 0.1
"""Seconds: both are taken off, because they are the user's and the API's."""


def freshness(bench: Bench) -> None:
    """The overhead is what is left of a record's age when it is confirmed, less linger and job time."""
    saturated = bench.results.value("saturated", "connector") or _saturated(bench)
    for share in [0.1] if bench.quick else [0.1, 0.5]:
        speed = bench.scale(int(share * saturated), 1000)
        ages = _stream(bench, speed, seconds=bench.scale(20, 3))
        steady = sorted(ages[len(ages) // 5 :])  # the first few seconds are a start, not a stream
        over = [(age / 1000 - LINGER - JOB) * 1000 for age in steady]
        name, what = "freshness", f"at {share:.0%} ({speed:,}/s)"
        middle_one, late = over[len(over) // 2], over[int(len(over) * 0.99)]
        bench.add(name, f"{what}: overhead p50", middle_one, "ms", bound="at most", least=20, aim=20)
        bench.add(name, f"{what}: overhead p99", late, "ms", bound="at most", least=60, aim=25)
        bench.add(name, f"{what}: overhead max", over[-1], "ms")
        bench.results.curves[f"freshness: share of events within ms, {what}"] = [
            (over[min(len(over) - 1, int(len(over) * percent / 100))], percent) for percent in range(101)
        ]


def _saturated(bench: Bench) -> float:
    topic, events = bench.plain()
    with bench.api() as api, bench.connector(topic, api) as connector:
        return rate(middle(connector.confirm(events), events))


def _stream(bench: Bench, speed: int, seconds: int) -> array[float]:
    """Stream events to a connector that is up; return their ages at confirmation, in milliseconds."""
    # The broker's time: how far a producer is behind on two busy cores is not the connector's.
    topic = bench.topic(config={"message.timestamp.type": "LogAppendTime"})
    found = Path(bench.folder / f"latencies-{speed}")
    with bench.api("--latency", f"{JOB * 1000:.0f}ms") as api:
        settings = bench.settings(topic, api, batch_linger=f"{LINGER * 1000:.0f}ms")
        with Watched(
            bench.folder,
            settings,
            module="tests.bench.observed",
            environment={"BENCH_LATENCIES": str(found)},
        ) as connector:
            connector.follow(lambda _: "connector_backlog_records{" in connector.metrics(), limit=30)
            connector.samples.clear()
            connector.sample()
            arguments = [bench.kafka.bootstrap, topic, str(speed), str(seconds)]
            subprocess.run([sys.executable, "-m", "tests.bench.load", *arguments], check=True)
            events = sum(bench.kafka.end_offsets(topic).values())
            connector.confirm(events, limit=60)
            bench.add("freshness", f"{speed:,}/s: CPU", cpu_per_million(connector.samples), "s per million")
            connector.stop()
    ages = array("d")
    ages.frombytes(found.read_bytes())
    return ages
