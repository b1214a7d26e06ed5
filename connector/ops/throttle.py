"""The same trouble again and again makes one line, then one at growing intervals with a count."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any


class _Repeats:
    """One kind of line: when it was last seen, when it may go again, and how many were held back."""

    __slots__ = ("held_back", "interval", "next_at", "seen_at")

    def __init__(self, now: float, interval: float) -> None:
        self.held_back = 0
        self.interval = interval
        self.next_at = now + interval
        self.seen_at = now


class Throttle:
    """Decides which repetition may be told. Hours of an outage come to some lines an hour, not thousands.

    `clock` is monotonic, in seconds. After the first line the next may go `first` seconds later, then
    `factor` times that, up to `longest`. What was not seen for `longest` is new again. At most
    `most` kinds are remembered; the one that was seen longest ago is forgotten first.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        first: float = 10.0,
        factor: float = 3.0,
        longest: float = 600.0,
        most: int = 500,
    ) -> None:
        self._clock = clock
        self._first = first
        self._factor = factor
        self._longest = longest
        self._most = most
        self._kinds: OrderedDict[Hashable, _Repeats] = OrderedDict()

    def passes(self, kind: Hashable) -> int | None:
        """Return how many were held back since the last one that was told, or None: hold this one back."""
        now = self._clock()
        repeats = self._kinds.get(kind)
        if repeats is None or now - repeats.seen_at >= self._longest:
            held_back = repeats.held_back if repeats else 0
            self._kinds[kind] = _Repeats(now, self._first)
            self._kinds.move_to_end(kind)
            if len(self._kinds) > self._most:
                self._kinds.popitem(last=False)
            return held_back
        repeats.seen_at = now
        self._kinds.move_to_end(kind)
        if now < repeats.next_at:
            repeats.held_back += 1
            return None
        held_back, repeats.held_back = repeats.held_back, 0
        repeats.interval = min(repeats.interval * self._factor, self._longest)
        repeats.next_at = now + repeats.interval
        return held_back

    def forget(self, over: Callable[[Any], bool]) -> None:
        """The trouble that these kinds of line told of is over: the next of them is news."""
        for kind in [kind for kind in self._kinds if over(kind)]:
            del self._kinds[kind]
