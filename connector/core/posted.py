"""What became of a request: it made a job, was refused, denied or lost, or never left.

Given: the fact, as `Engine` has it. Gives: a job that is tracked, or the batch back to be sent as it was, in
parts or later. What says nothing about devices (an outage, a denial) sends them back unharmed.
"""

from __future__ import annotations

import math
from dataclasses import replace

from connector.answers import Accepted, Denied, PostAnswer, Refused, Unavailable, Unsent
from connector.core.batching.batch import Batch, HuntState
from connector.core.components import Components
from connector.core.following.job import Job, slices_of
from connector.core.holding_back.proofs import Where
from connector.core.past.suspicion import Suspicion
from connector.core.tally import Stage

OLD_ANSWERS = 3
"""Times that a batch is sent again because its POST was answered with the request_id of an earlier job."""
MIN_PROOFS = 2
"""Times that a batch must be proven to fail alone before it is taken apart: once may be chance."""


class Posted:
    """Takes in answers to POSTs, and that there was none."""

    def __init__(self, components: Components) -> None:
        self._limits = components.limits
        self._tally = components.tally
        self._notices = components.notices
        self._ledger = components.ledger
        self._dispatch = components.dispatch
        self._hunt = components.hunt
        self._tracking = components.tracking
        self._halts = components.halts
        self._belief = components.belief
        self._proofs = components.proofs
        self._brakes = components.brakes
        self._gate = components.gate
        self._outages = components.outages
        self._leaving = components.leaving
        self._fates = components.fates

    def take_in(self, batch: Batch, answer: PostAnswer, now: float) -> None:
        """The POST of a batch was answered, or was not."""
        self._dispatch.answered(batch)
        if not isinstance(answer, Accepted):  # an accepted probe's job may still end the halt
            self._halts.came_to_nothing(batch, now)
        if isinstance(answer, Denied) and answer.http_status and not answer.by_words:
            contradicted = self._belief.denied(batch.application, Where.POST, batch.suspicion, now)
            answer = answer.as_unavailable() if contradicted else answer
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
                self._got_past(batch, now)
                self._refused(batch, answer, now)
            case Denied():
                if answer.http_status:
                    self._outages.answered(batch.sent_at)
                else:
                    self._gate.withdrawn()
                self._denied(batch, answer, now)
            case Accepted():
                self._outages.answered(batch.sent_at, "post", len(batch.events))
                self._got_past(batch, now)
                self._proofs.accepted(batch.application, batch.sent_at)
                self._named(batch, answer, now)

    def _got_past(self, batch: Batch, now: float) -> None:
        halt = self._halts.proved(batch.application, Where.POST, batch.sent_at)
        if halt is not None:
            self._tracking.halt_over(batch.application, halt.since, now)

    def _not_answered(self, batch: Batch, answer: Unavailable, now: float, *, alone: bool) -> None:
        """Send the batch again as it is, after others; in halves, where they are answered and it never is."""
        self._tally.retried[batch.endpoint] += len(batch.events)
        batch.events, batch.ready_at = self._leaving.still_ours(batch.events, now), 0.0
        if not batch.events:
            self._dispatch.end_hunt(batch)
            return
        suspicion = batch.suspicion
        if suspicion.proven and len(batch.events) == 1 and batch.hunt is not None:
            self._dispatch.end_hunt(batch, found=True)
            self._outages.tell("post", batch, answer)
        if len(batch.events) > 1 and self._surely_alone(suspicion, new_proof=alone):
            self._tally.split_batches += 1
            suspicion.taken_apart()
            self._hunt.narrow(batch)
            return
        if batch.hunt is None and self._outages.decide_on_parts(batch):
            self._tally.split_batches += 1
            self._dispatch.quarter(batch)
            return
        hunt = batch.hunt
        if hunt is not None and hunt.other_half:
            # Perhaps that one is good, which would prove that the API is there.
            batch.events, hunt.other_half = hunt.other_half, batch.events
        if (due := self._outages.next_turn(suspicion, now)) > now:
            self._dispatch.queue_at(batch, due)
        else:
            self._dispatch.send_exact(batch)

    def _surely_alone(self, suspicion: Suspicion, *, new_proof: bool) -> bool:
        """Whether the API has gone on stumbling over this batch, and not over others.

        Where nothing else is sent, there is no new proof: the gate would be closed if others failed as well.
        """
        if new_proof and suspicion.proven >= MIN_PROOFS:
            return True
        return suspicion.proven > 0 and suspicion.persists and self._gate.closed_until is None

    def _denied(self, batch: Batch, answer: Denied, now: float) -> None:
        """Halt the application, unless the words are of one device: others were accepted meanwhile."""
        hunt = batch.hunt
        if answer.by_words and hunt is not None:
            if self._proofs.accepted_since(batch.application, hunt.denied_at):
                hunt.perhaps_nobody = False
            if hunt.denied_at < math.inf and not hunt.perhaps_nobody:
                self._refused(batch, Refused(answer.message, answer.http_status), now)
                return
        self._halts.denied(batch.application, answer, Where.POST, batch.sent_at, now)
        if answer.by_words:
            self._find_by_probes(batch, now)
        else:
            self._after_others(batch, now)

    def _after_others(self, batch: Batch, now: float) -> None:
        """Send the batch again as it is, once a probe has others in it: it may be what is denied."""
        self._tally.retried[batch.endpoint] += len(batch.events)
        batch.events = self._leaving.still_ours(batch.events, now)
        if batch.events:
            self._dispatch.send_exact(batch)
        else:
            self._dispatch.end_hunt(batch)

    def _find_by_probes(self, batch: Batch, now: float) -> None:
        """Send the devices once more, by the probes of the halt; in halves, as one of them may be the cause.

        A tag or a device may be named like what the API's words seem to blame. Probes that had it in them
        each time would never end the halt.
        """
        hunt = batch.hunt = batch.hunt or HuntState()
        hunt.denied_at, hunt.perhaps_nobody = min(hunt.denied_at, now), True
        self._tally.retried[batch.endpoint] += len(batch.events)
        batch.events = self._leaving.still_ours(batch.events, now)
        if len(batch.events) > 1:
            self._hunt.narrow(batch)
            return
        self._dispatch.end_hunt(batch)
        if batch.events:  # alone: after a probe that has others in it
            single = self._dispatch.new_batch(batch, batch.events)
            single.hunt = HuntState(denied_at=hunt.denied_at, perhaps_nobody=True)
            self._dispatch.queue_at(single, now + 2 * self._limits.probe_interval)

    def _named(self, batch: Batch, answer: Accepted, now: float) -> None:
        """Follow the job; send the batch again if its name is that of an earlier one.

        It may be the answer to an earlier POST, and the report on that job would confirm this batch. But not
        for ever: an API may use its names again.
        """
        had = self._tracking.has_had(batch.route, answer.request_id)
        if had and batch.history.old_answers < OLD_ANSWERS:
            batch.history.old_answers += 1
            self._ask_for_another(batch, now)
        else:
            self._accepted(batch, answer, now)

    def _ask_for_another(self, batch: Batch, now: float) -> None:
        self._tally.retried[batch.endpoint] += len(batch.events)
        self._tally.resubmitted[batch.endpoint] += len(batch.events)
        self._notices.tell("warning", "a POST was answered with an earlier job", devices=len(batch.events))
        self._halts.came_to_nothing(batch, now)
        batch.events = self._leaving.still_ours(batch.events, now)
        if batch.events:
            self._dispatch.queue_at(batch, now + self._limits.retry_base)
        else:
            self._dispatch.end_hunt(batch)

    def _accepted(self, batch: Batch, answer: Accepted, now: float) -> None:
        job = Job(
            batch.serial,
            answer.request_id,
            batch.endpoint,
            batch.application,
            batch.events,
            accepted_at=now,
            batch=batch,
            history=replace(batch.history, size_before=0),
        )
        self._tally.submitted[batch.endpoint] += len(batch.events)
        self._tally.stages.append((Stage.SUBMIT, now - batch.sent_at, len(batch.events)))
        slices = slices_of(job)
        if self._dispatch.size.reduced:
            self._dispatch.size.accepted(batch.size)
        self._hunt.accepted(batch)
        if not slices:
            self._halts.came_to_nothing(batch, now)
            self._leaving.release(job.events)
            return
        self._ledger.accepted(slices, batch.sent_at)
        self._tracking.add(job)
        for assignment, part in slices.items():
            self._tracking.add_slice(assignment, job, part)
        self._tracking.begin(job, now)

    def _refused(self, batch: Batch, answer: Refused, now: float) -> None:
        if len(batch.events) == 1:
            self._brakes.judged(self._fates.refused_single(batch, answer, now), now)
            self._dispatch.end_hunt(batch, found=True)
            return
        batch.events = self._leaving.still_ours(batch.events, now)
        if not batch.events:
            self._dispatch.end_hunt(batch)
            return
        self._tally.split_batches += 1
        if answer.too_large:
            self._halve_for_size(batch, answer)
        else:
            self._hunt.narrow(batch)

    def _halve_for_size(self, batch: Batch, answer: Refused) -> None:
        """Send a batch that is too large in halves, and later ones smaller; end the hunt it is part of."""
        before = self._dispatch.size.refused(batch.size)
        batch.history.size_before = batch.history.size_before or before
        for half in self._dispatch.halve(batch):
            self._dispatch.send_exact(half)
        self._dispatch.end_hunt(batch)
        self._notices.tell(
            "warning",
            "the API finds the batch too large: smaller ones from now on",
            http_status=answer.http_status,
            max_bytes=self._dispatch.size.bound,
        )
