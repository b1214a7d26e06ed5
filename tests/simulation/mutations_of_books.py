"""Deliberate faults in what is committed, written and handed over."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import connector.core.remembering.checkpoint as checkpoint_module
from connector.core.assigned.offsets import Offsets
from connector.core.batching.batch import Batch
from connector.core.following.adoption import Adoption
from connector.core.partitions import Partitions
from connector.core.posted import Posted
from connector.core.reading.event import Event
from connector.core.settling.holds import Hold
from connector.core.settling.ledger import Ledger
from connector.core.settling.owed import Owed
from connector.core.settling.reach import Reach
from connector.kafka.group.commit_refused import CommitRefused
from connector.model import Position
from connector.running.completing import Completing
from connector.running.consuming import Consuming
from connector.running.handing_over import HandingOver
from connector.running.writing import Writing
from tests.simulation.patching import Mutations, Patch
from tests.simulation.source import SimulatedSource

MUTATIONS = Mutations()


# -- committing too early, or never -----------------------------------------------------------------


@MUTATIONS.add
def acknowledged_on_submit(patch: Patch) -> None:
    """A record counts as settled once its POST was accepted."""
    accepted = Posted._accepted

    def wrong(self: Posted, batch: Batch, answer: Any, now: float) -> None:
        accepted(self, batch, answer, now)
        for event in batch.events:
            if event.assignment.live:
                event.assignment.offsets.settle([event.offset])

    patch.set(Posted, "_accepted", wrong)


@MUTATIONS.add
def commits_one_too_far(patch: Patch) -> None:
    """The commit skips the lowest unsettled offset."""
    position = Reach.position

    def wrong(self: Reach, assignment: Any) -> Position:
        right = position(self, assignment)
        return Position(right.offset + 1, "") if assignment.offsets.unsettled() > 1 else right

    patch.set(Reach, "position", wrong)


@MUTATIONS.add
def remembers_one_too_many(patch: Patch) -> None:
    """The checkpoint says that the first unsettled offset is settled."""
    window = Offsets.window

    def wrong(self: Offsets, most: int | None = None) -> bytes:
        right = window(self, most)
        return b"\1" + right[1:] if right else right

    patch.set(Offsets, "window", wrong)


@MUTATIONS.add
def letter_settles_before_it_is_written(patch: Patch) -> None:
    """A refused record is settled before its letter is written."""
    owe = Ledger.owe

    def wrong(self: Ledger, owed: Owed) -> None:
        owe(self, owed)
        owed.assignment.offsets.settle([owed.offset])

    patch.set(Ledger, "owe", wrong)


@MUTATIONS.add
def aborted_letters_stay_settled(patch: Patch) -> None:
    """After an aborted transaction its offsets stay settled."""
    patch.set(Offsets, "unsettle", lambda _self, _offsets: None)


@MUTATIONS.add
def letters_dropped_on_failure(patch: Patch) -> None:
    """A dead letter that can't be written is dropped."""
    failed = Ledger.failed

    def wrong(self: Ledger, now: float, _refused: Iterable[int], *, written: bool = False) -> list[Hold]:
        return failed(self, now, (), written=written or True)

    patch.set(Ledger, "failed", wrong)


@MUTATIONS.add
def tombstones_never_settle(patch: Patch) -> None:
    """A tombstone is never settled."""
    patch.set(Ledger, "skip", lambda *_: None)


@MUTATIONS.add
def gaps_never_settle(patch: Patch) -> None:
    """The end of a partition that ends in a marker is never passed."""
    patch.set(Partitions, "ended", lambda *_: None)


# -- crashes and hand-overs -------------------------------------------------------------------------


@MUTATIONS.add
def checkpoint_forgets_jobs(patch: Patch) -> None:
    """The checkpoint remembers no jobs."""
    encode = checkpoint_module.encode

    def wrong(position: int, settled: bytes, _jobs: Any, limit: int = 4095) -> Any:
        return encode(position, settled, (), limit)

    patch.set(checkpoint_module, "encode", wrong)


@MUTATIONS.add
def checkpoint_forgets_settled(patch: Patch) -> None:
    """The checkpoint remembers nothing that is settled beyond the position."""
    encode = checkpoint_module.encode

    def wrong(position: int, _settled: bytes, jobs: Any, limit: int = 4095) -> Any:
        return encode(position, b"", jobs, limit)

    patch.set(checkpoint_module, "encode", wrong)


@MUTATIONS.add
def adopts_without_shutting_lanes(patch: Patch) -> None:
    """Devices of adopted jobs don't wait for their reports."""

    def wrong(self: Adoption, event: Event, serial: int) -> None:
        job = self._tracking.jobs[serial]
        event.bound_to, event.keys = job.serial, ()
        job.events.append(event)

    patch.set(Adoption, "attach", wrong)


@MUTATIONS.add
def adopted_jobs_are_sent_again(patch: Patch) -> None:
    """A new owner sends again what is in its predecessor's jobs."""
    patch.set(Adoption, "expect", lambda *_: 0)


@MUTATIONS.add
def hands_over_in_flight(patch: Patch) -> None:
    """A hand-over does not wait for answers to requests under way."""

    async def wrong(_self: HandingOver) -> None:
        pass

    patch.set(HandingOver, "_wait_for_answers", wrong)


@MUTATIONS.add
def hands_over_silently(patch: Patch) -> None:
    """A hand-over writes nothing down."""
    revoked = Partitions.revoked

    async def no_flush(_self: HandingOver) -> None:
        pass

    def wrong(self: Partitions, partitions: Any, now: float) -> dict[Any, Any]:
        revoked(self, partitions, now)
        return {}

    patch.set(Partitions, "revoked", wrong)
    patch.set(HandingOver, "_flush", no_flush)


@MUTATIONS.add
def writes_for_lost_partitions(patch: Patch) -> None:
    """What was to be committed for partitions that went is committed all the same."""
    patch.set(Consuming, "drop", lambda *_: None)


@MUTATIONS.add
def refused_commit_taken_for_made(patch: Patch) -> None:
    """A commit that was refused counts as made."""
    commit = SimulatedSource.commit

    async def wrong(self: SimulatedSource, positions: Any) -> None:
        with suppress(CommitRefused):
            await commit(self, positions)

    patch.set(SimulatedSource, "commit", wrong)


@MUTATIONS.add
def letters_written_twice(patch: Patch) -> None:
    """A letter is written twice."""
    plan = Ledger.plan

    def wrong(self: Ledger, *given: Any, **options: Any) -> Any:
        commit = plan(self, *given, **options)
        if commit is not None:
            commit.letters += commit.letters[:1]
        return commit

    patch.set(Ledger, "plan", wrong)


@MUTATIONS.add
def undone_though_owned(patch: Patch) -> None:
    """A transaction in doubt is undone although its partitions are still owned."""

    def wrong(self: Completing, _unresolved: Any) -> bool:
        return self.due and bool(self._letters.doubtful_partitions)

    patch.set(Completing, "to_undo", wrong)


@MUTATIONS.add
def outcome_ignored(patch: Patch) -> None:
    """A transaction that failed is taken for written."""

    def wrong(self: Writing, _message: str, _refused: Any) -> None:
        self._engine.committed(self._pulse.clock())

    patch.set(Writing, "_not_written", wrong)
