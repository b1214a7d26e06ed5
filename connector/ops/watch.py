"""Two small memories of the runner: whether its loops progress, and what went wrong lately."""

from __future__ import annotations

from collections.abc import Callable

from connector.ops.status import ErrorView, Health

_MOST_ERRORS = 20
_LONGEST_ERROR = 300


class Heartbeat:
    """Knows when each of the runner's loops last got something done.

    Call `beat` from the loop itself, after its work, never from a timer of its own: a timer goes on
    ticking while the work hangs. `/livez` is answered by the same event loop, so there are
    two ways to see a fault. A loop that waits for ever (a lost reply, a poll thread that hangs,
    a task that died) stops beating, and this says which. An event loop that is blocked
    altogether (an endless computation, a deadlock with a thread) answers nothing at all: that is
    what the probe's own time limit is for. A process that was only asleep is not punished: the
    endpoint lets the loops run once before it asks.
    """

    def __init__(self, clock: Callable[[], float], limit: float) -> None:
        """`limit`: seconds without a beat that make a loop count as stuck; well above its longest wait."""
        self._clock = clock
        self._limit = limit
        self._beats: dict[str, float] = {}

    def beat(self, loop: str) -> None:
        """Note that this loop has done a round."""
        self._beats[loop] = self._clock()

    def health(self) -> Health:
        """Say whether every loop that ever began is still going."""
        now = self._clock()
        stuck = [
            f"{loop} has not progressed for {now - at:.0f} s"
            for loop, at in self._beats.items()
            if now - at > self._limit
        ]
        return Health(ok=not stuck, reason="; ".join(stuck) or "alive")


class RecentErrors:
    """The last different errors, newest first, each with its count. Bounded in number and length."""

    def __init__(self, most: int = _MOST_ERRORS) -> None:
        self._most = most
        self._errors: dict[str, ErrorView] = {}

    def add(self, now: float, what: str) -> None:
        """Remember an error at `now`, seconds since the epoch. The text must name no device and no secret."""
        what = what if len(what) <= _LONGEST_ERROR else what[: _LONGEST_ERROR - 1] + "…"
        before = self._errors.pop(what, None)
        self._errors[what] = ErrorView(now, what, 1 + (before.count if before else 0))
        if len(self._errors) > self._most:
            del self._errors[next(iter(self._errors))]

    def newest_first(self) -> list[ErrorView]:
        """Return them for `Status.errors`."""
        return list(reversed(self._errors.values()))
