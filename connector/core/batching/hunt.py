"""The hunt for the device that spoils a batch: a binary search by requests.

Given: a batch of several devices that failed as a whole; then, whether each part of it did. Gives: the next
part to be sent. One bad device among n costs about log2 n + 2 requests; each further one as many again.
"""

from __future__ import annotations

from connector.core.batching.dispatch import Dispatch
from connector.core.batching.jobs import Batch, Search
from connector.core.reading.event import Event


class Hunt:
    """Halves batches and has `dispatch` send their parts. The state of each hunt is in its `Search`."""

    def __init__(self, dispatch: Dispatch) -> None:
        self._dispatch = dispatch

    def narrow(self, batch: Batch) -> None:
        """Halve a batch that failed as a whole, which begins a hunt or goes on with one.

        One half is sent. If it is refused, nothing is known of the other, which is put aside. If it is
        accepted, the bad device must be in the other: that is halved in turn, unsent. Only where it is
        doubtful that any device is bad (`Search.doubtful`), the other half is sent whole. Once a single
        device is left, all that was put aside is sent as one batch.
        """
        search = batch.search or Search(began=batch.sent_at)
        search.aside += search.other_half
        self._send_half(batch, batch.events, search)

    def accepted(self, batch: Batch) -> None:
        """This batch was accepted: if it is part of a hunt, go on with the other half, or end it."""
        search = batch.search
        if search is None or not search.other_half:
            self._dispatch.search_over(batch)
            return
        batch.search = None
        other_half, search.other_half = search.other_half, []
        if search.doubtful:
            rest = self._dispatch.batch(batch, other_half)
            rest.search = search
            self._dispatch.exactly(rest)
        else:
            self._send_half(batch, other_half, search)

    def _send_half(self, like: Batch, events: list[Event], search: Search) -> None:
        middle = len(events) // 2
        first = self._dispatch.batch(like, events[:middle] or events)
        first.search, first.suspicion = search, like.suspicion
        search.other_half = events[middle:] if middle else []
        self._dispatch.exactly(first)
