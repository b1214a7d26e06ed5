"""Devices for one request, and the hunt for one that spoils it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from connector.core.assigned.assignment import Assignment
from connector.core.past.history import History
from connector.core.past.suspicion import Suspicion
from connector.core.queueing.coalesce import row_of, size_of
from connector.core.reading.event import Event
from connector.model import Endpoint, Route


@dataclass(slots=True)
class HuntState:
    """The state of one hunt for the device that spoils a batch. It has one request under way at a time."""

    aside: list[Event] = field(default_factory=list)
    """Events of which nothing is known: they are sent when the hunt is over."""
    other_half: list[Event] = field(default_factory=list)
    """The other half of the batch under way: if that one is accepted, the bad device must be in here."""
    began: float = math.inf
    """When the batch was sent that the hunt began with."""
    denied_at: float = math.inf
    """When the API's words about one of its requests first seemed to deny the whole application."""
    perhaps_nobody: bool = False
    """Whether there may be no such device, because nothing was accepted since."""


@dataclass(slots=True, eq=False)
class Batch:
    """Devices for one request. No two of its events concern the same device.

    One that is handed to `Dispatch.send_exact` is sent as it is, before most others: a batch that was refused
    or lost as a whole is tried again as a whole, or as its halves.
    """

    serial: int
    endpoint: Endpoint
    application: str
    events: list[Event]
    ready_at: float
    """When its oldest event became first in its lane, seconds; 0 if it is sent again."""
    hunt: HuntState | None = None
    """The hunt that it is part of."""
    history: History = field(default_factory=History)
    sent_at: float = 0.0
    place: int = 0
    """Of an exact batch: its place in the order of all queues."""
    probe: bool = False
    """Whether it is the probe of a halt."""
    suspicion: Suspicion = field(default_factory=Suspicion)

    @property
    def route(self) -> Route:
        """The batch's application and endpoint."""
        return Route(self.application, self.endpoint)

    def rows(self) -> list[bytes]:
        """Return its devices as they are sent: JSON objects."""
        return [event.row if event.merged is None else row_of(event) for event in self.events]

    @property
    def size(self) -> int:
        """Bytes of its devices as they are sent."""
        return sum([size_of(event) for event in self.events])

    def strip(self, unwanted: Callable[[Event], bool], *, on_its_way: bool = False) -> list[Event]:
        """Take unwanted events out of the batch, unless it is on its way, and out of its hunt."""
        removed: list[Event] = []
        lists = [] if on_its_way else [self.events]
        if self.hunt is not None:
            lists += [self.hunt.other_half, self.hunt.aside]
        for events in lists:
            removed += [event for event in events if unwanted(event)]
            events[:] = [event for event in events if not unwanted(event)]
        return removed

    def assignments(self) -> set[Assignment]:
        """Return the partitions of its events, with those that were merged into them."""
        merged = [event.merged for event in self.events if event.merged is not None]
        return {event.assignment for event in self.events} | {
            each.assignment for one in merged for each in one.events
        }


class Precursor(Protocol):
    """What was sent before, so that batches can be made of it: a batch, or the job that one became."""

    endpoint: Endpoint
    application: str
    history: History
