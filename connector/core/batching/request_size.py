"""How many bytes of devices go into one request: as configured, or less where the API finds that too large.

A gateway before the API may have a smaller limit than the API itself (HTTP 413 and no figure). And there
are APIs that say 413 when one device spoils a batch, whatever its size. So a refusal makes later requests
smaller, what is accepted makes them larger again, and when a single device turns out to be the cause, its
batch has proved nothing about size.
"""

from __future__ import annotations

LEAST_BYTES = 1024
"""Bytes below which batches are not made smaller: a few devices."""
_GROWTH_DIVISOR = 64
"""A full request that is accepted lets the next ones be larger by this part: after some 45, by half."""


class RequestSize:
    """The bytes of a batch's devices that the API takes, as far as is known."""

    def __init__(self, configured: int) -> None:
        self._configured = configured
        self.bound = configured

    @property
    def reduced(self) -> bool:
        """Whether requests are smaller than configured."""
        return self.bound < self._configured

    def refused(self, size: int) -> int:
        """A request of several devices was too large. Return the bytes that had been right until then."""
        before = max(self.bound, min(size, self._configured))
        self.bound = min(self.bound, max(LEAST_BYTES, size // 2))
        return before

    def accepted(self, size: int) -> None:
        """A request with `size` bytes was not too large."""
        full = size + size // 8 >= self.bound
        grown = self.bound + self.bound // _GROWTH_DIVISOR if full else self.bound
        self.bound = min(self._configured, max(grown, size))

    def blameless(self, before: int) -> None:
        """One device alone was the cause of refusals that began when `before` was right."""
        self.bound = max(self.bound, before)
