"""What goes slowly because its jobs Failed and no job of others ended well: it may be the API, and no device.

Given: batches and events whose jobs Failed, and that a job of others is Completed. Gives: when they go again.
Later each time, so that they outlive an outage of the API's workers; soon, once others show that it is well.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from itertools import count
from typing import NamedTuple

from connector.core.backoff import Backoff
from connector.core.batching.dispatch import Dispatch
from connector.core.batching.jobs import Batch
from connector.core.reading.event import Event

SLOWLY = Backoff(14.0, 40.0)
"""Seconds until they are tried again. Two such delays, all that a device alone has by default, outlive an
outage of 20 s; four, which a batch of ten has, one of a minute. What is at fault is a letter later."""


class Doubt(NamedTuple):
    """One that waits, in the order in which their times come."""

    due: float
    tie: int
    what: Batch | Event
    application: str
    since: float
    """A job of others that was accepted from then on and is Completed shows that the API does well."""
    soonest: float
    """When it goes then, at the soonest."""
    alone: bool
    """Whether it is a device that failed alone at the end of a hunt."""


class Doubts:
    """Sends by `dispatch`."""

    def __init__(self, dispatch: Dispatch) -> None:
        self._dispatch = dispatch
        self._waiting: list[Doubt] = []
        self._ties = count()

    def later(
        self,
        what: Batch | Event,
        due: float,
        since: float,
        soonest: float,
        now: float,
        *,
        alone: bool = False,
    ) -> None:
        """Send it from `due` on; sooner, once a job that was accepted from `since` on is Completed."""
        while self._waiting and self._waiting[0].due <= now:
            heappop(self._waiting)
        heappush(self._waiting, Doubt(due, next(self._ties), what, what.application, since, soonest, alone))
        self._dispatch.later(what, due)

    def others_do_well(self, application: str, accepted_at: float, now: float) -> None:
        """A job of this application that was accepted then is Completed."""
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
            if each.alone and isinstance(each.what, Batch):
                each.what.history.failed_alone(others_do_well=True)
        self._dispatch.sooner({id(each.what): max(now, each.soonest) for each in over})
