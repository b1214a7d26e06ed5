"""Deliberate faults in what becomes of devices: verdicts, order, what is taken apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import count
from typing import Any

import connector.core.judging.fates as fates_module
import connector.core.judging.places as places_module
import connector.core.queueing.lanes as lanes_module
from connector.answers import Denied, JobReport, Refused, Unavailable
from connector.core.batching.batch import Batch
from connector.core.batching.dispatch import Dispatch
from connector.core.batching.hunt import Hunt
from connector.core.following.job import Job
from connector.core.following.tracking import Tracking
from connector.core.holding_back.brake import Counted
from connector.core.judging.decision import Fate
from connector.core.judging.fates import Fates
from connector.core.judging.judged import Judged
from connector.core.judging.unjudged import Unjudged
from connector.core.judging.verdicts import Judgement
from connector.core.polled import Polled
from connector.core.posted import Posted
from connector.core.queueing.lanes import Lanes
from connector.core.reading.decode import Interpreter
from connector.core.reading.event import Event
from connector.core.settling.holds import Hold
from connector.model import Reason
from tests.simulation.patching import Mutations, Patch

MUTATIONS = Mutations()


# -- verdicts -----------------------------------------------------------------------------------------


@MUTATIONS.add
def trusts_counters(patch: Patch) -> None:
    """A Completed job means that all its devices are good."""
    judge: Any = vars(places_module)["judge"]

    def wrong(sent: Any, report: JobReport, **options: Any) -> Any:
        return Judgement({}) if report.rows is not None else judge(sent, report, **options)

    patch.set(places_module, "judge", wrong)


@MUTATIONS.add
def no_row_is_success(patch: Patch) -> None:
    """A device without a row in the report counts as good."""
    judge: Any = vars(places_module)["judge"]

    def wrong(sent: Any, report: JobReport, **options: Any) -> Any:
        right = judge(sent, report, **options).rejections
        return Judgement({at: each for at, each in right.items() if each.reason is not Reason.NO_VERDICT})

    patch.set(places_module, "judge", wrong)


@MUTATIONS.add
def refused_tags_overlooked(patch: Patch) -> None:
    """A device that is done counts as good, whatever became of its tags."""
    judge: Any = vars(places_module)["judge"]

    def wrong(sent: Any, report: JobReport, **options: Any) -> Any:
        right = judge(sent, report, **options)
        wrong = {at: each for at, each in right.rejections.items() if each.reason is not Reason.TAG_REFUSED}
        return right._replace(rejections=wrong)

    patch.set(places_module, "judge", wrong)


@MUTATIONS.add
def wrong_index(patch: Patch) -> None:
    """A verdict is applied to the device before the one it is about."""
    judge: Any = vars(places_module)["judge"]

    def wrong(sent: Sequence[Any], report: JobReport, **options: Any) -> Any:
        right = judge(sent, report, **options)
        wrong = {(at - 1) % len(sent): each for at, each in right.rejections.items()}
        return right._replace(rejections=wrong)

    patch.set(places_module, "judge", wrong)


@MUTATIONS.add
def failed_job_is_success(patch: Patch) -> None:
    """A job that Failed counts as done."""

    def wrong(self: Unjudged, job: Job, _report: JobReport, _now: float, *, others_do_well: bool) -> Counted:
        del others_do_well
        self._fates._ledger.confirm(job.events)
        self._leaving.release(job.events)
        return Counted(len(job.events))

    patch.set(Unjudged, "job_failed", wrong)


@MUTATIONS.add
def lost_job_is_success(patch: Patch) -> None:
    """A lost job counts as done."""

    def wrong(self: Polled, job: Job, _why: str, _now: float, **_: bool) -> None:
        self._tracking.remove(job)
        self._unjudged._fates._ledger.confirm(job.events)
        self._unjudged._leaving.release(job.events)

    patch.set(Polled, "_lost", wrong)


@MUTATIONS.add
def denial_is_refusal(patch: Patch) -> None:
    """401 is taken for bad data."""
    posted = Posted.take_in

    def wrong(self: Posted, batch: Batch, answer: Any, now: float) -> None:
        posted(self, batch, Refused(answer.message, 400) if isinstance(answer, Denied) else answer, now)

    patch.set(Posted, "take_in", wrong)


@MUTATIONS.add
def outage_is_refusal(patch: Patch) -> None:
    """An API that is down is taken for bad data."""
    posted = Posted.take_in

    def wrong(self: Posted, batch: Batch, answer: Any, now: float) -> None:
        refused = isinstance(answer, Unavailable) and not answer.maybe_accepted
        posted(self, batch, Refused(answer.message, 400) if refused else answer, now)

    patch.set(Posted, "take_in", wrong)


@MUTATIONS.add
def impatient(patch: Patch) -> None:
    """A job that takes longer than a second is sent again."""
    patch.set(Tracking, "expired", lambda _self, job, now: now - job.accepted_at > 1.0)


# -- order ------------------------------------------------------------------------------------------


@MUTATIONS.add
def two_jobs_for_a_device(patch: Patch) -> None:
    """A device's events don't wait for each other."""
    admit, numbers = Lanes.admit, count()

    def wrong(self: Lanes, events: Iterable[Event]) -> list[Event]:
        chosen = list(events)
        for event in chosen:
            if any(key in self._holders for key in event.keys):
                event.keys = (f"{event.keys[0]}\0{next(numbers)}",)
        return admit(self, chosen)

    patch.set(Lanes, "admit", wrong)


@MUTATIONS.add
def registration_is_no_barrier(patch: Patch) -> None:
    """Registrations and tags of one device don't wait for each other."""
    made = Interpreter._registration_event

    def wrong(self: Interpreter, update: Any, record: Any) -> Event:
        event = made(self, update, record)
        event.keys = tuple("\0r" + key for key in event.keys)
        return event

    patch.set(Interpreter, "_registration_event", wrong)


@MUTATIONS.add
def retry_overtaken(patch: Patch) -> None:
    """A device's later events go while an earlier one waits to be tried again."""
    right, numbers = Judged._try_again, count()

    def wrong(self: Judged, event: Event, **of_it: Any) -> None:
        right(self, event, **of_it)
        if not event.blocked and event.merged is None:
            self._leaving.release([event])
            event.keys = (f"{event.keys[0]}\0retry{next(numbers)}",)
            self._fates._lanes.admit([event])

    patch.set(Judged, "_try_again", wrong)


@MUTATIONS.add
def refused_overtaken(patch: Patch) -> None:
    """A device's later events go before an earlier one's letter is written."""
    owe, numbers = Fates.owe, count()

    def wrong(self: Fates, event: Event, rejection: Any, now: float, hold: Any) -> None:
        owe(self, event, rejection, now, hold)
        if hold.event is event and event.merged is None:
            self._leaving.release([event])
            event.keys = (f"{event.keys[0]}\0owed{next(numbers)}",)
            self._lanes.admit([event])

    patch.set(Fates, "owe", wrong)


@MUTATIONS.add
def merges_across_operators(patch: Patch) -> None:
    """Updates with different operators are merged."""
    merge: Any = vars(lanes_module)["merge"]

    def wrong(head: Event, event: Event, max_row: int, **options: Any) -> bool:
        operator, event.list_operator = event.list_operator, head.list_operator
        try:
            return bool(merge(head, event, max_row, **options))
        finally:
            event.list_operator = operator

    patch.set(lanes_module, "merge", wrong)


@MUTATIONS.add
def merges_into_what_was_sent(patch: Patch) -> None:
    """An update is merged into one that is with the API already."""
    patch.set(lanes_module, "_absorbs", lambda *_: True)


# -- taking apart -----------------------------------------------------------------------------------


@MUTATIONS.add
def split_loses_a_half(patch: Patch) -> None:
    """Of a refused batch one half is forgotten."""
    send_half = Hunt._send_half

    def wrong(self: Hunt, like: Batch, suspects: list[Event], hunt: Any) -> None:
        send_half(self, like, suspects[: max(1, len(suspects) // 2)], hunt)

    patch.set(Hunt, "_send_half", wrong)


@MUTATIONS.add
def merged_loses_a_part(patch: Patch) -> None:
    """Of a refused merged update the last part is forgotten."""
    take_apart: Any = vars(fates_module)["take_apart"]

    def wrong(event: Event, max_row: int, **options: Any) -> list[Event]:
        return list(take_apart(event, max_row, **options))[:-1]

    patch.set(fates_module, "take_apart", wrong)


@MUTATIONS.add
def only_the_first_is_tried_again(patch: Patch) -> None:
    """Of a refused merged update only the first record is tried again, the others count as done."""

    def wrong(self: Fates, event: Event, _reason: Any) -> None:
        merged, event.merged = event.merged, None
        self._ledger.confirm(merged.events if merged else ())
        event.unmergeable = True
        self._dispatch.requeue_first([event])

    patch.set(Fates, "_take_apart", wrong)


@MUTATIONS.add
def whole_update_blamed(patch: Patch) -> None:
    """Of a refused merged update all records are dead-lettered."""
    right = Fates.carry_out

    def wrong(
        self: Fates, fate: Fate, event: Event, rejection: Any, sent_at: float, now: float, again: Any
    ) -> Counted:
        if event.merged is None:
            return right(self, fate, event, rejection, sent_at, now, again)
        hold = Hold(event, 1 + len(event.merged.events))
        for each in (event, *event.merged.events):
            self.owe(each, rejection, now, hold)
        return Counted(1, 1, event.first_attempt)

    patch.set(Fates, "carry_out", wrong)


@MUTATIONS.add
def part_forgotten(patch: Patch) -> None:
    """Of a batch that goes in parts because it fails the last device is forgotten."""
    quarter = Dispatch.quarter

    def wrong(self: Dispatch, batch: Batch) -> None:
        del batch.events[-1]
        quarter(self, batch)

    patch.set(Dispatch, "quarter", wrong)
