"""An asyncio event loop whose clock is virtual: nothing waits, time jumps to whatever is due next.

It keeps its own books of what is ready and what is due. A world is thousands of tiny callbacks, and what
asyncio does around each of them for sockets, threads and debugging would take a good part of the time.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from functools import partial
from heapq import heappop, heappush
from itertools import count
from typing import Any

EPOCH = 1_000_000.0
"""Where the clock begins. Small, so that a float still tells microseconds apart."""
MOST_STEPS_AT_ONCE = 20_000
"""Turns of the loop without any time passing after which something is running hot."""


RUNNING: ContextVar[set[asyncio.Task[Any]] | None] = ContextVar("RUNNING", default=None)
"""The tasks of the process that the present task belongs to, so that a crash can end them all."""


class Broken(Exception):  # noqa: N818 - reads as what happened
    """A promise was broken; the words say which and how."""


class _Call:
    """A callback that is to run; for asyncio it is a handle, of which only these two are asked for."""

    __slots__ = ("arguments", "context", "dropped", "work")

    def __init__(self, work: Callable[..., object], arguments: tuple[Any, ...], context: Context) -> None:
        self.work = work
        self.arguments = arguments
        self.context = context
        self.dropped = False

    def cancel(self) -> None:
        self.dropped = True

    def cancelled(self) -> bool:
        return self.dropped


class VirtualLoop(asyncio.BaseEventLoop):
    """One simulated world's loop. `failed` hears of every exception that ends a task or a callback."""

    def __init__(self, failed: Callable[[BaseException], None]) -> None:
        super().__init__()
        self.failed = failed
        self.now = EPOCH
        """Seconds, virtual."""
        self._steps = 0
        self._ready: deque[_Call] = deque()
        self._timers: list[tuple[float, int, _Call]] = []
        self._ties = count()
        self.set_task_factory(self._make_task)  # type: ignore[arg-type]  # its protocol is generic
        self.set_exception_handler(self._on_exception)

    def time(self) -> float:
        return self.now

    # -- turns: called by `run_forever` ----------------------------------------------------------------

    def _run_once(self) -> None:
        """Run what is ready now; what becomes ready by that has the next turn."""
        ready = self._ready
        self._steps += 1
        if not ready:
            self._pass_time()
        if self._timers and self._timers[0][0] <= self.now:
            self._ring()
        if self._steps > MOST_STEPS_AT_ONCE:
            raise Broken("something runs hot: steps without end while no time passes")
        for _ in range(len(ready)):
            call = ready.popleft()
            if call.dropped:
                continue
            try:
                call.context.run(call.work, *call.arguments)
            except Exception as error:  # noqa: BLE001 -- the world has to hear of it, whatever it is
                self.failed(error)

    def _pass_time(self) -> None:
        """Jump to the time at which something is due next."""
        timers = self._timers
        while timers and timers[0][2].dropped:
            heappop(timers)
        if not timers:
            raise Broken("everything stands still: nobody waits for a time, and the world is not settled")
        if timers[0][0] > self.now:
            self.now = timers[0][0]
            self._steps = 0

    def _ring(self) -> None:
        """Make ready what is due by now, in the order in which it was asked for."""
        timers = self._timers
        while timers and timers[0][0] <= self.now:
            self._ready.append(heappop(timers)[2])

    # -- what asyncio asks for -------------------------------------------------------------------------

    def call_soon(  # type: ignore[override]  # as good as a handle
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> _Call:
        call = _Call(callback, args, copy_context() if context is None else context)
        self._ready.append(call)
        return call

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> _Call:
        return self.call_at(self.now + delay, callback, *args, context=context)

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> _Call:
        call = _Call(callback, args, copy_context() if context is None else context)
        heappush(self._timers, (when, next(self._ties), call))
        return call

    def _make_task(
        self, loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any], **options: Any
    ) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.Task(work, loop=loop, **options)
        siblings = RUNNING.get()
        if siblings is None:
            task.add_done_callback(self._look_at)
        else:
            siblings.add(task)
            task.add_done_callback(partial(self._look_at, siblings=siblings))
        return task

    def _look_at(self, task: asyncio.Task[Any], siblings: set[asyncio.Task[Any]] | None = None) -> None:
        if siblings is not None:
            siblings.discard(task)
        if not task.cancelled() and (exception := task.exception()) is not None:
            self.failed(exception)

    def _on_exception(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        exception = context.get("exception")
        if isinstance(exception, BaseException):
            self.failed(exception)
