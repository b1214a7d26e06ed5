"""The connector's decisions: facts go in, actions come out. Nothing else changes what they are decided by.

Facts are the methods: a partition was assigned, records came, a POST or a GET was answered, a
commit was acknowledged, a partition was revoked. Those that time matters to take `now`: seconds since
the epoch, on a clock that never goes back. `plan` says what is to be done next, and `wake_at` when to ask
again if nothing happens before. Records come here read: `Interpreter` does that before, and keeps a count.

No clock, no input or output, no thread, no logger: what an operator should read leaves by
`take_notices`, what is counted by `take_tally` (`tally` is for a look in between).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from connector.answers import PollAnswer, PostAnswer
from connector.core.actions import Action, Commit
from connector.core.assigned.assignment import Assignment
from connector.core.batching.batch import Batch
from connector.core.components import Components
from connector.core.following.job import Job
from connector.core.holding_back.orders import Paused
from connector.core.limits import Limits
from connector.core.notices import Notice
from connector.core.overview import HaltsInForce, Overview, halts_in_force, overview
from connector.core.partitions import Partitions
from connector.core.planning import Planning
from connector.core.polled import Polled
from connector.core.posted import Posted
from connector.core.reading.event import Decoded
from connector.core.tally import Tally
from connector.model import Cause, Position, Record, Start, TopicPartition


class Engine:
    """One instance's state. `random` gives numbers in [0, 1) for the jitter of delays."""

    def __init__(self, limits: Limits, random: Callable[[], float]) -> None:
        self.components = components = Components(limits, random)
        """The components, for tests to look into. Edges ask by what is below."""
        self.tally = components.tally
        self.notices = components.notices
        self._ledger = components.ledger
        self._owed = components.owed
        self._reach = components.reach
        self._tracking = components.tracking
        self._halts = components.halts
        self._brakes = components.brakes
        self._gate = components.gate
        self._adoption = components.adoption
        self._fates = components.fates
        self._pressure = components.pressure
        self._orders = components.orders
        self._partitions = Partitions(components)
        self._posted = Posted(components)
        self._polled = Polled(components)
        self._planning = Planning(components)

    @property
    def assignments(self) -> dict[TopicPartition, Assignment]:
        """The partitions that are ours."""
        return self._ledger.assignments

    @property
    def posting(self) -> Mapping[int, Batch]:
        """Requests that may become jobs and were not answered yet, by serial number."""
        return self.components.dispatch.posting

    @property
    def jobs(self) -> Mapping[int, Job]:
        """Jobs under way, by serial number, which is that of their batch."""
        return self._tracking.jobs

    @property
    def letters_owed(self) -> int:
        """How many letters are not written yet."""
        return self._ledger.letters_owed

    @property
    def outage(self) -> str | None:
        """The message with which the API, or the way to it, failed; None while it is up."""
        return None if self._gate.closed_until is None else self._gate.closing.message

    @property
    def halts(self) -> HaltsInForce:
        """Why nothing is submitted."""
        return halts_in_force(self.components)

    @property
    def paused(self) -> Paused | None:
        """Who wants nothing to be submitted, if somebody does."""
        return self._orders.paused

    def take_tally(self) -> Tally:
        """Return what was counted since the last call."""
        return self.tally.take()

    def take_notices(self) -> list[Notice]:
        """Return what an operator should read, since the last call."""
        return self.notices.take()

    def overview(self) -> Overview:
        """Look at everything, for whoever shows it: that goes through all partitions and letters."""
        return overview(self.components)

    # -- facts: partitions -----------------------------------------------------------------------

    def assigned(self, start: Start, until: int | None = None) -> None:
        """A partition is ours from now on. `until`: ignore its records from this offset on."""
        self._partitions.assigned(start, until)

    def received(
        self,
        partition: TopicPartition,
        records: Sequence[Record],
        outcomes: Sequence[Decoded],
        now: float,
    ) -> None:
        """Records of one partition were read, in offset order, each with what decoding made of it."""
        self._partitions.received(partition, records, outcomes, now)

    def ended(self, partition: TopicPartition, end: int, now: float) -> None:
        """The end of the partition was reached: offsets below `end` that were not delivered don't exist."""
        self._partitions.ended(partition, end, now)

    def revoked(self, partitions: Iterable[TopicPartition], now: float) -> dict[TopicPartition, Position]:
        """Partitions go to another owner: return what is still to be committed for them, and let go."""
        return self._partitions.revoked(partitions, now)

    def lost(self, partitions: Iterable[TopicPartition], now: float) -> None:
        """Partitions are another owner's already: write nothing."""
        self._partitions.lost(partitions, now)

    # -- facts: answers --------------------------------------------------------------------------

    def posted(self, batch: Batch, answer: PostAnswer, now: float) -> None:
        """The POST of a batch was answered, failed, or was never sent."""
        self._adoption.make_way()
        self._posted.take_in(batch, answer, now)

    def polled(self, job: Job, answer: PollAnswer, polled_at: float, now: float) -> None:
        """The GET of a job's status was answered, or failed."""
        self._adoption.make_way()
        self._polled.take_in(job, answer, polled_at, now)

    # -- facts: commits and orders ---------------------------------------------------------------

    def committed(self, now: float) -> None:
        """The commit was acknowledged."""
        self._adoption.make_way()
        self._fates.release_held(self._ledger.committed(now))

    def commit_failed(self, refused: Iterable[int], now: float, *, written: bool = False) -> None:
        """The commit failed; `refused` are the letters, by index, that the topic won't take.

        `written`: its letters are in the topic all the same, only the positions are not committed.
        """
        self._adoption.make_way()
        self._fates.release_held(self._ledger.failed(now, refused, written=written))

    def commit_withdrawn(self, *, written: bool = False) -> None:
        """The commit was never tried: partitions of it went first."""
        self._adoption.make_way()
        self._fates.release_held(self._ledger.withdrawn(written=written))

    def checkpoint_too_long(self) -> None:
        """The broker found a checkpoint too long: write shorter ones from now on."""
        self._ledger.shorten_metadata()

    def commit_soon(self) -> None:
        """Have every partition committed once more, whether or not something has changed."""
        for assignment in self.assignments.values():
            assignment.changed()

    def halt(self, cause: Cause, message: str, now: float, mend: str = "") -> None:
        """Stop submitting until `lift`, after the brake until `release`.

        `mend`: what to do about it, if the cause doesn't tell.
        """
        self._halts.halt(cause, message, now, mend)

    def lift(self, cause: Cause) -> None:
        """End the halt that has this cause, if there is one."""
        self._halts.lift(cause)

    def release(self, now: float) -> bool:
        """End the brake's halt, and probe each halted application at once. Return whether there was any."""
        halted = bool(self._halts.applications)
        self._halts.probe_now(now)
        return self._brakes.release() or halted

    def pause(self, by: str, now: float) -> bool:
        """Submit nothing until `resume`: `by` wants it so. Jobs under way are followed and committed.

        False if it was paused already.
        """
        return self._orders.pause(by, now)

    def resume(self, by: str) -> bool:
        """Go on after `pause`; what else halts stays as it is. False if it was not paused."""
        return self._orders.resume(by)

    def credentials_changed(self, application: str, now: float) -> None:
        """An application has a new token: try it at once."""
        self._halts.probe_now(now, application)
        self._tracking.hasten(application, now)

    def stop(self) -> None:
        """Submit nothing more; jobs under way are followed."""
        self._orders.stop()

    @property
    def stopping(self) -> bool:
        """Whether the engine was told to stop."""
        return self._orders.stopping

    def stood_still(self, seconds: float) -> None:
        """The process did nothing for this long: for its jobs that is an outage, unless there was one."""
        if self._gate.closed_until is None:
            self._tracking.outage(seconds)

    def hold_submissions(self, why: str) -> None:
        """Submit nothing until `allow_submissions` is called with this reason, and with every other one."""
        self._orders.hold_submissions(why)

    def allow_submissions(self, why: str) -> None:
        """End what `hold_submissions` began, as far as this reason goes."""
        self._orders.allow_submissions(why)

    def recalling(self, now: float) -> bool:
        """Whether records of adopted jobs are still to be read: until then their devices aren't known."""
        return self._adoption.recalling(now)

    @property
    def idle(self) -> bool:
        """Whether nothing is on its way: no request that may become a job, no job, no commit."""
        return not (self.posting or self.jobs or self._ledger.under_way)

    @property
    def quiet(self) -> bool:
        """Whether a stop has nothing to wait for: nothing under way may end, no letter is to be written."""
        followed = self.jobs.keys() - self._adoption.pending.keys()
        ends = self.posting or self._ledger.under_way or any(self.jobs[serial].events for serial in followed)
        may_soon_be_written = self._owed.may_soon_be_written(self._reach.sure)
        return not ends and (not may_soon_be_written or self._halts.letters_wait)

    @property
    def full(self) -> bool:
        """Whether nothing more should be fetched for now: memory holds as much as it may."""
        return self._pressure.full(self.assignments.values())

    @property
    def supplied(self) -> bool:
        """Whether enough events are ready to fill every job that may be in flight: fetching is not urgent."""
        return self._planning.supplied

    def fetch_size(self, usual: int) -> int:
        """Return how many records to fetch at once: fewer than `usual` while `full`."""
        return self._pressure.fetch_size(self.assignments.values(), usual)

    def held_back(self, now: float) -> bool:
        """Whether a batch is held back by nothing but the limits of requests and devices a second."""
        return self._planning.held_back(now)

    # -- actions ---------------------------------------------------------------------------------

    def plan(self, now: float) -> list[Action]:
        """Return what is to be done now. Each action is under way from here on and must be reported back."""
        return self._planning.plan(now)

    def flush(self, now: float) -> Commit | None:
        """Return a commit of all that can be committed, without waiting for more."""
        return self._planning.flush(now)

    def wake_at(self, now: float) -> float | None:
        """Return when `plan` should be called if nothing happens before; None: not at all."""
        return self._planning.wake_at(now)
