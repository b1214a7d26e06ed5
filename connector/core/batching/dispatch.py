"""Which batch goes next.

Given: events that became first in their lanes, and batches to be sent as they are. Gives: one batch at a
time, by application and endpoint. Knows nothing of halts, rates or checkpoints: what these allow comes as
`Bounds`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from heapq import heapify, heappop, heappush
from itertools import count

from connector.core.assigned.assignment import Assignment
from connector.core.batching.batch import Batch, Precursor
from connector.core.batching.bounds import UNBOUNDED, Bounds
from connector.core.batching.queues import Queue, by_route
from connector.core.batching.request_size import RequestSize
from connector.core.limits import Limits
from connector.core.reading.event import UNBOUND, Event
from connector.model import Route

EXACT_IN_A_ROW = 7
"""Exact batches in a row after which queued events have a turn, so that these never starve.

Not fewer: each exact batch frees a few events, and these would go one or two in a batch and take half of all
jobs. A backlog with bad devices in it would take twice as long.
"""


class Dispatch:
    """Decides which batch goes next, of the events that hold their lanes and of the exact batches.

    Owns the queues, what is to be sent later, and the requests that are under way.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._serials = count(1)
        self._ties = count()
        self._places = count(1)
        """Places in the order of all queues."""
        self._later: list[tuple[float, int, Event | Batch]] = []
        self._waiting_for_checkpoint: defaultdict[Assignment, list[Event]] = defaultdict(list)
        """Ready, but in no queue: they wait until the checkpoint of their partition has room for them."""
        self._exact_in_a_row = 0
        """Exact batches that went since queued events had a turn."""
        self.queues: dict[Route, Queue] = {}
        self.posting: dict[int, Batch] = {}
        """Requests that were not answered yet, by serial number."""
        self.size = RequestSize(limits.max_bytes)

    def queue(self, route: Route) -> Queue:
        """Return the queue of this route."""
        if route not in self.queues:
            self.queues[route] = Queue()
        return self.queues[route]

    def queue_ready(self, events: Sequence[Event], now: float) -> None:
        """Queue events that have just become first in their lanes: they wait up to `linger` for others."""
        for route, mine in by_route(events).items():
            self.queue(route).push(mine, now, next(self._places))

    def queue_freed(self, events: Sequence[Event]) -> None:
        """Queue events that had waited in a lane: due at once, but behind those that came before."""
        for route, mine in by_route(events).items():
            self.queue(route).push(mine, 0.0, next(self._places))

    def requeue_first(self, events: Sequence[Event]) -> None:
        """Put events to the front, due at once: they were sent in vain, or waited for a checkpoint's room."""
        for event in events:
            event.bound_to = UNBOUND
        for route, mine in by_route(events).items():
            self.queue(route).push_front(mine, next(self._places))

    def queue_at(self, what: Event | Batch, due: float) -> None:
        """Queue this event, or exactly this batch, at `due`."""
        if isinstance(what, Event):
            what.bound_to = UNBOUND
        heappush(self._later, (due, next(self._ties), what))

    def bring_forward(self, dues: Mapping[int, float]) -> None:
        """Bring forward what was to be sent later: to these times, by `id` of the event or batch."""
        self._later = [(min(due, dues.get(id(what), due)), tie, what) for due, tie, what in self._later]
        heapify(self._later)

    def send_exact(self, batch: Batch) -> None:
        """Send exactly this batch, before most queued events of its route (`EXACT_IN_A_ROW`)."""
        batch.place = next(self._places)
        for event in batch.events:
            event.bound_to = batch.serial
        self.queue(batch.route).exact.append(batch)

    def new_serial(self) -> int:
        """Return a number that no other batch or job has."""
        return next(self._serials)

    def new_batch(self, like: Precursor, events: list[Event]) -> Batch:
        """Return a new batch of some of the events of this one: same route, a copy of its history."""
        history = replace(like.history)
        return Batch(
            self.new_serial(), like.endpoint, like.application, events, ready_at=0.0, history=history
        )

    def wake(self, now: float, *, trials: bool = False) -> None:
        """Queue what was to be sent later, if its time has come.

        `trials`: the gate is closed, and what is sent tries whether the API is back. A batch that is proven
        to fail alone says nothing about that, so it waits while there is anything better.
        """
        events: list[Event] = []
        while self._later and self._later[0][0] <= now:
            what = heappop(self._later)[2]
            if isinstance(what, Batch):
                if trials and what.suspicion.proven and self._something_better():
                    self.queue_at(what, now + 1.0)
                    continue
                self.send_exact(what)
            else:
                events.append(what)
        if events:
            self.requeue_first(events)

    def _something_better(self) -> bool:
        """Whether something is queued that is no batch which fails again and again."""
        return any(
            len(queue) or any(not batch.suspicion.persists for batch in queue.exact)
            for queue in self.queues.values()
        )

    def take_next(self, route: Route, now: float, bounds: Bounds = UNBOUNDED) -> Batch | None:
        """Take the batch to send now on this route, if one is due."""
        only, linger = bounds.one_request, self._limits.linger
        if only is not None and only.untried_first:
            return self._queued(route, now, bounds, 0.0) or self._exact(route, bounds)
        if self._turn_of_queued and (batch := self._queued(route, now, bounds, linger)) is not None:
            self._exact_in_a_row = 0
            return batch
        if (batch := self._exact(route, bounds)) is not None:
            self._exact_in_a_row += 1
            return batch
        return self._queued(route, now, bounds, linger)

    def went(self, batch: Batch) -> None:
        """Note that the request for this batch is under way."""
        self.posting[batch.serial] = batch

    def answered(self, batch: Batch) -> None:
        """Note that the request for this batch is no longer under way, whatever became of it."""
        self.posting.pop(batch.serial, None)

    def _exact(self, route: Route, bounds: Bounds) -> Batch | None:
        queue = self.queues[route]
        while queue.exact:
            batch = queue.exact.popleft() if bounds.one_request is None else queue.most_promising()
            batch.events = bounds.allowed(batch.events)
            if batch.events:
                return batch
            self.end_hunt(batch)
        return None

    def _queued(self, route: Route, now: float, bounds: Bounds, linger: float) -> Batch | None:
        queue = self.queues[route]
        most = self._limits.max_devices if bounds.one_request is None else bounds.one_request.devices
        while queue.ripe(now, self._limits.max_devices, self.size.bound, linger):
            ready_at = queue.ready_since(most)
            events = queue.take(most, self.size.bound)
            if bounds.within is not None:
                events = self._let_wait(events, bounds.within(events))
            if events := bounds.allowed(events):
                serial = self.new_serial()
                for event in events:
                    event.bound_to = serial
                return Batch(serial, route.endpoint, route.application, events, ready_at)
        return None

    def _let_wait(self, events: list[Event], within: list[Event]) -> list[Event]:
        if len(within) < len(events):
            may_go = set(map(id, within))
            for event in [each for each in events if id(each) not in may_go]:
                event.bound_to = UNBOUND
                self._waiting_for_checkpoint[event.assignment].append(event)
        return within

    def waiting_for_checkpoint(self, assignment: Assignment) -> Sequence[Event]:
        """Return the events of a partition that wait until its checkpoint has room for them."""
        return self._waiting_for_checkpoint.get(assignment, ())

    @property
    def count_waiting_for_checkpoint(self) -> int:
        """How many events wait until the checkpoint of their partition has room."""
        return sum(map(len, self._waiting_for_checkpoint.values()))

    def take_back(self, assignment: Assignment, events: Sequence[Event]) -> None:
        """Queue some of the events of a partition that waited for its checkpoint."""
        chosen = set(map(id, events))
        waiting = self._waiting_for_checkpoint.pop(assignment, ())
        if left := [event for event in waiting if id(event) not in chosen]:
            self._waiting_for_checkpoint[assignment] = left
        self.requeue_first(events)

    @property
    def _turn_of_queued(self) -> bool:
        return self._exact_in_a_row >= EXACT_IN_A_ROW

    def routes(self, *, queued_first: bool = False) -> list[Route]:
        """Return the routes that have something to send, in the order in which they should.

        Routes with exact batches go before those with queued events, unless it is the turn of these
        (`queued_first` makes it so); otherwise first come, first served.
        """
        queued_first = queued_first or self._turn_of_queued
        routes = [route for route, queue in self.queues.items() if queue.exact or len(queue)]
        if len(routes) > 1:
            routes.sort(key=lambda route: self.queues[route].place(queued=queued_first))
        return routes

    def due_at(self, route: Route) -> float | None:
        """Return when this route will have a batch to send: 0.0 for now, None if it has nothing."""
        return self.queues[route].due_at(self._limits.max_devices, self.size.bound, self._limits.linger)

    def has(self, application: str) -> bool:
        """Whether this application has a request to send or under way, which may end a halt."""
        return (
            any(route.application == application for route in self.routes())
            or any(batch.application == application for batch in self.posting.values())
            or any(what.application == application for _, _, what in self._later)
        )

    def next_later(self) -> float | None:
        """Return when the next delayed event or batch is due."""
        return self._later[0][0] if self._later else None

    @property
    def queued(self) -> int:
        """How many events are ready and in no batch."""
        return sum([len(queue) for queue in self.queues.values()])

    def withdraw(self, unwanted: Callable[[Event], bool], now: float) -> list[Event]:
        """Take out every unsent event for which `unwanted` holds."""
        removed: list[Event] = []
        for queue in self.queues.values():
            removed += queue.remove(unwanted, now)
            for batch in queue.exact:
                removed += batch.strip(unwanted)
        for batch in self.posting.values():
            removed += batch.strip(unwanted, on_its_way=True)
        unchecked, self._waiting_for_checkpoint = self._waiting_for_checkpoint, defaultdict(list)
        for assignment, waiting in unchecked.items():
            for event in waiting:
                (removed if unwanted(event) else self._waiting_for_checkpoint[assignment]).append(event)
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
        return self.new_batch(batch, batch.events[:middle]), self.new_batch(batch, batch.events[middle:])

    def split(self, batch: Batch, count: int) -> list[Batch]:
        """Return a batch's parts, about so many and of one size, as batches."""
        step = -(-len(batch.events) // count)
        return [
            self.new_batch(batch, batch.events[at : at + step]) for at in range(0, len(batch.events), step)
        ]

    def quarter(self, batch: Batch) -> None:
        """Send a batch that failed in four parts, before other exact ones."""
        parts = self.split(batch, 4)
        for part in parts:
            part.suspicion.taken_apart()
            self.send_exact(part)
        self.queue(batch.route).exact.rotate(len(parts))

    def end_hunt(self, batch: Batch, *, found: bool = False) -> None:
        """End the hunt that this batch is part of, if any: send what that had put aside.

        In halves from the second hunt on that `found` its device: where bad ones are many, hunts for them go
        on side by side, and begin with fewer devices each time.
        """
        hunt, batch.hunt = batch.hunt, None
        if hunt is None or not (aside := hunt.aside + hunt.other_half):
            return
        rest = self.new_batch(batch, aside)
        rest.history.hunts_that_found += found
        for part in self.halve(rest) if rest.history.hunts_that_found > 1 else (rest,):
            if part.events:
                self.send_exact(part)
