"""How events leave their lanes, settled or no longer ours, so that those behind them go on.

Given: events that are done with, and partitions that were revoked. Gives: which of some events are still
ours; of a merged update, the part that is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from connector.core.batching.dispatch import Dispatch
from connector.core.queueing.coalesce import contributors, join
from connector.core.queueing.lanes import Lanes
from connector.core.reading.event import UNBOUND, Event
from connector.model import Endpoint


class Leaving:
    """Takes events out of their lanes and queues those that waited. `max_bytes` bounds a merged update."""

    def __init__(self, max_bytes: int, lanes: Lanes, dispatch: Dispatch) -> None:
        self._max_bytes = max_bytes
        self._lanes = lanes
        self._dispatch = dispatch

    def release(self, events: Iterable[Event], *, last_chance: Collection[Endpoint] = ()) -> None:
        """The holders are done with: queue the events that become first, due at once.

        `last_chance`: the device was just tried in vain several times, so that one attempt is enough for each
        event to these endpoints that waited meanwhile.
        """
        freed = [event for event in self._lanes.release(events) if not event.bound_to]
        for event in freed:
            event.last_chance = event.endpoint in last_chance
        if freed:
            self._dispatch.queue_freed(freed)

    def drop(self, events: Iterable[Event], now: float) -> None:
        """Events of a job are done with, wherever in their lanes: those of an adopted job may be waiting."""
        waiting = [event for event in events if event.blocked]
        for event in waiting:
            self.withdraw(event, now)
        self.release(events)

    def withdraw(self, event: Event, now: float) -> None:
        """An event that waits in its lanes is done with: queue those that waited only for it."""
        freed = self._lanes.withdraw(event)
        self._dispatch.queue_ready([each for each in freed if not each.bound_to], now)

    # -- partitions that went --------------------------------------------------------------------

    def still_ours(self, events: Iterable[Event], now: float) -> list[Event]:
        """Return the events whose partitions are ours, and release the others.

        A merged update of which only a part is ours goes on as that part. An event that by now waits behind
        an adopted job of its device is left out: it waits like any other.
        """
        kept: list[Event] = []
        gone: list[Event] = []
        for event in events:
            everyone = contributors(event)
            ours = [each for each in everyone if each.assignment.live]
            if event.blocked:
                event.bound_to = UNBOUND
                if len(ours) < len(everyone):
                    self._withdraw_waiter(event, ours, now)
            elif len(ours) == len(everyone):
                kept.append(event)
            elif ours:
                parts = join(ours, self._max_bytes)
                self._lanes.replace(event, parts)
                kept.append(parts[0])
            else:
                gone.append(event)
        self.release(gone)
        return kept

    def forget_revoked(self, now: float) -> None:
        """Take out every unsent event of partitions that are no longer ours."""
        for event in self._lanes.waiters():
            # A bound event is in an adopted job: until that has ended, no other of its device may go.
            if event.blocked and not event.bound_to and _partly_revoked(event):
                self._withdraw_waiter(
                    event, [each for each in contributors(event) if each.assignment.live], now
                )
        stale = self._dispatch.withdraw(_partly_revoked, now)
        self._dispatch.requeue_first(self.still_ours(stale, now))

    def _withdraw_waiter(self, event: Event, ours: Sequence[Event], now: float) -> None:
        if ours:
            # Our part takes its place, so that it stays before the events behind it.
            parts = join(ours, self._max_bytes)
            self._lanes.substitute(event, parts)
            return
        self.withdraw(event, now)


def _partly_revoked(event: Event) -> bool:
    return any(not each.assignment.live for each in contributors(event))
