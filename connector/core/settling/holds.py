"""Lanes that stay held until a letter is written, so that nothing newer of the device goes before it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from connector.core.reading.event import Event
from connector.model import Endpoint

HOLD_LIMIT = 60.0
"""Seconds that a device's later events wait for a letter that no checkpoint would remember as written.

The records before it in its partition may themselves wait for that device, behind another topic's events: a
deadlock. So the letter is then written all the same; after a crash at that moment it exists twice.
"""


@dataclass(slots=True, eq=False)
class Hold:
    """An event that holds its lanes until its letter is written; of a merged update, until all of them are.

    If later events of the device were sent before that, the partition's owner after a crash would send the
    refused one again, after them.
    """

    event: Event
    letters_left: int = 1
    last_chance: Collection[Endpoint] = ()
    """To which endpoints later events of the device have one attempt only (`Leaving.release`)."""


def no_longer_held(holds: Iterable[Hold | None]) -> list[Hold]:
    """Letters are written, or no longer ours to write: return which of their holds (if any) are over."""
    freed: list[Hold] = []
    for hold in holds:
        if hold is not None:
            hold.letters_left -= 1
            if not hold.letters_left:
                freed.append(hold)
    return freed
