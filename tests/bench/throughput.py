"""How much: against the references while jobs finish at once, against the formula where they take time."""

from __future__ import annotations

import time
from statistics import fmean

from tests.bench.setting import Bench
from tests.bench.watch import cpu_per_million, middle, rate

IN_FLIGHT = 16
DEVICES = 1000
"""The connector's defaults, which the formula is made of."""


def saturated(bench: Bench) -> None:
    """Jobs finish at once, each device comes once: what the connector itself can do.

    The reference runs before and after, because the machine's speed changes meanwhile.
    """
    topic, events = bench.plain()
    before = bench.reference(topic, events)
    some = str(bench.scale(600_000, 4_000))
    with bench.api() as api:
        by_hand = bench.program("handwritten", bench.kafka.bootstrap, topic, some, api.url)
    with bench.api() as api, bench.connector(topic, api) as connector:
        connector.confirm(1, every=0.02)
        began, (ran_before, waited_before) = time.monotonic(), connector.main_thread()
        every = bench.scale(1, 0) or 0.05  # each sample is a scrape: as often as 4 a second they took 4 %
        samples = middle(connector.confirm(events, every=every), events)
        took, (ran, waited) = time.monotonic() - began, connector.main_thread()
        bench.results.curves["saturated: confirmed events"] = [
            (each.time - connector.started, each.confirmed) for each in connector.samples
        ]
        connector.stop()
    after = bench.reference(topic, events)
    reference = fmean([before["events_per_second"], after["events_per_second"]])
    reference_cpu = fmean([before["cpu_per_million"], after["cpu_per_million"]])
    reached, cpu = rate(samples), cpu_per_million(samples)
    name = "saturated"
    bench.add(name, "reference loop", reference, "events/s")
    bench.add(name, "reference loop, spread of its two runs", _spread(before, after))
    bench.add(name, "reference loop, CPU", reference_cpu, "s per million")
    bench.add(name, "hand-written consumer", by_hand["events_per_second"], "events/s")
    bench.add(name, "hand-written consumer, CPU", by_hand["cpu_per_million"], "s per million")
    bench.add(name, "connector", reached, "events/s")
    bench.add(name, "connector, CPU", cpu, "s per million")
    bench.add(name, "connector, share of time that its main thread ran", (ran - ran_before) / took)
    bench.add(name, "connector, share that it waited for a core", (waited - waited_before) / took)
    bench.add(name, "against the reference", reached / reference, bound="at least", least=0.15, aim=0.25)
    bench.add(
        name,
        "against the hand-written consumer",
        reached / by_hand["events_per_second"],
        bound="at least",
        least=1.0,
        aim=1.5,
    )
    bench.add(name, "CPU against the reference", cpu / reference_cpu, "x", bound="at most", least=8, aim=4)


def _spread(before: dict[str, float], after: dict[str, float]) -> float:
    rates = before["events_per_second"], after["events_per_second"]
    return max(rates) / min(rates)


def latency_bound(bench: Bench) -> None:
    """Jobs take a while: confirmed events a second against jobs in flight x devices / duration."""
    cases = [
        (0.1, "constant", 80),
        (0.1, "exponential", 80),
        (1.0, "constant", 22),
        (1.0, "exponential", 22),
        (5.0, "constant", 10),
        (5.0, "exponential", 30),  # of fewer jobs the mean alone is uncertain by a tenth
    ]
    for latency, distribution, rounds in [(0.1, "constant", 0)] if bench.quick else cases:
        _latency_case(bench, latency, distribution, rounds)


def _latency_case(bench: Bench, latency: float, distribution: str, rounds: int) -> None:
    topic, events = bench.plain()
    events = min(events, rounds * IN_FLIGHT * DEVICES or events)
    options = ["--latency", f"{latency * 1000:.0f}ms", "--latency-distribution", distribution]
    what = f"{latency:g} s {distribution}"
    with bench.api(*options) as api, bench.connector(topic, api) as connector:
        samples = middle(connector.confirm(events), events)
        stats = api.stats()
        connector.stop()
    bound = IN_FLIGHT * DEVICES / latency
    least, aim = (0.70, 0.90) if latency < 1 else (0.95, 0.99)
    share = rate(samples) / bound
    polls = stats["gets"] / max(1, stats["jobs"].get("completed", 0)) - 1
    name = "latency"
    bench.add(name, f"{what}: against the formula", share, bound="at least", least=least, aim=aim)
    bench.add(name, f"{what}: GETs a job beyond one", polls, bound="at most", least=3, aim=1)
    bench.add(name, f"{what}: CPU", cpu_per_million(samples), "s per million")
