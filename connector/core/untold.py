"""Jobs that ended, or are gone, and told nothing of their devices: what becomes of these.

Given: a job that Failed as a whole, was denied, found no time or was lost. Gives: its devices to be sent once
more, as they were or in halves until what is at fault is alone; that one's own fate.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import msgspec

from connector.answers import JobReport
from connector.core.backoff import Backoff
from connector.core.coalesce import contributors
from connector.core.dispatch import Dispatch
from connector.core.fates import Counted, Fates, tried_with
from connector.core.jobs import Job
from connector.core.leaving import Leaving
from connector.core.limits import Limits
from connector.core.owed import Hold
from connector.core.tally import Tally
from connector.core.verdicts import judge
from connector.model import Reason, Rejection

WITHOUT_TIME = Backoff(1.0, 60.0)
"""Seconds until devices are sent again whose job the API had no time for, the first and the longest."""
WAITS_WHOLE = 3
"""Times in a row that the API may have no time for a batch before it goes in halves."""


class Untold:
    """Sends by `dispatch`; who is found to be at fault alone is for `fates`."""

    def __init__(
        self,
        limits: Limits,
        random: Callable[[], float],
        leaving: Leaving,
        dispatch: Dispatch,
        fates: Fates,
        tally: Tally,
    ) -> None:
        self._limits = limits
        self._random = random
        self._leaving = leaving
        self._dispatch = dispatch
        self._fates = fates
        self._tally = tally
        self._backoff = Backoff(limits.retry_base, limits.retry_ceiling)

    def job_failed(self, job: Job, report: JobReport, now: float) -> Counted:
        """The job failed as a whole: nothing is known of its devices. Once more, then in halves."""
        events = self._leaving.still_ours(job.events, now)
        failures = (job.batch.failures if job.batch else 0) + 1
        if events and len(job.events) == 1 and not job.adopted:  # of an adopted job others may have a part
            event = events[0]
            rejection = judge([event], report).rejections[0]
            told = msgspec.structs.replace(rejection, request_id=job.request_id)
            refused = self._fates.failed(event, told, job, now, self._random(), final=failures > 1)
            return Counted(refused, refused, event.first_attempt)
        self._fates.tried(events, job.sent_at)
        if events:
            batch = self._dispatch.of_job(job, events, failures=failures)
            if failures == 1:
                self._dispatch.later(batch, now + self._backoff.delay(1, self._random()))
            elif len(events) == 1:
                self._dispatch.exactly(batch)
            else:
                self._tally.split_batches += 1
                for half in self._dispatch.halve(batch):
                    self._dispatch.exactly(half)
            self._tally.retried[job.endpoint] += len(events)
        return Counted()

    def denied(self, job: Job, message: str, now: float, *, halted: bool, surely: bool) -> Counted:
        """The job's words deny the application, or are of one device: once more, in halves the second time.

        `surely`: credentials proved to be good since its devices were denied before. One alone is it then.
        """
        events = self._leaving.still_ours(job.events, now)
        if not events:
            return Counted()
        if surely and len(events) == 1:
            rejection = Rejection(Reason.JOB_FAILED, f"the job failed: {message}", request_id=job.request_id)
            refused = self._fates.failed(events[0], rejection, job, now, self._random(), final=True)
            return Counted(refused, refused, events[0].first_attempt)
        if not halted:  # a halt counts no attempt
            self._fates.tried(events, job.sent_at)
        whole = self._dispatch.of_job(job, events)
        before = math.inf if job.batch is None else job.batch.denied_at
        again = before < math.inf
        in_halves = again and len(events) > 1
        for part in self._dispatch.halve(whole) if in_halves else (whole,):
            part.denied_at = before if halted and again else now
            if halted and again and len(events) == 1:  # after a probe that has others in it
                self._dispatch.later(part, now + 2 * self._limits.probe_interval)
            elif halted or again:
                self._dispatch.exactly(part)
            else:
                self._dispatch.later(part, now + self._backoff.delay(1, self._random()))
        self._tally.split_batches += in_halves
        self._tally.retried[job.endpoint] += len(events)
        return Counted()

    def not_now(self, job: Job, now: float, *, others_have_time: bool) -> None:
        """The API had no time for the job: the same devices once more, later each time.

        In halves, if it has been so for a while and it has time for others: one device may be why.
        """
        events = self._leaving.still_ours(job.events, now)
        if not events:
            return
        whole = self._dispatch.of_job(job, events)
        waits = (job.batch.waits if job.batch else 0) + 1
        in_halves = others_have_time and waits > WAITS_WHOLE and len(events) > 1
        for part in self._dispatch.halve(whole) if in_halves else (whole,):
            part.waits, part.waited_at = WAITS_WHOLE if in_halves else waits, now
            self._dispatch.later(part, now + WITHOUT_TIME.delay(part.waits, self._random()))
        self._tally.split_batches += in_halves
        self._tally.retried[job.endpoint] += len(events)

    def never_confirmed(self, job: Job, losses: int, now: float) -> Counted:
        """The job was lost too often: give its devices up."""
        rejection = Rejection(
            Reason.NO_VERDICT, f"its job was lost {losses} times", request_id=job.request_id
        )
        events = self._leaving.still_ours(job.events, now)
        self._fates.tried(events, job.sent_at)
        given_up = 0
        for event in events:
            everyone = contributors(event)
            hold = Hold(event, len(everyone))
            for each in everyone:
                tried_with(event, each)
                self._fates.owe(each, rejection, now, hold)
            given_up += len(everyone)
        since = min((event.first_attempt for event in events), default=math.inf)
        return Counted(given_up, given_up, since)

    def submit_again(self, job: Job, now: float, losses: int, *, in_halves: bool) -> None:
        """The job is gone: send the same devices once more, as one batch or as two."""
        events = self._leaving.still_ours(job.events, now)
        if not events:
            return
        self._fates.tried(events, job.sent_at)
        whole = self._dispatch.of_job(job, events, losses=losses)
        for part in self._dispatch.halve(whole) if in_halves and len(events) > 1 else (whole,):
            self._dispatch.exactly(part)
        self._tally.retried[job.endpoint] += len(events)
