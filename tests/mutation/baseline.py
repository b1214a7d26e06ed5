"""Which tests run which lines, and how long each takes: measured once, with nothing wrong."""

from __future__ import annotations

import ast
import json
import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from coverage import CoverageData

from tests.mutation.trial import run_tests


class Baseline:
    """The tests of each line: those of the mirroring files, then the quickest, first."""

    def __init__(self, seconds: dict[str, float], lines: dict[str, dict[int, set[str]]]) -> None:
        self._seconds = seconds
        self._lines = lines
        self.tests = len(seconds)

    def tests_of(self, path: str, source: str, line: int, budget: float) -> list[str]:
        """Return the tests that run a line, or one of its statement, as many as take `budget` seconds in all.

        First those of the files that mirror this one (`halts.py`: `test_halts.py`, `test_halts_told.py`),
        then the quickest. What runs on import (a constant, a default) belongs to every test that runs a
        line of the file.
        """
        lines = self._lines.get(path, {})
        names = set().union(*(lines.get(each, set()) for each in _statement(source, line)))
        mirror = {name for name in self._seconds if _mirrors(name, path)}
        names = names or mirror.union(*lines.values())
        chosen: list[str] = []
        for name in sorted(names, key=lambda name: (name not in mirror, self._seconds[name], name)):
            budget -= self._seconds[name]
            if chosen and budget < 0:
                break
            chosen.append(name)
        return chosen

    def seconds(self, tests: Sequence[str]) -> float:
        """Return how long tests take together."""
        return sum(self._seconds[name] for name in tests)


def _mirrors(test: str, path: str) -> bool:
    """Tell whether a test, by its node id, is in a file named after a file of the core, or a part of one."""
    return f"{Path(test.partition('::')[0]).stem}_".startswith(f"test_{Path(path).stem}_")


def _statement(source: str, line: int) -> range:
    """Return the lines of the innermost simple statement around a line; of a compound one only that line."""
    for node in ast.walk(ast.parse(source)):
        if (
            isinstance(node, ast.stmt)
            and not hasattr(node, "body")
            and node.lineno <= line <= (node.end_lineno or node.lineno)
        ):
            return range(node.lineno, (node.end_lineno or node.lineno) + 1)
    return range(line, line + 1)


class _Stopwatch:
    """Notes how long each test took, and what failed."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.failures: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.seconds[report.nodeid] = self.seconds.get(report.nodeid, 0.0) + report.duration
        if report.failed:
            self.failures.append(f"{report.nodeid}\n{report.longreprtext}")

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.failures.append(report.longreprtext)


def measure(folder: Path, package: str, tests: Sequence[str]) -> Baseline:
    """Run the tests in a child process. Raises RuntimeError where one fails: then mutants tell nothing."""
    times, covered = folder / "times.json", folder / "coverage"
    child = os.fork()
    if not child:
        code = int(pytest.ExitCode.INTERNAL_ERROR)
        watch = _Stopwatch()
        try:
            os.environ["COVERAGE_FILE"] = str(covered)
            options = [
                f"--cov={package}",
                f"--cov-config={os.devnull}",
                "--cov-context=test",
                "--cov-report=",
            ]
            code = run_tests([*tests, *options], [watch])
        finally:
            times.write_text(json.dumps([watch.seconds, watch.failures]), encoding="utf-8")
            os._exit(code)
    failed = os.waitpid(child, 0)[1]
    seconds: dict[str, float]
    seconds, failures = json.loads(times.read_text(encoding="utf-8"))
    if failed:
        raise RuntimeError("\n".join(["the tests fail as they are: mend that first", *failures]))
    data = CoverageData(str(covered))
    data.read()
    lines = {
        os.path.relpath(file): {
            line: {name.rpartition("|")[0] for name in names if name}
            for line, names in data.contexts_by_lineno(file).items()
        }
        for file in data.measured_files()
    }
    return Baseline(seconds, lines)
