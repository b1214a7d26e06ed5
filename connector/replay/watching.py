"""A progress bar on standard error, where that is a terminal; nothing otherwise."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn


class Watching:
    """One bar. `step` begins another kind of work."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        self.step(self._what)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.pause()

    def step(self, what: str, total: int | None = None) -> None:
        """Begin something else."""
        self.pause()
        if sys.stderr.isatty():
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            self._task = self._bar.add_task(what, total=total)
            self._bar.start()

    def pause(self) -> None:
        """Take the bar away, so that something else can be printed; the next `step` brings another."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = self._task = None

    def total(self, total: int) -> None:
        """Show how much there is to do."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, total=total)

    def reached(self, done: int) -> None:
        """Show how much is done."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=done)
