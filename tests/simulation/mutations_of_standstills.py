"""Deliberate faults that make something stand still, or that a process commits which stood still itself."""

from __future__ import annotations

from typing import Any

from connector.core.following.adoption import Adoption
from connector.core.settling.ledger import Ledger
from connector.running.membership import Membership
from tests.simulation.patching import Mutations, Patch

MUTATIONS = Mutations()


# -- events that adopted records displaced ----------------------------------------------------------


@MUTATIONS.rare(2072)
def plans_with_what_was_displaced(patch: Patch) -> None:
    """What an adopted record displaced is still queued when the next requests are planned."""
    note_progress = Adoption.note_progress

    def wrong(self: Adoption, now: float) -> None:
        vars(self)["make_way"] = lambda: None
        note_progress(self, now)
        del vars(self)["make_way"]

    patch.set(Adoption, "note_progress", wrong)


# -- waits that are too long ------------------------------------------------------------------------


@MUTATIONS.add
def slow_to_commit_again(patch: Patch) -> None:
    """After a commit that came to nothing none is made for a quarter of an hour."""
    failed = Ledger.failed

    def wrong(self: Ledger, now: float, *given: Any, **options: Any) -> Any:
        freed = failed(self, now, *given, **options)
        self._commit_not_before = now + 900.0
        return freed

    patch.set(Ledger, "failed", wrong)


# -- processes that stood still ---------------------------------------------------------------------


@MUTATIONS.add
def standstill_overlooked(patch: Patch) -> None:
    """A process that stood still goes on sending as if no time had passed."""
    patch.set(Membership, "note_standstill", lambda _self: None)
    patch.set(Membership, "may_still_send", property(lambda _self: True))


@MUTATIONS.rare(2309)
def doubt_ends_with_the_last_partition(patch: Patch) -> None:
    """Who hands over the last partition after a standstill no longer doubts that the next one is its own."""
    ask = Membership.ask

    def wrong(self: Membership) -> None:
        ask(self)
        if not self._engine.assignments:
            self.proved(self.standstills)

    patch.set(Membership, "ask", wrong)
