"""deploy/FAULTS.md promises a test for each fault: it must exist, and each test of a fault must be there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
OF_FAULTS = ("crashes", "handovers", "zombies", "api_faults", "kafka_faults", "ends", "applications")


def _named() -> set[tuple[str, str]]:
    return set(NAMED.findall((ROOT / "deploy" / "FAULTS.md").read_text()))


def _tests_in(path: str) -> set[str]:
    return set(re.findall(r"^(?:async )?def (test_\w+)\(", (ROOT / path).read_text(), re.MULTILINE))


def test_each_fault_names_a_test_that_exists() -> None:
    rows = [line for line in (ROOT / "deploy" / "FAULTS.md").read_text().splitlines() if line[:2] == "| "]
    faults = [row for row in rows if not row.startswith("| fault |")]
    assert len(faults) > 20
    without = [row[:60] for row in faults if not NAMED.search(row)]
    assert not without
    named = re.findall(r"`([^`]*::[^`]*)`", "\n".join(faults))
    assert [name for name in named if not NAMED.fullmatch(f"`{name}`")] == []
    missing = [(path, test) for path, test in _named() if test not in _tests_in(path)]
    assert not missing


def test_each_test_of_a_fault_is_in_the_matrix() -> None:
    files = [f"tests/acceptance/test_{name}.py" for name in OF_FAULTS]
    tests = {(path, test) for path in files for test in _tests_in(path)}
    assert not tests - _named()
