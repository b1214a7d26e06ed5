"""When a world's memory is freed: it is full of circles, so only the garbage collector can."""

from __future__ import annotations

import gc

from tests.simulation.world import Ending, simulate


def collect_worlds_only() -> None:
    """For this process: modules and all that is there already are not looked through after each world."""
    gc.disable()
    gc.freeze()


def simulate_alone(seed: int) -> Ending:
    """Run one seed, and collect its world: once after its end, not in between."""
    outcome = simulate(seed)
    gc.collect()
    return outcome
