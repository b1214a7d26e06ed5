"""The connector with a look inside: `python -m tests.bench.observed run ...` in place of `-m connector`.

`BENCH_LATENCIES=FILE`: the age of every record at its confirmation, in milliseconds, as an array of floats.
`BENCH_STACKS=FILE`: where the main thread is, every 5 ms, as `frame;frame;frame count` lines: what
`py-spy record -f raw` writes, for machines without it.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
from array import array
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from connector import __main__ as program
from connector.core.tally import Tally
from connector.ops.metrics import Example, Metrics

INTERVAL = 0.005
"""Seconds between two looks at the stack."""


def record_latencies(path: Path) -> None:
    """Keep the latency of each confirmed record; write them at the end."""
    ages = array("d")
    absorb = Metrics.absorb

    def observed(self: Metrics, tally: Tally, now: float, examples: Sequence[Example] = ()) -> None:
        for _, timestamps in tally.latencies:
            ages.extend([now * 1000 - timestamp for timestamp in timestamps])
        absorb(self, tally, now, examples)

    Metrics.absorb = observed  # type: ignore[method-assign]  # the point of this program
    atexit.register(lambda: path.write_bytes(ages.tobytes()))


def record_stacks(path: Path) -> None:
    """Count the main thread's stacks; write them at the end."""
    seen: Counter[str] = Counter()

    def look(_: int, frame: FrameType | None) -> None:
        names = []
        while frame is not None:
            code = frame.f_code
            names.append(f"{code.co_name} ({code.co_filename}:{frame.f_lineno})")
            frame = frame.f_back
        seen[";".join(reversed(names))] += 1

    signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, INTERVAL, INTERVAL)

    def write() -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)  # an ending interpreter has no handlers: it would be killed
        path.write_text("".join(f"{stack} {count}\n" for stack, count in seen.items()))

    atexit.register(write)


if __name__ == "__main__":
    if wanted := os.environ.get("BENCH_LATENCIES"):
        record_latencies(Path(wanted))
    if wanted := os.environ.get("BENCH_STACKS"):
        record_stacks(Path(wanted))
    sys.argv[0] = "connector"
    program.main()
