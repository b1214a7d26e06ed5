"""What an event costs as things grow: CPU time, against the same base. Flat, or with a reason."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Mapping
from typing import Any

from tests.bench import load
from tests.bench.setting import Bench

NAME = "growth"


def growth(bench: Bench) -> None:
    """Each axis by itself; the base has 4 partitions, each device once, no refusals."""
    events = bench.scale(400_000, 4_000)
    base = _cost(bench, load.once_each(events), events)
    bench.add(NAME, "base: 4 partitions, each device once", base, "us/event")
    _backlog(bench, base)
    _kinds(bench, events, base)
    for partitions in (bench.quick and (8,)) or (1, 50, 500):
        cost = _cost(bench, load.once_each(events), events, partitions=partitions)
        _show(bench, f"{partitions} partitions", cost, base)
    if bench.quick:
        return
    for devices in (1_000, 10_000, 100_000):
        cost = _cost(bench, load.evenly(events, devices), events)
        _show(bench, f"{devices:,} devices", cost, base)
    for unsettled in (1_000, 10_000):
        cost = _cost(bench, load.once_each(events), events, buffer_max_events=str(unsettled))
        _show(bench, f"{unsettled:,} unsettled events at most", cost, base)
    stuck = {"job_stuck": [{"prefix": "stuck-"}]}
    names = ["stuck-device", *load.once_each(events)]
    cost = _cost(bench, names, events * 0.99, faults=stuck)
    _show(bench, f"{events:,} offsets settled beyond one that is not", cost, base)
    for share in (0.001, 0.01, 0.1, 0.5):
        refused = {"device_failed": [{"share": share, "steady": True}]}
        cost = _cost(bench, load.once_each(events), events, faults=refused, brake_refused_share="0")
        _show(bench, f"{share:.1%} dead letters", cost, base)
    shy = {"device_not_found": [{"share": 0.001, "steady": True, "first": 1}]}
    cost = _cost(bench, load.once_each(events), events, faults=shy)
    _show(bench, "1 retried device a batch", cost, base)


def _kinds(bench: Bench, events: int, base: float) -> None:
    """Other events than those of the base: more of them is checked, so they may cost more, but few times."""
    kinds = {
        "registrations": load.registration,
        "a third registrations": load.by_turns,
        "users": load.of_user,
    }
    for what, made in kinds.items():
        cost = _cost(bench, load.once_each(events), events, made=made)
        bench.add(NAME, f"{what}: against the base", cost / max(base, 1e-9), "x", bound="at most", least=3)
        if bench.quick:
            return


def _show(bench: Bench, what: str, cost: float, base: float) -> None:
    bench.add(
        NAME, f"{what}: against the base", cost / max(base, 1e-9), "x", bound="at most", least=1.25, aim=1.1
    )


def _cost(
    bench: Bench,
    names: Iterable[str],
    events: float,
    *,
    partitions: int = 4,
    faults: Mapping[str, Any] | None = None,
    made: load.Made = load.event,
    **changes: str,
) -> float:
    """Microseconds of CPU for an event, from a tenth to nine tenths of the backlog."""
    topic = bench.topic(names, partitions, made=made)
    contents = "tags" if made in (load.event, load.of_user) else "mixed"
    with bench.api(faults=faults) as api, bench.connector(topic, api, contents, **changes) as connector:
        every = bench.scale(1, 0) / 2 or 0.05  # of 500 partitions a scrape is long
        began = connector.follow(lambda sample: sample.settled >= 0.1 * events, every=every)[-1]
        ended = connector.follow(lambda sample: sample.settled >= 0.9 * events, every=every)[-1]
        connector.process.kill()
    return (ended.cpu - began.cpu) / max(1.0, ended.settled - began.settled) * 1e6


def _backlog(bench: Bench, base: float) -> None:
    """A backlog builds up while the process is frozen; small ones are repeated until they can be measured."""
    sizes = (2_000,) if bench.quick else (10_000, 100_000, 1_000_000)
    for size in sizes:
        repeats = max(1, bench.scale(300_000, 4_000) // size)
        topic = bench.topic()
        with bench.api() as api, bench.connector(topic, api, batch_linger="50ms") as connector:
            connector.follow(lambda _: "connector_backlog_records{" in connector.metrics(), limit=30)
            used = 0.0
            for turn in range(repeats):
                connector.process.send_signal(signal.SIGSTOP)
                load.backlog(bench.kafka.bootstrap, topic, load.once_each(size, turn * size))
                connector.process.send_signal(signal.SIGCONT)
                before = connector.cpu()
                connector.confirm((turn + 1) * size)
                used += connector.cpu() - before
            connector.process.kill()
        _show(bench, f"backlog of {size:,}", used / (repeats * size) * 1e6, base)
