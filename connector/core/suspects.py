"""Whether it is the API that is down, or one request alone that it can't answer.

Given: what became of requests. Gives: of one that fails, whether that is its own doing: since it failed
before, others of its kind were answered and none of them began to fail. A batch may have a device in it that
the API stumbles over, a job may be lost in it: neither is an outage, and neither may hold up all the rest.
Several of them may be so at once, so that one which goes on failing says nothing about another.
"""

from __future__ import annotations

import math
from typing import Literal

from connector.core.jobs import Suspicion

Kind = Literal["post", "get"]


class Suspects:
    """Requests by the serial numbers of their batches and jobs; times in seconds on one clock."""

    def __init__(self) -> None:
        self._answered_at: dict[Kind, float] = {}
        """When the latest was sent that was answered."""
        self._began: dict[Kind, tuple[int, float]] = {}
        """Which one began to fail last, and when."""
        self._another_began_at: dict[Kind, float] = {}
        """When the last one did that was not that one."""

    def answered(self, kind: Kind, sent_at: float) -> None:
        """Take in that one of these was answered."""
        self._answered_at[kind] = max(sent_at, self._answered_at.get(kind, -math.inf))

    def failed(self, kind: Kind, serial: int, suspicion: Suspicion, now: float) -> bool:
        """Take in that one of these failed; tell whether it alone did."""
        before = suspicion.failed_at
        undisputed = before >= self._others_began_at(kind, serial)
        alone = undisputed and self._answered_at.get(kind, -math.inf) > before > -math.inf
        if suspicion.alone and not alone:
            suspicion.unsure += now - before
        suspicion.alone = suspicion.alone + alone if undisputed else 0
        suspicion.failed_at = now
        suspicion.failures += 1
        if suspicion.failures == 1:
            self._another_began_at[kind] = self._others_began_at(kind, serial)
            self._began[kind] = (serial, now)
        return alone

    def _others_began_at(self, kind: Kind, serial: int) -> float:
        last, at = self._began.get(kind, (serial, -math.inf))
        return at if last != serial else self._another_began_at.get(kind, -math.inf)
