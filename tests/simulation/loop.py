"""An asyncio event loop whose clock is virtual: nothing waits, time jumps to whatever is due next."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from typing import Any

EPOCH = 1_000_000.0
"""Where the clock begins. Small, so that a float still tells microseconds apart."""
MOST_STEPS_AT_ONCE = 20_000
"""Turns of the loop without any time passing after which something is running hot."""


RUNNING: ContextVar[set[asyncio.Task[Any]] | None] = ContextVar("RUNNING", default=None)
"""The tasks of the process that the present task belongs to, so that a crash can end them all."""


class Broken(Exception):  # noqa: N818 - reads as what happened
    """A promise was broken; the words say which and how."""


class VirtualLoop(asyncio.BaseEventLoop):
    """One simulated world's loop. `failed` hears of every exception that ends a task."""

    def __init__(self, failed: Callable[[BaseException], None]) -> None:
        super().__init__()
        self._now = EPOCH
        self.failed = failed
        self._steps = 0
        self._selector = self
        self._clock_resolution = 1e-9
        self.set_task_factory(self._make_task)  # type: ignore[arg-type]  # its protocol is generic
        self.set_exception_handler(self._on_exception)

    def time(self) -> float:
        """Seconds, virtual."""
        return self._now

    def select(self, timeout: float | None) -> list[Any]:
        """Let time pass: called by the loop in place of waiting for sockets."""
        if timeout is None:
            raise Broken("everything stands still: nobody waits for a time, and the world is not settled")
        if timeout > 0:
            self._now += timeout
            self._steps = 0
        else:
            self._steps += 1
            if self._steps > MOST_STEPS_AT_ONCE:
                raise Broken("something runs hot: steps without end while no time passes")
        return []

    def _process_events(self, event_list: list[Any]) -> None:
        """There are no sockets."""

    def _write_to_self(self) -> None:
        """There are no other threads."""

    def _make_task(
        self, loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any], **options: Any
    ) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.Task(work, loop=loop, **options)
        task.add_done_callback(self._look_at)
        siblings = RUNNING.get()
        if siblings is not None:
            siblings.add(task)
            task.add_done_callback(siblings.discard)
        return task

    def _look_at(self, task: asyncio.Task[Any]) -> None:
        if not task.cancelled() and (exception := task.exception()) is not None:
            self.failed(exception)

    def _on_exception(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        exception = context.get("exception")
        if isinstance(exception, BaseException):
            self.failed(exception)
