"""What a failed request tells: the API is down for all, or it can't answer this one alone.

Given: requests that were answered and that failed. Gives: whether it is the request's own doing, when to
try it again, and whether in parts; closes the gate for all where it isn't, and says so.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from connector.answers import Denied, GateCause, JobReport, JobUnknown, PollAnswer, Unavailable
from connector.core.backoff import Backoff
from connector.core.batching.batch import Batch
from connector.core.batching.bounds import OneRequest
from connector.core.following.job import Job
from connector.core.following.tracking import Tracking
from connector.core.following.witness import NOBODYS
from connector.core.holding_back.concurrency import Concurrency
from connector.core.holding_back.gate import Closing, Gate
from connector.core.holding_back.suspects import Suspects
from connector.core.notices import Notices
from connector.core.past.suspicion import Call, Suspicion
from connector.core.tally import Tally

TRIALS = Backoff(0.5, 20.0)
"""Seconds from a failure to the next trial while the gate is closed, the first and the longest. A lost
connection is over in half a second; four a minute burden no API, and one that is back is soon seen."""

TURNS_ALONE = Backoff(0.5, 60.0)
"""Seconds from a failure to the next try of a request that fails alone, the first and the longest: it may
fail for ever while the others go on."""

MIN_HINTS = 5
"""Times that a batch must have failed while others were answered before it is tried in parts. Once is enough
where none of those was about as large: then its size, or what is in it, is what fails."""

TRIALS_OF_WHOLE_BATCHES = 4
"""Failures in a row after which the trials of a closed gate become smaller."""

SMALLER_TRIALS = 6
"""How often the trials become smaller until a POST is answered: from some thousand devices down to one."""

WITNESS_FROM_FAILURES = 4
"""GETs of a job that fail in a row before an ended job is polled first, if no other GET is answered."""

MOST_SICK = 2
"""Jobs that may fail alone where nobody else is answered; more at once are rather an outage in part. Those
whose devices were in lost jobs before don't count: they were found to fail alone then."""

OVERLOAD_SHARE = 0.2
"""Share of the recent calls that met a 429 or a 5xx from which there are too many jobs at once.

One now and then says nothing, and the gate waits for it. Nor does an outage that nothing gets through: of all
that meet it one counts. Where jobs are too many, some calls are answered, the gate opens, and closes again.
"""
LATEST_WEIGHT = 0.1
"""Weight of the latest call in the share that is compared with `OVERLOAD_SHARE`."""


class Outages:
    """Decides what a failed request means, and owns the gate. `random`: numbers in [0, 1), for jitter."""

    def __init__(
        self,
        random: Callable[[], float],
        tally: Tally,
        notices: Notices,
        tracking: Tracking,
        concurrency: Concurrency,
    ) -> None:
        self._random = random
        self._tally = tally
        self._notices = notices
        self._tracking = tracking
        self._concurrency = concurrency
        self._suspects = Suspects()
        self._overloaded = False
        """Whether the API's latest failure was a 429 or a 503."""
        self._smaller_trials = 0
        """How often a trial became smaller since a POST was answered."""
        self._share_overloaded: dict[Call, float] = {"post": 0.0, "get": 0.0}
        """Share of the recent calls that found the API overloaded."""
        self._found_overloaded = set[Call]()
        """Calls that have found it so since something was answered: more of them tell no more of load."""
        self._witness_at = -math.inf
        """When an ended job was called last, to be polled."""
        self.gate = Gate(TRIALS)

    def answered(self, sent_at: float, did: Call | None = None, devices: int = 0) -> None:
        """The API answered what was sent at this time: it is there. `did`: the call that it carried out."""
        self._tracking.outage(self.gate.succeeded(sent_at))
        if self.gate.closed_until is None:
            self._found_overloaded.clear()
        if did is not None:
            self._share_overloaded[did] *= 1 - LATEST_WEIGHT
            self._suspects.answered(did, sent_at, devices)
        if did == "post":
            self._smaller_trials = 0

    def down(self, call: Call, request: Batch | Job, answer: Unavailable, sent_at: float, now: float) -> bool:
        """A request found the API down: for all, or alone. Return whether "alone" has new proof."""
        self._overloaded = answer.overloaded
        first = not request.suspicion.failures  # again a 5xx may be of this request alone
        too_many = answer.cause is GateCause.TOO_MANY_REQUESTS
        if too_many or (answer.cause is GateCause.SERVER_ERROR and first):
            self._heard_of_overload(call, now)
        alone = self._suspects.failed(call, request.suspicion, now, len(request.events))
        if alone and request.suspicion.proven == 1:
            self.tell(call, request, answer)
        if self.gate.closed_until is not None or not request.suspicion.proven:
            self._close(answer, sent_at, now)
        return alone

    def trial(self, devices: int) -> OneRequest | None:
        """Return what may go while the gate is closed, `devices` being most in a batch; None: it is open."""
        if self.gate.closed_until is None:
            return None
        if self._overloaded:
            return OneRequest(devices, self.gate.turn_of_others)
        smaller = max(0, self.gate.failures - TRIALS_OF_WHOLE_BATCHES + 1)
        return OneRequest(max(1, devices >> 2 * smaller), self.gate.turn_of_others)

    def decide_on_parts(self, batch: Batch) -> bool:
        """Decide whether to try this batch, which failed just now, in parts, though nothing is proven.

        Where devices that the API stumbles over are many, or that many at once overload it, each batch fails
        and nobody is answered: an outage by all that is known. Parts cost a few requests, and say more.
        """
        if len(batch.events) == 1 or self._overloaded:
            return False
        if batch.suspicion.others >= self._hints_needed(batch):
            return True
        smaller = self.gate.failures >= TRIALS_OF_WHOLE_BATCHES and self._smaller_trials < SMALLER_TRIALS
        self._smaller_trials += smaller
        return smaller

    def _hints_needed(self, batch: Batch) -> int:
        none_as_large = self._suspects.as_large("post", len(batch.events)) == batch.suspicion.as_large
        return 1 if none_as_large else MIN_HINTS

    def tell(self, call: Call, request: Batch | Job, answer: Unavailable) -> None:
        """Say which request it is that fails while others are answered."""
        what = "job" if call == "get" else "device" if len(request.events) == 1 else "batch"
        records = [(event.assignment.partition, event.offset) for event in request.events[:1]]
        self._notices.tell(
            "warning",
            f"one {what} alone fails",
            message=answer.message,
            http_status=answer.http_status,
            devices=len(request.events),
            first_record="".join(
                f"{assignment.topic}/{assignment.partition}/{offset}" for assignment, offset in records
            ),
        )

    def call_witness(self, job: Job, now: float) -> Job | None:
        """Call an ended job, to be polled now before this one: nothing else tells if this one alone fails.

        None where others tell, or one was called since this one failed, or too many fail.
        """
        failed_at = job.suspicion.failed_at
        told = self._suspects.answered_since("get", failed_at) or self._witness_at > failed_at
        if job.suspicion.failures < WITNESS_FROM_FAILURES or told or self._tracking.never_lost > MOST_SICK:
            return None
        self._witness_at = now
        return self._tracking.last_ended.instead_of(job, now)

    def witnessed(self, witness: Job, answer: PollAnswer, polled_at: float, now: float) -> None:
        """Learn from what was said of an ended job. That `NOBODYS` is unknown tells as much as a report."""
        match answer:
            case Unavailable():
                self.down("get", witness, answer, polled_at, now)
                return
            case Denied() if not answer.of_job:
                self.gate.withdrawn()  # of those that are unfinished it tells nothing
                return
            case Denied() | JobReport():
                self._tracking.known(witness, now)
            case JobUnknown() if witness.request_id == NOBODYS:
                self._tracking.known(witness, now)
            case JobUnknown():
                pass
        witness.suspicion = Suspicion()
        self.answered(polled_at, "get", len(witness.events))

    def next_turn(self, suspicion: Suspicion, now: float) -> float:
        """Return when to try again what failed: at the next trial; at growing intervals if it fails alone."""
        return now + TURNS_ALONE.delay(suspicion.failures, self._random()) if suspicion.proven else now

    def _heard_of_overload(self, call: Call, now: float) -> None:
        """A call found the API overloaded: fewer jobs at once if that is frequent."""
        if call in self._found_overloaded:
            return
        self._found_overloaded.add(call)
        self._share_overloaded[call] += LATEST_WEIGHT * (1 - self._share_overloaded[call])
        if self._share_overloaded[call] > OVERLOAD_SHARE:
            self._share_overloaded[call] = 0.0
            self._concurrency.overloaded(now)

    def _close(self, answer: Unavailable, sent_at: float, now: float) -> None:
        was_open = self.gate.closed_until is None
        if self.gate.failed(now, sent_at, answer.retry_after, self._random()):
            cause = answer.cause
            self._tally.gate_closures[cause] += 1
            if was_open:
                self.gate.closing = Closing(cause, answer.message, now)
                self._notices.tell(
                    "warning",
                    "the API is down",
                    cause=cause,
                    message=answer.message,
                    http_status=answer.http_status,
                )
