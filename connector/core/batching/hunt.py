"""The hunt for the device that spoils a batch, in as few requests as that takes.

Given: a batch of several devices that came to nothing, and that a part of it was accepted. Gives: the next
part to be sent. One bad device among n costs about log2 n + 2 requests; each further one as many again.
"""

from __future__ import annotations

from connector.core.batching.dispatch import Dispatch
from connector.core.batching.jobs import Batch, Search
from connector.core.reading.event import Event


class Hunt:
    """Halves batches and sends their parts by `dispatch`. What is known of one hunt is in its `Search`."""

    def __init__(self, dispatch: Dispatch) -> None:
        self._dispatch = dispatch

    def narrow(self, batch: Batch) -> None:
        """Narrow down a batch that came to nothing, for the first time or as part of a hunt.

        One half is sent. If it is refused, the other is put aside: nothing is known of it. If it
        is accepted, the other must be the spoilt one and is halved in its turn unsent; where it is in doubt
        that any is spoilt, it is sent whole. When one device is left, what was put aside goes again as one
        batch.
        """
        search = batch.search or Search(began=batch.sent_at)
        search.aside += search.other_half
        self._send_half(batch, batch.events, search)

    def accepted(self, batch: Batch) -> None:
        """Go on with the other half, or end the hunt that this batch is part of, if there is one."""
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
