"""One change to one device, on its way through the core: what lanes hold and batches carry.

`decode` makes events of records that it has checked. What an event comes through later keeps what it knows of
the event in its last fields.
"""

from __future__ import annotations

from typing import cast

import msgspec
from msgspec import Raw

from connector.core.assigned.assignment import Assignment
from connector.model import Endpoint, Record, Rejection, headers_of

NOWHERE = cast("Assignment", None)
"""`Event.assignment` until the engine has taken the event in."""
UNBOUND = 0
TO_ITS_LETTER = -1
"""Values of `Event.bound_to` that are no serial number of a batch."""


class Event(msgspec.Struct, gc=False, eq=False):
    """What one record asks for.

    `gc=False`, and `assignment` may lead back here: whoever lets a partition go breaks that circle.
    """

    endpoint: Endpoint
    application: str
    """The application it is for, empty for the default one."""
    keys: tuple[str, ...]
    """The keys of its lanes, one for each identifier that it names: `lane_keys`."""
    hwid: str | None
    user_id: str | None
    push_token: str | None
    list_operator: str | None
    """As it is sent: always set for tags; None for a registration whose values replace a list."""
    row: bytes
    """The JSON object of this device exactly as it goes into the request's `devices`."""
    record: Record | None
    """The source, for a dead letter."""
    assignment: Assignment
    """The partition, for as long as it is ours; `NOWHERE` before the engine has taken the event in."""
    offset: int = -1
    timestamp: int = 0
    """Time of the source record, in milliseconds since the epoch; 0 where it has none."""
    size: int = 0
    """Bytes held: the record and the row, or an estimate of these."""
    # The engine's own bookkeeping.
    attempts: int = 0
    """How often it was submitted in vain, by itself or within a merged update: for its letter. Outages, halts
    and refusals of a whole batch don't count."""
    bad_verdicts: int = 0
    """How many attempts ended with a bad verdict on it: `Limits.max_attempts` bounds these."""
    first_attempt: float = 0.0
    last_attempt: float = 0.0
    """When the first and the last attempt were sent, seconds since the epoch; 0 before."""
    blocked: int = 0
    """In how many of its lanes it has to wait for others: it may go at 0."""
    bound_to: int = UNBOUND
    """The serial number of its batch, which is that of the job, from when the batch is made until the job has
    ended; `TO_ITS_LETTER` while it holds its lanes only until its letter is written; otherwise `UNBOUND`."""
    last_chance: bool = False
    """Whether it has one attempt only, because its device was tried in vain several times just now."""
    merged: Merged | None = None
    """The merged update that it is sent as, with later events of its device (`core/queueing/coalesce.py`)."""
    unmergeable: bool = False
    """Whether no more is merged with it, because a merged update of it was refused."""

    def count_attempt(self, at: float) -> None:
        """Count an attempt in vain that was submitted at this time, for its letter."""
        self.attempts += 1
        self.first_attempt = self.first_attempt or at
        self.last_attempt = at

    def take_attempts_of(self, head: Event) -> None:
        """Have the attempts of the merged update that it was a part of."""
        self.attempts, self.first_attempt = head.attempts, head.first_attempt
        self.last_attempt = head.last_attempt


class Merged(msgspec.Struct):
    """What a head stands for beside itself."""

    tags: dict[str, Raw]
    """Tag names and values as they will be sent."""
    size: int
    """Bytes of the row, or a little more."""
    events: list[Event]
    """The later events, oldest first."""
    arrays: dict[str, list[bytes]] = {}
    """What is between the brackets of values that are joined, part by part. To join them at each merge
    would take 200 us an event where thousands wait for one device."""

    items: dict[str, set[object]] = {}
    """What is in the arrays of appends that are joined: nothing that is in there already is joined to it."""

    def joined(self) -> dict[str, Raw]:
        """Tag names and values as they will be sent."""
        arrays = {name: Raw(b"[" + b",".join(parts) + b"]") for name, parts in self.arrays.items()}
        return self.tags | arrays if arrays else self.tags


Decoded = Event | Rejection | None
"""An event to be sent, the reason why the record is dead-lettered, or None to skip it."""


def bytes_of(record: Record) -> int:
    """Return the bytes that are held as long as this record is."""
    return len(record.value() or b"") + bytes_beside(record)


def bytes_beside(record: Record) -> int:
    """Return the bytes of its key and headers."""
    beside = headers_of(record)
    return len(record.key() or b"") + sum(len(name) + len(value or b"") for name, value in beside)
