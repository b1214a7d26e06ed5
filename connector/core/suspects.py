"""Whether it is the API that is down, or one request alone that it can't answer.

Given: what became of requests. Gives: of one that fails, whether that is its own doing: since it failed
before, others of its kind were answered, many for each that began to fail. A batch may have a device in it
that the API stumbles over, a job may be lost in it: neither is an outage, and neither may hold up the rest.
Several may be so at once: one that goes on failing says nothing about another.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import Literal

from connector.core.jobs import Suspicion

Kind = Literal["post", "get"]

MANY = 4
"""Answered requests for each that begins to fail: with fewer, it is the API that fails now and then."""


class Suspects:
    """Times are seconds on one clock."""

    def __init__(self) -> None:
        self._answered_at: dict[Kind, float] = {}
        """When the latest was sent that was answered."""
        self._answered = Counter[Kind]()
        self._begun = Counter[Kind]()
        self._sizes = Counter[tuple[Kind, int]]()
        """How many were answered, by the bits of the number of their devices."""

    def answered(self, kind: Kind, sent_at: float, devices: int) -> None:
        """Take in that one of these was answered."""
        self._answered[kind] += 1
        self._sizes[kind, devices.bit_length()] += 1
        self._answered_at[kind] = max(sent_at, self._answered_at.get(kind, -math.inf))

    def answered_since(self, kind: Kind, failed_at: float) -> bool:
        """Whether one of these was answered that was sent after this time."""
        return self._answered_at.get(kind, -math.inf) > failed_at

    def as_large(self, kind: Kind, devices: int) -> int:
        """Return how many were answered that had at least half as many devices, or nearly."""
        return sum(
            count
            for (each, bits), count in self._sizes.items()
            if each == kind and bits >= devices.bit_length() - 1
        )

    def failed(self, kind: Kind, suspicion: Suspicion, now: float, devices: int) -> bool:
        """Take in that one of these failed; tell whether there is new proof that it alone does."""
        before = suspicion.failed_at
        answered = self._answered[kind] - suspicion.answered
        begun = self._begun[kind] - suspicion.begun
        others = before > -math.inf and self.answered_since(kind, before)
        alone = others and answered >= MANY * begun
        if suspicion.alone and not alone:
            suspicion.unsure += now - before
        suspicion.others += others
        suspicion.alone += alone
        suspicion.failed_at = now
        suspicion.failures += 1
        self._begun[kind] += suspicion.failures == 1
        if before == -math.inf:
            suspicion.as_large = self.as_large(kind, devices)
        suspicion.answered, suspicion.begun = self._answered[kind], self._begun[kind]
        return alone
