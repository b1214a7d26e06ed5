"""For how long a job may be unfinished before it counts as lost.

Given: the job, the deadline that is configured, and how long jobs usually take. Gives: whether it has passed.
"""

from __future__ import annotations

from connector.core.following.job import Job

USUAL_TIMES = 2.0
"""Times the usual duration that a job may take in any case, whatever deadline is configured."""
MOST_DOUBLINGS = 6
"""Times that the deadline is doubled at most: of 15 minutes that makes 16 hours."""
ADOPTED_FOR = 0.1
"""Share of the deadline for which an adopted job is polled however old it is; again, up to the whole
deadline, whenever its progress grows. Its former owner may have had another clock, or seen outages, which
don't count."""


def expired(job: Job, deadline: float, not_its_own: float, now: float) -> bool:
    """Whether the job has been unfinished for too long; `not_its_own`: seconds that don't count."""
    since = job.accepted_at
    if job.adopted:
        since = max(since, min(job.polls.grew_at - (1 - ADOPTED_FOR) * deadline, job.polls.began))
    return now - since - not_its_own >= deadline


def deadline_of(job: Job, configured: float, usual: float, *, left_behind: bool) -> float:
    """Return for how many seconds the job may be unfinished: at least `USUAL_TIMES` as long as is usual.

    Twice as long for each job of its devices that was lost and not left behind: where all jobs take longer
    than they may, to send them again and again ends none, and makes the API slower.
    """
    in_vain = 0 if left_behind else job.history.losses_with_others
    return max(configured * 2.0 ** min(in_vain, MOST_DOUBLINGS), USUAL_TIMES * usual)
