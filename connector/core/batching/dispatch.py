"""Which batch goes next: ready events by application and endpoint, late retries, exact batches."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from heapq import heapify, heappop, heappush
from itertools import count

from connector.core.backoff import Trial
from connector.core.batching.jobs import Batch, Job
from connector.core.batching.queues import Queue
from connector.core.batching.request_size import RequestSize
from connector.core.limits import Limits
from connector.core.reading.event import UNBOUND, Event
from connector.model import Endpoint

Route = tuple[str, Endpoint]
"""Application and endpoint: what all devices of one request share."""


EXACT_IN_A_ROW = 7
"""Exact batches after which queued events have a turn, so that they are never kept out.

Not sooner: with each exact batch a few events come free, and these would take half of all places, one or two
in a batch. A backlog with bad devices in it then took twice as long.
"""


class Dispatch:
    """Events that hold their lanes and wait to be sent, and the batches that are on their way."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._serials = count(1)
        self._ties = count()
        self._places = count(1)
        """In the order of all queues."""
        self._later: list[tuple[float, int, Event | Batch]] = []
        self._exact_in_a_row = 0
        """Exact batches since queued events went: those go first, but not all the time."""
        self.queues: dict[Route, Queue] = {}
        self.posting: dict[int, Batch] = {}
        """Requests that were not answered yet, by serial number."""
        self.size = RequestSize(limits.max_bytes)

    def queue(self, application: str, endpoint: Endpoint) -> Queue:
        """Return the queue of this route."""
        route = (application, endpoint)
        if route not in self.queues:
            self.queues[route] = Queue()
        return self.queues[route]

    def ready(self, events: Sequence[Event], now: float) -> None:
        """Queue events that have just become first in their lanes."""
        for (application, endpoint), mine in _by_route(events).items():
            self.queue(application, endpoint).push(mine, now, next(self._places))

    def freed(self, events: Sequence[Event]) -> None:
        """Queue events that waited in a lane: due at once, but behind those that came before."""
        for (application, endpoint), mine in _by_route(events).items():
            self.queue(application, endpoint).push(mine, 0.0, next(self._places))

    def again(self, events: Sequence[Event]) -> None:
        """Put events to the front, due at once: they were sent in vain, or waited for room."""
        for event in events:
            event.bound_to = UNBOUND
        for (application, endpoint), mine in _by_route(events).items():
            self.queue(application, endpoint).push_front(mine, next(self._places))

    def later(self, what: Event | Batch, due: float) -> None:
        """Send this event, or exactly this batch, from `due` on."""
        if isinstance(what, Event):
            what.bound_to = UNBOUND
        heappush(self._later, (due, next(self._ties), what))

    def sooner(self, dues: Mapping[int, float]) -> None:
        """Send what waits for a later time from these times on, by `id`."""
        self._later = [(min(due, dues.get(id(what), due)), tie, what) for due, tie, what in self._later]
        heapify(self._later)

    def exactly(self, batch: Batch) -> None:
        """Send exactly this batch, in turns with the events of its route and before most of them."""
        batch.place = next(self._places)
        for event in batch.events:
            event.bound_to = batch.serial
        self.queue(batch.application, batch.endpoint).exact.append(batch)

    def serial(self) -> int:
        """Return a number for a batch or a job; no other has it."""
        return next(self._serials)

    def batch(self, like: Batch | Job, events: list[Event]) -> Batch:
        """Return a new batch of events of this one, for the same route and with the same history."""
        history = replace(like.history)
        return Batch(self.serial(), like.endpoint, like.application, events, ready_at=0.0, history=history)

    def wake(self, now: float, *, trials: bool = False) -> None:
        """Queue what was to be sent later, if its time has come.

        `trials`: only what tells whether the API is there, if there is such: what alone fails does not.
        """
        events: list[Event] = []
        while self._later and self._later[0][0] <= now:
            what = heappop(self._later)[2]
            if isinstance(what, Batch):
                if trials and what.suspicion.proven and self._something_better():
                    self.later(what, now + 1.0)
                    continue
                self.exactly(what)
            else:
                events.append(what)
        if events:
            self.again(events)

    def _something_better(self) -> bool:
        """Whether something waits that has hardly failed."""
        return any(
            len(queue) or any(not batch.suspicion.persists for batch in queue.exact)
            for queue in self.queues.values()
        )

    def next(
        self,
        route: Route,
        now: float,
        within: Callable[[list[Event]], list[Event]] | None,
        stepped_back: Callable[[Event], bool] | None = None,
        trial: Trial | None = None,
    ) -> Batch | None:
        """Take the batch to send now on this route, if one is due.

        `within` returns what may be sent of events that go for the first time, `stepped_back` tells of any
        event whether it must not be sent yet; both put aside what must not. `trial`: the one that may go is
        to tell whether the API is there.
        """
        most = self._limits.max_devices if trial is None else trial.devices

        def exact() -> Batch | None:
            return self._exact(route, stepped_back, trial=trial is not None)

        def queued(linger: float) -> Batch | None:
            return self._queued(route, now, within, stepped_back, linger, most)

        if trial is not None and trial.of_others:
            return queued(0.0) or exact()
        if self._turn_of_queued and (batch := queued(self._limits.linger)) is not None:
            self._exact_in_a_row = 0
            return batch
        if (batch := exact()) is not None:
            self._exact_in_a_row += 1
            return batch
        return queued(self._limits.linger)

    def _exact(
        self, route: Route, stepped_back: Callable[[Event], bool] | None, *, trial: bool = False
    ) -> Batch | None:
        queue = self.queues[route]
        while queue.exact:
            batch = queue.most_promising() if trial else queue.exact.popleft()
            if stepped_back is not None:
                batch.events = [event for event in batch.events if not stepped_back(event)]
            if batch.events:
                return batch
            self.search_over(batch)
        return None

    def _queued(
        self,
        route: Route,
        now: float,
        within: Callable[[list[Event]], list[Event]] | None,
        stepped_back: Callable[[Event], bool] | None,
        linger: float,
        most: int,
    ) -> Batch | None:
        queue = self.queues[route]
        while queue.ripe(now, self._limits.max_devices, self.size.bound, linger):
            ready_at = queue.ready_since(most)
            events = queue.take(most, self.size.bound)
            if within is not None:
                events = within(events)
            if stepped_back is not None:
                events = [event for event in events if not stepped_back(event)]
            if events:
                serial = self.serial()
                for event in events:
                    event.bound_to = serial
                return Batch(serial, route[1], route[0], events, ready_at)
        return None

    @property
    def _turn_of_queued(self) -> bool:
        return self._exact_in_a_row >= EXACT_IN_A_ROW

    def routes(self, *, queued_first: bool = False) -> list[Route]:
        """Return the routes, the one whose events wait longest first; exact batches before them, most times.

        `queued_first`: exact batches last.
        """
        queued_first = queued_first or self._turn_of_queued
        routes = [route for route, queue in self.queues.items() if queue.exact or len(queue)]
        if len(routes) > 1:
            routes.sort(key=lambda route: self.queues[route].place(queued=queued_first))
        return routes

    def due_at(self, route: Route) -> float | None:
        """Return when this route will have a batch to send."""
        queue = self.queues[route]
        if queue.due(0.0, self._limits.max_devices, self.size.bound, self._limits.linger):
            return 0.0
        return queue.due_at(self._limits.linger)

    def has(self, application: str) -> bool:
        """Whether something of this application waits to be sent or is on its way: that can end a halt."""
        return (
            any(name == application for name, _ in self.routes())
            or any(batch.application == application for batch in self.posting.values())
            or any(what.application == application for _, _, what in self._later)
        )

    def next_later(self) -> float | None:
        """Return when the next delayed event or batch is due."""
        return self._later[0][0] if self._later else None

    @property
    def waiting(self) -> int:
        """Events that are ready or delayed."""
        exact = sum(len(batch.events) for queue in self.queues.values() for batch in queue.exact)
        late = sum(len(what.events) if isinstance(what, Batch) else 1 for _, _, what in self._later)
        return self.queued + exact + late

    @property
    def queued(self) -> int:
        """Events that are ready and belong to no batch."""
        return sum([len(queue) for queue in self.queues.values()])

    def withdraw(self, unwanted: Callable[[Event], bool], now: float) -> list[Event]:
        """Take out everything unsent for which `unwanted` holds."""
        removed: list[Event] = []
        for queue in self.queues.values():
            removed += queue.remove(unwanted, now)
            for batch in queue.exact:
                removed += batch.strip(unwanted)
        for batch in self.posting.values():
            removed += batch.strip(unwanted, on_its_way=True)
        for _, _, what in self._later:
            if isinstance(what, Batch):
                removed += what.strip(unwanted)
            elif unwanted(what):
                removed.append(what)
        self._later = [item for item in self._later if isinstance(item[2], Batch) or not unwanted(item[2])]
        heapify(self._later)
        return removed

    # -- parts of a batch ------------------------------------------------------------------------

    def halve(self, batch: Batch) -> tuple[Batch, Batch]:
        """Return the two halves of a batch, as batches."""
        middle = len(batch.events) // 2
        return self.batch(batch, batch.events[:middle]), self.batch(batch, batch.events[middle:])

    def quarter(self, batch: Batch) -> None:
        """Send a batch in four parts, before other exact ones. They are no new failures if they fail."""
        step = -(-len(batch.events) // 4)
        parts = [self.batch(batch, batch.events[at : at + step]) for at in range(0, len(batch.events), step)]
        for part in parts:
            part.suspicion.failures = 1
            self.exactly(part)
        self.queue(batch.application, batch.endpoint).exact.rotate(len(parts))

    def search_over(self, batch: Batch) -> None:
        """If it was part of a search (`Hunt`), send again what that had put aside."""
        search, batch.search = batch.search, None
        if search is not None and (aside := search.aside + search.other_half):
            self.exactly(self.batch(batch, aside))


def _by_route(events: Sequence[Event]) -> dict[Route, Sequence[Event]]:
    if not events:
        return {}
    application, endpoint = events[0].application, events[0].endpoint
    for event in events:
        if event.endpoint is not endpoint or event.application != application:
            break
    else:
        return {(application, endpoint): events}  # nearly always: a third of the time
    routes: defaultdict[Route, list[Event]] = defaultdict(list)
    for event in events:
        routes[event.application, event.endpoint].append(event)
    return dict(routes)
