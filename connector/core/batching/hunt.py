"""The hunt for the device that spoils a batch: a binary search by requests.

Given: a batch of several devices that failed as a whole; then, whether each part of it failed. Gives: the
next part to be sent. One bad device among n costs about log2 n + 2 requests; each further one as many at
most, because what was put aside goes in halves from the second on.
"""

from __future__ import annotations

from connector.core.batching.batch import Batch, HuntState
from connector.core.batching.dispatch import Dispatch
from connector.core.reading.event import Event


class Hunt:
    """Halves batches and has `dispatch` send their parts. The state of each hunt is in its `HuntState`."""

    def __init__(self, dispatch: Dispatch) -> None:
        self._dispatch = dispatch

    def narrow(self, batch: Batch) -> None:
        """Halve a batch that failed as a whole, which begins a hunt or goes on with one.

        One half is sent. If it is refused, nothing is known of the other, which is put aside. If it is
        accepted, the bad device must be in the other: that is halved in turn, unsent. Only where perhaps
        none is bad (`HuntState.perhaps_nobody`), the other half is sent whole. Once a single device is left,
        all that was put aside is sent as one batch.
        """
        hunt = batch.hunt or HuntState(began=batch.sent_at)
        hunt.aside += hunt.other_half
        self._send_half(batch, batch.events, hunt)

    def accepted(self, batch: Batch) -> None:
        """This batch was accepted: if it is part of a hunt, go on with the other half, or end it."""
        hunt = batch.hunt
        if hunt is None or not hunt.other_half:
            self._dispatch.end_hunt(batch)
            return
        batch.hunt = None
        other_half, hunt.other_half = hunt.other_half, []
        if hunt.perhaps_nobody:
            rest = self._dispatch.new_batch(batch, other_half)
            rest.hunt = hunt
            self._dispatch.send_exact(rest)
        else:
            self._send_half(batch, other_half, hunt)

    def _send_half(self, like: Batch, events: list[Event], hunt: HuntState) -> None:
        middle = len(events) // 2
        first = self._dispatch.new_batch(like, events[:middle] or events)
        first.hunt, first.suspicion = hunt, like.suspicion
        hunt.other_half = events[middle:] if middle else []
        self._dispatch.send_exact(first)
