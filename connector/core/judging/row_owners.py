"""Whose row is it? The rows of a report and the devices that were sent. Pure.

Given: what was sent, in order, and the rows. Gives: for each row the device that it is of, or nobody.

The API shows no row of a device that was sent by user_id or push_token. A row finds its device by any of its
identifiers; exactly, as identifiers are never changed.

A row may name several: a user's may tell the hwid of the user's device, which was sent by that hwid, too. If
that one has a row of its own, this is not its row. If it has none, either may be without one: the row may be
of any of them, and is nobody's verdict.

A row that names none of ours belongs to the device sent at its position, if there are as many rows as
devices, no row that is named stands at another one's position, and the row's identifiers are of kinds that
this device wasn't sent with. Of a request of one device every such row is its own, unless one names it.

No row is told by its place once reports have come in another order than was sent (`shuffled`), or have listed
more devices than users, or fewer (`uneven`): a user with two and one with none would make up for each other,
and each row between them count for another.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple, Protocol

from connector.answers import Row


class SentDevice(Protocol):
    """A device as it was sent: the identifiers that its request carried."""

    @property
    def hwid(self) -> str | None: ...
    @property
    def user_id(self) -> str | None: ...
    @property
    def push_token(self) -> str | None: ...


class Named(NamedTuple):
    """Whom the rows name."""

    owners: list[int | None]
    """For each row the index of the device that it is of; None where it names none. Of several that it may be
    of it is one."""
    unclear: dict[int, list[int]]
    """The devices that a row may be of, by the row's position, where they are several."""


def owners_by_name(sent: Sequence[SentDevice], rows: list[Row]) -> Named:
    """Return the device that each row names, and what is unclear about that."""
    by_hwid: dict[str | None, int] = {device.hwid: at for at, device in enumerate(sent) if device.hwid}
    by_user_id: dict[str | None, int] = {
        device.user_id: at for at, device in enumerate(sent) if device.user_id
    }
    by_push_token: dict[str | None, int] = {
        device.push_token: at for at, device in enumerate(sent) if device.push_token
    }
    owners: list[int | None] = []
    several: dict[int, list[int]] = {}
    for row in rows:
        index, user = by_hwid.get(row.hwid), by_user_id.get(row.user_id)
        token = by_push_token.get(row.push_token)
        if user is not None or token is not None:
            named = _named(sent, row, index, user, token)
            index = named[0] if named else None
            if len(named) > 1:
                several[len(owners)] = named
        owners.append(index)
    return _told_apart(sent, owners, several) if several else Named(owners, {})


def _named(
    sent: Sequence[SentDevice], row: Row, index: int | None, user: int | None, token: int | None
) -> list[int]:
    """Return the devices that a row may be of, given whom its hwid, its user_id and its push_token name."""
    if user is not None and row.hwid and sent[user].hwid not in (row.hwid, None, ""):
        user = None  # the same user's other device
    named = [at for at in (index, user, token) if at is not None]
    if len(named) <= 1:
        return named
    named = [*dict.fromkeys(named)]
    return [at for at in named if not _contradicts(row, sent[at])] or named


def _told_apart(sent: Sequence[SentDevice], owners: list[int | None], several: dict[int, list[int]]) -> Named:
    """Take rows that name several devices from those that were sent by hwid and have a row of their own."""
    with_own = {index for position, index in enumerate(owners) if position not in several}
    unclear: dict[int, list[int]] = {}
    for position, named in several.items():
        left = [at for at in named if not (sent[at].hwid and at in with_own)] or named
        owners[position] = position if position in left else left[0]
        if len(left) > 1:
            unclear[position] = left
    return Named(owners, unclear)


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
    """Tell whether a row has an identifier of a kind that the device was sent with, but another one."""
    return bool(
        (row.hwid and device.hwid and row.hwid != device.hwid)
        or (row.user_id and device.user_id and row.user_id != device.user_id)
        or (row.push_token and device.push_token and row.push_token != device.push_token)
    )
