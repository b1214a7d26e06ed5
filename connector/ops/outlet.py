"""Where the process's log lines go. One that can't be written is counted, and hurts nobody."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from itertools import accumulate
from queue import SimpleQueue
from threading import Event, RLock, Thread
from typing import TextIO

WAITING = 8192
"""Lines that may wait until somebody reads them: two to four megabytes."""
FLUSH_LIMIT = 1.5
"""Seconds that the end of the process waits until they are taken."""
_MOST_AT_ONCE = 256
"""Lines of one system call."""
_GATHER_FOR = 0.005
"""Seconds between two calls, in which lines gather: to wake the thread takes 20 us, to write a line a few."""


class Outlet:
    """A stream that takes lines for as long as it can: a full disk or a closed pipe costs lines, no more.

    `out` is None where the process was started without the stream. A stream that keeps a little back
    may still write some of the lost lines once there is room.

    From `begin` to `end` a thread does the writing. A pipe that is full, because who should read it doesn't,
    holds up that thread only, and costs the lines that come while `WAITING` others wait.
    """

    def __init__(self, out: TextIO | None) -> None:
        self._out = out
        self._writer: _Writer | None = None
        self._lost = 0
        self._counting = RLock()  # a finalizer, which comes in the middle of anything, may write a line too

    def begin(self) -> None:
        """Have a thread write from now on, if there is a descriptor: nothing else can hold up its writer."""
        if self._out is None or self._writer is not None:
            return
        with contextlib.suppress(OSError):
            self._writer = _Writer(self._out, self._count_lost)
            os.register_at_fork(after_in_child=self._without_writer)

    def end(self, limit: float = FLUSH_LIMIT) -> None:
        """Wait until every line is written, and write those that come later at once, as before `begin`.

        What can't be written in time is left out, and everything after it. Then the descriptor leads to
        nowhere: Python writes tracebacks to it, and would never come to the end of the process.
        """
        writer = self._writer
        if writer is None:
            return
        if not writer.ends(limit):
            writer.leave()
            self._out = None
        self._writer = None

    def write(self, text: str) -> None:
        """Write and flush, as far as that is possible: a buffer would tell of its fault a line later."""
        writer = self._writer
        if writer is not None:
            writer.take(text)
            return
        written = False
        with contextlib.suppress(OSError):
            if self._out is not None:
                self._out.write(text)
                self._out.flush()
                written = True
        if not written:
            self._count_lost(1)

    def flush(self) -> None:
        """Do nothing: `write` has, or the thread does."""

    def isatty(self) -> bool:
        return self._out is not None and self._out.isatty()

    def taken_lost(self) -> int:
        """Return how many lines were lost since this was asked last."""
        with self._counting:
            lost, self._lost = self._lost, 0
        return lost

    def _count_lost(self, lines: int) -> None:
        with self._counting:
            self._lost += lines

    def _without_writer(self) -> None:
        """Go on in a forked child: the thread, and the lines that wait for it, are its parent's."""
        self._writer, self._counting = None, RLock()


class _Writer:
    """Writes lines in a thread of its own, many in one call where many wait.

    It leaves the stream's buffer alone: whoever flushes that, as Python does at its end, would wait for a
    thread that waits for a reader. Nor is the descriptor made non-blocking: other processes have it too.
    """

    def __init__(self, out: TextIO, count_lost: Callable[[int], None]) -> None:
        """Raise OSError where the stream has no descriptor."""
        self._descriptor = out.fileno()
        self._encoding, self._errors = out.encoding, out.errors or "strict"
        self._count_lost = count_lost
        self._waiting: SimpleQueue[bytes | None] = (
            SimpleQueue()
        )  # the one queue that a finalizer may put into
        self._hurry = Event()
        self._thread = Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def take(self, text: str) -> None:
        if self._waiting.qsize() >= WAITING:
            self._count_lost(1)
        else:
            self._waiting.put(text.encode(self._encoding, self._errors))

    def ends(self, limit: float) -> bool:
        """Tell whether all lines were written, or lost to a fault, within so many seconds."""
        self._waiting.put(None)
        self._hurry.set()
        self._thread.join(limit)
        if self._thread.is_alive():
            return False
        if not self._waiting.empty():
            self._write(self._due()[0])  # another thread's last words
        return True

    def leave(self) -> None:
        """Let this process's descriptor lead to nowhere; the thread may wait on."""
        with contextlib.suppress(OSError), open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - a device
            os.dup2(nowhere.fileno(), self._descriptor)

    def _run(self) -> None:
        going_on = True
        while going_on:
            lines, going_on = self._due()
            self._write(lines)
            if len(lines) < _MOST_AT_ONCE:
                self._hurry.wait(_GATHER_FOR)

    def _due(self) -> tuple[list[bytes], bool]:
        """Wait for lines; return those that are there, and whether more may come."""
        lines: list[bytes] = []
        while (line := self._waiting.get()) is not None:
            lines.append(line)
            if len(lines) == _MOST_AT_ONCE or self._waiting.empty():
                return lines, True
        return lines, False

    def _write(self, lines: list[bytes]) -> None:
        text, written = b"".join(lines), 0
        try:
            while written < len(text):
                written += os.write(self._descriptor, text[written:])
        except OSError:
            self._count_lost(sum(end > written for end in accumulate(map(len, lines))))
