"""Deliberate faults of the connector, each a way in which one like it has failed or might.

A mutation replaces a piece of the connector while it is in place. The first sentence of its function is
what the table shows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any

import connector.core.checkpoint as checkpoint_module
import connector.core.fates as fates_module
import connector.core.lanes as lanes_module
import connector.core.ledger as ledger_module
from connector.consuming import Consuming
from connector.core.adoption import Adoption
from connector.core.decode import Interpreter
from connector.core.dispatch import Dispatch
from connector.core.engine import Engine
from connector.core.fates import Fates
from connector.core.jobs import Batch, Job
from connector.core.lanes import Lanes
from connector.core.ledger import Ledger
from connector.core.offsets import Offsets
from connector.core.tracking import Tracking
from connector.model import Denied, Event, JobReport, Position, Reason, Refused, Unavailable

Mutation = Callable[["Patch"], None]
ALL: list[Mutation] = []


class Patch:
    """Replaces attributes, and puts them back."""

    def __init__(self) -> None:
        self._before: list[tuple[Any, str, Any]] = []

    def set(self, owner: Any, name: str, value: Any) -> None:
        """Replace `owner.name`."""
        self._before.append((owner, name, owner.__dict__[name]))
        setattr(owner, name, value)

    def undo(self) -> None:
        """Put everything back, in reverse."""
        while self._before:
            setattr(*self._before.pop())


@contextmanager
def mutated(mutation: Mutation) -> Iterator[None]:
    """Break the connector in this way for a while."""
    patch = Patch()
    try:
        mutation(patch)
        yield
    finally:
        patch.undo()


def what(mutation: Mutation) -> str:
    """Name a mutation in words."""
    return (mutation.__doc__ or "").strip().partition("\n")[0].rstrip(".")


def _mutation(function: Mutation) -> Mutation:
    ALL.append(function)
    return function


# -- committing too early, or never -----------------------------------------------------------------


@_mutation
def acknowledged_on_submit(patch: Patch) -> None:
    """A record counts as settled once its POST was accepted."""
    accepted = Engine._accepted

    def wrong(self: Engine, batch: Batch, answer: Any, now: float) -> None:
        accepted(self, batch, answer, now)
        for event in batch.events:
            if event.home.live:
                event.home.offsets.settle([event.offset])

    patch.set(Engine, "_accepted", wrong)


@_mutation
def commits_one_too_far(patch: Patch) -> None:
    """The commit skips the lowest unsettled offset."""
    position = Ledger.position

    def wrong(self: Ledger, home: Any) -> Position:
        right = position(self, home)
        return Position(right.offset + 1, "") if home.offsets.unsettled() > 1 else right

    patch.set(Ledger, "position", wrong)


@_mutation
def remembers_one_too_many(patch: Patch) -> None:
    """The checkpoint says that the first unsettled offset is settled."""
    window = Offsets.window

    def wrong(self: Offsets) -> bytes:
        right = window(self)
        return b"\1" + right[1:] if right else right

    patch.set(Offsets, "window", wrong)


@_mutation
def letter_settles_before_it_is_written(patch: Patch) -> None:
    """A refused record is settled before its letter is written."""
    owe = Ledger.owe

    def wrong(self: Ledger, letter: Any, home: Any, *others: Any) -> None:
        owe(self, letter, home, *others)
        home.offsets.settle([letter.record.offset()])

    patch.set(Ledger, "owe", wrong)


@_mutation
def aborted_letters_stay_settled(patch: Patch) -> None:
    """After an aborted transaction its offsets stay settled."""
    patch.set(Offsets, "unsettle", lambda _self, _offsets: None)


@_mutation
def letters_dropped_on_failure(patch: Patch) -> None:
    """A dead letter that can't be written is dropped."""
    failed = Ledger.failed

    def wrong(
        self: Ledger, now: float, _refused: Iterable[int], jitter: float, *, written: bool = False
    ) -> None:
        failed(self, now, (), jitter, written=written or True)

    patch.set(Ledger, "failed", wrong)


@_mutation
def tombstones_never_settle(patch: Patch) -> None:
    """A tombstone is never settled."""
    patch.set(Ledger, "skip", lambda *_: None)


@_mutation
def gaps_never_settle(patch: Patch) -> None:
    """The end of a partition that ends in a marker is never passed."""
    patch.set(Engine, "ended", lambda *_: None)


# -- verdicts -----------------------------------------------------------------------------------------


@_mutation
def trusts_counters(patch: Patch) -> None:
    """A Completed job means that all its devices are good."""
    judge = fates_module.judge

    def wrong(sent: Any, report: JobReport, **options: Any) -> Any:
        return {} if report.rows is not None else judge(sent, report, **options)

    patch.set(fates_module, "judge", wrong)


@_mutation
def no_row_is_success(patch: Patch) -> None:
    """A device without a row in the report counts as good."""
    judge = fates_module.judge

    def wrong(sent: Any, report: JobReport, **options: Any) -> Any:
        right = judge(sent, report, **options)
        return {at: each for at, each in right.items() if each.reason is not Reason.NO_VERDICT}

    patch.set(fates_module, "judge", wrong)


@_mutation
def refused_tags_overlooked(patch: Patch) -> None:
    """A device that is done counts as good, whatever became of its tags."""
    judge = fates_module.judge

    def wrong(sent: Any, report: JobReport, **options: Any) -> Any:
        right = judge(sent, report, **options)
        return {at: each for at, each in right.items() if each.reason is not Reason.TAG_REFUSED}

    patch.set(fates_module, "judge", wrong)


@_mutation
def wrong_index(patch: Patch) -> None:
    """A verdict is applied to the device before the one it is about."""
    judge = fates_module.judge

    def wrong(sent: Sequence[Any], report: JobReport, **options: Any) -> Any:
        return {(at - 1) % len(sent): each for at, each in judge(sent, report, **options).items()}

    patch.set(fates_module, "judge", wrong)


@_mutation
def failed_job_is_success(patch: Patch) -> None:
    """A job that Failed counts as done."""

    def wrong(self: Fates, job: Job, _report: JobReport, now: float) -> tuple[int, int]:
        self._ledger.confirm(job.events)
        self.release(job.events, now)
        return len(job.events), 0

    patch.set(Fates, "job_failed", wrong)


@_mutation
def lost_job_is_success(patch: Patch) -> None:
    """A lost job counts as done."""

    def wrong(self: Engine, job: Job, _why: str, now: float) -> None:
        self.tracking.remove(job)
        self.ledger.confirm(job.events)
        self.fates.release(job.events, now)

    patch.set(Engine, "_lost", wrong)


@_mutation
def denial_is_refusal(patch: Patch) -> None:
    """401 is taken for bad data."""
    posted = Engine.posted

    def wrong(self: Engine, batch: Batch, answer: Any, now: float) -> None:
        posted(self, batch, Refused(answer.message, 400) if isinstance(answer, Denied) else answer, now)

    patch.set(Engine, "posted", wrong)


@_mutation
def outage_is_refusal(patch: Patch) -> None:
    """A destination that is down is taken for bad data."""
    posted = Engine.posted

    def wrong(self: Engine, batch: Batch, answer: Any, now: float) -> None:
        refused = isinstance(answer, Unavailable) and not answer.maybe_accepted
        posted(self, batch, Refused(answer.message, 400) if refused else answer, now)

    patch.set(Engine, "posted", wrong)


@_mutation
def impatient(patch: Patch) -> None:
    """A job that takes longer than a second is sent again."""
    patch.set(Tracking, "expired", lambda _self, job, now: now - job.accepted_at > 1.0)


# -- order ------------------------------------------------------------------------------------------


@_mutation
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


@_mutation
def registration_is_no_barrier(patch: Patch) -> None:
    """Registrations and tags of one device don't wait for each other."""
    made = Interpreter._registration_event

    def wrong(self: Interpreter, update: Any, record: Any) -> Event:
        event = made(self, update, record)
        event.keys = tuple("\0r" + key for key in event.keys)
        return event

    patch.set(Interpreter, "_registration_event", wrong)


@_mutation
def retry_overtaken(patch: Patch) -> None:
    """A device's later events go while an earlier one waits to be tried again."""
    later, numbers = Fates._failed, count()

    def wrong(self: Fates, event: Event, rejection: Any, job: Job, now: float) -> int:
        final = later(self, event, rejection, job, now)
        if not final and not event.job and not event.blocked and event.merged is None:
            self.release([event], now)
            event.keys = (f"{event.keys[0]}\0retry{next(numbers)}",)
            self._lanes.admit([event])
        return final

    patch.set(Fates, "_failed", wrong)


@_mutation
def refused_overtaken(patch: Patch) -> None:
    """A device's later events go before an earlier one's letter is written."""
    owe, numbers = Fates._owe, count()

    def wrong(self: Fates, event: Event, rejection: Any, now: float, hold: Any) -> None:
        owe(self, event, rejection, now, hold)
        if hold.event is event and event.merged is None:
            self.release([event], now)
            event.keys = (f"{event.keys[0]}\0owed{next(numbers)}",)
            self._lanes.admit([event])

    patch.set(Fates, "_owe", wrong)


@_mutation
def merges_across_operators(patch: Patch) -> None:
    """Updates with different operators are merged."""
    merge = lanes_module.merge

    def wrong(head: Event, event: Event, max_row: int) -> bool:
        operator, event.list_operator = event.list_operator, head.list_operator
        try:
            return merge(head, event, max_row)
        finally:
            event.list_operator = operator

    patch.set(lanes_module, "merge", wrong)


@_mutation
def merges_into_what_was_sent(patch: Patch) -> None:
    """An update is merged into one that is with the API already."""
    patch.set(lanes_module, "_absorbs", lambda *_: True)


# -- taking apart -----------------------------------------------------------------------------------


@_mutation
def split_loses_a_half(patch: Patch) -> None:
    """Of a refused batch one half is forgotten."""
    narrow = Dispatch._narrow

    def wrong(self: Dispatch, like: Batch, suspects: list[Event], search: Any) -> None:
        narrow(self, like, suspects[: max(1, len(suspects) // 2)], search)

    patch.set(Dispatch, "_narrow", wrong)


@_mutation
def merged_loses_a_part(patch: Patch) -> None:
    """Of a refused merged update the last part is forgotten."""
    take_apart = fates_module.take_apart

    def wrong(event: Event, max_row: int, **options: Any) -> list[Event]:
        return take_apart(event, max_row, **options)[:-1]

    patch.set(fates_module, "take_apart", wrong)


@_mutation
def only_the_first_is_tried_again(patch: Patch) -> None:
    """Of a refused merged update only the first record is tried again, the others count as done."""

    def wrong(self: Fates, event: Event, **_options: Any) -> None:
        self._ledger.confirm(event.merged.events)
        event.merged = None
        event.alone = True
        self._dispatch.again([event])

    patch.set(Fates, "_take_apart", wrong)


@_mutation
def whole_update_blamed(patch: Patch) -> None:
    """Of a refused merged update all records are dead-lettered."""
    failed = Fates._failed

    def wrong(self: Fates, event: Event, rejection: Any, job: Job, now: float) -> int:
        if event.merged is None or event.blocked or not event.home.live:
            return failed(self, event, rejection, job, now)
        hold = ledger_module.Hold(event, 1 + len(event.merged.events))
        for each in (event, *event.merged.events):
            self._owe(each, rejection, now, hold)
        return hold.letters

    patch.set(Fates, "_failed", wrong)


# -- crashes and hand-overs -------------------------------------------------------------------------


@_mutation
def checkpoint_forgets_jobs(patch: Patch) -> None:
    """The checkpoint remembers no jobs."""
    encode = checkpoint_module.encode

    def wrong(position: int, settled: bytes, _jobs: Any, limit: int = 4095) -> Any:
        return encode(position, settled, (), limit)

    patch.set(checkpoint_module, "encode", wrong)


@_mutation
def checkpoint_forgets_settled(patch: Patch) -> None:
    """The checkpoint remembers nothing that is settled beyond the position."""
    encode = checkpoint_module.encode

    def wrong(position: int, _settled: bytes, jobs: Any, limit: int = 4095) -> Any:
        return encode(position, b"", jobs, limit)

    patch.set(checkpoint_module, "encode", wrong)


@_mutation
def adopts_without_shutting_lanes(patch: Patch) -> None:
    """Devices of adopted jobs don't wait for their reports."""

    def wrong(_self: Adoption, event: Event, job: Job) -> None:
        event.job, event.keys = job.serial, ()
        job.events.append(event)

    patch.set(Adoption, "attach", wrong)


@_mutation
def adopted_jobs_are_sent_again(patch: Patch) -> None:
    """A new owner sends again what is in its predecessor's jobs."""
    patch.set(Adoption, "expect", lambda *_: 0)


@_mutation
def hands_over_in_flight(patch: Patch) -> None:
    """A hand-over does not wait for answers to requests under way."""

    async def wrong(_self: Consuming) -> None:
        pass

    patch.set(Consuming, "_settle_requests", wrong)


@_mutation
def hands_over_silently(patch: Patch) -> None:
    """A hand-over writes nothing down."""
    revoked = Engine.revoked

    async def no_flush(_self: Consuming) -> None:
        pass

    def wrong(self: Engine, partitions: Any, now: float) -> dict[Any, Any]:
        revoked(self, partitions, now)
        return {}

    patch.set(Engine, "revoked", wrong)
    patch.set(Consuming, "_flush", no_flush)


@_mutation
def writes_for_lost_partitions(patch: Patch) -> None:
    """What was to be committed for partitions that went is committed all the same."""
    patch.set(Consuming, "_let_go", lambda *_: None)


@_mutation
def letters_written_twice(patch: Patch) -> None:
    """A letter is written twice."""
    plan = Ledger.plan

    def wrong(self: Ledger, *given: Any, **options: Any) -> Any:
        commit = plan(self, *given, **options)
        if commit is not None:
            commit.letters += commit.letters[:1]
        return commit

    patch.set(Ledger, "plan", wrong)


@_mutation
def outcome_ignored(patch: Patch) -> None:
    """A transaction that failed is taken for written."""

    def wrong(self: Consuming, _message: str, _refused: Any) -> None:
        self._engine.committed(self._pulse.clock())

    patch.set(Consuming, "_not_written", wrong)
