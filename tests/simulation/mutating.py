"""Does the simulation notice when the connector is broken on purpose? One row a mutation."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

from tests.simulation.collecting import collect_worlds_only, simulate_alone
from tests.simulation.mutations_of_books import MUTATIONS as OF_BOOKS
from tests.simulation.mutations_of_commits import MUTATIONS as OF_COMMITS
from tests.simulation.mutations_of_devices import MUTATIONS as OF_DEVICES
from tests.simulation.mutations_of_operation import MUTATIONS as OF_OPERATION
from tests.simulation.mutations_of_retention import MUTATIONS as OF_RETENTION
from tests.simulation.mutations_of_spoilers import MUTATIONS as OF_SPOILERS
from tests.simulation.mutations_of_standstills import MUTATIONS as OF_STANDSTILLS
from tests.simulation.patching import SEEDS, mutated, what

ALL = (*OF_BOOKS, *OF_COMMITS, *OF_DEVICES, *OF_OPERATION, *OF_RETENTION, *OF_SPOILERS, *OF_STANDSTILLS)


@dataclass(frozen=True)
class Trial:
    """A mutation: by how many seeds it was noticed, counted from 0 on (0: never), and by what."""

    name: str
    what: str
    seeds: int
    seed: int
    broken: str


def try_all(most: int, processes: int, report: Callable[[Trial], None] = lambda _trial: None) -> list[Trial]:
    """Try each mutation with at most this many seeds."""
    with ProcessPoolExecutor(
        processes, mp_context=get_context("spawn"), initializer=collect_worlds_only
    ) as pool:
        trials = []
        for trial in pool.map(attempt, range(len(ALL)), [most] * len(ALL)):
            report(trial)
            trials.append(trial)
        return trials


def attempt(number: int, most: int) -> Trial:
    """Run seeds with a mutation in place until one of them breaks a promise."""
    mutation = ALL[number]
    with mutated(mutation):
        for seed in (*([SEEDS[mutation]] if mutation in SEEDS else []), *range(most)):
            outcome = simulate_alone(seed)
            if outcome.broken.startswith(("TypeError", "AttributeError", "NameError")):
                return Trial(mutation.__name__, what(mutation), 0, seed, f"does not fit: {outcome.broken}")
            if outcome.broken:
                return Trial(mutation.__name__, what(mutation), seed + 1, seed, outcome.broken)
    return Trial(mutation.__name__, what(mutation), 0, -1, "")


def table(trials: list[Trial]) -> str:
    """Show what was noticed, and how soon."""
    lines = ["| mutation | seeds from 0 on until noticed | what it looked like |", "|---|---|---|"]
    for trial in trials:
        noticed = str(trial.seeds) if trial.seeds else "NOT NOTICED"
        lines.append(f"| {trial.what} | {noticed} | {trial.broken[:110].replace('|', '/')} |")
    found = sum(1 for trial in trials if trial.seeds)
    return "\n".join([*lines, f"{found} of {len(trials)} noticed"])
