"""What becomes of the devices of a Completed job: each by its own verdict.

Given: the job, and a rejection for each device that its report doesn't confirm. Gives: events confirmed, or
what `decision` makes of the rejection. Devices whose row can't be told are sent once more, with fewer others.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Container
from functools import partial

import msgspec

from connector.core.following.job import Job
from connector.core.holding_back.brake import Counted
from connector.core.judging.decision import Context, Fate, attempts_left, decide
from connector.core.judging.fates import Means, is_wholly_ours
from connector.core.judging.verdicts import Judgement
from connector.core.reading.event import Event
from connector.model import Reason, Rejection


class Judged:
    """Takes in the verdicts on a job's devices. `dispatch` sends them again, `fates` ends them."""

    def __init__(self, means: Means) -> None:
        self._limits = means.limits
        self._random = means.random
        self._backoff = means.backoff
        self._leaving = means.leaving
        self._dispatch = means.dispatch
        self._fates = means.fates
        self._tally = means.tally

    def conclude(self, job: Job, judgement: Judgement, now: float, *, users_singly: bool) -> Counted:
        """The job is Completed: carry out each device's own verdict.

        `users_singly`: rows of users can't be told by their places (`Places.mislead`).
        """
        rejections = judgement.rejections
        good = job.events
        if rejections:
            good = [event for index, event in enumerate(job.events) if index not in rejections]
        confirmed = self._fates.confirm(good, job.endpoint, now)
        if job.adopted:
            for event in [each for each in good if each.blocked]:
                self._leaving.withdraw(event, now)
        self._leaving.release(good)
        unclear = self._unclear(job, judgement)
        if unclear:
            events = [job.events[index] for index in sorted(unclear)]
            self._send_in_parts(events, job, now, users_singly=users_singly)
        refused = self._rejected(job, judgement, unclear, now)
        since = min([each.since for each in refused], default=math.inf)
        return Counted(confirmed + len(refused), len(refused), since, job.sent_at)

    def _rejected(self, job: Job, judgement: Judgement, unclear: Container[int], now: float) -> list[Counted]:
        """Carry out bad verdicts; return what is counted of the events that were refused for good."""
        jitter = self._random()  # one for all: what goes again goes together
        silent: list[Event] = []
        counted: list[Counted] = []
        for index, rejection in judgement.rejections.items():
            if index in unclear:
                continue
            told = msgspec.structs.replace(rejection, request_id=job.request_id)
            wholly_ours = is_wholly_ours(job.events[index])
            for event in self._leaving.still_ours([job.events[index]], now):
                fate = decide(event, told, self._context(event, told, job, now, wholly_ours=wholly_ours))
                again = partial(self._try_again, now=now, jitter=jitter, not_yet=fate is Fate.NOT_YET)
                queue = silent.append if index in judgement.without_verdict else again
                counted.append(self._fates.carry_out(fate, event, told, job.sent_at, now, queue))
        if silent:
            self._send_left_out(silent, job, now, jitter)
        return [each for each in counted if each.refused]

    def _context(
        self, event: Event, rejection: Rejection, job: Job, now: float, *, wholly_ours: bool
    ) -> Context:
        not_found = rejection.reason is Reason.DEVICE_NOT_FOUND
        return Context(
            self._limits.max_attempts,
            wholly_ours=wholly_ours,
            adopted=job.adopted or not job.events_as_sent,  # or its partition went and came back
            registered_lately=not_found and self._fates.registered.decide_to_wait(event, now),
        )

    def _try_again(self, event: Event, now: float, jitter: float, *, not_yet: bool) -> None:
        times = event.attempts if not_yet else event.bad_verdicts
        self._dispatch.queue_at(event, now + self._backoff.delay(times, jitter))

    def _send_left_out(self, silent: list[Event], job: Job, now: float, jitter: float) -> None:
        """Send devices without a row once more, by themselves.

        Reports may have room for a few devices only: any batch that these joined would have too many again.
        """
        due = now + self._backoff.delay(max(event.bad_verdicts for event in silent), jitter)
        batch = self._dispatch.new_batch(job, silent)
        batch.history.left_out = True
        self._dispatch.queue_at(batch, due)

    def _unclear(self, job: Job, judgement: Judgement) -> Collection[int]:
        """Return the devices, by index, that have no row here but may have one in a smaller report.

        Nor is silence ever the last verdict on a device while others have rows: first it is sent alone.
        """
        if judgement.cut_off(job.events):
            return judgement.without_verdict
        if len(job.events) == 1:
            return ()
        unclear = judgement.perhaps_judged(job.events)
        if len(judgement.without_verdict) < len(job.events):
            unclear |= {index for index in judgement.without_verdict if self._is_last(job.events[index])}
        return unclear

    def _send_in_parts(self, unclear: list[Event], job: Job, now: float, *, users_singly: bool) -> None:
        """Send unclear devices once more, in halves, until they are so few that their rows can be told apart.

        After an adopted job all at once: the order of that wasn't known, but the order of the next one is.
        Users whose rows can't be told by their places go in requests of their own.
        """
        events = self._leaving.still_ours(unclear, now)
        if not events:
            return
        self._tally.resubmitted[job.endpoint] += len(events)
        self._tally.split_batches += 1
        for event in events:
            event.count_attempt(job.sent_at)
        together = [event for event in events if event.hwid or not users_singly]
        whole = self._dispatch.new_batch(job, together)
        parts = [
            self._dispatch.new_batch(job, [event]) for event in events if users_singly and not event.hwid
        ]
        parts += (whole,) if job.adopted else self._dispatch.halve(whole)
        for part in parts:
            if part.events:
                self._dispatch.send_exact(part)

    def _is_last(self, event: Event) -> bool:
        """Whether one more bad verdict would be the last."""
        return attempts_left(event, self._limits.max_attempts) <= 0
