"""Deliberate faults in what a device costs its neighbours that spoils each job it is in."""

from __future__ import annotations

from connector.core.following.job import Job
from connector.core.holding_back.brake import Counted
from connector.core.holding_back.outages import Outages
from connector.core.judging.unjudged import Unjudged
from connector.core.judging.verdicts import Judgement
from tests.simulation.patching import Mutations, Patch

MUTATIONS = Mutations()


@MUTATIONS.add
def lost_together_given_up_together(patch: Patch) -> None:
    """Devices whose jobs are lost too often are given up together."""

    def wrong(self: Unjudged, job: Job, losses: int, now: float) -> Counted:
        return self.never_confirmed(job, losses + 1, now)

    patch.set(Unjudged, "submit_parts", wrong)


@MUTATIONS.add
def silent_together_given_up_together(patch: Patch) -> None:
    """A report without any verdict is held against each of its devices."""
    patch.set(Judgement, "says_nothing", lambda _self, _sent: False)


@MUTATIONS.add
def no_witness(patch: Patch) -> None:
    """No ended job is asked about where one job alone can't be read."""
    patch.set(Outages, "call_witness", lambda _self, _job, _now: None)
