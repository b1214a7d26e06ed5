"""What the runner's coroutines share: the engine, its clock, and the bell that wakes the planner."""

from __future__ import annotations

import asyncio
import time
import traceback

from connector.core.engine import Engine


class Clock:
    """Seconds since the epoch that never go back: the epoch at the start, plus monotonic time since."""

    def __init__(self) -> None:
        self._offset = time.time() - time.monotonic()

    def __call__(self) -> float:
        return self._offset + time.monotonic()


def fault(error: BaseException) -> str:
    """Say what broke and where, without the message: that may name a device."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" in {frames[-1].filename}, line {frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{where}"


class Pulse:
    """The engine with its clock. Whoever tells the engine a fact rings, so that `plan` is asked at once."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self.engine = engine
        self.clock = clock
        self._bell = asyncio.Event()

    def ring(self) -> None:
        """Have the engine asked for actions."""
        self._bell.set()

    async def wait(self, longest: float) -> None:
        """Wait for a ring, at most `longest` seconds."""
        if not self._bell.is_set():
            loop = asyncio.get_running_loop()
            timer = loop.call_later(max(0.0, longest), self._bell.set)
            try:
                await self._bell.wait()
            finally:
                timer.cancel()
        self._bell.clear()
