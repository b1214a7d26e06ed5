"""A job that has ended, polled to find out whether another one alone can't be polled, or none can.

Given: jobs that end, one after the other. Gives: the last of each application, without its events; before any
has ended, a job that never existed. Polling either has no effect.
"""

from __future__ import annotations

from connector.core.following.job import Job

NOBODYS = "00000000-0000-0000-0000-000000000000"
"""The request_id to poll while no job has ended: the nil UUID, which identifies nothing (RFC 9562)."""


class LastEnded:
    """The job that ended last, of each application: one whose token is wrong can't tell of another."""

    def __init__(self) -> None:
        self._ended: dict[str, Job] = {}

    def ended(self, job: Job) -> None:
        """Keep the identity of a job that ended."""
        self._ended[job.application] = _without_events(job, job.serial, job.request_id, job.accepted_at)

    def instead_of(self, job: Job, now: float) -> Job:
        """Return the job to poll before this one. It stays the same until another has ended."""
        if job.application not in self._ended:
            self._ended[job.application] = _without_events(job, 0, NOBODYS, now)
        return self._ended[job.application]


def _without_events(job: Job, serial: int, request_id: str, accepted_at: float) -> Job:
    return Job(serial, request_id, job.endpoint, job.application, [], accepted_at, is_witness=True)
