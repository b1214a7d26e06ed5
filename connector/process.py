"""What belongs to the process that the connector runs in, where it has one to itself.

Logging, signals, garbage collection, and leaving at once. A program that has the connector inside gives
another `Surroundings` (`embedding.py`): all of this is the program's then.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Protocol

import structlog
from structlog.typing import FilteringBoundLogger

from connector.ops.log import configure
from connector.ops.outlet import Outlet
from connector.ops.privacy import Mask
from connector.settings import Log

SWITCH_INTERVAL = 0.0005
"""Seconds after which the event loop lets the consumer's threads have the interpreter.

With Python's own 5 ms each fetch and each commit waits for that long on a busy loop: at 8,000 events a
second the overhead's 99th percentile is 86 ms then, and 24 ms with this, at the same throughput.
"""


class Surroundings(Protocol):
    """What a runner asks of the process that it is in."""

    def set_up_log(self, settings: Log, secrets: Sequence[str]) -> tuple[Mask, FilteringBoundLogger]:
        """Return the log, and the mask that keeps secrets out of it."""

    def take_over(self, stop: Callable[[], None], release: Callable[[], None]) -> None:
        """Get ready to run, in the event loop. `stop` and `release` are what signals may ask for."""

    def lines_lost(self) -> int:
        """Return how many lines of the log were lost since this was asked last."""

    def abandon(self, code: int) -> None:
        """Leave now, with threads in librdkafka's calls, which can't be ended. `code` 0: it is no fault."""


class OwnProcess:
    """A process with nothing in it but the connector."""

    def __init__(self) -> None:
        self._outlet = Outlet(sys.stderr)
        self._log: FilteringBoundLogger = structlog.get_logger()
        self._signalled = False

    def set_up_log(self, settings: Log, secrets: Sequence[str]) -> tuple[Mask, FilteringBoundLogger]:
        return configure(settings.level, settings.format, secrets, self._outlet), self._log

    def take_over(self, stop: Callable[[], None], release: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        _listen(loop, signal.SIGTERM, lambda: self._on_signal(signal.SIGTERM, stop))
        _listen(loop, signal.SIGINT, lambda: self._on_signal(signal.SIGINT, stop))
        _listen(loop, signal.SIGHUP, release)
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 50)
        sys.setswitchinterval(SWITCH_INTERVAL)
        self._outlet.begin()

    def lines_lost(self) -> int:
        return self._outlet.taken_lost()

    def abandon(self, code: int) -> None:
        self.finish()
        os._exit(code)

    def finish(self) -> None:
        """Have the last lines written, if somebody takes them. Later ones are written at once."""
        self._outlet.end()

    def _on_signal(self, number: signal.Signals, stop: Callable[[], None]) -> None:
        if self._signalled:
            self._log.warning("second signal: leaving at once")
            self.abandon(1)
        self._signalled = True
        self._log.info("stopping", signal=number.name)
        stop()


def _listen(loop: asyncio.AbstractEventLoop, number: signal.Signals, react: Callable[[], None]) -> None:
    """Have the loop react to a signal. Once it is closed the signal does nothing: all is done by then.

    The loop's own handlers would be gone with it, and a signal end the process with a code that says so.
    """

    def pass_on(_number: int, _frame: FrameType | None) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(react)

    signal.signal(number, pass_on)
