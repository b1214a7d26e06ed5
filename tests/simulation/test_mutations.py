"""The simulation notices each of the deliberate faults in `mutations`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from connector.core.posted import Posted
from tests.simulation.mutating import ALL
from tests.simulation.patching import mutated, what

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(900)
def test_every_deliberate_fault_is_noticed() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "tests.simulation", "--mutations", "--processes", "2"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stdout.rstrip().endswith(f"{len(ALL)} of {len(ALL)} noticed")


def test_each_mutation_says_what_it_breaks_and_is_undone() -> None:
    before = dict(Posted.__dict__)
    for mutation in ALL:
        assert what(mutation)
        with mutated(mutation):
            pass
    assert dict(Posted.__dict__) == before
    assert len({what(mutation) for mutation in ALL}) == len(ALL) >= 15
