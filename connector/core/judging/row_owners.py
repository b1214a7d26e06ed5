"""Whose row is it? The rows of a report and the devices that were sent. Pure.

Given: what was sent, in order, and the rows. Gives: for each row the device that it is of, or nobody.

The API shows no row of a device that was sent by user_id or push_token. A row finds its device by hwid, else
user_id, else push_token; exactly, as identifiers are never changed. A row that names none of ours belongs to
the device sent at its position, if there are as many rows as devices, no row that is named stands at another
one's position, and the row's identifiers are of kinds that this device wasn't sent with. Of a request of one
device every such row is its own, unless one names it.

No row is told by its place once reports have come in another order than was sent (`shuffled`), or have listed
more devices than users, or fewer (`uneven`): a user with two and one with none would make up for each other,
and each row between them count for another.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Protocol

from connector.answers import Row


class SentDevice(Protocol):
    """A device as it was sent: the identifiers that its request carried."""

    @property
    def hwid(self) -> str | None: ...
    @property
    def user_id(self) -> str | None: ...
    @property
    def push_token(self) -> str | None: ...


def owners_by_name(sent: Sequence[SentDevice], rows: list[Row]) -> list[int | None]:
    """Return for each row the index of the device that it names, None where it names none."""
    by_hwid: dict[str | None, int] = {device.hwid: at for at, device in enumerate(sent) if device.hwid}
    by_user_id: dict[str | None, int] = {
        device.user_id: at for at, device in enumerate(sent) if device.user_id
    }
    by_push_token: dict[str | None, int] = {
        device.push_token: at for at, device in enumerate(sent) if device.push_token
    }
    found: list[int | None] = []
    for row in rows:
        index = by_hwid.get(row.hwid)
        if index is None:
            index = by_user_id.get(row.user_id)
            if index is not None and row.hwid and sent[index].hwid:
                index = None  # the same user's other device
        if index is None:
            index = by_push_token.get(row.push_token)
        found.append(index)
    return found


def owners_by_place(sent: Sequence[SentDevice], rows: list[Row], named: list[int | None]) -> list[int | None]:
    """Return the same, and where a row names nobody, the device at its position if that is safe to assume."""
    found = list(named)
    if len(sent) == 1 and all(index is None for index in named):
        return [None if _contradicts(row, sent[0]) else 0 for row in rows]
    in_order = all(index is None or index == position for position, index in enumerate(named))
    if len(rows) == len(sent) and in_order:
        for position, row in enumerate(rows):
            if found[position] is None and not _contradicts(row, sent[position]):
                found[position] = position
    return found


def uneven(sent: Sequence[SentDevice], rows: list[Row], named: list[int | None]) -> bool:
    """Tell whether rows name more or fewer devices that nobody sent than were sent without a hwid.

    A user's rows are those of all devices that the user has: one, none or several.
    """
    known = set(named)
    unnamed = sum(not device.hwid and at not in known for at, device in enumerate(sent))
    strangers = {row.hwid for row, index in zip(rows, named, strict=True) if index is None and row.hwid}
    return 0 < unnamed != len(strangers) > 0


def shuffled(named: list[int | None]) -> bool:
    """Tell whether devices that rows name are in another order than that in which they were sent."""
    known = [index for index in named if index is not None]
    return any(one > next_one for one, next_one in pairwise(known))


def _contradicts(row: Row, device: SentDevice) -> bool:
    """Tell whether a row has an identifier of a kind that the device was sent with: it's another's row."""
    return bool(
        (row.hwid and device.hwid)
        or (row.user_id and device.user_id)
        or (row.push_token and device.push_token)
    )
