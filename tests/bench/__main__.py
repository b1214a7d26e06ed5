"""The benchmark suite: `python -m tests.bench [--quick] [--only NAME]`.

A real broker, the sandbox and the connector each in a process of its own. Times are noisy: compare ratios
to a reference of the same run, CPU time and counts. Results go to bench-results/.
"""

# ruff: noqa: T201 -- what it prints is what it is for

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.bench import plots
from tests.bench.budget import budget
from tests.bench.figures import Results
from tests.bench.formats import formats
from tests.bench.freshness import freshness
from tests.bench.growth import growth
from tests.bench.mapping import mapping
from tests.bench.memory import memory
from tests.bench.setting import Bench
from tests.bench.skew import skew
from tests.bench.start import start
from tests.bench.throughput import latency_bound, saturated
from tests.broker import Broker
from tests.kafka.client import Kafka

BENCHES: dict[str, Callable[[Bench], None]] = {
    "saturated": saturated,
    "latency": latency_bound,
    "freshness": freshness,
    "skew": skew,
    "memory": memory,
    "growth": growth,
    "start": start,
    "mapping": mapping,
    "formats": formats,
    "budget": budget,
}
"""In the order in which they run: later ones use what earlier ones found."""


def run(names: Sequence[str], folder: Path, kafka: Kafka, *, quick: bool) -> Results:
    """Run these benches against a cluster."""
    results = Results()
    bench = Bench(kafka, folder, results, quick=quick)
    for name in names:
        began = time.monotonic()
        print(f"{name}:", flush=True)
        BENCHES[name](bench)
        print(f"  ({time.monotonic() - began:.0f} s)", flush=True)
    return results


def main() -> int:
    """Run what the command line asks for. Exit code 1 if a full run misses a target."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="see that each works; its figures mean nothing")
    parser.add_argument("--only", action="append", choices=[*BENCHES], help="this one; may be repeated")
    parser.add_argument("--output", type=Path, default=Path("bench-results"), help="folder for the results")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that no process outlives this one
    os.chdir(Path(__file__).parents[2])  # processes import `tests` from there
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        broker = Broker(Path(scratch) / "broker")
        broker.start()
        try:
            names = [name for name in BENCHES if not given.only or name in given.only]
            results = run(names, Path(scratch), Kafka(broker.bootstrap), quick=given.quick)
        finally:
            broker.kill()
    results.write(given.output, quick=given.quick)
    plots.write(results.curves, given.output)
    print(f"\n{results.table()}\n\nwritten to {given.output}/")
    missed = [each for each in results.figures if each.verdict == "missed"]
    return 1 if missed and not given.quick else 0


if __name__ == "__main__":
    sys.exit(main())
