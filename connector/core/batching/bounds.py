"""What may be in the next batch: what checkpoints have room for, and whose turn it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from connector.core.reading.event import Event


class OneRequest(NamedTuple):
    """The one request that goes all the same: the trial of a closed gate, or the probe of a halt.

    `devices`: the most that go in it for the first time. `untried_first`: what has not failed yet goes first.
    """

    devices: int
    untried_first: bool


class Bounds(NamedTuple):
    """What may be in a batch, beside its size."""

    within: Callable[[list[Event]], list[Event]] | None = None
    """Returns those of some queued events that may be sent; the others wait for their checkpoint."""
    stepped_back: Callable[[Event], bool] | None = None
    """Tells of one event whether it must not be sent yet; if so, it goes back to its lanes."""
    one_request: OneRequest | None = None

    def allowed(self, events: list[Event]) -> list[Event]:
        """Return the events, queued or of an exact batch, that need not step back."""
        back = self.stepped_back
        return events if back is None else [event for event in events if not back(event)]


UNBOUNDED = Bounds()
