"""Whether to poll a Completed job again whose report has fewer verdicts than devices.

Given: the reports of Completed jobs. Gives: when to poll again, or that it is useless. The API contract
leaves open whether rows are there as soon as the job is Completed, and what any other status of a device
means than its three: perhaps, not done yet. To submit a device again costs more than a GET and may apply it
twice, and a device that stays without a verdict is dead-lettered in the end. So wait as long as waiting
helps.
"""

from __future__ import annotations

from connector.core.following.job import Job

DELAYS = (0.5, 2.0)
"""Seconds until a job that lacks only some rows is polled again, the first time and the second."""
PATIENT_DELAYS = (0.5, 1.0, 2.0, 3.0, 4.0)
"""Seconds until it is polled again, each time, if the report has no row at all or is about devices that were
sent in vain before; as long as such waits help."""
USELESS_FOR = 10.0
"""Seconds after a report that stayed incomplete, in which others that lack only some rows are not asked for
again: this API leaves some out."""
MOST_VAIN_WAITS = 3
"""Patient waits in vain, in a row, after which a report without any row is treated like one that lacks some.
But before a device's last attempt is used up, its report is asked for again in any case."""


class MissingRows:
    """Learns whether waiting helps. `max_attempts`: the attempt whose silence is the last verdict."""

    def __init__(self, max_attempts: int) -> None:
        self._last_attempt = max_attempts - 1
        self._in_vain_until = 0.0
        self._in_vain = 0
        """How many patient waits were in vain since one last brought rows."""

    def look_again(self, job: Job, missing: int, now: float) -> float | None:
        """Return when to poll again for a report that lacks `missing` verdicts; None if that is useless."""
        if not missing:
            if job.polls.waits_for_rows:
                self._in_vain = 0
            return None
        nothing = missing >= len(job.events)
        patient = self._in_vain < MOST_VAIN_WAITS and (nothing or any(event.attempts for event in job.events))
        delays = PATIENT_DELAYS if patient else DELAYS
        if job.polls.waits_for_rows >= len(delays):
            self._in_vain += patient
            self._in_vain_until = now + USELESS_FOR
            return None
        if not (patient or job.polls.waits_for_rows or self._counts(job)) and now < self._in_vain_until:
            return None
        job.polls.wait_for_rows()
        return now + delays[job.polls.waits_for_rows - 1]

    def _counts(self, job: Job) -> bool:
        """Whether silence would use up the last attempt of one of its devices."""
        return any(event.last_chance or event.bad_verdicts >= self._last_attempt > 0 for event in job.events)
