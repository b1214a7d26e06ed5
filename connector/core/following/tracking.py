"""The unfinished jobs, and when to poll each.

Given: what polls brought. Gives: the jobs that are due, and whether one is lost. Judges no device.
"""

from __future__ import annotations

from collections.abc import Collection
from heapq import heappop, heappush

from connector.answers import JobReport
from connector.core.assigned.assignment import Assignment
from connector.core.assigned.job_slice import JobSlice
from connector.core.following.deadline import deadline_of, expired
from connector.core.following.ended import EndedJobs
from connector.core.following.job import MIN_OUTRUN, Job
from connector.core.following.known import KnownJobs
from connector.core.following.missing_rows import MissingRows
from connector.core.following.occupying import occupied
from connector.core.following.polling import PollSchedule
from connector.core.following.witness import LastEnded
from connector.core.limits import Limits
from connector.model import Endpoint, Route

UNKNOWN_LIMIT = 3
"""How often in a row the API must say that it doesn't know a job before that may count as lost."""
UNKNOWN_FOR = 10.0
"""Seconds for which it must go on saying so: a new job may not be known everywhere yet, or a gateway misroute
calls. Twice as long each time its devices were sent again, because repeated losses look like an outage."""
UNKNOWN_DELAY = 1.0
"""Seconds until a job that the API doesn't know is polled again; a fourth of the time since it first said so
if that is more."""
SLOW_FROM = 60.0
"""Seconds without progress before which no unfinished job counts as slow."""
SLOW_TIMES = 10
"""A job counts as slow only if it was without progress for this many times as long as jobs usually take."""
STUCK_FROM = 300.0
"""Seconds from which a slow job may be stuck though none has ended yet: before that the API may be slow."""


class Tracking:
    """The unfinished jobs, by serial number, and a timetable of polls that learns from their durations."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._schedules = {endpoint: PollSchedule(limits.poll_ceiling) for endpoint in Endpoint}
        self._timetable: list[tuple[float, int]] = []
        self._missing_rows = MissingRows(limits.max_attempts)
        self._not_counted = 0.0
        """Seconds of all outages and standstills, in which no job could be polled."""
        self.jobs: dict[int, Job] = {}
        self.last_ended = LastEnded()
        self.known_jobs = KnownJobs()
        self._ended_jobs = EndedJobs()

    def occupying(self, limit: int) -> int:
        """Return how many of `limit` places for jobs are taken."""
        return occupied([*self.jobs.values()], limit, self._limits.max_in_flight)

    @property
    def working(self) -> int:
        """How many jobs nothing of their own keeps from ending: the API is working on them."""
        return sum([not job.kept_from_ending for job in self.jobs.values()])

    def add(self, job: Job) -> None:
        """Keep a job. Polling starts with `begin`."""
        job.uncounted.common_at_start = self._not_counted
        self.jobs[job.serial] = job

    def add_slice(self, assignment: Assignment, job: Job, part: JobSlice) -> None:
        """Note which records of a partition are in the job: its checkpoint remembers them from now on."""
        job.slices[assignment] = part
        assignment.slices[job.serial] = part

    def homeless(self, jobs: Collection[Job]) -> list[Job]:
        """Partitions were let go: return those of the jobs that have no records of ours any more."""
        for job in jobs:
            job.slices = {assignment: part for assignment, part in job.slices.items() if assignment.live}
        return [job for job in jobs if not job.slices]

    def remove(self, job: Job) -> None:
        """Forget a job, here and in its partitions' checkpoints."""
        self.jobs.pop(job.serial, None)
        for assignment in job.slices:
            assignment.slices.pop(job.serial, None)
            assignment.awaited.discard(job.serial)
            assignment.changed()

    def find(self, endpoint: Endpoint, application: str, request_id: str) -> Job | None:
        """Return the job with this request_id; different endpoints may use the same one."""
        wanted = (request_id, endpoint, application)
        jobs = self.jobs.values()
        return next((job for job in jobs if (job.request_id, job.endpoint, job.application) == wanted), None)

    def has_had(self, route: Route, request_id: str) -> bool:
        """Whether there is, or was of late, a job of this name."""
        there = self.find(route.endpoint, route.application, request_id) is not None
        return there or self._ended_jobs.has(route, request_id)

    def begin(self, job: Job, now: float) -> None:
        """Schedule the first poll. A job from the future, by its former owner's clock, was accepted now."""
        job.polls.begin(now)
        job.accepted_at = min(job.accepted_at, now)
        age = max(0.0, now - job.accepted_at)
        delay = 0.0 if job.adopted else self._schedules[job.endpoint].first_delay() - age
        self.poll_at(job, now + max(0.0, delay))

    def poll_at(self, job: Job, due: float) -> None:
        """Have the job polled at this time."""
        job.polls.due = due
        heappush(self._timetable, (due, job.serial))

    def trial(self, now: float) -> list[Job]:
        """Take, of the jobs due now, the one that has failed least: the best trial of a closed gate."""
        due = self.due(now, len(self._timetable))
        due.sort(key=lambda job: job.suspicion.failures)
        for job in due[1:]:
            self.poll_at(job, job.polls.due)
        return due[:1]

    def has_spotless(self, now: float) -> bool:
        """Whether a job is due now whose polls have not failed."""
        return any(
            job.polls.due <= now and not job.polls.under_way and not job.suspicion.failures
            for job in self.jobs.values()
        )

    def due(self, now: float, most: int) -> list[Job]:
        """Take at most `most` of the jobs that are due now."""
        jobs: list[Job] = []
        while self._timetable and self._timetable[0][0] <= now and len(jobs) < most:
            due, serial = heappop(self._timetable)
            job = self.jobs.get(serial)
            if job is not None and job.polls.follows(due):
                jobs.append(job)
        return jobs

    def unfinished(self, job: Job, report: JobReport, polled_at: float, now: float) -> None:
        """Schedule the next poll of a job that has not ended."""
        age = max(0.0, polled_at - job.accepted_at)
        polls = job.polls
        delay = self._schedules[job.endpoint].next_delay(
            age, polls.made, report.progress, polls.unfinished_age, polls.progress, now - polled_at
        )
        polls.found_unfinished(age, report)
        job.slow = self._is_slow(job, age, now)
        job.stuck = job.slow and (job.adopted or self._schedules[job.endpoint].usual > 0 or age >= STUCK_FROM)
        self.poll_at(job, max(now, polled_at + delay))

    def _is_slow(self, job: Job, age: float, now: float) -> bool:
        """Whether an unfinished job has been without progress for much longer than jobs take.

        Counted from when its progress last grew; from its POST, if it has not grown while the job is ours.
        """
        still = now - job.polls.grew_at if job.polls.grew else age
        return still > max(SLOW_FROM, SLOW_TIMES * self._schedules[job.endpoint].usual)

    def ended(self, job: Job, polled_at: float, now: float, *, completed: bool) -> None:
        """Learn how long a job took, and whether its progress foretold that.

        Nothing is learned from an adopted job or one that an outage disturbed: it was not watched throughout.
        """
        self.last_ended.ended(job)
        self._ended_jobs.ended(job.route, job.request_id)
        for other in self.jobs.values():
            if other.accepted_at < job.accepted_at:
                other.outrun += 1
                other.overtaken = other.overtaken or other.route == job.route
            if other.route == job.route:
                other.like_it_ended_at = now
        disturbed = job.uncounted.disturbed(self._not_counted) or job.polls.denied_gets > 0
        if not (job.adopted or disturbed):
            age = max(0.0, polled_at - job.accepted_at)
            progress = job.polls.progress if completed else -1
            self._schedules[job.endpoint].learn(
                job.polls.unfinished_age, max(age, job.polls.unfinished_age), progress, now - polled_at
            )

    def ask_for_rows(self, job: Job, missing: int, now: float) -> bool:
        """Poll a Completed job once more if missing verdicts may still come; return whether so."""
        due = self._missing_rows.look_again(job, missing, now)
        if due is not None:
            self.poll_at(job, due)
        return due is not None

    def get_denied(self, job: Job, due: float, now: float) -> None:
        """Note that a GET of this job was denied: the next one is a probe."""
        job.polls.denied()
        if job.polled_in_turns and due > now:
            mine = [each for each in self.jobs.values() if each.application == job.application]
            others = sum(each is not job and each.polled_in_turns for each in mine)
            due += others * self._limits.probe_interval
        self.poll_at(job, due)

    def no_longer_denied(self, job: Job, now: float) -> None:
        """A GET of this job was answered again: jobs whose GETs were denied in turn are polled at once."""
        job.excuse(job.suspicion.denied_at, now)
        for other in self.jobs.values():
            waits = other is not job and other.polled_in_turns and other.polls.due_later(now)
            if waits and other.application == job.application:
                self.poll_at(other, now)

    def known(self, job: Job, now: float, progress: int = -1) -> None:
        """Note that the API knows this job, whatever it said of it.

        If only without details it confirms nobody, which may be so of all jobs.
        """
        job.polls.known(progress, now)
        if not (job.polls.times_asked_plainly and job.polls.without_details):
            self.known_jobs.told(job.application, now)

    def unknown(self, job: Job, now: float) -> bool:
        """Note that the API doesn't know this job. Return whether it is lost; else it is polled again."""
        waited = job.polls.not_known(now)
        patience = UNKNOWN_FOR * 2.0**job.history.losses
        if job.polls.unknown >= UNKNOWN_LIMIT and (waited >= patience or self.expired(job, now)):
            if job.polls.without_details:
                return True
            job.polls.ask_plainly()
            self.poll_at(job, now)
            return False
        self.poll_at(job, now + max(UNKNOWN_DELAY, waited / 4))
        return False

    def outage(self, seconds: float) -> None:
        """Note an outage, or a standstill of the process: its seconds count towards no job's age."""
        self._not_counted += seconds

    def halt_over(self, application: str, since: float, now: float) -> None:
        """A halt is over: poll its jobs at once, and count none of the time in which they could not be."""
        for job in self.jobs.values():
            if job.application == application and job.polls.denied_gets:
                job.excuse(since, now)
        self.hasten(application, now)

    def one_answered(self, application: str) -> None:
        """One of this application's jobs was answered: if others are denied again, it is these alone."""
        for job in self.jobs.values():
            if job.application == application:
                job.suspicion.proven += job.polls.denied_gets > 0

    def sent_between(self, first: float, last: float) -> int:
        """Return how many events are in unfinished jobs that were sent between these times, both included."""
        return sum([len(job.events) for job in self.jobs.values() if first <= job.sent_at <= last])

    @property
    def never_lost(self) -> int:
        """How many unfinished jobs are of devices none of whose jobs was lost before."""
        return sum(not job.history.losses for job in self.jobs.values())

    def expired(self, job: Job, now: float) -> bool:
        """Whether the job has been unfinished for too long."""
        if now - job.accepted_at < self._limits.deadline:  # no deadline is shorter
            return False
        usual, left_behind = self._schedules[job.endpoint].usual, self.left_behind(job, now)
        deadline = deadline_of(job, self._limits.deadline, usual, left_behind=left_behind)
        return expired(job, deadline, job.uncounted.seconds(self._not_counted, job.suspicion.unsure), now)

    def left_behind(self, job: Job, now: float) -> bool:
        """Whether a job is unfinished for a reason of its own: the API is not slow for all like it.

        Where there are none like it, others tell.
        """
        return job.left_behind(now) or (job.outrun >= MIN_OUTRUN and not self.like_it(job))

    def like_it(self, job: Job) -> bool:
        """Whether another job of its application and endpoint is unfinished."""
        return any(other is not job and other.route == job.route for other in self.jobs.values())

    def hasten(self, application: str, now: float) -> None:
        """Poll every job of an application now, except those being polled and those being read again."""
        for job in self.jobs.values():
            if job.application == application and job.polls.due_later(now):
                self.poll_at(job, now)

    def jobs_of(self, assignment: Assignment) -> list[Job]:
        """Return the jobs with records of this partition."""
        return [job for job in self.jobs.values() if assignment in job.slices]

    def wake_at(self) -> float | None:
        """Return when the next poll is due."""
        while self._timetable:
            due, serial = self._timetable[0]
            job = self.jobs.get(serial)
            if job is not None and job.polls.follows(due):
                return due
            heappop(self._timetable)
        return None
