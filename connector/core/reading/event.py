"""One change to one device on its way through the core: what lanes hold and batches carry.

Given: what was read from a record and checked. `decode` makes them; what becomes of each is written
into its last fields by whoever decides it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import msgspec

from connector.model import Endpoint, Record, Rejection

if TYPE_CHECKING:
    from connector.core.queueing.coalesce import Merged
    from connector.core.remembering.assignment import Assignment

NOWHERE = cast("Assignment", None)
UNBOUND = 0
TO_ITS_LETTER = -1
"""What an event is bound to instead of a batch. All else is the serial number of one."""


class Event(msgspec.Struct, gc=False, eq=False):
    """What one record asks for.

    `keys` are its lane keys, one for each identifier it names: the hwid itself, NUL + "u" +
    user_id, NUL + "p" + push_token. With an application of its own, NUL + "a" + application +
    NUL comes before each. No two can clash: a NUL inside an identifier is refused.

    `gc=False`, and `home` may lead back here: whoever lets a partition go breaks that circle.
    """

    endpoint: Endpoint
    application: str
    """The application it is for, empty for the configured one."""
    keys: tuple[str, ...]
    hwid: str | None
    user_id: str | None
    push_token: str | None
    list_operator: str | None
    """As it is sent: always set for tags; None for a registration whose values replace a list."""
    row: bytes
    """The JSON object of this device exactly as it goes into the request's `devices`."""
    record: Record | None
    """The source, for a dead letter."""
    home: Assignment
    """The partition, for as long as it is ours; `NOWHERE` before the engine has taken the event in."""
    offset: int = -1
    timestamp: int = 0
    """Of the source record, in milliseconds since the epoch; 0 where it has none."""
    size: int = 0
    """Bytes held: the record and the row."""
    # The engine's own bookkeeping.
    attempts: int = 0
    """Times it was submitted in vain, by itself or within a merged update, as its letter tells; an outage, a
    halt, or being one of a refused batch counts none."""
    bad_verdicts: int = 0
    """Attempts that ended with a bad verdict of its own: `Limits.max_attempts` bounds these."""
    first_attempt: float = 0.0
    last_attempt: float = 0.0
    """When the first and the last of them were sent, seconds since the epoch; 0 before."""
    blocked: int = 0
    """In how many of its lanes another event is before it: it may go at 0."""
    bound_to: int = UNBOUND
    """The serial number of its batch, from when that is made until its job has ended (the job has the same);
    `TO_ITS_LETTER` once only that holds its lanes; `UNBOUND` while it is free to go with any."""
    last_chance: bool = False
    """One more attempt is all it gets: its device was tried in vain several times just now."""
    merged: Merged | None = None
    """Of a head: the update that it goes as, and the events within (`core/queueing/coalesce.py`)."""
    unmergeable: bool = False
    """Nothing is merged with it any more: a merged update of it was refused."""


Decoded = Event | Rejection | None
"""An event that would be sent, why a record would be dead-lettered, or None: it would be skipped."""


def bytes_of(record: Record) -> int:
    """Return the bytes that are held as long as this record is."""
    return len(record.value() or b"") + bytes_beside(record)


def bytes_beside(record: Record) -> int:
    """Return the bytes of its key and headers."""
    headers = record.headers() or ()
    return len(record.key() or b"") + sum(len(name) + len(value or b"") for name, value in headers)
