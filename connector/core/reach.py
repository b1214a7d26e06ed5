"""What the metadata of a commit has room to remember, and what that allows.

Given: a partition as it is. Gives: the position with the checkpoint that goes into the next commit. Where
that is nearly full, or the partition far ahead of a stuck record, it learns how far it may submit.
"""

from __future__ import annotations

from connector.core import checkpoint
from connector.core.assignment import Assignment
from connector.core.limits import Limits
from connector.core.offsets import WINDOW_LIMIT
from connector.model import Position

NEARLY_FULL = 0.85
"""Share of the metadata's limit at which nothing beyond what it remembers is submitted."""


class Reach:
    """The room is the same for each partition: the broker's limit, as far as it is known."""

    def __init__(self, limits: Limits) -> None:
        self._max_devices = limits.max_devices
        self._room = limits.max_metadata
        self.sure = checkpoint.surely_covers(self._room)
        """Offsets from the lowest unsettled one that any checkpoint remembers."""

    def position(self, home: Assignment) -> Position:
        """Return what may be committed for a partition now."""
        return Position(home.offsets.safe(), self._encoded(home).text)

    def bound(self, home: Assignment) -> Position:
        """Return what may be committed, and bound what may be submitted by what that remembers."""
        safe = home.offsets.safe()
        encoded = self._encoded(home)
        full = not encoded.complete or len(encoded.text) > NEARLY_FULL * self._room
        covers = encoded.covers if full else safe + WINDOW_LIMIT
        near = not full and home.offsets.next - safe < WINDOW_LIMIT // 2
        home.reach = None if near else max(covers, safe + self._max_devices)
        return Position(safe, encoded.text)

    def shorten(self) -> None:
        """There is half the room."""
        self._room = max(0, self._room // 2)
        self.sure = checkpoint.surely_covers(self._room)

    def _encoded(self, home: Assignment) -> checkpoint.Encoded:
        """Rather than a letter that was written a checkpoint forgets jobs: to submit again does less harm."""
        safe, window = home.offsets.safe(), home.offsets.window()
        encoded = checkpoint.encode(safe, window, list(home.slices.values()), self._room)
        if not encoded.complete and encoded.covers < min(home.letters_until, safe + WINDOW_LIMIT):
            encoded = checkpoint.encode(safe, window, (), self._room)._replace(complete=False)
        return encoded
