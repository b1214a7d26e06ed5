"""The connector's decisions: facts go in, actions come out. The only file that joins the core's parts.

Facts are the methods: a partition was assigned, records came, a POST or a GET was answered, a
commit was acknowledged, a partition was revoked. Each takes `now`, seconds on a clock that never
goes back and starts near the epoch. `plan` says what is to be done next, and `wake_at` when to ask
again if nothing happens before.

No clock, no input or output, no thread, no logger: what an operator should read leaves as
`notices`, what is counted as `tally`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from connector.core import checkpoint
from connector.core.actions import Action, Commit, Notice, Pause, Poll, Resume, Submit
from connector.core.adoption import Adoption
from connector.core.assignment import Assignment
from connector.core.backoff import Backoff, Gate
from connector.core.dispatch import Dispatch, Route
from connector.core.fates import Fates
from connector.core.halts import BRAKE, Halts
from connector.core.jobs import Batch, Job, slices_of
from connector.core.lanes import Lanes
from connector.core.ledger import Ledger
from connector.core.limits import Limits
from connector.core.pressure import Pressure
from connector.core.tally import NO_ENDPOINT, JobOutcome, Stage, Tally, gate_cause
from connector.core.tracking import UNKNOWN_DELAY, UNKNOWN_LIMIT, Tracking
from connector.model import (
    Accepted,
    Denied,
    Event,
    JobReport,
    JobState,
    JobUnknown,
    Letter,
    PollAnswer,
    Position,
    PostAnswer,
    Record,
    Refused,
    Rejection,
    Start,
    TopicPartition,
    Unavailable,
)


class Engine:
    """One instance's state. `random` gives numbers in [0, 1) for the jitter of delays."""

    def __init__(self, limits: Limits, random: Callable[[], float]) -> None:
        self._limits = limits
        self._random = random
        self.tally = Tally()
        self.notices: list[Notice] = []
        self.lanes = Lanes(limits.max_bytes)
        self.ledger = Ledger(limits, self.tally)
        self.dispatch = Dispatch(limits)
        self.tracking = Tracking(limits)
        self.halts = Halts(limits.probe_interval)
        self.gate = Gate(Backoff(0.5, 60.0))
        self.adoption = Adoption(self.lanes, self.tracking, self.dispatch)
        self.pressure = Pressure(limits)
        self.fates = Fates(limits, random, self.lanes, self.ledger, self.dispatch, self.tally)
        self.frozen = False
        """While partitions are handed over nothing is submitted."""
        self.stopping = False

    @property
    def assignments(self) -> dict[TopicPartition, Assignment]:
        """The partitions that are ours."""
        return self.ledger.assignments

    # -- facts: partitions -----------------------------------------------------------------------

    def assigned(self, start: Start, until: int | None = None) -> None:
        """A partition is ours from now on. `until`: leave records from this offset on alone."""
        known = checkpoint.decode(start.metadata, start.offset)
        if known is None and start.metadata:
            self.tally.unreadable_checkpoints += 1
            self._notice(
                "warning",
                "checkpoint unreadable: its jobs will be submitted again",
                topic=start.partition.topic,
                partition=start.partition.partition,
            )
        home = Assignment(start.partition, start.offset, known.settled if known else b"")
        home.until = until
        home.committed = Position(start.offset, start.metadata)
        self.assignments[start.partition] = home
        adopted = self.adoption.expect(home, known.jobs) if known else 0
        if adopted:
            self._notice(
                "info",
                "adopting unfinished jobs",
                topic=start.partition.topic,
                partition=start.partition.partition,
                jobs=adopted,
            )

    def received(
        self,
        partition: TopicPartition,
        records: Sequence[Record],
        outcomes: Sequence[Event | Rejection | None],
        now: float,
    ) -> None:
        """Records of one partition were read, in offset order, each with what decoding made of it."""
        home = self.assignments.get(partition)
        if home is None:
            return
        read = [outcome for outcome in outcomes if outcome.__class__ is Event]  # isinstance costs more
        if len(read) == len(records):  # decoding has asked each record already
            offsets = [event.offset for event in read]
            timestamps = [event.timestamp for event in read]
        else:
            offsets = [record.offset() for record in records]
            timestamps = [record.timestamp()[1] for record in records]
        if home.until is not None and offsets and offsets[-1] >= home.until:
            keep = sum(1 for offset in offsets if offset < home.until)
            self.received(partition, records[:keep], outcomes[:keep], now)
            self.ended(partition, home.until, now)
            return
        next_before = home.offsets.next
        recalling = next_before < max(home.known_until, home.recall_until)
        home.offsets.received(offsets, timestamps)
        self.tally.consumed[partition.topic] += len(records)
        if recalling or len(read) < len(records) or (offsets and offsets[0] < next_before):
            events, others = self._sort_out(home, records, outcomes, next_before, now)
        else:
            events, others = read, 0
        for event in events:
            event.home = home
        home.events += len(events)
        home.bytes += sum([event.size for event in events])
        if home.offsets.next - next_before > len(events) + others:
            home.version += 1  # gaps, and what was settled before, move the position by themselves
        if recalling and home.adopted:
            self._admit_recalled(events, home, now)
        else:
            self._admit(events, now)
        self._read_on(home, now)

    def _sort_out(
        self,
        home: Assignment,
        records: Sequence[Record],
        outcomes: Sequence[Event | Rejection | None],
        next_before: int,
        now: float,
    ) -> tuple[list[Event], int]:
        """Return the events that are new, and how many other records are: skipped, or owed a letter."""
        events: list[Event] = []
        skipped: list[int] = []
        unreadable = 0
        for record, outcome in zip(records, outcomes, strict=True):
            offset = record.offset()
            if offset < next_before or home.offsets.is_settled(offset):
                continue
            if isinstance(outcome, Event):
                events.append(outcome)
            elif outcome is None:
                skipped.append(offset)
            else:
                unreadable += 1
                self._unreadable(record, home, outcome, now)
        if skipped:
            self.ledger.skip(home, skipped, NO_ENDPOINT)
        return events, len(skipped) + unreadable

    def _unreadable(self, record: Record, home: Assignment, rejection: Rejection, now: float) -> None:
        size = len(record.value() or b"")
        home.events += 1
        home.bytes += size
        self.ledger.owe(Letter(record, rejection), home, size, NO_ENDPOINT, now)
        self._brake(1, 1, now)

    def _admit(self, events: Sequence[Event], now: float) -> None:
        coalesced = self.lanes.coalesced
        self.dispatch.ready(self.lanes.admit(events), now)
        self.tally.coalesced += self.lanes.coalesced - coalesced

    def _admit_recalled(self, events: Sequence[Event], home: Assignment, now: float) -> None:
        """Admit records some of which are in adopted jobs: one at a time, they come in order."""
        for event in events:
            job = home.adopted.pop(event.offset, None)
            if job is None:
                self._admit([event], now)
            else:
                self.adoption.attach(event, job)

    def ended(self, partition: TopicPartition, end: int, now: float) -> None:
        """Below `end` there is nothing in this partition that was not delivered."""
        home = self.assignments.get(partition)
        if home is None:
            return
        before = home.offsets.next
        home.offsets.ended(end if home.until is None else min(end, home.until))
        if home.offsets.next != before:
            home.version += 1
            self._read_on(home, now)

    def _read_on(self, home: Assignment, now: float) -> None:
        """Start polling adopted jobs once all their records have been read again."""
        if self.adoption.pending:
            for job in self.adoption.complete(home):
                self._follow_adopted(job, now)

    def _follow_adopted(self, job: Job, now: float) -> None:
        """All its records were read again: poll it, if there is anything left of it."""
        if job.serial not in self.tracking.jobs:
            return
        if not job.events:
            self.tracking.remove(job)
            return
        self.tally.jobs[job.endpoint, JobOutcome.ADOPTED] += 1
        self.tracking.begin(job, now)

    def revoked(self, partitions: Iterable[TopicPartition], now: float) -> dict[TopicPartition, Position]:
        """Partitions go to another owner: return what is still to be committed for them, and let go."""
        homes = [self.assignments[each] for each in partitions if each in self.assignments]
        self.ledger.take_back(homes)
        positions = {home.partition: self.ledger.position(home) for home in homes}
        news = {
            home.partition: positions[home.partition] != home.committed and not self.ledger.in_doubt(home)
            for home in homes
        }
        self._let_go(homes, now)
        return {partition: position for partition, position in positions.items() if news[partition]}

    def lost(self, partitions: Iterable[TopicPartition], now: float) -> None:
        """Partitions are another owner's already: write nothing."""
        self._let_go([self.assignments[each] for each in partitions if each in self.assignments], now)

    def _let_go(self, homes: Sequence[Assignment], now: float) -> None:
        if not homes:
            return
        jobs = {job.serial: job for home in homes for job in self.tracking.of(home)}
        held = [event for home in self.assignments.values() for event in home.held]
        read = [job for home in homes for job in self.adoption.forget(home)]
        for home in homes:
            self.ledger.drop(home)
        for home in self.assignments.values():
            home.held.clear()
        self.fates.forget_revoked(held, now)
        self.fates.release_written()
        for job in jobs.values():
            job.slices = {home: part for home, part in job.slices.items() if home.live}
            if not job.slices:
                self._abandon(job, now)
        for job in read:
            self._follow_adopted(job, now)

    def _abandon(self, job: Job, now: float) -> None:
        """None of a job's records is ours any more."""
        self._probe_came_to_nothing(job.batch, now)
        self.tracking.remove(job)
        self.fates.release(job.events)

    def _probe_came_to_nothing(self, batch: Batch | None, now: float) -> None:
        if batch is not None and batch.probe:
            self.halts.probe_failed(batch.application, now)

    # -- facts: answers --------------------------------------------------------------------------

    def posted(self, batch: Batch, answer: PostAnswer, now: float) -> None:
        """The POST of a batch was answered, or was not."""
        self.dispatch.posting.pop(batch.serial, None)
        if isinstance(answer, Unavailable):
            self._unavailable(answer, batch.sent_at, now)
            if answer.maybe_accepted:
                self.tally.resubmitted[batch.endpoint] += len(batch.events)
        else:
            self.gate.succeeded(batch.sent_at)
        match answer:
            case Accepted():
                self._accepted(batch, answer, now)
            case Refused():
                self._proved(batch.application, "post", batch.sent_at)
                self._probe_came_to_nothing(batch, now)
                self._refused(batch, answer, now)
            case Denied():
                self._denied(batch.application, answer, "post", now)
                self.fates.once_more(batch, now)
            case Unavailable():
                self._probe_came_to_nothing(batch, now)
                self.fates.once_more(batch, now)

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
        self._proved(batch.application, "post", batch.sent_at)
        self.tally.submitted[batch.endpoint] += len(batch.events)
        self.tally.stages.append((Stage.SUBMIT, now - batch.sent_at, len(batch.events)))
        job.slices = slices_of(job)
        self.dispatch.half_accepted(batch)
        if not job.slices:
            self._probe_came_to_nothing(batch, now)
            self.fates.release(job.events)
            return
        for home, part in job.slices.items():
            home.slices[job.serial] = part
        self.ledger.accepted(job.slices, batch.sent_at)
        self.tracking.add(job)
        self.tracking.begin(job, now)

    def _refused(self, batch: Batch, answer: Refused, now: float) -> None:
        alone = len(batch.events) == 1
        if not alone:
            batch.events = self.fates.still_ours(batch.events, now)
        if not batch.events:
            self.dispatch.search_over(batch)
            return
        if alone:
            judged, refused = self.fates.refused_alone(batch, answer, now)
            self._brake(judged, refused, now)
            self.dispatch.search_over(batch)
            return
        self.tally.split_batches += 1
        if self.fates.too_large(batch, answer):
            self._notice(
                "warning",
                "the API finds the batch too large: smaller ones from now on",
                http_status=answer.http_status,
                max_bytes=self.dispatch.max_bytes,
            )
        else:
            self.dispatch.search(batch)

    def polled(self, job: Job, answer: PollAnswer, asked_at: float, now: float) -> None:
        """The GET of a job's status was answered, or was not."""
        job.polling = False
        if isinstance(answer, Unavailable):
            self._unavailable(answer, asked_at, now)
        else:
            self.gate.succeeded(asked_at)
        if job.serial not in self.tracking.jobs or job.serial in self.adoption.pending:
            return
        match answer:
            case Unavailable():
                self._ask_later(job, now, 0.0)
            case Denied() if answer.http_status < 300:  # noqa: PLR2004  # RFC 9110: 2xx; the job itself was denied
                self.tracking.finished(job, asked_at)
                self.tracking.remove(job)
                self._denied(job.application, answer, "job", now)
                self.fates.submit_again(job, now, losses=0)
            case Denied():
                # However old it is, it is not lost: nobody may know anything until this is mended.
                self._denied(job.application, answer, "poll", now)
                self.tracking.at(job, now + self._limits.probe_interval)
            case JobUnknown():
                job.unknown += 1
                if job.unknown >= UNKNOWN_LIMIT:
                    self._lost(job, answer.message, now)
                else:
                    self._ask_later(job, now, UNKNOWN_DELAY)
            case JobReport():
                self._reported(job, answer, asked_at, now)

    def _ask_later(self, job: Job, now: float, delay: float) -> None:
        if self.tracking.expired(job, now) and not self.gate.closed_until:
            self._lost(job, "no end in sight", now)
        else:
            self.tracking.at(job, now + delay)

    def _reported(self, job: Job, report: JobReport, asked_at: float, now: float) -> None:
        job.unknown = 0
        if self._proved(job.application, "poll", asked_at):
            self.tracking.hasten(now)
        if report.state is JobState.UNFINISHED:
            if self.tracking.expired(job, now):
                self._lost(job, f"still {report.word or 'unfinished'}", now)
            else:
                self.tracking.unfinished(job, report, asked_at, now)
            return
        if report.state is JobState.COMPLETED and report.rows is None and job.without_details:
            job.without_details = False
            self.tracking.at(job, now)
            return
        self.tracking.finished(job, asked_at)
        self.tracking.remove(job)
        self.tally.stages.append((Stage.JOB, asked_at - job.accepted_at, len(job.events)))
        self.tally.stages.append((Stage.POLL, now - asked_at, len(job.events)))
        if job.batch is not None:
            self.ledger.exposure.ended(asked_at - job.batch.sent_at)
        self._proved(job.application, "job", job.accepted_at)
        if report.state is JobState.FAILED:
            self.tally.jobs[job.endpoint, JobOutcome.FAILED] += 1
            judged, refused = self.fates.job_failed(job, report, now)
        else:
            self.tally.jobs[job.endpoint, JobOutcome.COMPLETED] += 1
            judged, refused = self.fates.conclude(job, report, now)
        self._brake(judged, refused, now)

    def _lost(self, job: Job, why: str, now: float) -> None:
        self._probe_came_to_nothing(job.batch, now)
        self.tracking.remove(job)
        self.tally.jobs[job.endpoint, JobOutcome.LOST] += 1
        self._notice(
            "warning", "job lost", why=why, age=round(now - job.accepted_at, 1), devices=len(job.events)
        )
        losses = (job.batch.losses if job.batch else 0) + 1
        if losses > self._limits.max_resubmissions:
            judged = self.fates.never_confirmed(job, losses, now)
            self._brake(judged, judged, now)
            return
        self.tally.jobs[job.endpoint, JobOutcome.RESUBMITTED] += 1
        self.tally.resubmitted[job.endpoint] += len(job.events)
        self.fates.submit_again(job, now, losses=losses)

    def _unavailable(self, answer: Unavailable, sent_at: float, now: float) -> None:
        was_open = self.gate.closed_until is None
        if self.gate.failed(now, sent_at, answer.retry_after, self._random()):
            self.tally.gate_closures[gate_cause(answer.http_status)] += 1
            if was_open:
                self._notice(
                    "warning",
                    "destination down",
                    cause=gate_cause(answer.http_status),
                    message=answer.message,
                    http_status=answer.http_status,
                )

    def _denied(self, application: str, answer: Denied, stage: str, now: float) -> None:
        if self.halts.denied(application, answer, stage, now):
            self.tally.halts[answer.cause] += 1
            self._notice(
                "error",
                "halted",
                cause=answer.cause,
                message=answer.message,
                http_status=answer.http_status,
                mend=self.halts.applications[application].mend,
            )

    def _proved(self, application: str, stage: str, sent_at: float) -> bool:
        if not self.halts.applications or not self.halts.proved(application, stage, sent_at):
            return False
        self._notice("info", "going on", after="halt")
        return True

    def _brake(self, judged: int, refused: int, now: float) -> None:
        if self.fates.brake.saw(judged, refused):
            self.halt(BRAKE, self.fates.brake.words, now)

    # -- facts: commits and orders -----------------------------------------------------------------

    def committed(self, now: float) -> None:
        """The commit was acknowledged."""
        self.ledger.committed(now)
        self.fates.release_written()

    def commit_failed(self, refused: Iterable[int], now: float, *, written: bool = False) -> None:
        """The commit came to nothing; `refused` are the letters that the topic won't take.

        `written`: its letters are in the topic all the same, only the positions are not committed.
        """
        self.ledger.failed(now, refused, self._random(), written=written)
        self.fates.release_written()

    def commit_withdrawn(self, *, written: bool = False) -> None:
        """The commit was never tried: partitions of it went first."""
        self.ledger.withdrawn(written=written)
        self.fates.release_written()

    def halt(self, cause: str, message: str, now: float) -> None:
        """Stop submitting until `release`."""
        if self.halts.stop_all(cause, message, now):
            self.tally.halts[cause] += 1
            self._notice("error", "halted", cause=cause, message=message, mend=self.halts.whole[cause].mend)

    def release(self, now: float) -> None:
        """Go on after the brake, and try everything else that halts at once."""
        self.halts.whole.pop(BRAKE, None)
        self.fates.brake.reset()
        self.halts.probe_now(now)

    def credentials_changed(self, now: float) -> None:
        """The token is another one: try it at once."""
        self.halts.probe_now(now)
        self.tracking.hasten(now)

    def stop(self) -> None:
        """Submit nothing more; jobs under way are followed."""
        self.stopping = True

    @property
    def idle(self) -> bool:
        """Whether nothing is on its way: no request that may become a job, no job, no commit."""
        return not (self.dispatch.posting or self.tracking.jobs or self.ledger.operation)

    # -- actions -------------------------------------------------------------------------------------

    def plan(self, now: float) -> list[Action]:
        """Return what is to be done now. Each action is under way from here on and must be reported back."""
        actions: list[Action] = []
        self.dispatch.wake(now)
        permits = self.gate.permits(now)
        for route in self._routes():
            permits -= self._submit(route, permits, now, actions)
        for job in self.tracking.due(now, permits):
            job.polling = True
            job.polls += 1
            self.gate.trial_started(now)
            actions.append(Poll(job, detailed=not job.without_details))
        commit = self._commit(now)
        if commit is not None:
            actions.append(commit)
        pause, resume = self.pressure.change(self.assignments.values())
        if pause:
            self.tally.pauses += len(pause)
            actions.append(Pause(pause))
        if resume:
            actions.append(Resume(resume))
        return actions

    def flush(self, now: float) -> Commit | None:
        """Return a commit of all that can be committed, without waiting for more."""
        return self._commit(now, at_once=True)

    def _commit(self, now: float, *, at_once: bool = False) -> Commit | None:
        commit = self.ledger.plan(now, hold_letters=self._letters_held, at_once=at_once)
        if commit is not None:
            for partition in commit.positions:
                home = self.assignments[partition]
                if home.held:
                    self._within_reach(home)
        return commit

    @property
    def _letters_held(self) -> bool:
        """Whether nothing is dead-lettered until a person has looked."""
        return bool(self.halts.whole)

    def _within_reach(self, home: Assignment) -> None:
        held, home.held = home.held, []
        ready = [event for event in held if not home.beyond_reach(event)]
        home.held = [event for event in held if home.beyond_reach(event)]
        self.dispatch.again(ready)

    def _routes(self) -> list[Route]:
        """Return the routes with something to send, none while nothing may be."""
        if self.frozen or self.stopping or self.adoption.pending or self._slots() <= 0:
            return []
        return self.dispatch.routes()

    def _slots(self) -> int:
        limits = self._limits
        posting = len(self.dispatch.posting)
        return min(
            limits.max_in_flight - posting - len(self.tracking),
            self.ledger.exposure.allowed - posting - self.ledger.unrecorded,
        )

    def _submit(self, route: Route, permits: int, now: float, actions: list[Action]) -> int:
        sent = 0
        bounded = any(home.reach is not None for home in self.assignments.values())
        stepped_back = self.lanes.step_back if self.lanes.overtaken else None
        while sent < permits and self._slots() > 0:
            allowed = self._may_submit(route[0], now)
            batch = (
                None
                if allowed == "no"
                else self.dispatch.next(route, now, _hold_beyond_reach if bounded else None, stepped_back)
            )
            if batch is None:
                break
            batch.sent_at = now
            batch.probe = allowed == "probe"
            if batch.probe:
                self.halts.probe_sent(route[0])
            self.gate.trial_started(now)
            self.dispatch.posting[batch.serial] = batch
            if batch.ready_at:
                self.tally.stages.append((Stage.QUEUE, now - batch.ready_at, len(batch.events)))
            actions.append(Submit(batch))
            sent += 1
        return sent

    def _may_submit(self, application: str, now: float) -> str:
        """As `Halts.may_submit`; where polls are denied, the jobs that are there are probes enough."""
        allowed = self.halts.may_submit(application, now)
        if allowed == "probe" and self.halts.applications[application].stage == "poll":
            polled = any(job.application == application for job in self.tracking.jobs.values())
            return "no" if polled else allowed
        return allowed

    def wake_at(self, now: float) -> float | None:
        """Return when `plan` should be called if nothing happens before; None: not at all."""
        requests = [self.tracking.wake_at(), *(self._due_at(route, now) for route in self._routes())]
        request = min((time for time in requests if time is not None), default=None)
        if request is not None and self.gate.closed_until is not None:
            trial = self.gate.wake_at()
            request = None if trial is None else max(request, trial)
        times = (request, self.dispatch.next_later(), self.ledger.wake_at(hold_letters=self._letters_held))
        return min((time for time in times if time is not None), default=None)

    def _due_at(self, route: Route, now: float) -> float | None:
        """Return when a batch of this route may go, None if only a fact can change that."""
        due = self.dispatch.due_at(route)
        if due is None or self._may_submit(route[0], now) != "no":
            return due
        probe_at = self.halts.probe_at(route[0])
        return None if probe_at is None or probe_at <= now else max(due, probe_at)

    def _notice(self, level: str, event: str, **fields: object) -> None:
        self.notices.append(Notice(level, event, fields))


def _hold_beyond_reach(event: Event) -> bool:
    """Put an event aside that the checkpoint could not remember; tell whether it was."""
    home: Assignment = event.home
    if not home.live or not home.beyond_reach(event):
        return False
    home.held.append(event)
    event.job = 0
    return True
