"""How long to wait before trying again: given how often it failed in a row, and a random number."""

from __future__ import annotations

import math


class Backoff:
    """Delays that double from `base` to `ceiling` seconds, half fixed and half random.

    Never near zero, or many senders would come back at once after a failure.
    """

    __slots__ = ("_base", "_ceiling", "_growing")

    def __init__(self, base: float, ceiling: float) -> None:
        if not 0 < base <= ceiling:
            raise ValueError("a backoff needs 0 < base <= ceiling")
        self._base = base
        self._ceiling = ceiling
        self._growing = math.ceil(math.log2(ceiling / base))

    def delay(self, attempt: int, jitter: float) -> float:
        """Return seconds to wait after the `attempt`-th failure in a row (from 1); `jitter` is in [0, 1)."""
        steps = min(max(attempt - 1, 0), self._growing)
        return min(self._ceiling, self._base * 2.0**steps) * (0.5 + 0.5 * jitter)
