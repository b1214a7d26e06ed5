"""A job's polls: when the next is due, and what those so far have shown.

Given: that a poll was sent, and what it was told. Which answer means what, and when to ask again, `Polled`
and `Tracking` decide.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from connector.answers import JobReport


@dataclass(slots=True)
class Polls:
    """The polls of one job. `Tracking.poll_at` says when the next is due."""

    made: int = 0
    under_way: bool = False
    due: float = 0.0
    """When the next is due; see `suspended`."""
    began: float = 0.0
    """When polling began: when it was accepted or, if adopted, when all of its records were read again."""
    unfinished_age: float = 0.0
    """The job's age in seconds at the last poll that found it unfinished."""
    progress: int = -1
    grew_at: float = 0.0
    """When its progress last grew; at first, when polling began."""
    without_details: bool = False
    """Poll without details until it has ended: the API sends rows of unfinished jobs, too, or knows a report
    with details only of those that have ended."""
    times_asked_plainly: int = 0
    """How often it was polled without details because a poll with them doesn't know it."""
    unknown: int = 0
    """How often in a row the API said that it doesn't know this job."""
    unknown_since: float = 0.0
    denied_gets: int = 0
    """How many in a row were denied. Until one is not, only probes poll it."""
    completed_at: float = 0.0
    """When the GET that found it Completed was sent, 0 before: rows may be waited for after that."""
    waits_for_rows: int = 0
    """How often it was polled again, though Completed, because verdicts were missing."""

    def suspend(self) -> None:
        """Poll the job no more until `Tracking.poll_at` says when: its records are to be read first."""
        self.due = math.inf

    @property
    def suspended(self) -> bool:
        """Whether no poll is due, however long one waits."""
        return self.due == math.inf

    def due_later(self, now: float) -> bool:
        """Whether the next poll waits, and can be brought forward."""
        return not self.under_way and now < self.due < math.inf

    def follows(self, due: float) -> bool:
        """Whether the next poll is the one that was to be sent at this time."""
        return self.due == due and not self.under_way

    def begin(self, now: float) -> None:
        """Polling begins."""
        self.began = self.grew_at = now

    def sent(self) -> None:
        """A poll is on its way."""
        self.under_way = True
        self.made += 1

    def answered(self) -> None:
        """The poll under way was answered, or failed."""
        self.under_way = False

    def known(self, progress: int, now: float) -> None:
        """The API knows the job, and has come this far with it."""
        self.unknown = 0
        if 0 <= self.progress < progress:
            self.grew_at = now

    def not_known(self, now: float) -> float:
        """The API doesn't know the job. Return for how many seconds it hasn't."""
        self.unknown += 1
        if self.unknown == 1:
            self.unknown_since = now
        return now - self.unknown_since

    def ask_plainly(self) -> None:
        """Ask without details from now on: perhaps only the report with details isn't there yet."""
        self.times_asked_plainly += 1
        self.without_details = True

    def ask_in_detail(self) -> None:
        """Ask for details again: the job is Completed."""
        self.without_details = False

    def found_unfinished(self, age: float, report: JobReport) -> None:
        """At this age, in seconds, the job had not ended."""
        self.without_details = self.without_details or bool(report.rows)
        self.unfinished_age = age
        self.progress = report.progress

    @property
    def grew(self) -> bool:
        """Whether the job's progress has grown since polling began."""
        return self.grew_at > self.began

    def found_completed(self, polled_at: float) -> None:
        """The job is Completed; only the first time counts."""
        self.completed_at = self.completed_at or polled_at

    def wait_for_rows(self) -> None:
        """The job is to be polled again, for the verdicts that are missing."""
        self.waits_for_rows += 1

    def denied(self) -> None:
        """A GET was denied."""
        self.denied_gets += 1

    def no_longer_denied(self) -> None:
        """A GET was answered otherwise."""
        self.denied_gets = 0
