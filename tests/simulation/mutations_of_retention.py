"""Deliberate faults in what is known of jobs whose records retention or compaction took."""

from __future__ import annotations

from connector.core.assigned.assignment import Assignment
from connector.core.assigned.job_slice import JobSlice
from connector.core.following.adoption import Adoption
from connector.core.partitions import Partitions
from connector.kafka.group import start_decision
from connector.model import Position, Start
from tests.simulation.patching import Mutations, Patch

MUTATIONS = Mutations()


@MUTATIONS.rare(177)
def nothing_is_awaited(patch: Patch) -> None:
    """Newer records go beside a job whose records are gone."""
    patch.set(Adoption, "_await", lambda _self, _assignment, _part: None)


@MUTATIONS.rare(500)
def awaited_jobs_are_not_handed_on(patch: Patch) -> None:
    """The checkpoint tells nothing of unfinished jobs whose records are gone."""

    def wrong(self: Assignment) -> list[JobSlice]:
        return [part for part in self.slices.values() if part.offsets]

    patch.set(Assignment, "jobs_to_remember", wrong)


@MUTATIONS.rare(158)
def what_is_known_is_lost_with_the_records(patch: Patch) -> None:
    """Where the committed offset is gone, the rest of the checkpoint is taken for gone, too."""
    patch.set(start_decision, "rebased", lambda _committed, low: Position(low, ""))


@MUTATIONS.rare(232)
def the_start_is_not_committed(patch: Patch) -> None:
    """Where a partition begins is not committed before there is something to commit."""
    assigned = Partitions.assigned

    def wrong(self: Partitions, start: Start, until: int | None = None) -> None:
        assigned(self, start._replace(committed=True), until)

    patch.set(Partitions, "assigned", wrong)
