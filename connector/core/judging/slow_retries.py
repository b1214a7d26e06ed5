"""Devices that are sent again slowly, because while every job Fails it may be the API and not a device.

Given: batches and events whose jobs Failed, and other jobs that are Completed. Gives: when those go again:
later each time, so that they outlive an outage of the API's workers; soon, once other jobs show that it
works.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from itertools import count
from typing import NamedTuple

from connector.core.backoff import Backoff
from connector.core.batching.batch import Batch
from connector.core.batching.dispatch import Dispatch
from connector.core.reading.event import Event

SLOWLY = Backoff(14.0, 40.0)
"""Delays in seconds. Two of them, all that a single device has by default, outlive an outage of 20 s; four,
which a batch of ten has, one of a minute. Their price: a device that is at fault is dead-lettered later."""


class SlowRetry(NamedTuple):
    """A batch or an event that waits; ordered by when it is due."""

    due: float
    tie: int
    what: Batch | Event
    application: str
    since: float
    """A job accepted from then on that is Completed shows that the API works."""
    soonest: float
    """The earliest time at which it is sent then."""
    singled_out: bool
    """Whether it is a single device that halving has singled out."""


class SlowRetries:
    """What waits until it is sent again. `dispatch` sends each when it is due."""

    def __init__(self, dispatch: Dispatch) -> None:
        self._dispatch = dispatch
        self._waiting: list[SlowRetry] = []
        self._ties = count()

    def later(
        self,
        what: Batch | Event,
        due: float,
        since: float,
        soonest: float,
        now: float,
        *,
        singled_out: bool = False,
    ) -> None:
        """Send it at `due`, or at `soonest` if a job that was accepted from `since` on is Completed."""
        while self._waiting and self._waiting[0].due <= now:
            heappop(self._waiting)
        heappush(
            self._waiting,
            SlowRetry(due, next(self._ties), what, what.application, since, soonest, singled_out),
        )
        self._dispatch.queue_at(what, due)

    def job_completed(self, application: str, accepted_at: float, now: float) -> None:
        """A job of this application that was accepted at `accepted_at` is Completed."""
        if not self._waiting:
            return
        mine = [each for each in self._waiting if each.application == application]
        over = [each for each in mine if each.since <= accepted_at and each.due > now]
        if not over:
            return
        gone = {each.tie for each in over}
        self._waiting = [each for each in self._waiting if each.tie not in gone]
        heapify(self._waiting)
        for each in over:
            if each.singled_out and isinstance(each.what, Batch):
                each.what.history.single_failed(others_do_well=True)
        self._dispatch.bring_forward({id(each.what): max(now, each.soonest) for each in over})
