"""A clock in the test's hands, for whatever takes one."""

from __future__ import annotations


class Clock:
    """Shows what the test sets."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now
