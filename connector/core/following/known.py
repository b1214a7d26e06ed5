"""Whether the API knows jobs at all. If it doesn't know one, that may be the job's fault, or an outage.

Given: jobs that it told of, and jobs that are lost. Gives: whether others were known meanwhile. An API that
took jobs and forgot them all knows the next ones, and that holds nothing against those it forgot.
"""

from __future__ import annotations

import math
from collections import deque

from connector.model import Route

REMEMBERED = 1024
"""Jobs that have ended whose request_ids are remembered: the latest ones."""


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
        """Whether it told of any job of this application since then. Else it may know none."""
        return self._known_at.get(application, -math.inf) >= accepted_at

    def none_at(self, application: str, accepted_at: float) -> bool:
        """Whether it knew no job of this application for a while that ended after this time."""
        return accepted_at < self._knew_again_at.get(application, -math.inf)


class EndedJobs:
    """The request_ids of jobs that have ended: an answer that names one again is an old answer, or odd."""

    def __init__(self) -> None:
        self._names: set[tuple[Route, str]] = set()
        self._latest: deque[tuple[Route, str]] = deque()

    def ended(self, route: Route, request_id: str) -> None:
        """A job has ended."""
        name = (route, request_id)
        if name in self._names:
            return
        self._names.add(name)
        self._latest.append(name)
        if len(self._latest) > REMEMBERED:
            self._names.discard(self._latest.popleft())

    def has(self, route: Route, request_id: str) -> bool:
        """Whether a job of this name has ended."""
        return (route, request_id) in self._names
