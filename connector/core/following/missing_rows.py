"""Whether to ask once more about a Completed job whose report has fewer verdicts than devices.

Given: the reports of Completed jobs. Gives: when to look again, or that it is of no use. The API contract
leaves open if the rows are there as soon as the word is, and what another word in a row means than its three:
one that isn't done yet, perhaps. To submit a device again costs more than a GET and may apply it twice, and
one that stays without a verdict is dead-lettered in the end: where waiting helps, wait.
"""

from __future__ import annotations

from connector.core.batching.jobs import Job

DELAYS = (0.5, 2.0)
"""Seconds until the job is asked about again, each time."""
PATIENT_DELAYS = (0.5, 1.0, 2.0, 3.0, 4.0)
"""The same where it has no row at all, or devices that were sent in vain before: as long as that helps."""
IN_VAIN = 10.0
"""Seconds after a job that stayed incomplete to the end, in which reports that lack only some rows are not
asked for again: this API leaves some out."""
OFTEN = 3
"""Such jobs in a row after which a report without any row is treated like one that lacks some. Before a last
verdict each is asked for again all the same."""


class MissingRows:
    """Learns whether waiting helps. `max_attempts`: verdicts of silence of which the last one counts."""

    def __init__(self, max_attempts: int) -> None:
        self._last_attempt = max_attempts - 1
        self._in_vain_until = 0.0
        self._in_vain = 0
        """How many jobs were asked about patiently and in vain, since that last brought rows."""

    def look_again(self, job: Job, missing: int, now: float) -> float | None:
        """Return when to ask for a report again that has not so many verdicts; None if that is of no use."""
        if not missing:
            if job.incomplete:
                self._in_vain = 0
            return None
        nothing = missing >= len(job.events)
        patient = self._in_vain < OFTEN and (nothing or any(event.attempts for event in job.events))
        delays = PATIENT_DELAYS if patient else DELAYS
        if job.incomplete >= len(delays):
            self._in_vain += patient
            self._in_vain_until = now + IN_VAIN
            return None
        if not (patient or job.incomplete or self._counts(job)) and now < self._in_vain_until:
            return None
        job.incomplete += 1
        return now + delays[job.incomplete - 1]

    def _counts(self, job: Job) -> bool:
        """Whether silence would be the last verdict on one of its devices."""
        return any(event.last_chance or event.bad_verdicts >= self._last_attempt > 0 for event in job.events)
