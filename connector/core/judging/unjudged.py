"""What becomes of the devices of a job that ended, or was lost, without a verdict on any of them.

Given: a job that Failed as a whole, was denied, found the API overloaded, or was lost. Gives: its
devices, sent once more, as they were or in halves until the one at fault is alone; then that one's fate.
"""

from __future__ import annotations

import math
from functools import partial

import msgspec

from connector.core.backoff import Backoff
from connector.core.batching.batch import Batch
from connector.core.following.job import Job
from connector.core.holding_back.brake import Counted
from connector.core.judging.decision import Context, decide
from connector.core.judging.fates import Means, is_wholly_ours
from connector.core.judging.slow_retries import SLOWLY, SlowRetries
from connector.core.past.history import Halves
from connector.core.queueing.coalesce import contributors
from connector.core.reading.event import Event
from connector.core.settling.holds import Hold
from connector.model import Reason, Rejection

WHILE_OVERLOADED = Backoff(1.0, 60.0)
"""Delays, in seconds, before devices are sent again whose job found the API overloaded."""
OVERLOADS_WHOLE = 3
"""How often in a row the jobs of a batch may find the API overloaded before it is halved."""

PARTS_OF_LOST = 8
"""Into how many parts a batch goes whose jobs were lost too often. Each round may take a deadline: a device
among a thousand is found in four, where halves would take ten."""

MOST_FAILURES_AT_ONCE = 2
"""How often jobs of several devices may Fail before these are sent slowly. Until then they go again soon,
however other jobs end: if one device is bad, the other half is Completed and shows it."""


class Unjudged:
    """Decides about jobs without verdicts. `dispatch` sends their devices again, `fates` ends them."""

    def __init__(self, means: Means) -> None:
        self._limits = means.limits
        self._random = means.random
        self._backoff = means.backoff
        self._leaving = means.leaving
        self._dispatch = means.dispatch
        self._fates = means.fates
        self._tally = means.tally
        self._slow_retries = SlowRetries(means.dispatch)

    def job_failed(self, job: Job, said: Rejection, now: float, *, others_do_well: bool) -> Counted:
        """The job told nothing of its devices, in that it Failed or that its report has no verdict at all.

        Send them once more, then in halves. `others_do_well`: another job, accepted since the last one of
        these devices told nothing, did better. If there is none it may be the API, and not a device: from the
        third time on they are sent slowly.
        """
        single = len(job.events) == 1 and is_wholly_ours(job.events[0])
        events = self._leaving.still_ours(job.events, now)
        if not events:
            return Counted()
        if single and not job.adopted:  # of an adopted job others may have a part
            return self._single_failed(
                job, events[0], said, now, others_do_well=others_do_well, blamed=job.history.blamed
            )
        for event in events:
            event.count_attempt(job.sent_at)
        batch = self._failed_once_more(job, events, now)
        failures = batch.history.failures
        if failures == 1:
            self._once_more(batch, now)
        elif failures <= MOST_FAILURES_AT_ONCE or others_do_well:
            self._send_whole_or_halved(batch)
        else:
            for part in self._whole_or_halved(batch):
                due = now + SLOWLY.delay(failures - MOST_FAILURES_AT_ONCE, self._random())
                self._slow_retries.later(part, due, job.failed_before, now, now)
        self._tally.retried[job.endpoint] += len(events)
        if said.reason is Reason.NO_VERDICT:  # what it asked for may be applied
            self._tally.resubmitted[job.endpoint] += len(events)
        return Counted()

    def _single_failed(
        self, job: Job, event: Event, said: Rejection, now: float, *, others_do_well: bool, blamed: bool
    ) -> Counted:
        """The job of a single device Failed, or told nothing of it.

        A device that was singled out by halving is given up after two such failures in a row while others did
        well: one may have come just after an outage began, or just before it ended. It is also given up at
        its second if its other half was Completed. Any other is tried as often as usual, and slowly where no
        others do well.
        """
        rejection = msgspec.structs.replace(said, request_id=job.request_id)
        context = Context(
            self._limits.max_attempts,
            others_do_well=others_do_well,
            blamed=blamed,
            other_half_good=job.history.other_half_good,
        )
        fate = decide(event, rejection, context)
        again = partial(self._single_again, job=job, now=now, others_do_well=others_do_well)
        return self._fates.carry_out(fate, event, rejection, job.sent_at, now, again)

    def _single_again(self, event: Event, job: Job, now: float, *, others_do_well: bool) -> None:
        """Send a single device whose job Failed once more: soon, or slowly where no others do well."""
        what: Batch | Event = event
        slowly = soon = event.bad_verdicts
        singled_out = job.history.failures > 0
        if singled_out:
            what = self._failed_once_more(job, [event], now)
            what.history.single_failed(others_do_well=others_do_well)
            slowly, soon = job.history.failures, 1
        soon_at = now + self._backoff.delay(soon, self._random())
        if others_do_well:
            self._dispatch.queue_at(what, soon_at)
        else:
            due = now + SLOWLY.delay(slowly, self._random())
            self._slow_retries.later(what, due, job.failed_before, soon_at, now, singled_out=singled_out)

    def job_completed(self, application: str, accepted_at: float, now: float) -> None:
        """A job of this application is Completed: devices that wait for such a sign are sent soon."""
        self._slow_retries.job_completed(application, accepted_at, now)

    def _failed_once_more(self, job: Job, events: list[Event], now: float) -> Batch:
        batch = self._dispatch.new_batch(job, events)
        batch.history.failures += 1
        batch.history.failed_at = now
        return batch

    def job_denied(self, job: Job, message: str, now: float, *, halted: bool, surely: bool) -> Counted:
        """The words of a Failed job deny the application, or blame one of its devices.

        Send the devices once more, the second time in halves. `halted`: the application may be what is
        denied. `surely`: it has proved to be good since these devices were denied before, so that the words
        are about a device.
        """
        single = len(job.events) == 1 and is_wholly_ours(job.events[0])
        events = self._leaving.still_ours(job.events, now)
        if not events:
            return Counted()
        if surely and single:
            rejection = Rejection(Reason.JOB_FAILED, f"the job failed: {message}")
            return self._single_failed(job, events[0], rejection, now, others_do_well=True, blamed=True)
        batch = self._dispatch.new_batch(job, events)
        if halted:
            self._for_probes(batch, now)
        else:
            for event in events:  # during a halt no attempt is counted
                event.count_attempt(job.sent_at)
            before, batch.history.denied_at = batch.history.denied_at, now
            if before == math.inf:
                self._once_more(batch, now)
            else:
                self._send_whole_or_halved(batch)
        self._tally.retried[job.endpoint] += len(events)
        return Counted()

    def _for_probes(self, batch: Batch, now: float) -> None:
        """Let the probes of the halt find the device that is to blame, if one is."""
        if batch.history.denied_at == math.inf:
            batch.history.denied_at = now
            self._dispatch.send_exact(batch)
        elif len(batch.events) > 1:
            self._send_whole_or_halved(batch)
        else:  # after a probe that has others in it
            self._dispatch.queue_at(batch, now + 2 * self._limits.probe_interval)

    def overloaded(self, job: Job, now: float, *, others_do_well: bool) -> None:
        """The job found the API overloaded: send the same devices once more, later each time.

        In halves if that has gone on while others did well: one of the devices may be the cause.
        """
        events = self._leaving.still_ours(job.events, now)
        if not events:
            return
        batch = self._dispatch.new_batch(job, events)
        history = batch.history
        in_halves = others_do_well and history.overloads >= OVERLOADS_WHOLE and len(events) > 1
        history.overloads = OVERLOADS_WHOLE if in_halves else history.overloads + 1
        history.overloaded_at = now
        for part in self._dispatch.halve(batch) if in_halves else (batch,):
            self._dispatch.queue_at(part, now + WHILE_OVERLOADED.delay(history.overloads, self._random()))
        self._tally.split_batches += in_halves
        self._tally.retried[job.endpoint] += len(events)

    def never_confirmed(self, job: Job, losses: int, now: float) -> Counted:
        """The job was lost too often: give up its devices."""
        rejection = Rejection(
            Reason.NO_VERDICT, f"its job was lost {losses} times", request_id=job.request_id
        )
        events = self._leaving.still_ours(job.events, now)
        for event in events:
            event.count_attempt(job.sent_at)
        given_up = 0
        for event in events:
            everyone = contributors(event)
            hold = Hold(event, len(everyone))
            for each in everyone:
                each.take_attempts_of(event)
                self._fates.owe(each, rejection, now, hold)
            given_up += len(everyone)
        since = min((event.first_attempt for event in events), default=math.inf)
        return Counted(given_up, given_up, since)

    def submit_again(self, job: Job, losses: int, now: float) -> None:
        """The job was lost, by now `losses` times: send the same devices once more."""
        batch = self._of_lost(job, losses, now)
        if batch is not None:
            self._dispatch.send_exact(batch)

    def submit_parts(self, job: Job, losses: int, now: float) -> None:
        """The job was lost, perhaps because of one of its devices: send them once more, in parts."""
        batch = self._of_lost(job, losses, now)
        if batch is not None:
            batch.history.parted += 1
            self._tally.split_batches += len(batch.events) > 1
            for part in self._dispatch.split(batch, PARTS_OF_LOST):
                self._dispatch.send_exact(part)

    def _of_lost(self, job: Job, losses: int, now: float) -> Batch | None:
        """Return the devices of a lost job as a batch; None if they are all other owners' now."""
        events = self._leaving.still_ours(job.events, now)
        if not events:
            return None
        for event in events:
            event.count_attempt(job.sent_at)
        self._tally.retried[job.endpoint] += len(events)
        batch = self._dispatch.new_batch(job, events)
        batch.history.losses = losses
        return batch

    def _once_more(self, batch: Batch, now: float) -> None:
        self._dispatch.queue_at(batch, now + self._backoff.delay(1, self._random()))

    def _send_whole_or_halved(self, batch: Batch) -> None:
        for part in self._whole_or_halved(batch):
            self._dispatch.send_exact(part)

    def _whole_or_halved(self, batch: Batch) -> tuple[Batch, ...]:
        if len(batch.events) == 1:
            return (batch,)
        self._tally.split_batches += 1
        one, other = self._dispatch.halve(batch)
        one.history.halves = other.history.halves = Halves()
        return (one, other)
