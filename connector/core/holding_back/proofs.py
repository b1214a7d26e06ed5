"""What got through when, of each application.

Given: POSTs that made a job, jobs that are Completed, and what else the API answered otherwise than by a
denial. Gives: whether anything got through since some time. Times are seconds since the epoch.
"""

from __future__ import annotations

from enum import Enum


class Where(Enum):
    """Where the API says yes or no: at a call, or in a job."""

    POST = "post"
    JOB = "job"
    GET = "get"


class Proofs:
    """The latest of each, by application."""

    def __init__(self) -> None:
        self._accepted: dict[str, float] = {}
        """When the latest POST was sent that made a job."""
        self._completed: dict[str, float] = {}
        """When the latest job was accepted that is Completed."""
        self._judged: dict[str, float] = {}
        """When the latest job was accepted whose report has verdicts."""
        self._passed: dict[tuple[str, Where], float] = {}
        """When the latest request was sent that got past a place; of a job, when it was accepted."""
        self._times_passed: dict[tuple[str, Where], int] = {}

    def accepted(self, application: str, sent_at: float) -> None:
        """Note that a POST sent at `sent_at` made a job."""
        self._accepted[application] = max(sent_at, self._accepted.get(application, 0.0))

    def accepted_since(self, application: str, when: float) -> bool:
        """Whether a POST that was sent after `when` made a job: the application is not what is denied."""
        return self._accepted.get(application, 0.0) > when

    def completed(self, application: str, accepted_at: float) -> None:
        """Note that a job accepted at `accepted_at` is Completed, whatever its rows say."""
        self._completed[application] = max(accepted_at, self._completed.get(application, 0.0))

    def completed_since(self, application: str, when: float) -> bool:
        """Whether a job accepted from `when` on is Completed: its application isn't what is denied."""
        return self._completed.get(application, 0.0) >= when

    def judged(self, application: str, accepted_at: float) -> None:
        """Note that the report of a job accepted at `accepted_at` has verdicts, good or bad."""
        self._judged[application] = max(accepted_at, self._judged.get(application, 0.0))

    def judged_since(self, application: str, when: float) -> bool:
        """Whether the report of a job accepted from `when` on has verdicts: reports are there."""
        return self._judged.get(application, 0.0) >= when

    def passed(self, application: str, where: Where, at: float) -> None:
        """Note that a request sent at `at`, or a job accepted then, got past this place."""
        place = (application, where)
        self._passed[place] = max(at, self._passed.get(place, 0.0))
        self._times_passed[place] = self.times_passed(application, where) + 1

    def passed_since(self, application: str, where: Where, when: float) -> bool:
        """Whether something got past this place that was sent after `when`."""
        return self._passed.get((application, where), 0.0) > when

    def times_passed(self, application: str, where: Where) -> int:
        """Return how often something got past this place."""
        return self._times_passed.get((application, where), 0)
