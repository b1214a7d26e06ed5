"""Whether this process may still be a member of the group after it stood still.

A process that was frozen (SIGSTOP, a frozen container, a suspended machine) for longer than its session wakes
up as if nothing had happened, before its consumer hears that others own its partitions. What it still holds
in memory must not be sent then: it would undo what newer events did meanwhile. So after a standstill nothing
is submitted until the group has accepted a commit, which it does from members only.
"""

from __future__ import annotations

import threading
import time

from structlog.typing import FilteringBoundLogger

from connector.pulse import Pulse

STANDSTILL_FROM = 1.0
"""Seconds without a tick that count as a standstill: brokers allow no session below 6 s by default."""
TICK = 0.25
"""Seconds between two ticks."""
_DOUBT = "membership in doubt"
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""A clock that goes on while the machine is suspended, where there is one."""


class Standstill:
    """Notices that the process stood still, by ticks in a thread: a busy event loop does not stop these."""

    def __init__(self) -> None:
        self._ended = threading.Event()
        self._ticked_at = _now()
        self._longest = 0.0
        self._thread = threading.Thread(target=self._tick, name="standstill", daemon=True)

    def start(self) -> None:
        """Begin to tick."""
        self._ticked_at = _now()
        self._thread.start()

    def stop(self) -> None:
        """Stop ticking, and wait for the thread's end."""
        self._ended.set()
        self._thread.join()

    def lasting(self) -> bool:
        """Whether there was a standstill that `noticed` has not returned yet."""
        return max(self._longest, _now() - self._ticked_at) > STANDSTILL_FROM

    def noticed(self) -> float:
        """Return the seconds of the longest standstill since the last call; 0 if there was none."""
        longest, self._longest = max(self._longest, _now() - self._ticked_at), 0.0
        if longest <= STANDSTILL_FROM:
            return 0.0
        self._ticked_at = _now()
        return longest

    def _tick(self) -> None:
        while not self._ended.wait(TICK):
            now = _now()
            if now - self._ticked_at > STANDSTILL_FROM:
                self._longest = now - self._ticked_at
            self._ticked_at = now


class Membership:
    """Membership is in doubt after a standstill, until a commit that began later is accepted."""

    def __init__(self, pulse: Pulse, log: FilteringBoundLogger) -> None:
        self._pulse = pulse
        self._engine = pulse.engine
        self._log = log
        self.standstill = Standstill()
        self.standstills = 0
        """How often the process stood still. Read it before a commit, pass it to `proved`."""
        self._proved = 0

    @property
    def in_doubt(self) -> bool:
        """Whether membership is in doubt, so that nothing may be submitted."""
        return self._proved != self.standstills

    @property
    def may_still_send(self) -> bool:
        """Whether what was planned a moment ago may still be sent: there was no standstill since."""
        return not (self.in_doubt or self.standstill.lasting())

    def note_standstill(self) -> None:
        """Stop submitting if the process stood still. Call it before each plan.

        Also while no partition is owned yet: where the next ones begin may have been read before.
        """
        seconds = self.standstill.noticed()
        if not seconds:
            return
        self.standstills += 1
        self._engine.hold_submissions(_DOUBT)
        self._engine.stood_still(seconds)
        if self._engine.assignments:
            self._log.warning("the process stood still", seconds=round(seconds, 1))
            self.ask()

    def ask(self) -> None:
        """Have a commit made if there is a doubt.

        Without partitions none can be made, and the doubt stays: some may still come from before the
        standstill, as the second half of a rebalance of which the first revoked the last ones, or as one that
        was lost only because its log was begun anew.
        """
        if self.in_doubt and self._engine.assignments:
            self._engine.commit_soon()

    def proved(self, standstills: int) -> None:
        """A commit was accepted that began when `standstills` had this value."""
        if self.in_doubt and standstills == self.standstills:
            self._proved = standstills
            self._engine.allow_submissions(_DOUBT)
            self._pulse.ring()


def _now() -> float:
    return time.clock_gettime(_CLOCK)
