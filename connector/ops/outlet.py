"""Where the process's log lines go. One that can't be written is counted, and hurts nobody."""

from __future__ import annotations

import contextlib
from typing import TextIO


class Outlet:
    """A stream that takes lines for as long as it can: a full disk or a closed pipe costs lines, no more.

    `out` is None where the process was started without the stream. A stream that keeps a little back
    may still write some of the lost lines once there is room.
    """

    def __init__(self, out: TextIO | None) -> None:
        self._out = out
        self._lost = 0

    def write(self, text: str) -> None:
        """Write and flush, as far as that is possible: a buffer would tell of its fault a line later."""
        written = False
        with contextlib.suppress(OSError):
            if self._out is not None:
                self._out.write(text)
                self._out.flush()
                written = True
        self._lost += not written

    def flush(self) -> None:
        """Do nothing: `write` has."""

    def isatty(self) -> bool:
        return self._out is not None and self._out.isatty()

    def taken_lost(self) -> int:
        """Return how many lines were lost since this was asked last."""
        lost, self._lost = self._lost, 0
        return lost
