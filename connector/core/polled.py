"""What was said of a job: it is unfinished, has ended, isn't known; or nothing was.

Given: the fact, as `Engine` has it. Gives: each device's fate where the job has ended, else when to ask
again, or its devices to be sent once more where it is lost.
"""

from __future__ import annotations

from connector.answers import Denied, JobReport, JobState, JobUnknown, PollAnswer, Unavailable
from connector.core.components import Components
from connector.core.following.deadline import MOST_DOUBLINGS
from connector.core.following.job import Job
from connector.core.holding_back.proofs import Where
from connector.core.judging.fates import is_wholly_ours
from connector.core.judging.verdicts import Judgement, of_the_job
from connector.core.past.history import MOST_EXCUSED
from connector.core.tally import JobOutcome, Stage

MOST_PLAINLY = 2
"""Times that a Completed job's report with details may be unknown: then it counts as lost."""


class Polled:
    """Takes in answers to GETs, and that there was none."""

    def __init__(self, components: Components) -> None:
        self._limits = components.limits
        self._tally = components.tally
        self._notices = components.notices
        self._exposure = components.exposure
        self._dispatch = components.dispatch
        self._tracking = components.tracking
        self._halts = components.halts
        self._belief = components.belief
        self._proofs = components.proofs
        self._brakes = components.brakes
        self._gate = components.gate
        self._outages = components.outages
        self._adoption = components.adoption
        self._places = components.places
        self._judged = components.judged
        self._unjudged = components.unjudged
        self._concurrency = components.concurrency
        self._overload_told = False
        """Whether it was logged, since a job was last Completed, that the API is overloaded."""

    def take_in(self, job: Job, answer: PollAnswer, polled_at: float, now: float) -> None:
        """The GET of a job's status was answered, or was not."""
        job.polls.answered()
        if job.is_witness:
            self._witnessed(job, answer, polled_at, now)
            return
        answer = self._unless_contradicted(job, answer, now)
        alone = self._heard(job, answer, polled_at, now)
        if job.serial not in self._tracking.jobs or job.serial in self._adoption.pending:
            return
        match answer:
            case Unavailable():
                self._ask_again(job, now, alone=alone)
            case Denied() if answer.of_job:
                self._job_denied(job, answer, polled_at, now)
            case Denied():
                self._get_denied(job, answer, polled_at, now)
            case JobUnknown() if self._a_post_will_tell(job.application):
                self._tracking.poll_at(job, now + self._limits.probe_interval)
            case JobUnknown():
                if self._tracking.unknown(job, now):
                    self._lost(job, answer.message, now)
            case JobReport():
                self._reported(job, answer, polled_at, now)

    def _witnessed(self, witness: Job, answer: PollAnswer, polled_at: float, now: float) -> None:
        if isinstance(answer, JobReport):
            self._got_past(witness.application, polled_at, now)
        self._outages.witnessed(witness, answer, polled_at, now)

    def _unless_contradicted(self, job: Job, answer: PollAnswer, now: float) -> PollAnswer:
        """Return the answer; a denial as a failure of the API where others are told otherwise."""
        if not isinstance(answer, Denied) or answer.of_job:
            return answer
        contradicted = self._belief.denied(job.application, Where.GET, job.suspicion, now)
        return answer.as_unavailable() if contradicted else answer

    def _get_denied(self, job: Job, answer: Denied, polled_at: float, now: float) -> None:
        """However old, it is not lost, as none can be polled until this is mended, unless its records are."""
        probe_at = self._halts.denied(job.application, answer, Where.GET, polled_at, now)
        before = job.denied_alone
        self._tracking.get_denied(job, probe_at, now)
        if not job.events and job.denied_alone and self._tracking.expired(job, now):
            self._lost(job, answer.message, now)  # what waits for it may be what would end the halt
        elif job.denied_alone and not before:  # it may never tell whether a halt is over: another probe may
            self._halts.came_to_nothing(job.batch, now)

    def _a_post_will_tell(self, application: str) -> bool:
        """Whether what doesn't know the job isn't the API, and a POST can show when the API is back."""
        limit = self._concurrency.limit
        may_go = self._dispatch.has(application) and self._tracking.occupying(limit) < limit
        return self._halts.no_api_there(application) and may_go

    def _job_denied(self, job: Job, answer: Denied, polled_at: float, now: float) -> None:
        """The job Failed with words that blame credentials or application: a halt, unless it is a device's.

        A push token may be invalid as well as ours, and the words don't tell. Another job that was accepted
        since and is Completed does.
        """
        self._tracking.ended(job, polled_at, now, completed=False)
        self._tracking.remove(job)
        self._tally.jobs[job.endpoint, JobOutcome.FAILED] += 1
        others_are_good = self._proofs.completed_since(job.application, job.denied_before)
        self._halts.came_to_nothing(job.batch, now)
        if not others_are_good:
            self._halts.denied(job.application, answer, Where.JOB, job.sent_at, now)
        surely = self._proofs.completed_since(job.application, job.history.denied_at)
        counted = self._unjudged.job_denied(
            job, answer.message, now, halted=not others_are_good, surely=surely
        )
        self._brakes.judged(counted, now)

    def _heard(self, job: Job, answer: PollAnswer, polled_at: float, now: float) -> bool:
        """Learn whether the API is there; return whether there is new proof that only this job fails."""
        if isinstance(answer, Unavailable):
            return self._outages.down("get", job, answer, polled_at, now)
        denied = isinstance(answer, Denied) and not answer.of_job  # a job's report may deny, and was read
        self._outages.answered(polled_at, None if denied else "get", len(job.events))
        if job.polls.denied_gets and not denied:
            self._tracking.no_longer_denied(job, now)
        job.heard(denied=denied)
        return False

    def _ask_again(self, job: Job, now: float, *, alone: bool) -> None:
        closed = self._gate.closed_until is not None
        there = alone or not (closed or job.suspicion.proven)
        # The proof that it fails alone may predate an outage that still lasts; that time counts for no job.
        if there and self._tracking.expired(job, self._gate.down_since if closed else now):
            self._lost(job, "no end in sight", now)
        else:
            self._tracking.poll_at(job, self._outages.next_turn(job.suspicion, now))

    def _got_past(self, application: str, polled_at: float, now: float) -> None:
        halt = self._halts.proved(application, Where.GET, polled_at)
        if halt is not None:
            self._tracking.one_answered(application)
            self._tracking.halt_over(application, halt.since, now)

    def _reported(self, job: Job, report: JobReport, polled_at: float, now: float) -> None:
        self._tracking.known(job, now, report.progress)
        self._got_past(job.application, polled_at, now)
        if report.state is JobState.UNFINISHED:
            if self._tracking.expired(job, now):
                left_behind = self._tracking.left_behind(job, now)
                job.history.losses_alone += left_behind
                job.history.losses_with_others += not left_behind
                self._lost(job, f"still {report.word or 'unfinished'}", now)
            else:
                self._tracking.unfinished(job, report, polled_at, now)
            return
        if not job.events:  # its records are gone: whatever it says of them, they can't be sent again
            self._ended(job, polled_at, now, completed=report.state is JobState.COMPLETED)
            self._tally.jobs[job.endpoint, JobOutcome(report.state.value)] += 1
            return
        if report.state is JobState.COMPLETED and report.rows is None and job.polls.without_details:
            job.polls.ask_in_detail()
            if job.polls.times_asked_plainly < MOST_PLAINLY:
                self._tracking.poll_at(job, now)
            else:
                self._lost(job, "its report with details is not known", now)
            return
        if report.state is JobState.COMPLETED:
            self._completed(job, report, polled_at, now)
            return
        self._ended(job, polled_at, now, completed=False)
        self._tally.jobs[job.endpoint, JobOutcome.FAILED] += 1
        if report.overloaded:
            self._overloaded(job, report, now)
        else:
            well = self._proofs.completed_since(job.application, job.failed_before)
            failed = of_the_job(report)
            self._brakes.judged(self._unjudged.job_failed(job, failed, now, others_do_well=well), now)

    def _completed(self, job: Job, report: JobReport, polled_at: float, now: float) -> None:
        judgement = self._places.judge(job, report, now)
        job.polls.found_completed(polled_at)
        self._proofs.completed(job.application, job.accepted_at)
        self._halts.proved(job.application, Where.JOB, job.accepted_at)
        missing = judgement.missing(job.events)
        if self._tracking.ask_for_rows(job, missing, now):
            return
        # What was waited for in vain is not the job's time; late rows are.
        self._ended(job, job.polls.completed_at if missing else polled_at, now, completed=True)
        self._tally.jobs[job.endpoint, JobOutcome.COMPLETED] += 1
        if judgement.says_nothing(job.events):
            alone_in_it = len(job.events) == 1 and not job.history.failures
            if not (alone_in_it or job.history.left_out):
                self._told_nothing(job, judgement, now)
                return
        else:
            self._proofs.judged(job.application, job.accepted_at)
        job.history.completed()
        self._unjudged.job_completed(job.application, job.accepted_at, now)
        self._overload_told = False
        if report.rows is None or judgement.without_verdict:
            rows = 0 if report.rows is None else len(job.events) - len(judgement.without_verdict)
            self._tell_of_silence(job, rows)
        self._places.learn(job, judgement, now)
        singly = self._places.mislead(job, now)
        self._brakes.judged(self._judged.conclude(job, judgement, now, users_singly=singly), now)

    def _told_nothing(self, job: Job, judgement: Judgement, now: float) -> None:
        """The report has no verdict on any of several devices, or on one that was singled out of such.

        One of them may be why, as where a job Fails. Not where they are those that a report left out: each is
        silent for itself then.
        """
        self._tell_of_silence(job, 0)
        said = next(iter(judgement.rejections.values()))
        well = self._proofs.judged_since(job.application, job.failed_before)
        self._brakes.judged(self._unjudged.job_failed(job, said, now, others_do_well=well), now)

    def _ended(self, job: Job, polled_at: float, now: float, *, completed: bool) -> None:
        self._tracking.ended(job, polled_at, now, completed=completed)
        if job.batch is not None:
            watched = job.polls.unfinished_age > 0
            self._concurrency.ended(len(job.events), job.accepted_at, polled_at, watched=watched)
            self._exposure.ended(polled_at - job.batch.sent_at)
        self._tracking.remove(job)
        self._tally.stages.append((Stage.JOB, polled_at - job.accepted_at, len(job.events)))
        self._tally.stages.append((Stage.POLL, now - polled_at, len(job.events)))
        self._halts.proved(job.application, Where.JOB, job.accepted_at)

    def _overloaded(self, job: Job, report: JobReport, now: float) -> None:
        """The API is overloaded, which a job told and no status: fewer jobs at once."""
        self._concurrency.overloaded_for_job(job.accepted_at, now)
        if not self._overload_told:
            self._overload_told = True
            self._notices.tell("warning", "the API has no time for jobs", message=report.message)
        others = self._proofs.completed_since(job.application, job.overloaded_before)
        self._unjudged.overloaded(job, now, others_do_well=others)

    def _tell_of_silence(self, job: Job, rows: int) -> None:
        """Warn that a report has rows for only `rows` devices, though it was asked for again."""
        self._notices.tell(
            "warning", "a report leaves devices out", devices=len(job.events), rows=rows, polls=job.polls.made
        )

    @staticmethod
    def _perhaps_for_others(job: Job) -> bool:
        """Whether other owners may have a part of it, so that their devices may be why it is lost."""
        return job.adopted or not all(map(is_wholly_ours, job.events))

    def _perhaps_no_fault_of_its_own(self, job: Job) -> bool:
        return self._perhaps_for_others(job) or self._slow_for_all(job)

    def _slow_for_all(self, job: Job) -> bool:
        """Whether its devices' jobs were lost beside others that fared no better, and others are there."""
        history = job.history
        too_often = history.losses_alone > self._limits.max_resubmissions
        if too_often or not history.losses <= history.losses_with_others <= MOST_DOUBLINGS:
            return False
        return self._tracking.like_it(job) or job.route in self._dispatch.routes()

    def _excuse(self, job: Job) -> bool:
        """Excuse its loss if the API knew none of our jobs when it took this one, but knows later ones.

        Return whether that is done. Nobody is excused for ever.
        """
        history, known = job.history, self._tracking.known_jobs
        if history.excused >= MOST_EXCUSED or not known.none_at(job.application, job.accepted_at):
            return False
        history.excused += 1
        return True

    def _lost(self, job: Job, why: str, now: float) -> None:
        self._halts.came_to_nothing(job.batch, now)
        self._tracking.remove(job)
        self._tracking.known_jobs.lost(job.application, job.accepted_at)
        self._tally.jobs[job.endpoint, JobOutcome.LOST] += 1
        self._notices.tell(
            "warning", "job lost", why=why, age=round(now - job.accepted_at, 1), devices=len(job.events)
        )
        if not job.events:  # an adopted job whose records are gone
            return
        most = self._limits.max_resubmissions
        losses = job.history.losses + 1
        nobody_is_known = losses > most and not self._tracking.known_jobs.any_since(
            job.application, job.accepted_at
        )
        if nobody_is_known:  # perhaps no fault of these devices
            job.history.lost_while_unknown += 1
            self._notices.tell("error", "the API knows none of its jobs: nothing is confirmed", message=why)
        in_parts = losses > most and (not nobody_is_known or job.history.parts_may_tell)
        if in_parts and len(job.events) > 1:
            self._unjudged.submit_parts(job, most, now)  # one that is lost once more goes in parts, too
        elif losses <= most or nobody_is_known or self._perhaps_no_fault_of_its_own(job) or self._excuse(job):
            self._unjudged.submit_again(job, min(losses, most), now)
        else:
            self._brakes.judged(self._unjudged.never_confirmed(job, losses, now), now)
            return
        self._tally.jobs[job.endpoint, JobOutcome.RESUBMITTED] += 1
        self._tally.resubmitted[job.endpoint] += len(job.events)
