"""What the process was told: to stop, to pause, or to submit nothing for now."""

from __future__ import annotations

from typing import NamedTuple

from connector.core.notices import GOING_ON, Notices
from connector.core.tally import Tally
from connector.model import Cause


class Paused(NamedTuple):
    """Somebody wants nothing to be submitted."""

    by: str
    since: float


class Orders:
    """Orders in force. Jobs under way are followed, and what is settled is committed, whatever they say."""

    def __init__(self, tally: Tally, notices: Notices) -> None:
        self._tally = tally
        self._notices = notices
        self.stopping = False
        """Whether nothing is to be submitted any more."""
        self.paused: Paused | None = None
        """Who paused it; None while nobody has."""
        self._held_for: set[str] = set()
        """Why nothing is to be submitted for now: each reason ends by itself."""

    def stop(self) -> None:
        """Submit nothing from now on."""
        self.stopping = True

    def pause(self, by: str, now: float) -> bool:
        """Submit nothing until `resume`; `by` says who wants it. False if it was paused already."""
        if self.paused is not None:
            return False
        self.paused = Paused(by, now)
        self._tally.halts[Cause.PAUSED] += 1
        self._notices.tell("info", "paused", by=by)
        return True

    def resume(self, by: str) -> bool:
        """Go on after a pause. False if there was none."""
        if self.paused is None:
            return False
        self.paused = None
        self._notices.tell("info", GOING_ON, after=Cause.PAUSED, by=by)
        return True

    def hold_submissions(self, why: str) -> None:
        """Submit nothing until `allow_submissions` is called with this reason, and with every other one."""
        self._held_for.add(why)

    def allow_submissions(self, why: str) -> None:
        """End what `hold_submissions` began, as far as this reason goes."""
        self._held_for.discard(why)

    @property
    def submissions_held(self) -> bool:
        """Whether nothing is to be submitted for now."""
        return bool(self._held_for)

    @property
    def may_submit(self) -> bool:
        """Whether no order speaks against submitting."""
        return not (self.stopping or self.paused or self.submissions_held)
