"""Time that counts towards no job's age: in it the job could not be polled.

Given: outages, standstills of the process, denials. Gives: how many seconds they took, none counted twice.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Uncounted:
    """The time that doesn't count for one job. `common`: seconds of all outages and standstills so far."""

    common_at_start: float = 0.0
    """What `common` was when the job was taken in."""
    own: float = 0.0
    """Seconds that are its own: its GETs were denied, as may be those of its whole application; or they
    failed, and nothing else was answered."""
    until: float = 0.0
    """Up to this time denials are counted in `own`."""

    def add(self, since: float, now: float) -> None:
        """Count the time since then, in which the job's GETs were denied."""
        self.own += max(0.0, now - max(since, self.until))
        self.until = now

    def add_unsure(self, seconds: float) -> None:
        """Count time in which the request failed and nothing else was answered (`Suspicion.unsure`)."""
        self.own += seconds

    def seconds(self, common: float, unsure: float) -> float:
        """Return how many seconds don't count. `unsure`: those of a request that still fails."""
        return common - self.common_at_start + self.own + unsure

    def disturbed(self, common: float) -> bool:
        """Whether any time doesn't count: then the job was not watched throughout."""
        return self.own > 0 or common > self.common_at_start
