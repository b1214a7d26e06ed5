"""Thousands of worlds in which everything goes wrong that can: the promises hold in each."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.world import simulate

ROOT = Path(__file__).parents[2]
SEEDS = 200
"""A sample: `.ci/run` has 2,000 by `python -m tests.simulation`, which anyone may have more of."""


@pytest.mark.timeout(300)
def test_every_promise_is_kept_through_crashes_hand_overs_and_faults() -> None:
    """In a process of its own, as from the command line, with nothing of pytest's in its memory."""
    ran = subprocess.run(
        [sys.executable, "-m", "tests.simulation", "--seeds", str(SEEDS), "--processes", "1"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert f"{SEEDS} seeds" in ran.stdout
    assert ran.stdout.rstrip().endswith(": 0 broken")


def test_a_seed_repeats_to_the_letter() -> None:
    first: list[str] = []
    second: list[str] = []
    simulate(7, first.append)
    simulate(7, second.append)
    assert first == second
    assert len(first) > 50
