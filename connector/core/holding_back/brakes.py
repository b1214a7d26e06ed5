"""The two brakes: one watches what is read, the other what the API says. Each halts all, or both together.

Given: how many records were read and how many of them can't be, how many events were judged and how many of
them were refused. Gives: the halt `Cause.BRAKE`, which only a person ends.
"""

from __future__ import annotations

from collections.abc import Callable

from connector.core.holding_back.brake import Brake, Counted
from connector.core.holding_back.halts import Halts
from connector.core.limits import Limits
from connector.model import Cause


class Brakes:
    """The pair. `describe_owed` says what was refused and isn't in the dead-letter topic.

    `waiting`: how many events were sent between two times, both included, and are not judged yet.
    """

    def __init__(
        self,
        limits: Limits,
        halts: Halts,
        describe_owed: Callable[[], str],
        waiting: Callable[[float, float], int],
    ) -> None:
        self._halts = halts
        self._describe_owed = describe_owed
        self._of_reading = Brake(limits.brake_share, limits.brake_window)
        """One of its own: it takes a while until the readable ones among many records are judged."""
        self._of_judging = Brake(limits.brake_share, limits.brake_window, waiting)
        self._why = ""

    def read(self, records: int, unreadable: int, now: float) -> None:
        """Records were read: halt if too many of the recent ones can't be."""
        if self._of_reading.saw(Counted(records, unreadable, sent_at=now), now):
            self._halt(f"{self._of_reading.counts} events were refused", now)

    def judged(self, counted: Counted, now: float) -> None:
        """Events were judged for good by the API: halt if too many of the recent ones were refused."""
        if self._of_judging.saw(counted, now, self._of_reading):
            some = self._of_reading.refused_share
            before = f", and {self._of_reading.counts} when they were read" if some else ""
            self._halt(f"{self._of_judging.counts} events were refused{before}", now)

    def _halt(self, why: str, now: float) -> None:
        if Cause.BRAKE not in self._halts.of_instance:
            self._why = why
            self._halts.halt(Cause.BRAKE, self.words, now)

    @property
    def words(self) -> str:
        """Why the brake halts, and what waits by now: jobs under way bring more, and a write may still end.

        Empty if none of the two brakes halted.
        """
        return self._why and f"{self._why}; waiting letters: {self._describe_owed()}"

    def release(self) -> bool:
        """A person has looked: go on, and forget what was seen. Return whether it halted."""
        halted, self._why = Cause.BRAKE in self._halts.of_instance, ""
        self._halts.lift(Cause.BRAKE)
        self._of_reading.reset()
        self._of_judging.reset()
        return halted
