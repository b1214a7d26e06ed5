"""Drives an engine by hand or to the end, with a clock of its own and an API that a test scripts."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import count

from connector.answers import Accepted, PollAnswer, PostAnswer, Refused, Unavailable
from connector.core.actions import Action, Commit, Pause, Poll, Resume, Submit
from connector.core.batching.batch import Batch
from connector.core.engine import Engine
from connector.core.following.job import Job
from connector.core.limits import Limits
from connector.core.queueing.coalesce import contributors
from connector.core.reading.event import Event
from connector.model import Letter, Position, Record, Rejection, TopicPartition
from tests.unit.core.builders import NOW, P0, P1, UNDECODABLE, all_done, devices, limits, start, written
from tests.unit.core.looking import identifiers_of, waiting_in

REFUSED = Refused("invalid request", 400)
DOWN = Unavailable("connection refused")
_MOST_STEPS = 200_000
_OFTEN = 20
"""So many of the first steps of a life, and then one in so many, are looked at twice."""


class Drive:
    """An engine, its clock, and what it has asked for that was not answered yet."""

    def __init__(self, bounds: Limits | None = None, seed: int = 0) -> None:
        self.limits = limits() if bounds is None else bounds
        self.engine = Engine(self.limits, random.Random(seed).random)
        self.now = NOW
        self.wake_at: float | None = None
        """When the engine wanted to be asked again, when it was asked last."""
        self.submits: list[Submit] = []
        self.polls: list[Poll] = []
        self.commit: Commit | None = None
        self.paused: set[TopicPartition] = set()
        self.positions: dict[TopicPartition, Position] = {}
        """What was committed."""
        self.letters: list[tuple[TopicPartition, int, str]] = []
        """Partition, offset and reason of each letter written."""
        self.written_letters: list[Letter] = []
        """The same, whole."""
        self.posts = self.gets = 0
        self.sent: list[list[int]] = []
        """The offsets of each POST, of merged updates all of them."""
        self._ids = count(1)
        self._plans = count(1)

    # -- facts -----------------------------------------------------------------------------------

    def let_many_go(self) -> None:
        """Let half as many batches as jobs go before a commit, two at the least."""
        half = self.limits.max_unrecorded / (2 * self.limits.max_in_flight)
        for _ in range(3):
            self.engine.components.exposure.recorded([half])
        for _ in range(40):
            self.engine.components.exposure.ended(1.0)

    def assign(
        self,
        partition: TopicPartition = P0,
        offset: int = 0,
        metadata: str = "",
        until: int | None = None,
    ) -> None:
        self.engine.assigned(start(offset, metadata, partition), until)

    def read(self, *outcomes: Event | Rejection | None, at: int = 0, partition: TopicPartition = P0) -> None:
        """Records were read; what is no event is given with the offset `at` and those after it."""
        records: list[Record] = []
        for outcome in outcomes:
            if isinstance(outcome, Event):
                assert outcome.record is not None
                records.append(outcome.record)
            else:
                records.append(written(at, None if outcome is None else b"?", partition))
                at += 1
        if records:
            partition = TopicPartition(records[0].topic(), records[0].partition())
        self.engine.received(partition, records, outcomes, self.now)

    def posted(self, submit: Submit, answer: PostAnswer | None = None) -> PostAnswer:
        """Answer a POST: accepted unless told otherwise."""
        self.submits.remove(submit)
        answer = Accepted(f"request-{next(self._ids)}") if answer is None else answer
        self.engine.posted(submit.batch, answer, self.now)
        return answer

    def polled(self, poll: Poll, answer: PollAnswer | None = None, *, seconds: float = 0.0) -> None:
        """Answer a GET: all done unless told otherwise. It took so many seconds."""
        self.polls.remove(poll)
        answer = all_done(poll.job.events) if answer is None else answer
        polled_at = self.now
        self.now += seconds
        self.engine.polled(poll.job, answer, polled_at, self.now)

    def committed(self) -> None:
        """The commit under way was acknowledged."""
        assert self.commit is not None
        self.positions.update(self.commit.positions)
        self.written_letters += self.commit.letters
        for letter in self.commit.letters:
            where = TopicPartition(letter.record.topic(), letter.record.partition())
            self.letters.append((where, letter.record.offset(), letter.rejection.reason))
        self.commit = None
        self.engine.committed(self.now)

    def commit_failed(self, *refused: int) -> None:
        self.commit = None
        self.engine.commit_failed(refused, self.now)

    def forget_commit(self) -> None:
        """The commit under way is not going to be answered; the test tells the engine why."""
        self.commit = None

    def later(self, seconds: float) -> None:
        self.now += seconds

    # -- actions ---------------------------------------------------------------------------------

    def plan(self) -> list[Action]:
        """Ask for actions as long as `wake_at` says that there are some, as the connector does."""
        found: list[Action] = []
        while True:
            actions = self.engine.plan(self.now)
            found += actions
            self.wake_at = wake_at = self.engine.wake_at(self.now)
            if wake_at is None or wake_at > self.now:
                break
            assert actions, "a wake-up call for nothing: a busy loop"
        number = next(self._plans)
        if number < _OFTEN or number % _OFTEN == 0:
            assert not self.engine.plan(self.now), "what it gives it gives at once, and once"
        for action in found:
            self._take(action)
        return found

    def _take(self, action: Action) -> None:
        match action:
            case Submit(batch):
                self._hold_to_one_job_a_device(batch)
                self.posts += 1
                self.submits.append(action)
                self.sent.append(sorted(each.offset for one in batch.events for each in contributors(one)))
            case Poll():
                self.gets += 1
                self.polls.append(action)
            case Commit():
                assert self.commit is None, "two commits at once"
                self.commit = action
            case Pause(partitions):
                self.paused.update(partitions)
            case Resume(partitions):
                self.paused.difference_update(partitions)

    def _hold_to_one_job_a_device(self, batch: Batch) -> None:
        """No device of it is on its way or in a job that isn't known to have ended."""
        mine = identifiers_of(batch.events)
        others: list[Batch | Job] = [*self.engine.posting.values(), *self.engine.jobs.values()]
        twice = mine & identifiers_of(
            [event for each in others if each is not batch for event in each.events]
        )
        assert not twice, f"{twice} in two jobs at once"

    def submitted(self) -> list[Batch]:
        """Plan; return the batches of POSTs that were not answered."""
        self.plan()
        return [submit.batch for submit in self.submits]

    def start_job(self) -> Job:
        """Wait for the next POST, accept it, return its job."""
        self.wait_for(lambda: bool(self.submits))
        answer = self.posted(self.submits[0])
        assert isinstance(answer, Accepted)
        jobs = self.engine.components.tracking.jobs.values()
        return next(job for job in jobs if job.request_id == answer.request_id)

    def next_poll(self) -> Poll:
        """Wait for the next GET."""
        self.wait_for(lambda: bool(self.polls))
        return self.polls[0]

    def wait_for(self, condition: Callable[[], bool]) -> None:
        """Plan and let time pass from wake-up call to wake-up call until this holds."""
        for _ in range(_MOST_STEPS):
            self.plan()
            if condition():
                return
            wake_at = self.engine.wake_at(self.now)
            assert wake_at is not None, "nothing is going to happen any more"
            self.now = wake_at
        raise AssertionError("it never came")

    def run(
        self,
        post: Callable[[Batch], PostAnswer | None] = lambda _: None,
        poll: Callable[[Job], PollAnswer | None] = lambda _: None,
        *,
        seconds: float = 1e9,
    ) -> None:
        """Answer everything until nothing is going to happen, or for so many seconds."""
        end = self.now + seconds
        for _ in range(_MOST_STEPS):
            self.plan()
            if self.submits or self.polls or self.commit:
                self._answer(post, poll)
                continue
            if self.wake_at is None or self.wake_at > end:
                self.now = end if seconds < 1e9 else self.now  # the default: no end
                return
            self.now = max(self.now, self.wake_at)
        raise AssertionError("it never ends")

    def _answer(
        self, post: Callable[[Batch], PostAnswer | None], poll: Callable[[Job], PollAnswer | None]
    ) -> None:
        for submit in list(self.submits):
            self.posted(submit, post(submit.batch))
        for asked in list(self.polls):
            self.polled(asked, poll(asked.job))
        if self.commit is not None:
            self.committed()

    def answer_but_letters(self) -> None:
        """Answer everything well, but let no letter be written."""
        if self.commit is not None and self.commit.letters:
            self.commit_failed()
        self._answer(lambda _: None, lambda _: None)

    # -- questions -------------------------------------------------------------------------------

    @property
    def written(self) -> list[int]:
        """Offsets of the letters written, in order."""
        return [offset for _, offset, _ in self.letters]

    def position(self, partition: TopicPartition = P0) -> int:
        """The committed offset; -1 for none."""
        return self.positions[partition].offset if partition in self.positions else -1

    def at_rest(self) -> bool:
        """Whether nothing is left: no event, no lane, no job, no letter."""
        engine = self.engine
        return not (
            any(assignment.events_held or assignment.bytes_held for assignment in engine.assignments.values())
            or engine.components.lanes.busy
            or engine.components.lanes.waiters()
            or waiting_in(engine.components.dispatch)
            or engine.components.dispatch.count_waiting_for_checkpoint
            or engine.components.ledger.letters_owed
            or not engine.idle
        )


def owing(count: int = 3) -> Drive:
    """An engine with letters for the offsets below `count`, and their commit under way."""
    drive = Drive()
    drive.assign()
    drive.read(*[UNDECODABLE] * count)
    drive.plan()
    assert drive.commit is not None
    return drive


def refusing(*bad: int) -> Callable[[Batch], PostAnswer | None]:
    """An API that refuses each request with one of these offsets in it."""
    spoilt = set(bad)

    def post(batch: Batch) -> PostAnswer | None:
        offsets = {each.offset for event in batch.events for each in contributors(event)}
        return REFUSED if offsets & spoilt else None

    return post


def reading(count: int, **changed: object) -> Drive:
    """An engine that has read so many devices, with these limits."""
    drive = Drive(limits(**changed))
    drive.assign()
    drive.read(*devices(range(count)))
    return drive


def both(**changed: object) -> Drive:
    """An engine with both partitions and these limits, that has read nothing."""
    drive = Drive(limits(**changed))
    drive.assign(P0)
    drive.assign(P1)
    return drive
