"""Deliberate faults in what goes on around jobs: applications, outages, clocks, a goodbye."""

from __future__ import annotations

from collections.abc import Iterable

import connector.core.following.deadline as deadline_module
import connector.core.queueing.lanes as lanes_module
import connector.core.reading.decode as decode_module
import connector.core.reading.lane_keys as lane_keys_module
from connector.core.actions import Commit
from connector.core.following.job import Job
from connector.core.following.tracking import Tracking
from connector.core.holding_back.halts import Halts, May
from connector.core.reading.event import Event
from connector.credentials import Credentials
from connector.running.writing import Writing
from tests.simulation.machine import VirtualClock
from tests.simulation.patching import Mutations, Patch

MUTATIONS = Mutations()


# -- several applications ---------------------------------------------------------------------------


@MUTATIONS.add
def one_halt_stops_all(patch: Patch) -> None:
    """A wrong token of one application stops the others, too."""
    may_submit = Halts.may_submit

    def wrong(self: Halts, application: str, jobs: Iterable[Job], now: float) -> May:
        if self.applications and application not in self.applications:
            return May.NO
        return may_submit(self, application, jobs, now)

    patch.set(Halts, "may_submit", wrong)


@MUTATIONS.add
def one_token_for_all(patch: Patch) -> None:
    """Each application is sent the default one's token."""
    token = Credentials.token
    patch.set(Credentials, "token", lambda self, _application: token(self, ""))


@MUTATIONS.add
def one_device_in_all_applications(patch: Patch) -> None:
    """An identifier names one device in whatever application."""
    _name_lanes_without_application(patch)


def _name_lanes_without_application(patch: Patch) -> None:
    lane_keys = lane_keys_module.lane_keys
    for module in (decode_module, lane_keys_module):
        patch.set(module, "lane_keys", lambda _application, *identifiers: lane_keys("", *identifiers))


@MUTATIONS.add
def namesakes_wait_for_each_other(patch: Patch) -> None:
    """Devices of one name in two applications wait for each other, though they are not mixed up."""
    merge = vars(lanes_module)["merge"]

    def wrong(head: Event, event: Event, max_row: int, **options: bool) -> bool:
        return head.application == event.application and bool(merge(head, event, max_row, **options))

    _name_lanes_without_application(patch)
    patch.set(lanes_module, "merge", wrong)


# -- outages and clocks -----------------------------------------------------------------------------


@MUTATIONS.rare(696)
def outages_count(patch: Patch) -> None:
    """The time in which nobody could be asked counts as a job's."""
    patch.set(Tracking, "outage", lambda *_: None)


@MUTATIONS.rare(1400)
def outages_are_learned(patch: Patch) -> None:
    """From a job whose end an outage hid is learned how long jobs take."""
    ended = Tracking.ended

    def wrong(self: Tracking, job: Job, polled_at: float, now: float, *, completed: bool) -> None:
        job.uncounted.common_at_start = self._not_counted
        ended(self, job, polled_at, now, completed=completed)

    patch.set(Tracking, "ended", wrong)


@MUTATIONS.rare(1386)
def old_jobs_are_lost_at_their_adoption(patch: Patch) -> None:
    """An adopted job that is older than the deadline counts as lost at the first question."""
    patch.set(deadline_module, "ADOPTED_FOR", 0.0)


@MUTATIONS.add
def time_by_the_wall_clock(patch: Patch) -> None:
    """The core is told the time of the wall clock."""
    clock = VirtualClock.__call__
    patch.set(VirtualClock, "__call__", lambda self: clock(self) + self.jumped)


# -- the end ----------------------------------------------------------------------------------------


@MUTATIONS.add
def fault_in_a_goodbye(patch: Patch) -> None:
    """The letters that are written while the group is left end in a fault."""
    write = Writing._write

    async def wrong(self: Writing, action: Commit, metadata: object) -> None:
        await write(self, action, metadata)
        if self._engine.stopping:
            self._fail("simulated")

    patch.set(Writing, "_write", wrong)
