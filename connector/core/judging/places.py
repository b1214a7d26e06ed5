"""Whether a user's row may be told by its place in the report, by what earlier reports showed.

Given: jobs that are Completed and their reports. Gives: judgements, which use places only where they don't
mislead; and whether users should go one by one, because nothing else would tell their rows apart.
"""

from __future__ import annotations

from connector.answers import JobReport
from connector.core.following.job import Job
from connector.core.judging.verdicts import Judgement, judge
from connector.model import Route

UNEVEN_FOR = 300.0
"""Seconds for which places mislead after a report whose rows could not be those of its users, one each."""
SHUFFLED_FOR = 3600.0
"""Seconds for which places mislead after a report whose rows were in another order: that is no matter of some
users, but the API's way."""


class Places:
    """What is known of the order of rows, by application and endpoint."""

    def __init__(self) -> None:
        self._misleading_until: dict[Route, float] = {}

    def judge(self, job: Job, report: JobReport, now: float) -> Judgement:
        """Return what the report says. Users' rows are told by their places until that can't be right."""
        by_place = job.events_as_sent and (len(job.events) == 1 or not self.mislead(job, now))
        return judge(job.events, report, by_place=by_place)

    def learn(self, job: Job, judgement: Judgement, now: float) -> None:
        """Note what order the rows of this job were in, if that is plain to see."""
        lasts = SHUFFLED_FOR if judgement.shuffled else UNEVEN_FOR if judgement.uneven else 0.0
        if lasts and job.events_as_sent:
            route = Route(job.application, job.endpoint)
            self._misleading_until[route] = max(now + lasts, self._misleading_until.get(route, 0.0))

    def mislead(self, job: Job, now: float) -> bool:
        """Whether rows of jobs like this one can't be told by their places now."""
        return now < self._misleading_until.get(Route(job.application, job.endpoint), 0.0)
