"""Busy devices: updates that wait for theirs are coalesced, and nothing else slows down."""

from __future__ import annotations

from collections.abc import Iterator

from tests.bench import load
from tests.bench.setting import Bench
from tests.bench.watch import cpu_per_million, middle, rate


def skew(bench: Bench) -> None:
    """The same number of events over 200,000 devices: in turn, by Zipf's law, and with one hot device."""
    events, devices = bench.scale(600_000, 6_000), 200_000
    even_rate, even_cpu = _case(bench, "each device once", load.once_each(events), events)
    cases = {
        "one device with 20 % of all events": load.hot(events, 0.2),
        "in turn": load.evenly(events, devices),
        "Zipf, exponent 1": load.by_zipf(events, devices),
    }
    for what, names in [*cases.items()][: bench.scale(3, 1)]:
        speed, cpu = _case(bench, what, names, events)
        bench.add("skew", f"{what}: events/s against each device once", speed / max(even_rate, 1e-9))
        bench.add("skew", f"{what}: CPU against each device once", cpu / max(even_cpu, 1e-9), "x")


def _case(bench: Bench, what: str, names: Iterator[str], events: int) -> tuple[float, float]:
    topic = bench.topic(names)
    with bench.api("--latency", "20ms") as api, bench.connector(topic, api) as connector:
        samples = middle(connector.confirm(events), events)
        sent = int(api.stats()["devices_received"])
        connector.stop()
    bench.add("skew", f"{what}: devices sent per event", sent / events)
    return rate(samples), cpu_per_million(samples)
