"""What the demo shows: a live view on a terminal, plain lines elsewhere, and the table at the end."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import TracebackType
from typing import NamedTuple, Self

from rich.console import Console, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table

from connector.core.tally import RecordOutcome
from connector.sandbox.demo_account import Account, Crash

_LINE_EVERY = 2.0
"""Seconds between two lines where there is no terminal."""


class Figures(NamedTuple):
    """What is going on now, over both connectors."""

    connector: str
    state: str
    produced: int
    total: int
    records_in: int
    """Read from Kafka; again after the crash, where they were not settled."""
    settled: Mapping[str, int]
    confirmed_per_second: float
    jobs: int
    backlog: int | None
    """Records that are not settled, as the connector knows it; None while nobody owns the partitions."""
    dead_letters: Mapping[str, int]

    def line(self) -> str:
        """All of it in one line."""
        backlog = "?" if self.backlog is None else f"{self.backlog:,}"
        letters = " ".join(f"{reason}={count}" for reason, count in self.dead_letters.items() if count)
        confirmed = self.settled.get(RecordOutcome.CONFIRMED, 0)
        return (
            f"{self.connector}: {self.state} | produced {self.produced:,} | in {self.records_in:,} | "
            f"confirmed {confirmed:,} ({self.confirmed_per_second:,.0f}/s) | "
            f"jobs {self.jobs} | backlog {backlog} | dead letters {letters or 'none'}"
        )


class Rate:
    """Confirmed records a second, over the last seconds."""

    _SPAN = 3.0

    def __init__(self) -> None:
        self._points: list[tuple[float, int]] = []

    def of(self, confirmed: int) -> float:
        now = time.monotonic()
        self._points = [(at, count) for at, count in self._points if now - at <= self._SPAN] + [
            (now, confirmed)
        ]
        (began, before), (ended, after) = self._points[0], self._points[-1]
        return max(0.0, (after - before) / (ended - began)) if ended > began else 0.0


class Screen:
    """Runs between `with`. `say` adds a line to the story, `show` brings the figures up to date."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, refresh_per_second=8, transient=True)
        self._next_line = 0.0

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def say(self, text: str) -> None:
        self._console.print(escape(text), highlight=False, soft_wrap=True)

    def conclude(self, account: Account, crash: Crash) -> None:
        """Show the result."""
        self._console.print(_outcomes(account), _letters(account))
        for check in account.checks:
            self.say(f"{'agrees' if check.agrees else 'WRONG '}  {check.what}: {check.found}")
        for line in notes(account, crash):
            self.say(line)
        self.say("Everything agrees." if account.agrees else "Something does not agree: see above.")

    def show(self, figures: Figures) -> None:
        if self._console.is_terminal:
            self._live.update(_panel(figures))
        elif time.monotonic() >= self._next_line:
            self._next_line = time.monotonic() + _LINE_EVERY
            self.say(figures.line())


def _panel(figures: Figures) -> RenderableType:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", justify="right")
    grid.add_column()
    settled = sum(figures.settled.values())
    confirmed = figures.settled.get(RecordOutcome.CONFIRMED, 0)
    backlog = "?" if figures.backlog is None else f"{figures.backlog:,}"
    rows: list[tuple[str, RenderableType]] = [
        ("state", f"[bold]{escape(figures.state)}[/]"),
        ("produced", ProgressBar(figures.total, figures.produced, width=40)),
        ("settled", ProgressBar(figures.total, settled, width=40)),
        ("records in", f"{figures.records_in:,}"),
        ("confirmed", f"{confirmed:,}, {figures.confirmed_per_second:,.0f} a second"),
        ("superseded", f"{figures.settled.get(RecordOutcome.SUPERSEDED, 0):,}"),
        ("jobs in flight", str(figures.jobs)),
        ("backlog", backlog),
        ("dead letters", _reasons(figures.dead_letters)),
    ]
    for row in rows:
        grid.add_row(*row)
    return Panel(grid, title=escape(figures.connector), width=70)


def _reasons(letters: Mapping[str, int]) -> str:
    return "\n".join(f"{count:,} {reason}" for reason, count in letters.items() if count) or "none"


def _outcomes(account: Account) -> Table:
    """Who settled how many, and how that makes up what was produced."""
    table = Table(title="Records", title_justify="left")
    for heading in ("", "first connector", "second connector", "together"):
        table.add_column(heading, justify="right" if heading else "left")
    for outcome in RecordOutcome:
        one, two = account.first[outcome], account.second[outcome]
        last = outcome is RecordOutcome.SKIPPED
        table.add_row(_NAMES[outcome], f"{one:,}", f"{two:,}", f"{one + two:,}", end_section=last)
    one, two = sum(account.first.values()), sum(account.second.values())
    table.add_row("settled", f"{one:,}", f"{two:,}", f"{one + two:,}")
    told = "of these by both" if account.settled_twice >= 0 else "and by the first, unseen"
    table.add_row(told, "", "", f"{-account.settled_twice:+,}", end_section=True)
    table.add_row("produced", "", "", f"{one + two - account.settled_twice:,} of {account.produced:,}")
    return table


def _letters(account: Account) -> Table:
    table = Table(title="Dead letters", title_justify="left", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for reason, count in account.by_reason.items():
        table.add_row(reason, f"{count:,}")
    return table


_NAMES: Mapping[RecordOutcome, str] = {
    RecordOutcome.CONFIRMED: "confirmed",
    RecordOutcome.SUPERSEDED: "superseded",
    RecordOutcome.DEAD_LETTER: "dead-lettered",
    RecordOutcome.SKIPPED: "skipped",
}


def notes(account: Account, crash: Crash) -> list[str]:
    """Say in words what the crash did."""
    lines = [
        f"Taken over by the second connector {crash.taken_over:.1f} s after the kill.",
        f"Jobs in the checkpoints that it left: {crash.jobs}; adopted by the second: {crash.adopted}.",
        f"Devices submitted twice because of the crash: {crash.again:,} of {crash.received:,}.",
    ]
    if account.letters_twice:
        lines.append(
            f"Dead letters written twice because of it: {account.letters_twice:,}. The embedded Kafka has no "
            "usable transactions; with a real one a dead letter exists once."
        )
    return lines
