"""An asyncio event loop whose clock is virtual: nothing waits, time jumps to whatever is due next.

It keeps its own books of what is ready and what is due. A world is thousands of tiny callbacks, and what
asyncio does around each of them for sockets, threads, contexts and debugging would take a part of the time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import Context, copy_context
from heapq import heappop, heappush
from itertools import count
from typing import Any

EPOCH = 1_000_000.0
"""Where the clock begins. Small, so that a float still tells microseconds apart."""
MOST_STEPS_AT_ONCE = 20_000
"""Turns of the loop without any time passing after which something is running hot."""

_Work = tuple[Callable[..., object], tuple[Any, ...]]
"""A callback that is to run, and its arguments."""


class Broken(Exception):  # noqa: N818 - reads as what happened
    """A promise was broken; the words say which and how."""


class _Timer(list[_Work]):
    """What is to run at a time, nothing once it is cancelled. A list, as nothing else is made as fast."""

    def cancel(self) -> None:
        self.clear()


class _Frozen:
    """What a process that stands still will do once it goes on."""

    def __init__(self, thawed: Callable[[], None]) -> None:
        self.thawed = thawed
        self.ready: list[_Work] = []
        self.due: list[_Timer] = []


class VirtualLoop(asyncio.BaseEventLoop):
    """One simulated world's loop. `failed` hears of every exception that ends a task or a callback."""

    def __init__(self, failed: Callable[[BaseException], None]) -> None:
        super().__init__()
        self.failed = failed
        self.now = EPOCH
        """Seconds, virtual."""
        self._ready: list[_Work] = []
        self._timers: list[tuple[float, int, _Timer]] = []
        self._ties = count()
        self._context = copy_context()
        """Everybody's: nothing in a world has a context variable."""
        self._processes: dict[asyncio.Task[Any], set[asyncio.Task[Any]]] = {}
        """The tasks of the process that a task belongs to, so that a crash can end them all."""
        self._frozen: dict[int, _Frozen] = {}
        """What is kept back of processes that stand still, by the `id` of their tasks."""
        self.set_task_factory(self._make_task)  # type: ignore[arg-type]  # its protocol is generic
        self.set_exception_handler(self._on_exception)

    def time(self) -> float:
        return self.now

    # -- turns: called by `run_forever` ----------------------------------------------------------------

    def _run_once(self) -> None:
        """Take turns until somebody says stop: each runs what is ready at its beginning."""
        steps, before = 0, self.now
        while not self._stopping:  # type: ignore[attr-defined]  # of BaseEventLoop
            ready, self._ready = self._ready, []
            due = self._due(at_once=not ready)
            if self._frozen:
                ready, due = self._of_the_living(ready, due)
            steps = steps + 1 if self.now == before else 0
            before = self.now
            if steps > MOST_STEPS_AT_ONCE:
                raise Broken("something runs hot: steps without end while no time passes")
            for callback, arguments in ready:
                try:
                    callback(*arguments)
                except Exception as error:  # noqa: BLE001 -- the world has to hear of it, whatever it is
                    self.failed(error)
            for timer in due:
                for callback, arguments in timer:
                    try:
                        callback(*arguments)
                    except Exception as error:  # noqa: BLE001 -- as above
                        self.failed(error)

    def _due(self, *, at_once: bool) -> list[_Timer]:
        """Return what is due, in the order of its time; if `at_once`, let time pass until something is."""
        timers = self._timers
        if at_once:
            while timers and not timers[0][2]:
                heappop(timers)
            if not timers:
                raise Broken("everything stands still: nobody waits for a time, and the world is not settled")
            self.now = max(self.now, timers[0][0])
        due: list[_Timer] = []
        while timers and timers[0][0] <= self.now:
            due.append(heappop(timers)[2])
        return due

    # -- processes that stand still --------------------------------------------------------------------

    def freeze(self, tasks: set[asyncio.Task[Any]], seconds: float, thawed: Callable[[], None]) -> None:
        """Keep back all that a process's tasks would do for so long; `thawed` is called before they go on."""
        self._frozen[id(tasks)] = _Frozen(thawed)
        self.call_later(seconds, self.thaw, tasks)

    def thaw(self, tasks: set[asyncio.Task[Any]]) -> None:
        """Let a process go on: what was ready before what was due meanwhile, as a real loop does."""
        frozen = self._frozen.pop(id(tasks), None)
        if frozen is None:
            return
        frozen.thawed()
        self._ready += frozen.ready
        for timer in frozen.due:
            heappush(self._timers, (self.now, next(self._ties), timer))

    def _of_the_living(self, ready: list[_Work], due: list[_Timer]) -> tuple[list[_Work], list[_Timer]]:
        """Put aside what belongs to processes that stand still."""
        going: list[_Work] = []
        for work in ready:
            frozen = self._standing_still(work)
            (going if frozen is None else frozen.ready).append(work)
        going_timers: list[_Timer] = []
        for timer in due:
            frozen = self._standing_still(timer[0]) if timer else None
            (going_timers if frozen is None else frozen.due).append(timer)
        return going, going_timers

    def _standing_still(self, work: _Work) -> _Frozen | None:
        owner = getattr(work[0], "__self__", None)
        if isinstance(owner, asyncio.Timeout):
            owner = owner._task  # type: ignore[attr-defined]
        tasks = self._processes.get(owner) if isinstance(owner, asyncio.Task) else None
        return self._frozen.get(id(tasks)) if tasks is not None else None

    # -- what asyncio asks for -------------------------------------------------------------------------

    def call_soon(  # type: ignore[override]  # what is to run in the next turn can't be cancelled
        self,
        callback: Callable[..., object],
        *args: Any,
        context: Context | None = None,  # noqa: ARG002
    ) -> None:
        self._ready.append((callback, args))

    def call_later(  # type: ignore[override]  # as good as a handle
        self,
        delay: float,
        callback: Callable[..., object],
        *args: Any,
        context: Context | None = None,  # noqa: ARG002
    ) -> _Timer:
        timer = _Timer(((callback, args),))
        heappush(self._timers, (self.now + delay, next(self._ties), timer))
        return timer

    def call_at(  # type: ignore[override]
        self,
        when: float,
        callback: Callable[..., object],
        *args: Any,
        context: Context | None = None,  # noqa: ARG002
    ) -> _Timer:
        timer = _Timer(((callback, args),))
        heappush(self._timers, (when, next(self._ties), timer))
        return timer

    async def sleep(self, seconds: float) -> None:
        """What `asyncio.sleep` does, with less ado: a good part of a world is waiting."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        future = asyncio.Future[None](loop=self)
        timer = _Timer(((future.set_result, (None,)),))
        heappush(self._timers, (self.now + seconds, next(self._ties), timer))
        try:
            await future
        except asyncio.CancelledError:
            timer.cancel()
            raise

    # -- tasks -----------------------------------------------------------------------------------------

    def start_process(
        self, work: Coroutine[Any, Any, None], tasks: set[asyncio.Task[Any]]
    ) -> asyncio.Task[None]:
        """Make a task; it, those that it makes, and so on, are in `tasks` while they run."""
        task = asyncio.Task(work, loop=self, context=self._context)
        self._join(task, tasks)
        return task

    def _make_task(
        self,
        loop: asyncio.AbstractEventLoop,
        work: Coroutine[Any, Any, Any],
        context: Context | None = None,  # noqa: ARG002
    ) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.Task(work, loop=loop, context=self._context)
        parent = asyncio.current_task(loop)
        tasks = self._processes.get(parent) if parent is not None else None
        if tasks is None:
            task.add_done_callback(self._look_at, context=self._context)
        else:
            self._join(task, tasks)
        return task

    def _join(self, task: asyncio.Task[Any], tasks: set[asyncio.Task[Any]]) -> None:
        self._processes[task] = tasks
        tasks.add(task)
        task.add_done_callback(self._leave, context=self._context)

    def _leave(self, task: asyncio.Task[Any]) -> None:
        self._processes.pop(task).discard(task)
        self._look_at(task)

    def _look_at(self, task: asyncio.Task[Any]) -> None:
        if not task.cancelled() and (exception := task.exception()) is not None:
            self.failed(exception)

    def _on_exception(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        exception = context.get("exception")
        if isinstance(exception, BaseException):
            self.failed(exception)
