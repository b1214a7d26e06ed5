"""A job that has ended, to be asked about for what that tells of one that can't be: it alone, or all.

Given: jobs that ended, one after the other. Gives: the last of them, without its events; before any has, a
job of nobody. To ask about either does nothing.
"""

from __future__ import annotations

from connector.core.batching.jobs import Job

NOBODYS = "00000000-0000-0000-0000-000000000000"
"""The request_id that is asked about where no job has ended yet (RFC 9562: no UUID of anything)."""


class Witness:
    """The job that ended last."""

    def __init__(self) -> None:
        self._ended: Job | None = None

    def ended(self, job: Job) -> None:
        """Keep the identity of a job that ended."""
        self._ended = _without_events(job, job.serial, job.request_id, job.accepted_at)

    def instead_of(self, job: Job, now: float) -> Job:
        """Return what to ask about before this job. It stays the same one until another has ended."""
        if self._ended is None:
            self._ended = _without_events(job, 0, NOBODYS, now)
        return self._ended


def _without_events(job: Job, serial: int, request_id: str, accepted_at: float) -> Job:
    return Job(serial, request_id, job.endpoint, job.application, [], accepted_at, witness=True)
