"""What Kafka tells and is told: fetching, committing, letters, rebalances, troubles."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import cast

import pytest
import structlog

from connector import consuming as module
from connector import decoding
from connector.consuming import Consuming
from connector.core.actions import Commit, Pause, Resume
from connector.core.decode import Interpreter
from connector.core.engine import Engine
from connector.kafka.commits import CommitRefused
from connector.kafka.dead_letters import DeadLetters
from connector.kafka.source import Source, SourceFailed
from connector.kafka.troubles import Phase, Trouble
from connector.kafka.unwritable import Fenced, LettersUnwritable
from connector.model import (
    Accepted,
    Content,
    DecoderUnavailable,
    Fetched,
    JobReport,
    JobState,
    Position,
    Record,
    Row,
    Start,
    TagsUpdate,
    TopicPartition,
)
from connector.pulse import Clock, Pulse
from tests.unit.core.builders import P0, P1, limits, record
from tests.unit.fakes import FakeLetters, FakeSource, until


def fetched(offset: int, count: int = 1, partition: TopicPartition = P0, end: int | None = None) -> Fetched:
    """Records about a device each."""
    offsets = range(offset, offset + count)
    content = {"type": "tags", "tags": {"a": 1}}
    records: list[Record] = [record(at, {**content, "hwid": f"d{at}"}, partition) for at in offsets]
    return Fetched(partition, records, end)


def rubbish(offset: int, partition: TopicPartition = P0) -> Fetched:
    return Fetched(partition, [record(offset, "no event", partition)], None)


class Desk:
    """A consuming coroutine between its engine and fakes of Kafka."""

    def __init__(
        self,
        *fetches: list[Fetched],
        exactly_once: bool = True,
        until_end: bool = False,
        decoder: Callable[[Record], TagsUpdate | None] | None = None,
        max_events: int = 1000,
    ) -> None:
        self.source = FakeSource(*fetches)
        self.letters = FakeLetters(self.source, exactly_once=exactly_once)
        bounds = limits(linger=0.0, max_events=max_events)
        self.pulse = Pulse(Engine(bounds, lambda: 0.0), Clock())
        self.engine = self.pulse.engine
        self.beats: list[str] = []
        self.remembered: list[str] = []
        self.consuming = Consuming(
            self.pulse,
            {"events": Interpreter(Content.MIXED, decoder)},
            structlog.get_logger(),
            until_end=until_end,
            beat=self.beats.append,
            remember=self.remembered.append,
        )
        self.consuming.attach(cast("Source", self.source), cast("DeadLetters", self.letters))

    async def assign(self, *partitions: TopicPartition) -> None:
        await self.consuming.assigned([Start(partition, 0, "") for partition in partitions])

    async def rounds(self, count: int = 1) -> None:
        for _ in range(count):
            await self.consuming._orders()
            await self.consuming._round()

    def order(self) -> Commit | None:
        """Have the engine's orders taken; return the commit among them."""
        found = None
        for action in self.engine.plan(self.pulse.clock()):
            if isinstance(action, Commit):
                found = action
                self.consuming.commit(action)
            elif isinstance(action, Pause | Resume):
                self.consuming.flow(action)
        return found

    async def settled(self) -> None:
        """Run rounds until no commit is under way."""
        async with asyncio.timeout(10):
            while self.engine.ledger.operation is not None:
                await self.rounds()

    def next_offset(self, partition: TopicPartition = P0) -> int:
        return self.engine.assignments[partition].offsets.next

    def position(self, partition: TopicPartition = P0) -> int:
        found = self.source.committed.get(partition)
        return -1 if found is None else found.offset


# -- fetching ----------------------------------------------------------------------------------------


async def test_what_is_fetched_is_decoded_and_told() -> None:
    desk = Desk([fetched(0, 3)], [Fetched(P0, [], 5)])
    await desk.assign(P0)
    await desk.rounds(2)
    home = desk.engine.assignments[P0]
    assert home.events == 3
    assert home.offsets.next == 5


async def test_it_runs_until_it_is_stopped_and_shows_that_it_lives() -> None:
    desk = Desk([fetched(0, 3)])
    await desk.assign(P0)
    running = asyncio.create_task(desk.consuming.run())
    await until(lambda: desk.next_offset() == 3)
    desk.consuming.stop()
    await running
    assert set(desk.beats) == {"consumer"}
    assert desk.consuming.failure == ""


async def test_a_dead_consumer_ends_it_with_the_reason() -> None:
    desk = Desk()

    async def die() -> None:
        raise SourceFailed("fatal: it is over")

    desk.source.in_fetch = [die]
    await desk.consuming.run()
    assert desk.consuming.failure == "Kafka: fatal: it is over"


async def test_with_a_full_buffer_nothing_is_fetched_for_a_moment_but_rebalances_are_served_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk = Desk([fetched(0, 10)], [fetched(10, 1)], max_events=10)
    await desk.assign(P0)
    await desk.rounds(3)
    assert desk.next_offset() == 10
    monkeypatch.setattr(module, "FULL_WAIT", 0.0)
    await desk.rounds(1)
    assert desk.next_offset() == 11


async def test_an_order_ends_the_wait_for_a_full_buffer() -> None:
    desk = Desk([fetched(0, 10)], max_events=10)
    await desk.assign(P0)
    await desk.rounds(1)
    desk.consuming.commit(Commit({}, []))
    async with asyncio.timeout(5):
        await desk.consuming._ordered(60)


async def test_partitions_are_paused_and_resumed_as_the_engine_says() -> None:
    desk = Desk()
    await desk.assign(P0, P1)
    desk.consuming.flow(Pause([P0, P1]))
    desk.consuming.flow(Resume([P1]))
    await desk.rounds()
    assert desk.source.paused == {P0}


# -- a decoder that can't work -----------------------------------------------------------------------


class Moody:
    """A decoder whose registry is down at first."""

    def __init__(self, *, down: bool = True) -> None:
        self.down = down

    def __call__(self, found: Record) -> TagsUpdate | None:
        if self.down and found.offset() % 2:
            raise DecoderUnavailable("registry down")
        return TagsUpdate(hwid=f"d{found.offset()}", tags={"a": 1})


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A decoder that couldn't work is tried again in every round."""
    monkeypatch.setattr(decoding, "DECODER_WAIT", 0.0)


@pytest.mark.usefixtures("at_once")
async def test_records_wait_for_a_decoder_that_cannot_work_and_none_is_lost() -> None:
    decoder = Moody()
    first, second = fetched(0), fetched(1, 2)
    desk = Desk([first, second, fetched(0, 1, P1)], [fetched(3)], decoder=decoder)
    await desk.assign(P0, P1)
    await desk.rounds(2)
    assert desk.next_offset() == 1
    assert desk.next_offset(P1) == 1, "other partitions flow on"
    assert desk.source.paused == {P0}
    decoder.down = False
    await desk.rounds(2)
    assert desk.next_offset() == 4
    assert desk.source.paused == set()
    assert desk.engine.assignments[P0].events == 4


@pytest.mark.usefixtures("at_once")
async def test_who_is_paused_by_the_engine_stays_so_when_the_decoder_works_again() -> None:
    decoder = Moody()
    desk = Desk([fetched(1)], decoder=decoder)
    await desk.assign(P0, P1)
    await desk.rounds(2)
    desk.engine.assignments[P0].paused = True
    desk.consuming.flow(Resume([P0]))
    await desk.consuming._orders()
    assert desk.source.paused == {P0}, "the engine can't let in what would overtake"
    decoder.down = False
    await desk.rounds()
    assert desk.source.paused == {P0}


@pytest.mark.usefixtures("at_once")
async def test_an_outage_of_the_decoder_is_a_trouble_until_it_is_over() -> None:
    decoder = Moody()
    desk = Desk([fetched(1)], decoder=decoder)
    await desk.assign(P0)
    await desk.rounds(3)
    (trouble,) = desk.consuming.troubles.values()
    assert (trouble.code, trouble.message, trouble.blocking) == (decoding.TROUBLE, "registry down", True)
    decoder.down = False
    await desk.rounds()
    assert not desk.consuming.troubles


async def test_the_trouble_ends_when_its_partitions_are_somebody_elses() -> None:
    desk = Desk([fetched(1)], decoder=Moody())
    await desk.assign(P0)
    await desk.rounds()
    assert desk.consuming.troubles
    desk.consuming.lost([P0])
    assert not desk.consuming.troubles


async def test_for_a_question_that_is_soon_answered_nothing_is_paused() -> None:
    calls: list[Callable[[], None]] = []
    asked: list[int] = []

    def decoder(found: Record) -> TagsUpdate:
        asked.append(found.offset())
        if len(asked) == 1:
            raise DecoderUnavailable("asking", outage=False, on_change=calls.append)
        return TagsUpdate(hwid="d", tags={"a": 1})

    desk = Desk([fetched(0)], decoder=decoder)
    await desk.assign(P0)
    running = asyncio.create_task(desk.consuming.run())
    await until(lambda: bool(calls))
    assert not desk.consuming.troubles
    await asyncio.to_thread(calls[0])
    await until(lambda: desk.next_offset() == 1)
    assert desk.source.pauses == 0
    desk.consuming.stop()
    await running


async def test_a_question_that_takes_long_pauses_its_partition_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "SHORT_WAIT", 0.0)

    def decoder(found: Record) -> TagsUpdate:
        if found.partition() == P0.partition:
            raise DecoderUnavailable("asking", outage=False)
        return TagsUpdate(hwid="d", tags={"a": 1})

    desk = Desk([fetched(0)], [fetched(0, 1, P1)], decoder=decoder)
    await desk.assign(P0, P1)
    await desk.rounds(2)
    assert desk.source.paused == {P0}
    assert desk.next_offset(P1) == 1
    assert not desk.consuming.troubles


@pytest.mark.usefixtures("at_once")
async def test_records_that_wait_for_the_decoder_do_not_come_into_the_next_assignment() -> None:
    decoder = Moody()
    desk = Desk([fetched(5)], decoder=decoder)
    await desk.assign(P0)
    await desk.rounds()

    async def moved() -> None:
        desk.consuming.lost([P0])
        await desk.assign(P0)

    desk.source.in_fetch = [moved]
    decoder.down = False
    await desk.rounds(2)
    assert desk.next_offset() == 0, "or all before offset 5 would count as settled"


# -- commits -----------------------------------------------------------------------------------------


async def test_a_commit_is_made_and_acknowledged() -> None:
    desk = Desk([Fetched(P0, [], 7)])
    await desk.assign(P0)
    await desk.rounds()
    assert desk.order() is not None
    await desk.settled()
    assert desk.position() == 7


@pytest.mark.parametrize("kind", ["retry", "fenced", "too_large", "lost"])
async def test_a_refused_commit_is_owed_as_before(kind: str) -> None:
    desk = Desk([Fetched(P0, [], 7)])
    desk.source.refusals = [CommitRefused(kind, "no")]  # type: ignore[arg-type]  # one of its kinds
    await desk.assign(P0)
    await desk.rounds()
    desk.order()
    await desk.rounds()
    assert desk.position() == -1
    assert desk.consuming.commit_failures == 1
    assert desk.engine.assignments[P0].dirty
    assert desk.engine.ledger.operation is None
    longest = desk.engine.ledger._max_metadata
    assert longest == (2047 if kind == "too_large" else 4095)


# -- letters -----------------------------------------------------------------------------------------


async def test_letters_go_in_one_transaction_with_their_positions() -> None:
    desk = Desk([rubbish(0)])
    await desk.assign(P0)
    await desk.rounds()
    desk.order()
    await desk.settled()
    assert [letter.record.offset() for letter in desk.letters.written] == [0]
    assert desk.letters.proofs == [b"member"]
    assert desk.source.commits == 0
    assert desk.position() == 1


@pytest.mark.parametrize("exactly_once", [True, False])
async def test_each_letter_is_told_of_once_it_is_written(exactly_once: bool) -> None:
    desk = Desk([rubbish(0)], exactly_once=exactly_once)
    desk.letters.failures = [LettersUnwritable("unavailable", "no")]
    with structlog.testing.capture_logs() as lines:
        await desk.assign(P0)
        await desk.rounds()
        desk.order()
        await desk.settled()
        assert not [line for line in lines if line["event"] == "dead letter"]
        again = desk.engine.flush(desk.pulse.clock())
        assert again is not None
        desk.consuming.commit(again)
        await desk.settled()
    told = [line for line in lines if line["event"] == "dead letter"]
    assert [(line["log_level"], line["id"]) for line in told] == [("debug", "events/0/0")]


async def test_without_transactions_positions_are_committed_after_the_letters() -> None:
    desk = Desk([rubbish(0)], exactly_once=False)
    await desk.assign(P0)
    await desk.rounds()
    desk.order()
    await desk.settled()
    assert len(desk.letters.written) == 1
    assert desk.source.commits == 1
    assert desk.position() == 1


async def test_letters_that_are_written_are_not_written_again_when_their_commit_is_refused() -> None:
    desk = Desk([rubbish(0)], exactly_once=False)
    desk.source.refusals = [CommitRefused("retry", "not now")]
    await desk.assign(P0)
    await desk.rounds()
    desk.order()
    await desk.settled()
    assert desk.engine.ledger.letters == 0
    commit = desk.engine.flush(desk.pulse.clock())
    assert commit is not None
    assert commit.letters == []


@pytest.mark.parametrize("kind", ["unavailable", "topic_missing", "metadata_too_large"])
async def test_letters_that_cannot_be_written_are_owed_as_before(kind: str) -> None:
    desk = Desk([rubbish(0)])
    desk.letters.failures = [LettersUnwritable(kind, "no")]  # type: ignore[arg-type]  # one of its kinds
    await desk.assign(P0)
    await desk.rounds()
    desk.order()
    await desk.settled()
    assert desk.consuming.letter_failures == 1
    assert desk.engine.ledger.letters == 1
    assert desk.position() == -1
    assert desk.engine.ledger._max_metadata == (2047 if kind == "metadata_too_large" else 4095)


async def test_while_letters_are_written_fetching_goes_on_and_nothing_else_is_committed() -> None:
    desk = Desk([rubbish(0)], [fetched(1, 2)], [fetched(3, 2)])
    desk.letters.hold = asyncio.Event()
    await desk.assign(P0)
    await desk.rounds()
    desk.order()
    await desk.rounds(3)
    assert desk.next_offset() == 5
    assert desk.source.commits == 0
    desk.letters.hold.set()
    await desk.settled()
    assert desk.position() == 1


@pytest.mark.parametrize(("by", "fatal"), [("producer", True), ("member", False)])
async def test_who_is_fenced_by_its_own_name_leaves_and_who_lost_a_partition_does_not(
    by: str, fatal: bool
) -> None:
    desk = Desk([rubbish(0)])
    desk.letters.failures = [Fenced(by, "fenced")]  # type: ignore[arg-type]  # one of its two
    await desk.assign(P0)
    await desk.rounds()
    desk.order()
    await desk.settled()
    assert bool(desk.consuming.failure) == fatal
    assert desk.engine.ledger.letters == 1


async def test_a_writer_that_breaks_ends_the_process_and_not_in_silence() -> None:
    desk = Desk([rubbish(0)])
    desk.letters.failures = [KeyError("user@example.com")]
    await desk.assign(P0)
    await desk.rounds()
    desk.order()
    await desk.rounds()
    await until(lambda: bool(desk.consuming.failure))
    assert "KeyError" in desk.consuming.failure
    assert "example" not in desk.consuming.failure


# -- rebalances --------------------------------------------------------------------------------------


async def test_a_hand_over_writes_what_is_decided_and_gives_the_rest() -> None:
    desk = Desk([rubbish(0), fetched(1, 2)])
    await desk.assign(P0)
    await desk.rounds()
    positions = await desk.consuming.revoked([P0])
    assert [letter.record.offset() for letter in desk.letters.written] == [0]
    assert desk.position() == 1
    assert positions == {}
    assert desk.engine.assignments == {}
    assert not desk.engine.frozen


async def test_a_hand_over_waits_for_requests_and_submits_nothing_meanwhile() -> None:
    desk = Desk([fetched(0, 2)])
    await desk.assign(P0)
    await desk.rounds()
    desk.order()
    (batch,) = desk.engine.dispatch.posting.values()
    handing_over = asyncio.create_task(desk.consuming.revoked([P0]))
    await asyncio.sleep(0)
    assert desk.engine.frozen
    desk.engine.posted(batch, Accepted("request-1"), desk.pulse.clock())
    await handing_over
    assert desk.source.committed[P0].metadata, "the job travels in the checkpoint"


async def test_a_hand_over_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HAND_OVER_LIMIT", 0.01)
    desk = Desk([fetched(0, 2)])
    await desk.assign(P0, P1)
    await desk.rounds()
    desk.order()
    assert await desk.consuming.revoked([P0]) == {}
    assert [*desk.engine.assignments] == [P1]
    assert not desk.engine.frozen


async def test_a_transaction_that_outlasts_the_hand_over_is_still_heard_of(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "HAND_OVER_LIMIT", 0.01)
    desk = Desk([rubbish(0), Fetched(P1, [], 4)])
    desk.letters.hold = asyncio.Event()
    await desk.assign(P0, P1)
    await desk.rounds()
    assert await desk.consuming.revoked([P0]) == {}, "whether the letter is written is in doubt"
    assert desk.engine.ledger.operation is not None
    desk.letters.hold.set()
    await desk.settled()
    desk.engine.ended(P1, 9, desk.pulse.clock())
    await until(lambda: desk.order() is not None)  # after the quiet time between two commits
    await desk.settled()
    assert desk.position(P1) == 9


async def test_a_commit_that_is_cut_off_by_a_hand_over_s_end_is_made_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "HAND_OVER_LIMIT", 0.01)
    desk = Desk([Fetched(P0, [], 4), Fetched(P1, [], 4)])
    await desk.assign(P0, P1)
    await desk.rounds()
    commit = desk.source.commit

    async def hang(positions: Mapping[TopicPartition, Position]) -> None:
        assert positions
        await asyncio.Event().wait()

    desk.source.commit = hang  # type: ignore[method-assign]  # a broker that does not answer
    positions = await desk.consuming.revoked([P0])
    assert positions[P0].offset == 4
    desk.source.commit = commit  # type: ignore[method-assign]  # it does again
    assert desk.engine.ledger.operation is None
    assert desk.engine.assignments[P1].dirty


async def test_a_commit_that_was_ordered_before_partitions_were_lost_is_not_made() -> None:
    desk = Desk([rubbish(0)])
    await desk.assign(P0)
    await desk.rounds()
    assert desk.order() is not None
    desk.consuming.lost([P0])
    await desk.rounds(3)
    assert desk.letters.written == []
    assert desk.source.commits == 0
    assert desk.engine.ledger.operation is None


async def test_positions_of_written_letters_are_not_committed_for_who_lost_them() -> None:
    desk = Desk([rubbish(0)], exactly_once=False)
    await desk.assign(P0)
    await desk.rounds()
    desk.order()
    await desk.consuming._orders()
    await until(lambda: desk.consuming._writing is None)
    desk.consuming.lost([P0])
    await desk.rounds(3)
    assert desk.source.commits == 0
    assert desk.engine.ledger.operation is None


async def test_positions_of_letters_written_while_their_partition_went_and_came_are_not_committed() -> None:
    desk = Desk([rubbish(0)], exactly_once=False)
    desk.letters.hold = asyncio.Event()
    await desk.assign(P0)
    await desk.rounds()
    desk.order()
    await desk.consuming._orders()
    await asyncio.sleep(0)
    desk.consuming.lost([P0])
    await desk.assign(P0)
    desk.letters.hold.set()
    await until(lambda: desk.consuming._writing is None)
    await desk.rounds(3)
    assert len(desk.letters.written) == 1
    assert desk.source.commits == 0
    assert desk.engine.ledger.operation is None


async def test_a_pause_that_was_ordered_before_a_partition_came_back_does_not_hold_it_up() -> None:
    desk = Desk()
    await desk.assign(P0, P1)
    desk.consuming.flow(Pause([P0, P1]))
    desk.consuming.lost([P0])
    await desk.assign(P0)
    await desk.rounds()
    assert desk.source.paused == {P1}


async def test_each_rebalance_is_counted() -> None:
    desk = Desk()
    await desk.assign(P0)
    await desk.consuming.revoked([P0])
    await desk.assign(P0)
    desk.consuming.lost([P0])
    assert desk.consuming.rebalances == 4


async def test_until_the_end_means_the_ends_that_were_seen_first() -> None:
    desk = Desk(until_end=True)
    desk.source.ends = {P0: 5}
    await desk.assign(P0)
    await desk.consuming.revoked([P0])
    desk.source.ends = {P0: 99}
    await desk.assign(P0)
    assert desk.engine.assignments[P0].until == 5


async def test_an_end_that_cannot_be_told_ends_the_process_rather_than_being_guessed() -> None:
    desk = Desk(until_end=True)
    await desk.assign(P0)
    assert desk.consuming.failure
    assert desk.engine.assignments == {}


async def test_a_flush_that_fails_leaves_the_rest_to_the_next_owner() -> None:
    desk = Desk([rubbish(0)])
    desk.letters.failures = [LettersUnwritable("unavailable", "no")]
    await desk.assign(P0)
    await desk.rounds()
    assert await desk.consuming.revoked([P0]) == {}
    assert desk.letters.written == []
    assert desk.position() == -1


async def test_a_flush_without_transactions_commits_what_was_written() -> None:
    desk = Desk([rubbish(0)], exactly_once=False)
    await desk.assign(P0)
    await desk.rounds()
    await desk.consuming.revoked([P0])
    assert len(desk.letters.written) == 1
    assert desk.position() == 1


async def test_a_job_that_ends_while_it_is_handed_over_is_in_the_last_commit() -> None:
    desk = Desk([fetched(0, 1)])
    await desk.assign(P0)
    await desk.rounds()
    desk.order()
    (batch,) = desk.engine.dispatch.posting.values()
    now = desk.pulse.clock()
    desk.engine.posted(batch, Accepted("request-1"), now)
    (job,) = desk.engine.tracking.jobs.values()
    report = JobReport(JobState.COMPLETED, "Completed", 100, [Row("d0", status="done")])
    desk.engine.polled(job, report, now, now)
    await desk.consuming.revoked([P0])
    assert desk.source.committed[P0] == Position(1, "")


# -- troubles ----------------------------------------------------------------------------------------


def trouble(code: str, phase: Phase = Phase.BEGAN, *, blocking: bool = True) -> Trouble:
    return Trouble(code, "events/0", "it is so", "do this", blocking, phase)


async def test_the_words_of_a_trouble_are_left_for_those_who_look_later() -> None:
    desk = Desk()
    desk.consuming.trouble(trouble("tls"))
    desk.consuming.trouble(trouble("tls"))  # from the dead letters' producer
    desk.consuming.trouble(trouble("tls", Phase.ENDED))
    assert desk.remembered == ["kafka: tls: events/0: it is so"]


async def test_troubles_are_remembered_until_they_end() -> None:
    desk = Desk()
    desk.consuming.trouble(trouble("tls"))
    since = dict(desk.consuming.trouble_since)
    desk.consuming.trouble(trouble("tls", Phase.LASTS))
    assert [*desk.consuming.troubles] == [("tls", "events/0")]
    assert desk.consuming.trouble_since == since
    desk.consuming.trouble(trouble("tls", Phase.ENDED))
    desk.consuming.trouble(trouble("other", Phase.ENDED))
    assert desk.consuming.troubles == {}
    assert desk.consuming.trouble_since == {}


@pytest.mark.parametrize(("blocking", "halts"), [(True, ["data_loss"]), (False, [])])
async def test_records_that_are_gone_halt_unless_that_is_accepted(blocking: bool, halts: list[str]) -> None:
    desk = Desk()
    desk.consuming.trouble(trouble("data_loss", blocking=blocking))
    assert [halt.cause for halt in desk.engine.halts.all()] == halts


async def test_it_goes_on_once_every_partition_that_lost_records_is_somebody_else_s() -> None:
    desk = Desk()
    for where in ("tags/0", "tags/1"):
        desk.consuming.trouble(Trouble("data_loss", where, "gone", "lengthen retention", blocking=True))
    for where, halts in (("tags/0", ["data_loss"]), ("tags/1", [])):
        ended = Trouble("data_loss", where, "gone", "", blocking=True, phase=Phase.ENDED)
        desk.consuming.trouble(ended)
        assert [halt.cause for halt in desk.engine.halts.all()] == halts
