"""`python -m tests.simulation`: many seeds, one seed with its trace, or the mutations.

--seeds 50000             from seed --first on, in --processes
--seed 17 --trace         one seed, with everything that happens in it
--mutations               break the connector on purpose, each time in one way: is it noticed?
"""

from __future__ import annotations

import argparse
import os
import sys

from tests.simulation.campaign import SHOWN, Result, campaign, described
from tests.simulation.mutating import table, try_all
from tests.simulation.world import simulate


def main() -> int:
    """Do what the command line asks for; 1 if a promise was broken, or a mutation not noticed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--seeds", type=int, help="how many")
    what.add_argument("--seed", type=int, help="this one alone")
    what.add_argument("--mutations", action="store_true")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--processes", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--trace", action="store_true")
    parser.add_argument("--most", type=int, default=2500, help="seeds for each mutation")
    given = parser.parse_args()
    if given.mutations:
        return _mutations(given.most, given.processes)
    if given.seed is not None:
        return _one(given.seed, trace=given.trace)
    return _many(given.first, given.seeds, given.processes)


def _one(seed: int, *, trace: bool) -> int:
    outcome = simulate(seed, _say if trace else None)
    if outcome.broken:
        _say(f"seed {seed} ({outcome.style}): {outcome.broken}" if trace else described(outcome))
        return 1
    _say(f"seed {seed} ({outcome.style}): every promise kept, {outcome.seconds:.0f} virtual seconds")
    return 0


def _many(first: int, count: int, processes: int) -> int:
    result = campaign(first, count, processes, _progress if sys.stderr.isatty() else lambda _result: None)
    for outcome in result.broken[:SHOWN]:
        _say(described(outcome))
    for outcome in result.broken[SHOWN:]:
        _say(f"seed {outcome.seed} ({outcome.style}): {outcome.broken}")
    styles = ", ".join(f"{style} {number}" for style, number in sorted(result.styles.items()))
    _say(
        f"{result.seeds} seeds ({styles}) in {result.seconds:.0f} s, "
        f"{result.virtual / 3600:.1f} virtual hours: {len(result.broken)} broken"
    )
    return 1 if result.broken else 0


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")


def _progress(result: Result) -> None:
    sys.stderr.write(f"\r{result.seeds} seeds, {len(result.broken)} broken")
    sys.stderr.flush()


def _mutations(most: int, processes: int) -> int:
    tried = try_all(most, processes)
    _say(table(tried))
    return 0 if all(trial.seeds for trial in tried) else 1


if __name__ == "__main__":
    sys.exit(main())
