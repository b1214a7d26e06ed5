"""Many seeds in several processes, and what came of them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context

from tests.simulation.collecting import collect_worlds_only, simulate_alone
from tests.simulation.world import Ending

AT_ONCE = 5
"""Seeds that a process takes at a time: few, so that all have something to do until the end."""
SHOWN = 5
"""Broken seeds that are shown in full."""


@dataclass
class Result:
    """What a campaign came to."""

    seeds: int = 0
    seconds: float = 0.0
    virtual: float = 0.0
    styles: Counter[str] = field(default_factory=Counter)
    broken: list[Ending] = field(default_factory=list)


def campaign(first: int, count: int, processes: int, progress: Callable[[Result], None]) -> Result:
    """Run seeds from `first` on; `progress` is called now and then."""
    result = Result()
    began = time.monotonic()
    chunks = [
        range(begin, min(begin + AT_ONCE, first + count)) for begin in range(first, first + count, AT_ONCE)
    ]
    with ProcessPoolExecutor(
        processes, mp_context=get_context("spawn"), initializer=collect_worlds_only
    ) as pool:
        for outcomes in pool.map(simulate_all, chunks):
            for outcome in outcomes:
                result.seeds += 1
                result.virtual += outcome.seconds
                result.styles[outcome.style] += 1
                if outcome.broken:
                    result.broken.append(outcome)
            result.seconds = time.monotonic() - began
            progress(result)
    return result


def simulate_all(seeds: range) -> list[Ending]:
    """Run these."""
    return [simulate_alone(seed) for seed in seeds]


def described(outcome: Ending) -> str:
    """Say what broke, how to see it again, and what led to it."""
    lines = [
        f"seed {outcome.seed} ({outcome.style}): {outcome.broken}",
        f"    repeat: python -m tests.simulation --seed {outcome.seed} --trace",
        *(f"    | {line[:240]}" for line in outcome.trace[-25:]),
    ]
    return "\n".join(lines)
