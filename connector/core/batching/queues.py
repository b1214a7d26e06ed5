"""Events that may be sent, in the order in which they should be: a queue for each application and endpoint.

First come, first served, by when each became first in its lane; only events that were sent in vain go to the
front. So a device with ever new events queues up behind the others again after each of its own.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from connector.core.batching.batch import Batch
from connector.core.reading.event import Event
from connector.model import Endpoint, Route


@dataclass(slots=True)
class _Arrival:
    """Events that were queued together. What they share is kept once, and not on each of them."""

    events: int
    """How many of them are still queued."""
    since: float
    """When they became ready, seconds; 0.0 for events that are due at once."""
    place: int
    """Their place in the order of all queues; negative for events that were put back."""


class Queue:
    """Ready events of one application and endpoint. A batch is closed by count, bytes or age."""

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._arrivals: deque[_Arrival] = deque()
        """What of `_events` was queued together, in the same order."""
        self._urgent = 0
        """How many of the events are due at once."""
        self._bytes = 0
        """Bytes of the rows as they were queued. Merging may let one grow while it waits. Only `take` looks
        at that: a batch never exceeds its bound, and one that merging has filled may go up to `linger`
        late."""
        self.exact: deque[Batch] = deque()
        """Batches to be sent as they are."""

    def __len__(self) -> int:
        return len(self._events)

    def push(self, events: Sequence[Event], since: float, place: int) -> None:
        """Append events that are ready `since` then; 0.0: they waited in a lane, and are due at once."""
        if events:
            self._events += events
            self._arrivals.append(_Arrival(len(events), since, place))
            self._bytes += sum([len(event.row) for event in events])
            self._urgent += 0 if since else len(events)

    def push_front(self, events: Sequence[Event], place: int) -> None:
        """Put events that were taken before back to the front, due at once."""
        if events:
            self._events[:0] = events
            self._arrivals.appendleft(_Arrival(len(events), 0.0, -place))
            self._bytes += sum([len(event.row) for event in events])
            self._urgent += len(events)

    def due_at(self, max_devices: int, max_bytes: int, linger: float) -> float | None:
        """Return when there is a batch to send, exact or of queued events: 0.0 for now, None for never."""
        return 0.0 if self.exact else self._queued_due_at(max_devices, max_bytes, linger)

    def ripe(self, now: float, max_devices: int, max_bytes: int, linger: float) -> bool:
        """Whether a batch of queued events should be sent now."""
        due = self._queued_due_at(max_devices, max_bytes, linger)
        return due is not None and now >= due

    def _queued_due_at(self, max_devices: int, max_bytes: int, linger: float) -> float | None:
        if not self._events:
            return None
        if self._urgent or len(self._events) >= max_devices or self._bytes >= max_bytes:
            return 0.0
        return self._arrivals[0].since + linger

    def ready_since(self, count: int) -> float:
        """Return when the oldest of the first `count` events became ready; 0 if all are due at once."""
        for arrival in self._arrivals:
            if arrival.since or count <= arrival.events:
                return arrival.since
            count -= arrival.events
        return 0.0

    def place(self, *, queued: bool) -> tuple[int, int]:
        """Return its place among all queues. Exact batches come before queued events; `queued`: after them.

        Events that were put back count only where there are no others, or a queue that gets events back again
        and again would always be first.
        """
        if self.exact and not (queued and self._events):
            return 2 if queued else 0, self.exact[0].place
        first = next((arrival.place for arrival in self._arrivals if arrival.place > 0), 0)
        return 1, first or (-self._arrivals[-1].place if self._arrivals else 0)

    def most_promising(self) -> Batch:
        """Take the exact batch that has failed least, of those the smallest: the best trial of a gate."""
        batch = min(self.exact, key=lambda batch: (batch.suspicion.failures, len(batch.events)))
        self.exact.remove(batch)
        return batch

    def take(self, max_devices: int, max_bytes: int) -> list[Event]:
        """Take the next events, at most `max_devices` and `max_bytes` (rows and commas), but at least one."""
        taken = self._events[:max_devices]
        sizes = [len(event.row) if event.merged is None else event.merged.size for event in taken]
        if sum(sizes) + len(sizes) > max_bytes:
            ends = accumulate([size + 1 for size in sizes])
            fit = sum(1 for end in ends if end <= max_bytes)
            del taken[max(1, fit) :]
        del self._events[: len(taken)]
        self._bytes -= sum([len(event.row) for event in taken])
        self._forget_first(len(taken))
        return taken

    def _forget_first(self, count: int) -> None:
        while count:
            arrival = self._arrivals[0]
            gone = min(count, arrival.events)
            arrival.events -= gone
            count -= gone
            self._urgent -= 0 if arrival.since else gone
            if not arrival.events:
                self._arrivals.popleft()

    def remove(self, unwanted: Callable[[Event], bool], now: float) -> list[Event]:
        """Take out unwanted events. This is rare.

        The rest keep their place, and start waiting again; if some of them were urgent, all are due at once.
        """
        removed = [event for event in self._events if unwanted(event)]
        if removed:
            kept = [event for event in self._events if not unwanted(event)]
            place, since = self.place(queued=True)[1], 0.0 if self._urgent else now
            self._events, self._bytes, self._urgent = [], 0, 0
            self._arrivals.clear()
            self.push(kept, since, place)
        return removed


def by_route(events: Sequence[Event]) -> dict[Route, Sequence[Event]]:
    """Sort events by the queue that they belong in."""
    if not events:
        return {}
    application, endpoint = events[0].application, events[0].endpoint
    for event in events:
        if event.endpoint is not endpoint or event.application != application:
            break
    else:
        # The usual case, in a third of the time that grouping takes.
        return {Route(application, endpoint): events}
    groups: defaultdict[tuple[str, Endpoint], list[Event]] = defaultdict(list)
    for event in events:  # by plain tuples, because a Route for each takes longer
        groups[event.application, event.endpoint].append(event)
    return {Route(*key): mine for key, mine in groups.items()}
