"""What the API answered: a POST made a job, was refused, denied or lost; a GET found a job as it is.

Given: the facts, as `Engine` has them. Gives: jobs that are tracked, and for those that ended each
device's fate. What says nothing about devices (an outage, a denial) sends them back unharmed.
"""

from __future__ import annotations

import math

from connector.core.jobs import Batch, Job, Search, Suspicion, slices_of
from connector.core.state import State
from connector.core.tally import JobOutcome, Stage
from connector.model import (
    Accepted,
    Denied,
    JobReport,
    JobState,
    JobUnknown,
    PollAnswer,
    PostAnswer,
    Refused,
    Unavailable,
    Unsent,
)

ALONE = 2
"""Times that a batch must fail alone before it is taken apart: once may be chance."""


class Answers:
    """Takes in what became of requests and jobs."""

    def __init__(self, state: State) -> None:
        self._limits = state.limits
        self._random = state.random
        self._tally = state.tally
        self._notices = state.notices
        self._ledger = state.ledger
        self._dispatch = state.dispatch
        self._tracking = state.tracking
        self._halts = state.halts
        self._gate = state.gate
        self._outages = state.outages
        self._adoption = state.adoption
        self._leaving = state.leaving
        self._fates = state.fates
        self._concurrency = state.concurrency
        self._no_time_at = -math.inf
        """When there were made fewer jobs last, because one told that the API has no time."""
        self._no_time_told = False
        """Since a job was completed last."""

    def posted(self, batch: Batch, answer: PostAnswer, now: float) -> None:
        """The POST of a batch was answered, or was not."""
        self._dispatch.posting.pop(batch.serial, None)
        if not isinstance(answer, Accepted):  # a probe that made a job: that one may tell more
            self._halts.came_to_nothing(batch, now)
        match answer:
            case Unsent():
                self._gate.withdrawn()
                self._fates.give_back(batch, now)
            case Unavailable():
                alone = self._outages.down("post", batch, answer, batch.sent_at, now)
                if answer.maybe_accepted:
                    self._tally.resubmitted[batch.endpoint] += len(batch.events)
                self._not_answered(batch, answer, now, alone=alone)
            case Refused():
                self._outages.answered(batch.sent_at, "post", len(batch.events))
                self._halts.proved(batch.application, "post", batch.sent_at)
                self._refused(batch, answer, now)
            case Denied() if self._is_of_a_device(batch, answer):
                self._outages.answered(batch.sent_at)
                self._refused(batch, Refused(answer.message, answer.http_status), now)
            case Denied():
                if answer.http_status:
                    self._outages.answered(batch.sent_at)
                else:
                    self._gate.withdrawn()
                self._halts.denied(batch.application, answer, "post", now)
                self._denied(batch, answer, now)
            case Accepted():
                self._outages.answered(batch.sent_at, "post", len(batch.events))
                self._halts.accepted(batch.application, batch.sent_at)
                self._accepted(batch, answer, now)

    def _not_answered(self, batch: Batch, answer: Unavailable, now: float, *, alone: bool) -> None:
        """Send the batch again as it is, after others; in halves, where they are answered and it never is."""
        self._tally.retried[batch.endpoint] += len(batch.events)
        batch.events, batch.ready_at = self._leaving.still_ours(batch.events, now), 0.0
        if not batch.events:
            self._dispatch.search_over(batch)
            return
        suspicion = batch.suspicion
        if suspicion.alone and len(batch.events) == 1 and batch.search is not None:
            self._dispatch.search_over(batch)
            self._outages.tell("post", batch, answer)
        if alone and suspicion.alone >= ALONE and len(batch.events) > 1:
            self._tally.split_batches += 1
            suspicion.failures = 1  # a half need not wait so long, and is nothing new
            self._dispatch.search(batch)
            return
        if batch.search is None and self._outages.fewer_may_get_through(batch):
            self._tally.split_batches += 1
            self._dispatch.quarter(batch)
            return
        search = batch.search
        if search is not None and search.other_half:
            # Perhaps that one is good, which would prove that the API is there.
            batch.events, search.other_half = search.other_half, batch.events
        if (due := self._outages.next_turn(suspicion, now)) > now:
            self._dispatch.later(batch, due)
        else:
            self._dispatch.exactly(batch)

    def _is_of_a_device(self, batch: Batch, answer: Denied) -> bool:
        """Whether words that seem to deny the application are of a device: others were accepted meanwhile."""
        search = batch.search
        if not answer.by_words or search is None:
            return False
        if self._halts.accepted_since(batch.application, search.denied_at):
            search.doubtful = False
        return search.denied_at < math.inf and not search.doubtful

    def _denied(self, batch: Batch, answer: Denied, now: float) -> None:
        """Send the devices once more, by the probes of the halt; in halves, if one of them may be the cause.

        A tag or a device may be named like what the API's words seem to blame. Probes that had it in them
        each time would never end the halt.
        """
        if not answer.by_words:
            self._fates.once_more(batch, now)
            return
        search = batch.search = batch.search or Search()
        search.denied_at, search.doubtful = min(search.denied_at, now), True
        self._tally.retried[batch.endpoint] += len(batch.events)
        batch.events = self._leaving.still_ours(batch.events, now)
        if len(batch.events) > 1:
            self._dispatch.search(batch)
            return
        self._dispatch.search_over(batch)
        if batch.events:  # alone: after a probe that has others in it
            alone = self._dispatch.batch(batch, batch.events)
            alone.search = Search(denied_at=search.denied_at, doubtful=True)
            self._dispatch.later(alone, now + 2 * self._limits.probe_interval)

    def _accepted(self, batch: Batch, answer: Accepted, now: float) -> None:
        job = Job(
            batch.serial,
            answer.request_id,
            batch.endpoint,
            batch.application,
            batch.events,
            accepted_at=now,
            batch=batch,
        )
        self._tally.submitted[batch.endpoint] += len(batch.events)
        self._tally.stages.append((Stage.SUBMIT, now - batch.sent_at, len(batch.events)))
        slices = slices_of(job)
        self._fates.fits(batch)
        self._dispatch.half_accepted(batch)
        if not slices:
            self._halts.came_to_nothing(batch, now)
            self._leaving.release(job.events)
            return
        self._ledger.accepted(slices, batch.sent_at)
        self._tracking.add(job)
        for home, part in slices.items():
            self._tracking.lies_in(home, job, part)
        self._tracking.begin(job, now)

    def _refused(self, batch: Batch, answer: Refused, now: float) -> None:
        alone = len(batch.events) == 1
        if not alone:
            batch.events = self._leaving.still_ours(batch.events, now)
        if not batch.events:
            self._dispatch.search_over(batch)
            return
        if alone:
            judged, refused = self._fates.refused_alone(batch, answer, now)
            self._halts.judged(judged, refused, now)
            self._dispatch.search_over(batch)
            return
        self._tally.split_batches += 1
        if self._fates.halved_for_size(batch, answer):
            self._notices.tell(
                "warning",
                "the API finds the batch too large: smaller ones from now on",
                http_status=answer.http_status,
                max_bytes=self._dispatch.size.bound,
            )
        else:
            self._dispatch.search(batch)

    def polled(self, job: Job, answer: PollAnswer, asked_at: float, now: float) -> None:
        """The GET of a job's status was answered, or was not."""
        job.polling = False
        if not job.events and job.serial not in self._tracking.jobs:
            self._outages.witnessed(job, answer, asked_at, now)
            return
        alone = self._heard(job, answer, asked_at, now)
        if job.serial not in self._tracking.jobs or job.serial in self._adoption.pending:
            return
        match answer:
            case Unavailable():
                self._ask_again(job, now, alone=alone)
            case Denied() if answer.of_job:
                self._tracking.finished(job, asked_at)
                self._tracking.remove(job)
                self._halts.denied(job.application, answer, "job", now)
                self._fates.submit_again(job, now, losses=0)
            case Denied():
                # However old it is, it is not lost: nobody may know anything until this is mended.
                self._halts.denied(job.application, answer, "poll", now)
                self._tracking.at(job, now + self._limits.probe_interval)
            case JobUnknown() if self._halts.no_api_there(job.application) and self._dispatch.has(
                job.application
            ):
                self._tracking.at(job, now + self._limits.probe_interval)
            case JobUnknown():
                if self._tracking.unknown(job, now):
                    self._lost(job, answer.message, now)
            case JobReport():
                self._reported(job, answer, asked_at, now)

    def _heard(self, job: Job, answer: PollAnswer, asked_at: float, now: float) -> bool:
        """Learn whether the API is there; return whether there is new proof that it is, but for this job."""
        if isinstance(answer, Unavailable):
            return self._outages.down("get", job, answer, asked_at, now)
        self._outages.answered(asked_at, None if isinstance(answer, Denied) else "get", len(job.events))
        job.down_before -= job.suspicion.unsure
        job.suspicion = Suspicion()
        return False

    def _ask_again(self, job: Job, now: float, *, alone: bool) -> None:
        closed = self._gate.closed_until is not None
        there = alone or not (closed or job.suspicion.alone)
        # What tells that it fails alone may be of before an outage that lasts: that is nobody's time.
        if there and self._tracking.expired(job, self._gate.closed_since if closed else now):
            self._lost(job, "no end in sight", now)
        else:
            self._tracking.at(job, self._outages.next_turn(job.suspicion, now))

    def _reported(self, job: Job, report: JobReport, asked_at: float, now: float) -> None:
        self._tracking.known(job, now, report.progress)
        halt = self._halts.applications.get(job.application)
        if halt is not None and self._halts.proved(job.application, "poll", asked_at):
            self._tracking.halt_over(job.application, halt.since, asked_at)
            self._tracking.hasten(job.application, now)
        if report.state is JobState.UNFINISHED:
            if self._tracking.expired(job, now):
                self._lost(job, f"still {report.word or 'unfinished'}", now)
            else:
                self._tracking.unfinished(job, report, asked_at, now)
            return
        if report.state is JobState.COMPLETED and report.rows is None and job.without_details:
            job.without_details = False
            self._tracking.at(job, now)
            return
        if report.state is JobState.COMPLETED and self._tracking.ask_for_rows(job, report, now):
            return
        self._tracking.finished(job, asked_at)
        if job.batch is not None:
            watched = job.unfinished_at > 0
            self._concurrency.ended(len(job.events), job.accepted_at, asked_at, watched=watched)
            self._ledger.exposure.ended(asked_at - job.batch.sent_at)
        self._tracking.remove(job)
        self._tally.stages.append((Stage.JOB, asked_at - job.accepted_at, len(job.events)))
        self._tally.stages.append((Stage.POLL, now - asked_at, len(job.events)))
        self._halts.proved(job.application, "job", job.accepted_at)
        if report.asks_for_time:
            self._no_time(job, report, now)
            return
        if report.state is JobState.FAILED:
            self._tally.jobs[job.endpoint, JobOutcome.FAILED] += 1
            judged, refused = self._fates.job_failed(job, report, now)
        else:
            self._tally.jobs[job.endpoint, JobOutcome.COMPLETED] += 1
            self._no_time_told = False
            self._tell_of_silence(job, len(report.rows or ()))
            judged, refused = self._fates.conclude(job, report, now)
        self._halts.judged(judged, refused, now)

    def _no_time(self, job: Job, report: JobReport, now: float) -> None:
        """The API is overloaded, which a job told and no status: fewer jobs at once."""
        self._tally.jobs[job.endpoint, JobOutcome.FAILED] += 1
        if job.accepted_at > self._no_time_at:
            self._no_time_at = now
            self._concurrency.pushed_back(now)
        if not self._no_time_told:
            self._no_time_told = True
            self._notices.tell("warning", "the API has no time for jobs", message=report.message)
        self._fates.not_now(job, now)

    def _tell_of_silence(self, job: Job, rows: int) -> None:
        """Say that a report has fewer rows than devices, though it was asked for again."""
        if rows < len(job.events):
            self._notices.tell(
                "warning", "a report leaves devices out", devices=len(job.events), rows=rows, polls=job.polls
            )

    def _lost(self, job: Job, why: str, now: float) -> None:
        self._halts.came_to_nothing(job.batch, now)
        self._tracking.remove(job)
        self._tally.jobs[job.endpoint, JobOutcome.LOST] += 1
        self._notices.tell(
            "warning", "job lost", why=why, age=round(now - job.accepted_at, 1), devices=len(job.events)
        )
        losses = (job.batch.losses if job.batch else 0) + 1
        if losses > self._limits.max_resubmissions and not self._tracking.knows_others(job):
            losses -= 1  # no fault of these devices
            self._notices.tell("error", "the API knows none of its jobs: nothing is confirmed", message=why)
        if losses > self._limits.max_resubmissions:
            judged = self._fates.never_confirmed(job, losses, now)
            self._halts.judged(judged, judged, now)
            return
        self._tally.jobs[job.endpoint, JobOutcome.RESUBMITTED] += 1
        self._tally.resubmitted[job.endpoint] += len(job.events)
        self._fates.submit_again(job, now, losses=losses)
