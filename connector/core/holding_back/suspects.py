"""Whether it is the API that is down, or one request alone that it can't answer.

Given: what became of requests. Gives: of one that fails, whether that is its own doing: since it failed
before, others of its call were answered, many for each that began to fail. A batch may have a device in it
that the API stumbles over, a job may be lost in it: neither is an outage, and neither may hold up the rest.
Several may be so at once: one that goes on failing says nothing about another.
"""

from __future__ import annotations

import math
from collections import Counter

from connector.core.past.suspicion import Call, Suspicion

MIN_ANSWERED_EACH = 4
"""Answered requests for each that begins to fail: with fewer, it is the API that fails now and then."""


class Suspects:
    """Counts what is answered, and judges what fails by it. Times are seconds on one clock."""

    def __init__(self) -> None:
        self._answered_sent_at: dict[Call, float] = {}
        """When the latest was sent that was answered."""
        self._answered = Counter[Call]()
        self._begun = Counter[Call]()
        self._sizes = Counter[tuple[Call, int]]()
        """How many were answered, by the bits of the number of their devices."""

    def answered(self, call: Call, sent_at: float, devices: int) -> None:
        """Note that one of these was answered."""
        self._answered[call] += 1
        self._sizes[call, devices.bit_length()] += 1
        self._answered_sent_at[call] = max(sent_at, self._answered_sent_at.get(call, -math.inf))

    def answered_since(self, call: Call, failed_at: float) -> bool:
        """Whether one of these was answered that was sent after this time."""
        return self._answered_sent_at.get(call, -math.inf) > failed_at

    def as_large(self, call: Call, devices: int) -> int:
        """Return how many were answered that had at least half as many devices, or nearly."""
        return sum(
            count
            for (each, bits), count in self._sizes.items()
            if each == call and bits >= devices.bit_length() - 1
        )

    def failed(self, call: Call, suspicion: Suspicion, now: float, devices: int) -> bool:
        """Note that one of these failed; tell whether there is new proof that it alone does."""
        before = suspicion.failed_at
        answered = self._answered[call] - suspicion.answered
        begun = self._begun[call] - suspicion.begun
        others = before > -math.inf and self.answered_since(call, before)
        alone = others and answered >= MIN_ANSWERED_EACH * begun
        if suspicion.proven and not alone and suspicion.failures:
            suspicion.unsure += now - before
        suspicion.others += others
        suspicion.proven += alone
        suspicion.failed_at = now
        suspicion.failures += 1
        self._begun[call] += suspicion.failures == 1
        if before == -math.inf:
            suspicion.as_large = self.as_large(call, devices)
        suspicion.answered, suspicion.begun = self._answered[call], self._begun[call]
        return alone
