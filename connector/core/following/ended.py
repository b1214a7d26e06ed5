"""The request_ids of the latest jobs that have ended. A POST answered with one of them has made no new job.

Given: jobs as they end. Gives: whether one of a name has ended. It keeps the names and nothing else of them.
"""

from __future__ import annotations

from collections import deque

from connector.model import Route

MOST_REMEMBERED = 1024
"""Jobs that have ended whose request_ids are remembered: the latest ones."""


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
        if len(self._latest) > MOST_REMEMBERED:
            self._names.discard(self._latest.popleft())

    def has(self, route: Route, request_id: str) -> bool:
        """Whether a job with this request_id has ended, as far as is remembered."""
        return (route, request_id) in self._names
