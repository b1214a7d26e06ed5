"""How large: full buffers in front of a stuck API, and ten million events."""

from __future__ import annotations

import time
from statistics import median

from tests.bench import load
from tests.bench.setting import Bench
from tests.bench.watch import Watched

MEBI = 1 << 20
BUFFER = 100_000
"""The default of `buffer.max_events`."""


def memory(bench: Bench) -> None:
    """Peak and drift of resident memory; the time of a scrape meanwhile."""
    _stuck(bench)
    _drift(bench)


def _stuck(bench: Bench) -> None:
    """No job ever ends: everything fills up to its bound and stays there."""
    topic, events = bench.plain()
    full = min(BUFFER, events)
    with bench.api("--latency", "1h") as api, bench.connector(topic, api) as connector:
        connector.follow(lambda _: connector.metric("buffered_events") >= full, limit=120)
        scrapes = [_scrape(connector) for _ in range(bench.scale(50, 5))]
        time.sleep(bench.scale(5, 0))  # librdkafka fills its own queue, then nothing may grow
        peak = connector.memory("VmHWM") / MEBI
        buffered = connector.metric("buffered_events")
        connector.process.kill()
    name, what = "memory", f"peak RSS with {buffered:,.0f} events buffered"
    bench.add(name, what, peak, "MiB", bound="at most", least=300, aim=150)
    bench.add(name, "scrape of /metrics meanwhile, p50", median(scrapes) * 1000, "ms")
    bench.add(name, "scrape of /metrics meanwhile, max", max(scrapes) * 1000, "ms")


def _scrape(connector: Watched) -> float:
    began = time.monotonic()
    connector.metrics()
    return time.monotonic() - began


def _drift(bench: Bench) -> None:
    """Resident memory in the last fifth of a long run against the second fifth."""
    events = bench.scale(10_000_000, 12_000)
    topic = bench.topic(load.evenly(events, 1_000_000)) if not bench.quick else bench.plain()[0]
    with bench.api() as api, bench.connector(topic, api) as connector:
        samples = connector.confirm(events, every=0.02 if bench.quick else 1.0, limit=1800)
        connector.stop()
    early = [each.rss for each in samples if 0.2 * events <= each.confirmed <= 0.4 * events]
    late = [each.rss for each in samples if each.confirmed >= 0.8 * events]
    drift = (median(late) - median(early or late)) / MEBI
    what = f"RSS drift over {events:,} events"
    bench.add("memory", what, drift, "MiB", bound="at most", least=10, aim=1)
    bench.add("memory", "RSS at the end", samples[-1].rss / MEBI, "MiB")
    bench.results.curves["memory: MiB over events"] = [(each.confirmed, each.rss / MEBI) for each in samples]
