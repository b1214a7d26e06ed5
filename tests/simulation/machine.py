"""What a process knows of time: its machine's clock, and that it stood still."""

from __future__ import annotations

from connector.pulse import Clock
from connector.running.membership import STANDSTILL_FROM, Standstill
from tests.simulation.loop import VirtualLoop


class VirtualClock(Clock):
    """The world's time, as a machine has it that is `ahead` by some seconds."""

    def __init__(self, loop: VirtualLoop, ahead: float) -> None:
        super().__init__()
        self._loop = loop
        self._ahead = ahead
        self.jumped = 0.0
        """Seconds that somebody has put the machine's clock forward by since the process began."""

    def __call__(self) -> float:
        return self._loop.now + self._ahead

    def wall(self) -> float:
        """What `time.time` says."""
        return self() + self.jumped


class VirtualStandstill(Standstill):
    """Notices what the world did to the process; no thread ticks."""

    def ended(self, seconds: float) -> None:
        """The process stood still for so long."""
        self._longest = max(self._longest, seconds)

    def lasting(self) -> bool:
        """Whether `noticed` has still to tell of one."""
        return self._longest > STANDSTILL_FROM

    def noticed(self) -> float:
        """Return the seconds of the longest since the last call."""
        longest, self._longest = self._longest, 0.0
        return longest
