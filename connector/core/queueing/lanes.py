"""A lane for each identifier of a device: who may go, who waits. Order is kept here and nowhere else.

An event takes its place in the lane of each of its identifiers at once and may go when it is first
in all of them: events of one device never overtake each other, and no two events wait for each
other. It holds its lanes, through every retry, until it is settled or, if it is refused for good, until
its letter is written.

Given: events. Gives: those that may go now. Knows a batch or a job only as a number (`Event.bound_to`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

from connector.core.queueing.coalesce import merge
from connector.core.reading.event import NOWHERE, UNBOUND, Event

MERGE_SPREAD = 4096
"""Offsets between the first and the last event of a merged update.

A job's offsets are in the checkpoint, which has room for runs and not for many single ones far
ahead of them: 20,000 events merged across 25,000 offsets don't fit, and what doesn't is sent again after a
crash.
"""


MERGE_REPEATS_FROM = 8
"""Updates that wait for one device from which on repeated appends are merged, too: each update takes a job
of its own, one after the other."""


class Lanes:
    """The devices that are busy, and the events that wait for them. Devices at rest take no memory."""

    def __init__(self, max_row: int) -> None:
        self._max_row = max_row
        self._holders: dict[str, Event] = {}
        self._waiting: dict[str, deque[Event]] = {}
        self.coalesced = 0
        """How many events were merged into one that waited."""
        self.overtaken = False
        """Whether events that were sent may be waiting behind others (`seize`)."""

    @property
    def busy(self) -> int:
        """How many identifiers have a holder; for checks that none is left."""
        return len(self._holders)

    def admit(self, events: Iterable[Event]) -> list[Event]:
        """Let events take their places, in order; return those that may go at once."""
        holders = self._holders
        free: list[Event] = []
        for event in events:
            keys = event.keys
            if len(keys) == 1 and keys[0] not in holders:
                holders[keys[0]] = event
                free.append(event)
            elif self._enter(event):
                free.append(event)
        return free

    def _enter(self, event: Event) -> bool:
        tail = self._tail(event.keys)
        if tail is not None and _absorbs(tail, event):
            many = len(self._waiting.get(event.keys[0], ())) >= MERGE_REPEATS_FROM
            if merge(tail, event, self._max_row, repeats=many):
                self.coalesced += 1
                return False
        for key in event.keys:
            if self._holders.setdefault(key, event) is not event:
                self._waiting.setdefault(key, deque()).append(event)
                event.blocked += 1
        return not event.blocked

    def _tail(self, keys: Sequence[str]) -> Event | None:
        """Return the event that is last in all of these lanes and in no other; None if there is none."""
        tail: Event | None = None
        for key in keys:
            queue = self._waiting.get(key)
            last = queue[-1] if queue else self._holders.get(key)
            if last is None or (tail is not None and last is not tail):
                return None
            tail = last
        return tail if tail is not None and tail.keys == keys else None

    def release(self, events: Iterable[Event]) -> list[Event]:
        """Holders are done with: give their lanes on, and return the events that may go now."""
        holders, waiting = self._holders, self._waiting
        if not waiting:
            for event in events:
                for key in event.keys:
                    del holders[key]
            return []
        freed: list[Event] = []
        for event in events:
            for key in event.keys:
                if key not in waiting:
                    del holders[key]
                elif (follower := self._pass_on(key)) is not None:
                    freed.append(follower)
        return freed

    def _pass_on(self, key: str) -> Event | None:
        """Give a lane to the event that waits for it longest; return that event if it may go now."""
        queue = self._waiting[key]
        follower = self._holders[key] = queue.popleft()
        if not queue:
            del self._waiting[key]
        follower.blocked -= 1
        return None if follower.blocked else follower

    def replace(self, event: Event, parts: Sequence[Event]) -> None:
        """Put `parts` of a merged update where it stood: the first holds its lanes, the others come next."""
        first, *others = parts
        for key in event.keys:
            self._holders[key] = first
            if others:
                self._waiting.setdefault(key, deque()).extendleft(reversed(others))
        for other in others:
            other.blocked = len(event.keys)

    def withdraw(self, event: Event) -> list[Event]:
        """Take an event that waits out of all its lanes, some of which it may hold.

        Return the events that may go now.
        """
        freed: list[Event] = []
        for key in event.keys:
            if self._holders.get(key) is not event:
                queue = self._waiting[key]
                queue.remove(event)
                if not queue:
                    del self._waiting[key]
            elif key not in self._waiting:
                del self._holders[key]
            elif (follower := self._pass_on(key)) is not None:
                freed.append(follower)
        event.blocked = 0
        event.keys = ()
        return freed

    def substitute(self, event: Event, parts: Sequence[Event]) -> None:
        """Put `parts` of a waiting event where it stands in its lanes."""
        first, *others = parts
        first.blocked = event.blocked
        for other in others:
            other.blocked = len(event.keys)
        for key in event.keys:
            queue = self._waiting.setdefault(key, deque())
            if self._holders.get(key) is event:
                self._holders[key] = first
                queue.extendleft(reversed(others))
            else:
                at = queue.index(event)
                del queue[at]
                for part in reversed(parts):
                    queue.insert(at, part)
            if not queue:
                del self._waiting[key]

    def holder(self, key: str) -> Event | None:
        """Who holds the lane of this identifier."""
        return self._holders.get(key)

    def waiters(self) -> list[Event]:
        """Return all events that wait, each once, in no particular order."""
        return list({id(event): event for queue in self._waiting.values() for event in queue}.values())

    def seize(self, event: Event) -> list[Event]:
        """Give an event its lanes before all events that have not been sent; return those it displaced.

        For records of adopted jobs: they are with the API already, whatever was read before them from another
        partition. It waits where a lane's holder has been sent, too, and behind older ones of its partition.
        """
        displaced: list[Event] = []
        for key in event.keys:
            holder = self._holders.get(key)
            if holder is None:
                self._holders[key] = event
                continue
            place = _behind_older(self._waiting.get(key, ()), event)
            if place or holder.bound_to or _is_older(holder, event):
                self._waiting.setdefault(key, deque()).insert(place, event)
                event.blocked += 1
                self.overtaken = True
            else:
                self._holders[key] = event
                self._waiting.setdefault(key, deque()).appendleft(holder)
                if not holder.blocked:
                    displaced.append(holder)
                holder.blocked += 1
        return displaced

    def step_back(self, event: Event) -> bool:
        """Put an event that is about to be sent again behind later ones of its device that have been sent.

        Return whether there are any: if both were sent, the device would be in two jobs at once.
        """
        if not self._waiting:
            self.overtaken = False
        for key in event.keys:
            queue = self._waiting.get(key, ())
            sent = [each for each in queue if each.bound_to and not _is_older(event, each)]
            if sent:
                self._holders[key] = sent[0]
                sent[0].blocked -= 1
                unsent = [each for each in queue if each not in sent]
                self._waiting[key] = deque([*sent[1:], event, *unsent])
                event.blocked += 1
        if event.blocked:
            event.bound_to = UNBOUND
        return bool(event.blocked)


def _is_older(event: Event, other: Event) -> bool:
    """Whether one comes before the other in the same partition: that order must never change."""
    return event.assignment is other.assignment is not NOWHERE and event.offset < other.offset


def _behind_older(queue: Sequence[Event], event: Event) -> int:
    """Return the place in a queue right behind the last event that comes before this one; 0 if none does."""
    behind = next((at for at, each in enumerate(reversed(queue)) if _is_older(each, event)), len(queue))
    return len(queue) - behind


def _absorbs(event: Event, later: Event) -> bool:
    """Whether a later event may still be merged into this one: it was never sent and stands by itself."""
    if event.bound_to or event.attempts or event.unmergeable:
        return False
    return later.assignment is not event.assignment or later.offset - event.offset < MERGE_SPREAD
