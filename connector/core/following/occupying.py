"""How many places for unfinished jobs are taken.

Given: the unfinished jobs, how many there may be now, and how many at most. Gives: how many of these places
are taken. A job that something of its own keeps from ending must not keep others from going.
"""

from __future__ import annotations

from collections.abc import Collection

from connector.core.following.job import Job


def occupied(jobs: Collection[Job], limit: int, most: int) -> int:
    """Return how many of `limit` places are taken; `most`: what the limit is while all is well.

    Jobs that are kept from ending take none: at most `most` of our own, and any number of adopted ones. Nor
    do slow ones while the limit is below that: only jobs that end can raise it. If every job stands still,
    one place stays free: only a new job can show whether it is the jobs or the API.
    """
    kept = [job.adopted for job in jobs if job.kept_from_ending]
    adopted_kept = sum(kept)
    own_kept = len(kept) - adopted_kept
    beside = taken = len(jobs) - adopted_kept - min(most, own_kept)
    if limit < most:
        taken -= min(most - limit, sum([job.slow and not job.kept_from_ending for job in jobs]))
    if taken < limit:
        return taken
    one_more = beside <= max(most, sum([job.adopted for job in jobs]) - adopted_kept)
    return limit - 1 if one_more and all(map(_stands_still, jobs)) else taken


def _stands_still(job: Job) -> bool:
    """Whether this job makes no progress in a way that a new job might."""
    return job.stuck or job.suspicion.persists or job.kept_from_ending
