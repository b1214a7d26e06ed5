"""Events that may go, in the order in which they should: one queue for each application and endpoint.

First come, first served, by when each became first in its lane; only what was sent in vain goes to the front.
A device whose events never end is behind the others again after each of them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from itertools import accumulate

from connector.core.batching.jobs import Batch
from connector.core.reading.event import Event


class Queue:
    """Ready events of one application and endpoint. A batch is closed by count, bytes or age."""

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._stamps: deque[list[float]] = deque()
        """[how many events, ready since, place in the order of all queues]: without figures on each event.

        Since 0.0: they are due at once. A negative place: they were put back.
        """
        self._urgent = 0
        """Events that are due at once."""
        self._bytes = 0
        """Of the rows as they came. Merging may let a row grow while it waits: only `take` looks at that, so
        its bound holds, and a batch that merging alone has filled goes by age, at most `linger` late."""
        self.exact: deque[Batch] = deque()
        """Batches to be sent as they are."""

    def __len__(self) -> int:
        return len(self._events)

    def push(self, events: Sequence[Event], now: float, place: int) -> None:
        """Append events that have just become ready; `now` 0.0: they waited in a lane and are due at once."""
        if events:
            self._events += events
            self._stamps.append([len(events), now, place])
            self._bytes += sum([len(event.row) for event in events])
            self._urgent += 0 if now else len(events)

    def push_front(self, events: Sequence[Event], place: int) -> None:
        """Put events back that were taken before: they are due at once."""
        if events:
            self._events[:0] = events
            self._stamps.appendleft([len(events), 0.0, -place])
            self._bytes += sum([len(event.row) for event in events])
            self._urgent += len(events)

    def due(self, now: float, max_devices: int, max_bytes: int, linger: float) -> bool:
        """Whether a batch should be sent now."""
        return bool(self.exact) or self.ripe(now, max_devices, max_bytes, linger)

    def ripe(self, now: float, max_devices: int, max_bytes: int, linger: float) -> bool:
        """Whether a batch of events should be made and sent now."""
        return bool(self._events) and (
            self._urgent > 0
            or len(self._events) >= max_devices
            or self._bytes >= max_bytes
            or now >= self._stamps[0][1] + linger
        )

    def due_at(self, linger: float) -> float | None:
        """When the oldest event will have waited long enough; None where nothing waits."""
        if self.exact or self._urgent:
            return 0.0
        return self._stamps[0][1] + linger if self._stamps else None

    def ready_since(self, count: int) -> float:
        """Since when the oldest of the first `count` is ready that must wait for others; 0 without such."""
        for many, since, _ in self._stamps:
            if since or count <= many:
                return since
            count -= int(many)
        return 0.0

    def place(self, *, queued: bool) -> tuple[int, float]:
        """Return its place among all queues: exact batches come before all events; `queued`: after them.

        What was put back doesn't count beside others: a queue to which that happens again and again would
        always be first.
        """
        if self.exact and not (queued and self._events):
            return 2 if queued else 0, self.exact[0].place
        places = [place for _, _, place in self._stamps]
        return 1, next((place for place in places if place > 0), -places[-1] if places else 0)

    def most_promising(self) -> Batch:
        """Take the exact batch that has failed least, of those the smallest: it tries a closed gate best."""
        batch = min(self.exact, key=lambda batch: (batch.suspicion.failures, len(batch.events)))
        self.exact.remove(batch)
        return batch

    def take(self, max_devices: int, max_bytes: int) -> list[Event]:
        """The next events, at most `max_devices` and `max_bytes` (rows and commas), but always one."""
        taken = self._events[:max_devices]
        sizes = [len(event.row) if event.merged is None else event.merged.size for event in taken]
        if sum(sizes) + len(sizes) > max_bytes:
            ends = accumulate([size + 1 for size in sizes])
            fit = sum(1 for end in ends if end <= max_bytes)
            del taken[max(1, fit) :]
        del self._events[: len(taken)]
        self._bytes -= sum([len(event.row) for event in taken])
        left = len(taken)
        while left:
            stamp = self._stamps[0]
            used = min(left, int(stamp[0]))
            stamp[0] -= used
            left -= used
            self._urgent -= 0 if stamp[1] else used
            if not stamp[0]:
                self._stamps.popleft()
        return taken

    def remove(self, unwanted: Callable[[Event], bool], now: float) -> list[Event]:
        """Take out the events for which `unwanted` holds. Ages start anew, but no place: this is rare."""
        removed = [event for event in self._events if unwanted(event)]
        if removed:
            kept = [event for event in self._events if not unwanted(event)]
            place, since = int(self.place(queued=True)[1]), 0.0 if self._urgent else now
            self._events, self._bytes, self._urgent = [], 0, 0
            self._stamps.clear()
            self.push(kept, since, place)
        return removed
