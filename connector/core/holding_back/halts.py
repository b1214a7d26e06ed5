"""Halts: nothing is sent until a person has fixed something.

Given: denials, and what got past them; what halts all; the unfinished jobs. Gives: whether a request may go,
as usual or as a probe. Sends nothing itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from connector.answers import Denied
from connector.core.batching.batch import Batch
from connector.core.following.job import DENIED_ALONE, Job
from connector.core.holding_back.proofs import Proofs, Where
from connector.core.limits import Limits
from connector.core.notices import GOING_ON, HALTED, Notices
from connector.core.tally import Tally
from connector.model import Cause

PATIENCE_GROWTH = 4
"""Each further probing job waits this many times as long as the one before, which showed nothing."""


class May(Enum):
    """Whether a request may go."""

    YES = "yes"
    NO = "no"
    PROBE = "probe"
    """One may, to try whether a halt is over."""


@dataclass(slots=True)
class Halt:
    """Why nothing is submitted."""

    cause: Cause
    message: str
    since: float
    where: Where | None = None
    """None for a halt of the whole instance."""
    last_denied_at: float = 0.0
    """When it last said so: only what was sent later can prove that it is over."""
    probe_at: float = 0.0
    """When one request may try again."""
    application: str = ""
    """Which one it is about; empty for the default one, and for a halt of the whole instance."""
    probing: bool = False
    mend: str = ""
    """What to do about it, in the words of whoever halted; empty if the cause tells."""
    told: frozenset[tuple[Cause, Where]] = frozenset()
    """What was said of it: POSTs and GETs that are both denied, in turns, are no news."""


class Halts:
    """Halts of applications, which end by themselves once a probe succeeds, and of the whole instance."""

    def __init__(self, limits: Limits, tally: Tally, notices: Notices, proofs: Proofs) -> None:
        self._interval = limits.probe_interval
        self._tally = tally
        self._notices = notices
        self._proofs = proofs
        self.applications: dict[str, Halt] = {}
        """Those of one application each, by its code; empty for the default one."""
        self.of_instance: dict[Cause, Halt] = {}
        """Those of the whole instance, by cause."""
        self._fixed_at: dict[str, float] = {}
        """When something of an application was fixed last."""

    def denied(self, application: str, answer: Denied, where: Where, sent_at: float, now: float) -> float:
        """The API won't work with this application; `where` is what it was asked for, at `sent_at`.

        Returns when it is to be tried again. What was sent before something was fixed halts nothing.
        """
        stale = sent_at < self._fixed_at.get(application, 0.0)
        probe_at = now if stale else now + self._interval
        halt = self.applications.get(application)
        if halt is None and stale:
            return probe_at
        told: frozenset[tuple[Cause, Where]] = frozenset() if halt is None else halt.told
        news = (answer.cause, where) not in told
        since = now if halt is None else halt.since
        # A denied GET doesn't move the probe: the GETs of many jobs would put it off for ever.
        next_probe = halt.probe_at if halt is not None and where is Where.GET else probe_at
        said = Halt(
            answer.cause,
            answer.message,
            since,
            where,
            last_denied_at=now,
            probe_at=next_probe,
            application=application,
        )
        if halt is None or where is not Where.GET or halt.where is Where.GET:
            halt = self.applications[application] = said
        # Else it is the POSTs that halt it, and no GET that is answered ends that.
        halt.told = told | {(answer.cause, where)}
        if news:
            self._tell(said, application=application, http_status=answer.http_status)
        return probe_at

    def halt(self, cause: Cause, message: str, now: float, mend: str = "") -> None:
        """Halt the whole instance. `mend`: what to do about it, if the cause alone doesn't tell."""
        if cause not in self.of_instance:
            halt = self.of_instance[cause] = Halt(cause, message, now, mend=mend)
            self._tell(halt)

    def lift(self, cause: Cause) -> None:
        """What halted the whole instance is over, or is no longer this instance's concern."""
        if self.of_instance.pop(cause, None) is not None:
            self._notices.tell("info", GOING_ON, after=cause)

    def _tell(self, halt: Halt, **more: object) -> None:
        self._tally.halts[halt.cause] += 1
        self._notices.tell("error", HALTED, cause=halt.cause, message=halt.message, **more, mend=halt.mend)

    @property
    def letters_wait(self) -> bool:
        """Whether nothing is dead-lettered until a person has looked."""
        return bool(self.of_instance)

    def may_submit(self, application: str, jobs: Iterable[Job], now: float) -> May:
        """Tell whether a request for this application may go. `jobs` are all that are unfinished."""
        if self.of_instance:
            return May.NO
        halt = self.applications.get(application)
        if halt is None:
            return May.YES
        if halt.probing or now < halt.probe_at:
            return May.NO
        ours = (job for job in jobs if job.application == application)
        return May.PROBE if halt.where is Where.POST or self._takes_a_job(halt, [*ours], now) else May.NO

    def _takes_a_job(self, halt: Halt, jobs: list[Job], now: float) -> bool:
        """Whether it takes one job more to show whether this halt is over.

        Where GETs are what is denied, one of its unfinished jobs may. Those that were denied often may
        themselves be the cause, and not the application; so may the probe of a halt that a job caused:
        after a while another goes.
        """
        if halt.where is Where.GET and any(map(_may_tell, jobs)):
            return False
        probes = [job.accepted_at for job in jobs if job.is_probe and job.accepted_at > halt.since]
        wait = DENIED_ALONE * self._interval * PATIENCE_GROWTH ** len(probes)
        return not probes or now >= max(probes) + wait

    def probe_sent(self, application: str, now: float) -> None:
        """The probe is on its way."""
        halt = self.applications.get(application)
        if halt is not None:
            halt.probing = True
            halt.probe_at = now + self._interval

    def came_to_nothing(self, batch: Batch | None, now: float) -> None:
        """If this batch was a probe, it said nothing about the halt (an outage, say): try again later."""
        halt = self.applications.get(batch.application) if batch is not None and batch.probe else None
        if halt is not None:
            halt.probing = False
            halt.probe_at = now + self._interval

    def proved(self, application: str, where: Where, sent_at: float) -> Halt | None:
        """Note that something sent at `sent_at` got past `where`. Return the halt that this ended, if any."""
        halt = self.applications.get(application)
        ended = halt is not None and halt.where is where and sent_at >= halt.last_denied_at
        # While both POSTs and GETs are denied, each proves something about its own stage only.
        if halt is None or ended or (halt.where is not where and sent_at > halt.since):
            self._proofs.passed(application, where, sent_at)
        if not ended:
            return None
        del self.applications[application]
        self._notices.tell("info", GOING_ON, after="halt", application=application)
        return halt

    def no_api_there(self, application: str) -> bool:
        """Whether what answers POSTs is not the API: that it doesn't know a job says nothing."""
        halt = self.applications.get(application)
        return halt is not None and halt.where is Where.POST and halt.cause == Cause.WRONG_URL

    def probe_now(self, now: float, application: str | None = None) -> None:
        """Something was fixed: try at once whether a halt is over, of this application or of all."""
        if application is not None:
            self._fixed_at[application] = now
        for name, halt in self.applications.items():
            if application in (None, name):
                halt.probe_at = now

    def probe_at(self, application: str) -> float | None:
        """When a halted application is to be probed next; None while a probe is out, or at a full stop."""
        halt = self.applications.get(application)
        return None if self.of_instance or halt is None or halt.probing else halt.probe_at


def _may_tell(job: Job) -> bool:
    """Whether the job may still show that a halt is over. Not if it always fails, or is not read whole."""
    never = job.denied_alone or job.suspicion.failures >= DENIED_ALONE
    return not (never or job.polls.suspended)
