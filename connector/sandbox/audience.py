"""A faithful double of the Audience API: the state machine, without clock and without sockets.

Facts go in (a POST, a GET, the time), replies come out. `now` is in seconds since the epoch,
or any number that only grows where nobody asks for a `Retry-After` date. A job's devices are
changed when it ends, jobs in the order of their ends: a client that lets two unfinished jobs
overlap will see wrong tags.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec

from connector.model import Endpoint
from connector.sandbox import replies
from connector.sandbox.contract import (
    Device,
    InvalidRequestError,
    Request,
    Schema,
    TagChange,
    check_schema,
    read_request,
    read_sender,
)
from connector.sandbox.devices import KnownDevice, Population
from connector.sandbox.fault_rules import (
    BatchRefused,
    JobFailed,
    JobLost,
    JobStuck,
    JobUnreadable,
    ReplyLost,
    Reset,
    SizeLimit,
    Slow,
)
from connector.sandbox.faults import Faults
from connector.sandbox.jobs import Job, JobBook
from connector.sandbox.ledger import Submissions, Unfinished
from connector.sandbox.outcomes import Applied, Workshop
from connector.sandbox.replies import Reply
from connector.sandbox.report import report
from connector.sandbox.stats import Stats, Tally
from connector.sandbox.triggers import Triggers


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What is fixed when the sandbox starts.

    `application` and `token`: the only ones accepted; None accepts any. `applications`: more that are
    known, each with the token that it alone takes, or None for `token`. `schema`: the tags
    that exist (name -> type); None takes every tag. `light` keeps no state per device, for
    benchmarks. `journal` notes every device in the order of application, without bound.
    Finished jobs are kept for `retention` seconds and up to `kept_devices` rows.
    """

    application: str | None = None
    token: str | None = None
    applications: dict[str, str | None] = {}
    schema: Schema | None = None
    light: bool = False
    journal: bool = False
    retention: float = 3600.0
    kept_devices: int = 2_000_000

    def __post_init__(self) -> None:
        check_schema(self.schema or {})

    def denial(self, application: str, token: str) -> Reply | None:
        """Refuse credentials: a wrong token, an application that isn't known, another application's token."""
        known = {*self.applications, self.application} - {None}
        if not known or application in known:
            right = self.applications.get(application) or self.token
            return None if right in (None, token) else replies.unauthorized()
        tokens = {*self.applications.values(), self.token} - {None}
        return replies.unauthorized() if tokens and token not in tokens else replies.unknown_application()


class Audience:
    """The API and the devices behind it. `rng` decides everything that is left to chance."""

    def __init__(
        self,
        rng: random.Random,
        options: Options | None = None,
        faults: Faults | None = None,
        now: float = 0.0,
    ) -> None:
        self.options = options or Options()
        self._rng = rng
        self._seed = rng.getrandbits(32)
        self.faults = faults or Faults()
        self.reset(now)

    def reset(self, now: float) -> None:
        """Forget everything but the options and the faults; those are put in place anew."""
        options = self.options
        self.devices = Population()
        self.journal: list[Applied] = []
        self._triggers = Triggers(self.faults, self._rng, now, self._seed)
        self._workshop = Workshop(
            None if options.light else self.devices,
            options.schema,
            self.journal if options.journal else None,
            self._rng,
        )
        self._jobs = JobBook(options.retention, options.kept_devices)
        self._unfinished = Unfinished()
        self._submissions = Submissions()
        self._tally = Tally()

    def set_faults(self, faults: Faults, now: float) -> None:
        """Put faults in place. A fault whose rules did not change keeps its window and its counts."""
        self.advance(now)
        self._triggers = self._triggers.changed(self.faults, faults, now)
        self.faults = faults

    def post(self, endpoint: Endpoint, body: bytes, now: float) -> Reply:
        """Answer `POST /api/v2/audience/{endpoint}`."""
        self.advance(now)
        self._tally.posts += 1
        reply = replies.instead(self._triggers, "post", endpoint, now)
        if reply is not None:
            return self._sent("post", reply, endpoint, now)
        cut = self._cut("post", endpoint, now)
        reply = self._judge(endpoint, body, cut != "", now)
        return self._sent("post", reply._replace(cut=cut) if cut else reply, endpoint, now)

    def get(self, endpoint: Endpoint, request_id: str, detailed: bool, now: float) -> Reply:
        """Answer `GET /api/v2/audience/{endpoint}/{request_id}?detailed={detailed}`."""
        self.advance(now)
        self._tally.gets += 1
        reply = replies.instead(self._triggers, "get", endpoint, now)
        if reply is None:
            job = self._jobs.find(request_id, endpoint)
            if job is None:
                reply = replies.unknown_job(self.faults.unknown_job_status)
            elif job.unreadable and self.faults.job_unreadable:
                reply = replies.unreadable(job.unreadable)
            else:
                reply = report(job, detailed, self._triggers, now)
            cut = self._cut("get", endpoint, now)
            reply = reply._replace(cut=cut) if cut else reply
        return self._sent("get", reply, endpoint, now)

    def advance(self, now: float) -> None:
        """End every job that is due, in the order of their ends."""
        for job in self._jobs.due(now):
            self._end(job, now)
        self._jobs.forget(now)

    def known_devices(self, now: float) -> Iterator[KnownDevice]:
        """Every device with its tags as they are by now; in light mode there are none."""
        self.advance(now)
        return iter(self.devices)

    def stats(self, now: float) -> Stats:
        self.advance(now)
        tally = self._tally
        return Stats(
            posts=tally.posts,
            gets=tally.gets,
            replies=dict(tally.replies),
            devices_received=tally.received.total(),
            devices_by_application=dict(tally.received),
            devices_known=len(self.devices),
            jobs={"unfinished": tally.unfinished, **tally.jobs},
            most_jobs_unfinished=tally.most_unfinished,
            verdicts=dict(tally.verdicts),
            submitted_again=self._submissions.again,
            submitted_twice=self._submissions.needless,
            operator_missing=tally.operator_missing,
            violations=self._unfinished.violations,
            strikes=self._triggers.strikes(),
        )

    def _cut(self, verb: str, endpoint: Endpoint, now: float) -> Literal["", "lost", "reset"]:
        """Tell how a fault keeps the reply of this call from arriving, if one does."""
        if self._triggers.on_call(ReplyLost, "reply_lost", verb, endpoint, now):
            return "lost"
        return "reset" if self._triggers.on_call(Reset, "reset", verb, endpoint, now) else ""

    def _sent(self, verb: str, reply: Reply, endpoint: Endpoint, now: float) -> Reply:
        """Count a reply, and hold it back if it is to be slow."""
        self._tally.replies[f"{verb} {'cut' if reply.cut else reply.status}"] += 1
        slow = self._triggers.on_call(Slow, "slow", verb, endpoint, now)
        return reply if slow is None else reply._replace(delay=slow.seconds)

    def _judge(self, endpoint: Endpoint, body: bytes, cut: bool, now: float) -> Reply:
        """Refuse a request, or make a job of it."""
        limit = self._triggers.on_call(SizeLimit, "size_limit", "post", endpoint, now)
        if limit is not None and limit.max_bytes is not None and len(body) > limit.max_bytes:
            return replies.too_large(limit.status)
        try:
            request = read_request(endpoint, body)
        except InvalidRequestError as error:  # who sends it is judged before what is sent
            sender = read_sender(body)
            denial = self.options.denial(sender.application, sender.auth) if sender else None
            return denial or replies.invalid_request(str(error))
        refusal = self._refusal(endpoint, request, limit, now)
        return refusal or replies.accepted(self._accept(endpoint, request, cut, now))

    def _refusal(
        self, endpoint: Endpoint, request: Request, limit: SizeLimit | None, now: float
    ) -> Reply | None:
        """Refuse a request that is well formed for who sends it, its size, or one bad device."""
        denial = self.options.denial(request.application, request.auth)
        if denial is not None:
            return denial
        if limit is not None and limit.max_devices is not None and len(request.devices) > limit.max_devices:
            return replies.too_large(limit.status)
        refused = self._triggers.on_batch(BatchRefused, "batch_refused", request.devices, endpoint, now)
        return replies.batch_refused(endpoint, refused.status) if refused is not None else None

    def _accept(self, endpoint: Endpoint, request: Request, cut: bool, now: float) -> str:
        """Make the job and settle what will become of it; returns its request_id."""
        devices: Sequence[Device] = request.devices
        lost = self._triggers.on_batch(JobLost, "job_lost", devices, endpoint, now)
        unreadable = self._triggers.on_batch(JobUnreadable, "job_unreadable", devices, endpoint, now)
        stuck = self._triggers.on_batch(JobStuck, "job_stuck", devices, endpoint, now)
        failed = self._triggers.on_batch(JobFailed, "job_failed", devices, endpoint, now)
        orphan = cut or lost is not None or stuck is not None
        tally = self._tally
        job = Job(
            number=tally.posts,
            request_id=str(uuid.UUID(int=self._rng.getrandbits(128), version=4)),
            application=request.application,
            endpoint=endpoint,
            posted=now,
            due=self._jobs.turn(now, self.faults.capacity) + self.faults.latency.draw(self._rng),
            size=len(devices),
            devices=devices,
            names=self._unfinished.enter(request.application, devices, orphan),
            contents=[]
            if self.options.light
            else self._submissions.enter(request.application, endpoint, devices),
            create_missing_tags=request.create_missing_tags,
            orphan=orphan,
            lost=lost is not None,
            unreadable=0 if unreadable is None else unreadable.status,
        )
        if orphan or unreadable is not None:
            self._submissions.excuse(job.contents)
        if stuck is not None:
            job.end, job.progress_limit, job.applied = "stuck", stuck.progress, False
        elif failed is not None:
            job.end, job.message, job.applied = "failed", failed.message, failed.applied
        if lost is not None:
            job.applied = job.applied and lost.applied
        tally.received[request.application] += len(devices)
        tally.operator_missing += sum(
            isinstance(device, TagChange) and device.list_operator is None for device in devices
        )
        tally.begun(lost=job.lost, orphan=orphan)
        self._jobs.add(job)
        return job.request_id

    def _end(self, job: Job, now: float) -> None:
        """Carry a job out, if it takes effect, and let its devices go."""
        self._unfinished.leave(job.application, job.names, job.orphan)
        self._tally.ended(job.end)
        if job.end == "completed" and job.applied:
            untold = self._workshop.carry_out(job, self._triggers, self.faults.create_devices, now)
            tallied = job.tallied
            self._tally.verdicts.update(
                {"done": tallied.done, "failed": tallied.failed, "not found": tallied.not_found}
            )
            self._submissions.excuse([job.contents[place] for place in untold] if job.contents else ())
        elif job.end == "failed":
            if job.applied:
                self._workshop.apply_unseen(job)
            self._submissions.excuse(job.contents)
        job.finished = job.end != "stuck"
        job.devices, job.names, job.contents = (), [], []
        if job.finished:
            self._jobs.keep(job, now)
