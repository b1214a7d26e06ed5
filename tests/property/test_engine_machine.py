"""The whole engine, told anything in any sensible order; `engine_world` says what must hold."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

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
from connector.model import Cause, TopicPartition
from tests.property.engine_world import HAND_OVER, World, world
from tests.strength import examples
from tests.unit.core.builders import P0, P1, limits

PARTITIONS = [P0, P1, TopicPartition("more", 0)]
ANY_PARTITION = st.sampled_from(PARTITIONS)
STATUSES = st.lists(
    st.sampled_from(["done", "done", "done", "failed", "not found", "missing", "refused"]), max_size=4
)
DENIED = Denied(Cause.UNAUTHORIZED, "unauthorized", 401)
UNFINISHED = JobReport(JobState.UNFINISHED, "Pending", 10)


class AnEngine(RuleBasedStateMachine):
    """Facts come in any order that Kafka and the API could bring them in."""

    world: World

    @initialize(
        max_devices=st.integers(1, 4),
        max_in_flight=st.integers(1, 6),
        max_metadata=st.sampled_from([100, 4095]),
        max_events=st.sampled_from([6, 1000]),
        max_bytes=st.sampled_from([150, 400, 1 << 20]),
        seed=st.integers(0, 1000),
        backlog=st.integers(0, 20),
    )
    def begin(self, seed: int, backlog: int, **bounds: int) -> None:
        self.world = world(
            limits(**bounds, deadline=60.0, max_attempts=2, max_resubmissions=1, linger=0.05), seed
        )
        for partition in PARTITIONS:
            self.world.log.produce(partition, backlog, seed + partition.partition)
        self.world.assign(P0)
        self.world.assign(P1)

    # -- Kafka ------------------------------------------------------------------------------------

    @rule(partition=ANY_PARTITION, count=st.integers(1, 12), seed=st.integers(0, 1000))
    def records_arrive(self, partition: TopicPartition, count: int, seed: int) -> None:
        if partition in self.world.read_to:
            self.world.log.produce(partition, count, seed)
            self.records_are_read(partition, count)

    @rule(partition=ANY_PARTITION, most=st.integers(1, 10))
    def records_are_read(self, partition: TopicPartition, most: int) -> None:
        if partition in self.world.read_to and partition not in self.world.paused:
            self.world.read(partition, most)

    @precondition(lambda self: self.world.read_to)
    @rule(data=st.data())
    def the_end_is_reached(self, data: st.DataObject) -> None:
        self.world.at_end(data.draw(st.sampled_from(sorted(self.world.read_to))))

    @rule(partition=ANY_PARTITION)
    def a_partition_comes(self, partition: TopicPartition) -> None:
        if partition not in self.world.read_to:
            self.world.assign(partition)

    @precondition(lambda self: self.world.read_to)
    @rule(data=st.data(), lost=st.booleans())
    def a_partition_goes(self, data: st.DataObject, lost: bool) -> None:
        world_ = self.world
        partition = data.draw(st.sampled_from(sorted(world_.read_to)))
        if world_.commit is not None and not lost:
            world_.acknowledge()  # a hand-over waits for it
        if world_.commit is not None and partition in world_.commit.positions:
            world_.commit = None
            world_.engine.commit_failed((), world_.now)
        world_.let_go(partition, lost=lost)

    @precondition(lambda self: self.world.commit is not None)
    @rule()
    def the_commit_is_acknowledged(self) -> None:
        self.world.acknowledge()

    @precondition(lambda self: self.world.commit is not None)
    @rule(data=st.data())
    def the_commit_fails(self, data: st.DataObject) -> None:
        commit, self.world.commit = self.world.commit, None
        assert commit is not None
        guilty = st.lists(st.integers(0, max(0, len(commit.letters) - 1)), unique=True)
        refused = data.draw(guilty) if commit.letters else []
        self.world.engine.commit_failed(refused, self.world.now)

    # -- the API ----------------------------------------------------------------------------------

    @precondition(lambda self: self.world.submits)
    @rule(
        data=st.data(),
        answer=st.sampled_from(
            ["accepted", "accepted", "accepted", "refused", "413", "down", "lost", "denied"]
        ),
    )
    def a_post_is_answered(self, data: st.DataObject, answer: str) -> None:
        submit = data.draw(st.sampled_from(self.world.submits))
        self.world.submits.remove(submit)
        if answer in ("accepted", "lost"):
            name = self.world.api.accept(submit.batch)
        answers: dict[str, PostAnswer] = {
            "refused": Refused("bad", 400),
            "413": Refused("too large", 413),
            "down": Unavailable("down", 503, 2.0),
            "lost": Unavailable("no reply", 0, maybe_accepted=True),
            "denied": DENIED,
        }
        found = answers[answer] if answer in answers else Accepted(name)
        self.world.engine.posted(submit.batch, found, self.world.now)

    @precondition(lambda self: self.world.polls)
    @rule(
        data=st.data(),
        answer=st.sampled_from(
            ["report", "report", "report", "failed", "unfinished", "unknown", "down", "denied", "job denied"]
        ),
        statuses=STATUSES,
    )
    def a_get_is_answered(self, data: st.DataObject, answer: str, statuses: list[str]) -> None:
        poll = data.draw(st.sampled_from(self.world.polls))
        self.world.polls.remove(poll)
        name = poll.job.request_id
        answers: dict[str, PollAnswer] = {
            "unfinished": UNFINISHED,
            "unknown": JobUnknown("?", 404),
            "down": Unavailable("down", 503),
            "denied": DENIED,
            "job denied": Denied(Cause.UNKNOWN_APPLICATION, "application not found", 200, of_job=True),
        }
        found = answers.get(answer)
        if found is None:
            found = self.world.api.fail(name) if answer == "failed" else self.world.api.finish(name, statuses)
        self.world.engine.polled(poll.job, found, self.world.now, self.world.now)

    @rule(statuses=STATUSES)
    def everything_is_answered(self, statuses: list[str]) -> None:
        world_ = self.world
        submits, world_.submits = world_.submits, []
        for submit in submits:
            world_.engine.posted(submit.batch, Accepted(world_.api.accept(submit.batch)), world_.now)
        polls, world_.polls = world_.polls, []
        for poll in polls:
            report = world_.api.finish(poll.job.request_id, statuses)
            world_.engine.polled(poll.job, report, world_.now, world_.now)
        if world_.commit is not None:
            world_.acknowledge()

    # -- time and orders --------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([0.01, 0.1, 0.5, 1.0, 5.0, 30.0, 100.0]))
    def time_passes(self, seconds: float) -> None:
        self.world.pass_time(seconds)

    @rule()
    def it_wakes_when_it_wanted(self) -> None:
        wake_at = self.world.engine.wake_at(self.world.now)
        if wake_at is not None:
            self.world.now = wake_at

    @rule(held=st.booleans())
    def a_hand_over_begins_or_ends(self, held: bool) -> None:
        (self.world.engine.hold_submissions if held else self.world.engine.allow_submissions)(HAND_OVER)

    @rule()
    def credentials_change(self) -> None:
        self.world.engine.credentials_changed("", self.world.now)

    @rule()
    def a_person_says_go_on(self) -> None:
        self.world.engine.release(self.world.now)

    @invariant()
    def all_is_in_order(self) -> None:
        if hasattr(self, "world"):
            self.world.plan()  # as the runner does after each fact
            self.world.check()

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.world.end_well()


TestAnEngine = AnEngine.TestCase
TestAnEngine.settings = settings(max_examples=examples(80), stateful_step_count=60)
