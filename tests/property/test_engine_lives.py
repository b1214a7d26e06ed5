"""Long lives of an engine from seeds: deeper than a machine that draws each step, and never shrunk.

A failure names its seed; `pytest "tests/property/test_engine_lives.py::...[seed]"` repeats it.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TypeVar

import pytest

from connector.answers import (
    Accepted,
    Denied,
    JobReport,
    JobState,
    JobUnknown,
    PollAnswer,
    PostAnswer,
    Refused,
    Unavailable,
)
from connector.core.tally import JobOutcome
from connector.model import Cause, TopicPartition
from tests.property.engine_world import HAND_OVER, World, world
from tests.strength import examples
from tests.unit.core.builders import P0, P1, limits

Thing = TypeVar("Thing")
PARTITIONS = [P0, P1, TopicPartition("more", 0)]
SEEDS = range(examples(200))
STEPS = 150
DENIED = Denied(Cause.UNAUTHORIZED, "unauthorized", 401)
STATUSES = ["done"] * 8 + ["failed", "not found", "missing", "refused"]


class Life:
    """Steps in the order that dice give; how often each comes is the seed's character."""

    def __init__(self, seed: int) -> None:
        dice = self.dice = random.Random(seed)
        bounds = limits(
            max_devices=dice.choice([1, 2, 4, 8]),
            max_in_flight=dice.choice([1, 2, 4, 12]),
            max_metadata=dice.choice([100, 200, 4095, 4095]),
            max_events=dice.choice([6, 20, 1000]),
            max_bytes=dice.choice([150, 400, 1 << 20]),
            linger=dice.choice([0.0, 0.05, 0.5]),
            deadline=dice.choice([5.0, 60.0, 900.0]),
            max_attempts=dice.choice([1, 2, 3]),
            max_resubmissions=dice.choice([0, 1, 3]),
            brake_share=dice.choice([0.0, 0.0, 0.5]),
            brake_window=10,
        )
        self.world = world(bounds, seed)
        self.trouble = dice.choice([0.0, 0.1, 0.5])
        """How often the API and Kafka do something else than what they should."""
        steps: dict[Callable[[], None], int] = {
            self.records_come: 8,
            self.posts_are_answered: 10,
            self.gets_are_answered: 10,
            self.a_commit_ends: 6,
            self.time_passes: 10,
            self.partitions_move: dice.choice([0, 1, 4]),
            self.a_hand_over: dice.choice([0, 1]),
            self.a_person_helps: 1,
        }
        self.forgotten: set[str] = set()
        """Jobs that the API will never know again."""
        self.steps = [step for step, weight in steps.items() for _ in range(weight)]

    def run(self) -> World:
        world_ = self.world
        world_.assign(P0)
        for _ in range(STEPS):
            self.dice.choice(self.steps)()
            world_.plan()
            world_.check()
        world_.end_well()
        return world_

    def goes_wrong(self) -> bool:
        return self.dice.random() < self.trouble

    def records_come(self) -> None:
        world_ = self.world
        partition = self.dice.choice(PARTITIONS)
        world_.log.produce(partition, self.dice.randrange(10), self.dice.randrange(1 << 30))
        for each in sorted(set(world_.read_to) - world_.paused):
            world_.read(each, self.dice.choice([1, 5, 100]))
            if self.dice.random() < 0.5:
                world_.at_end(each)

    def posts_are_answered(self) -> None:
        world_ = self.world
        for submit in self.some(world_.submits):
            world_.submits.remove(submit)
            answer: PostAnswer
            if not self.goes_wrong():
                answer = Accepted(world_.api.accept(submit.batch))
            elif self.dice.random() < 0.2:
                world_.api.accept(submit.batch)
                answer = Unavailable("no reply", 0, maybe_accepted=True)
            else:
                answers: list[PostAnswer] = [
                    Refused("bad", 400),
                    Refused("too large", 413),
                    Unavailable("down", 503, self.dice.choice([None, 3.0])),
                    DENIED,
                ]
                answer = self.dice.choices(answers, [4, 1, 1, 1])[0]
            world_.engine.posted(submit.batch, answer, world_.now)

    def gets_are_answered(self) -> None:
        world_ = self.world
        for poll in self.some(world_.polls):
            world_.polls.remove(poll)
            answer: PollAnswer
            name = poll.job.request_id
            if name in self.forgotten:
                answer = JobUnknown("?", 404)
            elif self.goes_wrong():
                answers: list[PollAnswer] = [
                    JobReport(JobState.UNFINISHED, "Pending", self.dice.choice([-1, 50])),
                    JobUnknown("?", 404),
                    Unavailable("down", 503),
                    DENIED,
                    Denied(Cause.UNKNOWN_APPLICATION, "application not found", 200, of_job=True),
                    world_.api.fail(name),
                ]
                answer = self.dice.choice(answers)
                if isinstance(answer, JobUnknown) and self.dice.random() < 0.5:
                    self.forgotten.add(name)
            else:
                answer = world_.api.finish(name, self.dice.choices(STATUSES, k=5))
            world_.engine.polled(poll.job, answer, world_.now, world_.now)

    def a_commit_ends(self) -> None:
        world_ = self.world
        if world_.commit is None:
            return
        if not self.goes_wrong():
            world_.acknowledge()
            return
        letters, world_.commit = world_.commit.letters, None
        refused = [at for at in range(len(letters)) if self.dice.random() < 0.3]
        world_.engine.commit_failed(refused, world_.now)

    def time_passes(self) -> None:
        world_ = self.world
        wake_at = world_.engine.wake_at(world_.now)
        if wake_at is not None and self.dice.random() < 0.7:
            world_.now = max(world_.now, wake_at)
        else:
            world_.pass_time(self.dice.choice([0.01, 0.3, 2.0, 20.0]))

    def partitions_move(self) -> None:
        world_ = self.world
        partition = self.dice.choice(PARTITIONS)
        if partition not in world_.read_to:
            world_.assign(partition)
            return
        lost = self.dice.random() < 0.4
        if world_.commit is not None and not lost:
            world_.acknowledge()  # a hand-over waits for it
        if world_.commit is not None and partition in world_.commit.positions:
            world_.commit = None
            world_.engine.commit_withdrawn()
        world_.let_go(partition, lost=lost)

    def a_hand_over(self) -> None:
        engine = self.world.engine
        held = engine.components.orders.submissions_held
        (engine.allow_submissions if held else engine.hold_submissions)(HAND_OVER)

    def a_person_helps(self) -> None:
        engine, now = self.world.engine, self.world.now
        if self.dice.random() < 0.5:
            engine.credentials_changed("", now)
        else:
            engine.release(now)

    def some(self, things: list[Thing]) -> list[Thing]:
        return [thing for thing in things if self.dice.random() < 0.7]


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_happens_nothing_is_lost_and_order_is_kept(seed: int) -> None:
    Life(seed).run()


def test_the_lives_that_are_drawn_meet_every_outcome() -> None:
    worlds = [Life(seed).run() for seed in range(1000, 1025)]
    tallies = [world_.engine.tally for world_ in worlds]
    for outcome in JobOutcome:
        assert sum(counts for tally in tallies for (_, what), counts in tally.jobs.items() if what == outcome)
    assert sum(tally.coalesced for tally in tallies) > 100
    assert sum(tally.split_batches for tally in tallies) > 10
    assert sum(tally.partitions_paused for tally in tallies) > 10
    assert sum(sum(world_.letters.values()) for world_ in worlds) > 100
    assert sum(len(world_.api.good) for world_ in worlds) > 1000
