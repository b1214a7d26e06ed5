"""The figures of the tests that break things, as one table after all tests have run."""

from __future__ import annotations

from collections.abc import Iterator

from _pytest.terminal import TerminalReporter

MARK = "FIGURES "
"""Begins the line that such a test prints: `tests.acceptance.world.World.show`."""


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """Write a line for each test that printed figures, whether it passed or not."""
    found = sorted(_figures(terminalreporter))
    if not found:
        return
    terminalreporter.section("what was broken, and what it cost")
    for test, figures in found:
        terminalreporter.line(f"{test}: {figures}")


def _figures(reporter: TerminalReporter) -> Iterator[tuple[str, str]]:
    for outcome in ("passed", "failed"):
        for report in reporter.getreports(outcome):
            test = report.nodeid.partition("::")[2].removeprefix("test_").replace("_", " ")
            for line in report.capstdout.splitlines():
                if line.startswith(MARK):
                    yield test, line.removeprefix(MARK)
