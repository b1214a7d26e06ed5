"""Mutation testing of the pure core: how many small mistakes do its unit and property tests notice?

    python -m tests.mutation --sample 300 --seed 1
    python -m tests.mutation --only connector/core/assigned/offsets.py --sample 1000

Prints each survivor, then the score of each file and of all. The same seed takes the same mutants of the
same source in the same order; `--minutes` tries as many of them as that time allows. Each is tried against
the tests that run its line, those of the mirroring files first, then the quickest, as many as take `--budget`
seconds together: one that only a slower test would notice counts as a survivor, so the score is rather too
low than too high.
"""

from __future__ import annotations

import argparse
import difflib
import importlib
import os
import random
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests.mutation.baseline import Baseline, measure
from tests.mutation.mutants import Mutant, mutants, sample
from tests.mutation.trial import PRELOADED, SURVIVED, Trial, outcome, start

_PACKAGE = "connector/core"
_TESTS = ("tests/unit/core", "tests/property", "tests/unit/mapping")
_STARTING = 20.0
"""Seconds that a trial may take on a busy machine beside its tests."""
_SLOWER = 5
"""Times longer than without a mistake the tests of a trial may take."""


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__.partition("\n")[0])
    parser.add_argument("--sample", type=int, default=300, help="mutants to try (300)")
    parser.add_argument("--seed", type=int, default=1, help="which ones (1)")
    parser.add_argument("--only", action="append", help="a file of connector/core; may be repeated")
    parser.add_argument("--jobs", type=int, default=2, help="trials at once (2)")
    parser.add_argument("--budget", type=float, default=15.0, help="seconds of tests a mutant (15)")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="start no trial after that")
    parser.add_argument(
        "--fail-under", type=float, default=0.0, help="exit with 1 below this score in per cent"
    )
    arguments = parser.parse_args()
    for path in arguments.only or ():
        if not (path.startswith(f"{_PACKAGE}/") and Path(path).is_file()):
            parser.error(f"--only {path}: no file of {_PACKAGE}; give it as from here, {_PACKAGE}/engine.py")
    return arguments


def _trials(
    chosen: Sequence[Mutant], sources: Mapping[str, str], baseline: Baseline, arguments: argparse.Namespace
) -> Iterator[tuple[Mutant, Trial]]:
    end = time.monotonic() + 60 * arguments.minutes
    for mutant in chosen:
        if time.monotonic() >= end:
            return
        source = sources[mutant.path]
        tests = baseline.tests_of(mutant.path, source, mutant.span[0][0], arguments.budget)
        limit = _STARTING + _SLOWER * baseline.seconds(tests)
        yield mutant, Trial(mutant.path, mutant.source(source), tests, limit)


def _run(trials: Iterator[tuple[Mutant, Trial]], jobs: int) -> Iterator[tuple[Mutant, Trial, str]]:
    """Try them, so many at once; yield each as it ends."""
    running: dict[int, tuple[Mutant, Trial]] = {}
    for mutant, trial in trials:
        if not trial.tests:  # nothing runs that line
            yield mutant, trial, SURVIVED
            continue
        running[start(trial)] = (mutant, trial)
        if len(running) >= jobs:
            yield _next(running)
    while running:
        yield _next(running)


def _next(running: dict[int, tuple[Mutant, Trial]]) -> tuple[Mutant, Trial, str]:
    child, status = os.waitpid(-1, 0)
    return *running.pop(child), outcome(status)


def _difference(mutant: Mutant, before: str, after: str) -> str:
    lines = list(difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm=""))[3:]
    return "\n".join(
        [f"{mutant.path}:{mutant.span[0][0]} {mutant.operator}", *(f"    {line}" for line in lines)]
    )


def main() -> int:
    """Measure, try, tell."""
    arguments = _arguments()
    sys.path.insert(0, str(Path.cwd()))
    for name in PRELOADED:
        importlib.import_module(name)
    files = arguments.only or sorted(str(path) for path in Path(_PACKAGE).rglob("*.py"))
    sources = {path: Path(path).read_text(encoding="utf-8") for path in files}
    every = [mutant for path, source in sources.items() for mutant in mutants(path, source)]
    chosen = sample(every, arguments.sample, random.Random(arguments.seed))
    with tempfile.TemporaryDirectory() as folder:
        baseline = measure(Path(folder), _PACKAGE, _TESTS)
    print(f"{len(every)} mutants, {len(chosen)} of them against {baseline.tests} tests", flush=True)  # noqa: T201  # a command's output
    outcomes: dict[str, Counter[str]] = defaultdict(Counter)
    for mutant, trial, result in _run(_trials(chosen, sources, baseline, arguments), arguments.jobs):
        outcomes[mutant.path][result] += 1
        if result == SURVIVED:
            told = _difference(mutant, sources[mutant.path], trial.source)
            print(f"{told}\n    ({len(trial.tests)} tests)", flush=True)  # noqa: T201  # a command's output
    for path in sorted(outcomes):
        print(f"{_score(outcomes[path]):6.1f} % of {outcomes[path].total():4} {path}")  # noqa: T201  # a command's output
    every_outcome = sum(outcomes.values(), Counter[str]())
    score = _score(every_outcome)
    told = ", ".join(f"{number} {name}" for name, number in sorted(every_outcome.items()))
    print(f"score {score:.1f} % ({told}; seed {arguments.seed})")  # noqa: T201  # a command's output
    return int(score < arguments.fail_under)


def _score(outcomes: Counter[str]) -> float:
    """Return how many in a hundred were noticed."""
    return 100 * (1 - outcomes[SURVIVED] / max(1, outcomes.total()))


if __name__ == "__main__":
    sys.exit(main())
