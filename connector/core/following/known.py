"""Whether the API knows jobs at all. If it doesn't know one, that may be the job's fault, or an outage.

Given: jobs that it told of, and jobs that are lost. Gives: whether others were known meanwhile. An API that
took jobs and forgot them all knows the next ones, and that holds nothing against those it forgot.
"""

from __future__ import annotations

import math


class KnownJobs:
    """When the API knew jobs, of each application."""

    def __init__(self) -> None:
        self._known_at: dict[str, float] = {}
        """When it last told of any job of an application."""
        self._knows_none: set[str] = set()
        """The applications of which it knew no other job since one was accepted that is lost."""
        self._knew_again_at: dict[str, float] = {}
        """When that ended."""

    def told(self, application: str, now: float) -> None:
        """The API told of a job of this application."""
        self._known_at[application] = now
        if application in self._knows_none:
            self._knows_none.discard(application)
            self._knew_again_at[application] = now

    def lost(self, application: str, accepted_at: float) -> None:
        """A job is lost that was accepted then."""
        if not self.any_since(application, accepted_at):
            self._knows_none.add(application)

    def any_since(self, application: str, accepted_at: float) -> bool:
        """Whether the API told of any job of this application since then. Else it may know none."""
        return self._known_at.get(application, -math.inf) >= accepted_at

    def none_at(self, application: str, accepted_at: float) -> bool:
        """Whether the API knew no job of this application for a while that ended after this time."""
        return accepted_at < self._knew_again_at.get(application, -math.inf)
