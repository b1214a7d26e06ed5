"""Whose row is it? The rows of a report and the devices that were sent.

Given: what was sent, in order, and the rows. Gives: for each row the device that it is of, or nobody.

The API shows no row of a device that was sent by user_id or push_token. A row finds its device by any of its
identifiers; exactly, as identifiers are never changed.

A row may name several: a user's may tell the hwid of the user's device, which was sent by that hwid, too, and
that device's may tell the user. Nobody says which, nor of whom a row is then that tells the same hwid alone:
each of these rows may be of each of these devices (`Contested`).

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


class Contested(NamedTuple):
    """Devices that rows of one hwid (or push token, if they tell none) name, and which of the rows fit each.

    None has two rows of one hwid.
    """

    fitting: dict[int, list[int]]
    """The positions of the rows that may be of a device, by its index."""

    def surely_has_one(self, index: int) -> bool:
        """Tell whether a row is left for this device even if each other one has one of those that fit it."""
        return len(self.fitting[index]) >= len(self.fitting)


class Named(NamedTuple):
    """Whom the rows name."""

    owners: list[int | None]
    """For each row the index of the device that it is of; None where it names none. Of several that it may be
    of it is one."""
    contested: list[Contested]
    unclear: set[int]
    """The positions of all rows that are contested."""


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
    return _contested(sent, rows, owners, several) if several else Named(owners, [], set())


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
    return [at for at in named if not contradicts(row, sent[at])] or named


def _contested(
    sent: Sequence[SentDevice], rows: list[Row], owners: list[int | None], several: dict[int, list[int]]
) -> Named:
    """Return who may be the owner of rows that name several devices, and of those that tell the same hwid."""
    alike: dict[tuple[str | None, str | None], list[int]] = {_told(rows[at]): [] for at in several}
    for position, row in enumerate(rows):
        if (told := _told(row)) in alike:
            alike[told].append(position)
    unclear = {position for positions in alike.values() for position in positions}
    with_own = {at for position, at in enumerate(owners) if position not in unclear}
    contested: list[Contested] = []
    may_be_of: dict[int, list[int]] = {}
    for positions in alike.values():
        named = {at for position in positions for at in several.get(position, [owners[position]])}
        devices = sorted(at for at in named if at is not None)
        devices = [at for at in devices if not (sent[at].hwid and at in with_own)] or devices
        fitting: dict[int, list[int]] = {at: [] for at in devices}
        for position in positions:
            left = [at for at in devices if not contradicts(rows[position], sent[at])]
            for at in left:
                fitting[at].append(position)
            may_be_of[position] = left or devices
        contested.append(Contested(fitting))
    return Named(_in_order(owners, may_be_of), contested, unclear)


def _in_order(owners: list[int | None], may_be_of: dict[int, list[int]]) -> list[int | None]:
    """Return the owners; of rows that may be of several those that keep the order, if possible."""
    latest = 0
    in_order = list(owners)
    for position, owner in enumerate(owners):
        index = owner
        if devices := may_be_of.get(position):
            later = (at for at in devices if at >= latest)
            index = position if position in devices else next(later, devices[0])
        in_order[position] = index
        latest = latest if index is None else index
    return in_order


def _told(row: Row) -> tuple[str | None, str | None]:
    return (row.hwid, None) if row.hwid else (None, row.push_token)


def owners_by_place(sent: Sequence[SentDevice], rows: list[Row], named: list[int | None]) -> list[int | None]:
    """Return the same, and where a row names nobody, the device at its position if that is safe to assume."""
    found = list(named)
    if len(sent) == 1 and all(index is None for index in named):
        return [None if contradicts(row, sent[0]) else 0 for row in rows]
    in_order = all(index is None or index == position for position, index in enumerate(named))
    if len(rows) == len(sent) and in_order:
        for position, row in enumerate(rows):
            if found[position] is None and not contradicts(row, sent[position]):
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


def contradicts(row: Row, device: SentDevice) -> bool:
    """Tell whether a row has an identifier of a kind that the device was sent with, but another one."""
    return bool(
        (row.hwid and device.hwid and row.hwid != device.hwid)
        or (row.user_id and device.user_id and row.user_id != device.user_id)
        or (row.push_token and device.push_token and row.push_token != device.push_token)
    )
