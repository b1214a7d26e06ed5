"""What Kafka tells and is told: fetching, committing, letters."""

from __future__ import annotations

import asyncio

import pytest
import structlog

from connector import consuming as module
from connector.core.actions import Commit, Pause, Resume
from connector.kafka.commit_refused import CommitRefused
from connector.kafka.source import SourceFailed
from connector.kafka.unwritable import Fenced, LettersUnwritable
from connector.model import Fetched
from tests.unit.consuming_desk import Desk, fetched, rubbish
from tests.unit.core.builders import P0, P1
from tests.unit.fakes import until

# -- fetching ----------------------------------------------------------------------------------------


async def test_what_is_fetched_is_decoded_and_told() -> None:
    desk = Desk([fetched(0, 3)], [Fetched(P0, [], 5)])
    await desk.assign(P0)
    await desk.rounds(2)
    home = desk.engine.assignments[P0]
    assert home.events == 3
    assert home.offsets.next == 5


async def test_while_nothing_is_under_way_it_waits_longer_and_one_record_ends_the_wait() -> None:
    desk = Desk([], [], [fetched(0, 1)], [fetched(1, 3)], [])
    await desk.assign(P0)
    await desk.rounds(3)
    long_wait, short_wait = (1, module.IDLE_WAIT), (module.MOST_RECORDS, module.FETCH_WAIT)
    assert desk.source.asked == [short_wait, long_wait, long_wait]
    await desk.rounds()
    assert desk.next_offset() == 4
    desk.order()
    assert desk.engine.dispatch.posting
    await desk.rounds(3)
    none_came = (module.MOST_RECORDS, module.EMPTY_WAIT)
    assert desk.source.asked[3:] == [short_wait, short_wait, none_came, none_came]


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


async def test_any_other_fault_ends_it_too_and_is_told_without_its_message(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk = Desk([fetched(0, 1)])
    await desk.assign(P0)

    def broken(*_: object) -> None:
        raise KeyError("user@example.com")

    monkeypatch.setattr(desk.engine, "received", broken)
    await desk.consuming.run()
    assert desk.consuming.failure.startswith("what Kafka delivered: KeyError in ")
    assert "user@example.com" not in desk.consuming.failure


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


# -- commits -----------------------------------------------------------------------------------------


async def test_a_commit_is_made_and_acknowledged() -> None:
    desk = Desk([Fetched(P0, [], 7)])
    await desk.assign(P0)
    await desk.rounds()
    assert desk.order() is not None
    await desk.settled()
    assert desk.position() == 7


@pytest.mark.parametrize("kind", ["retry", "fenced", "too_large", "closed"])
async def test_a_refused_commit_is_owed_as_before(kind: str) -> None:
    desk = Desk([Fetched(P0, [], 7)])
    desk.source.refusals = [CommitRefused(kind, "no")]  # type: ignore[arg-type]  # one of its kinds
    await desk.assign(P0)
    await desk.rounds()
    desk.order()
    await desk.rounds()
    assert desk.position() == -1
    assert desk.consuming.committing.failures == 1
    assert desk.engine.assignments[P0].dirty
    assert desk.engine.ledger.operation is None
    longest = desk.engine.ledger.reach._limit
    assert longest == (2047 if kind == "too_large" else 4095)


def test_it_shows_life_for_a_coroutine_that_waits_for_a_commit_and_only_then() -> None:
    desk = Desk()
    desk.consuming.watch_commit()
    assert desk.beats == []
    desk.source.waiting = True
    desk.consuming.watch_commit()
    assert desk.beats == ["consumer"]


async def test_a_commit_that_nobody_waits_for_any_more_is_owed_as_before() -> None:
    desk = Desk([Fetched(P0, [], 7)])
    desk.source.answers = asyncio.Event()
    await desk.assign(P0)
    await desk.rounds()
    desk.order()
    waiting = asyncio.create_task(desk.rounds())
    await until(lambda: desk.source.commits == 1)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await asyncio.sleep(0)
    assert desk.engine.ledger.operation is None
    assert desk.engine.assignments[P0].dirty


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


async def test_after_a_doubtful_transaction_positions_go_by_one_more_without_letters() -> None:
    desk = Desk([])
    await desk.assign(P0)
    desk.letters.doubtful = True
    await desk.rounds()
    commit = desk.order()
    await desk.settled()
    assert commit is not None
    assert not commit.letters
    assert len(desk.letters.proofs) == 1
    assert desk.source.commits == 0
    assert desk.position() == 0


async def test_positions_without_letters_are_committed_plainly_where_transactions_fail_which_are_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk = Desk([])
    await desk.assign(P0)
    desk.letters.doubtful = True
    desk.letters.failures = [LettersUnwritable("unavailable", "not now")]
    await desk.rounds()
    desk.order()
    await desk.settled()
    assert (desk.source.commits, len(desk.letters.proofs), desk.consuming.writing.failures) == (1, 1, 0)
    await desk.rounds(3)
    assert desk.order() is None, "not at once"
    now = desk.pulse.clock() + 31
    monkeypatch.setattr(desk.pulse, "clock", lambda: now)
    await desk.rounds()
    desk.order()
    await desk.settled()
    assert (desk.source.commits, len(desk.letters.proofs)) == (1, 2)


async def test_a_hand_over_ends_the_doubt_about_the_last_transaction() -> None:
    desk = Desk([])
    await desk.assign(P0)
    await desk.rounds()
    desk.letters.doubtful = True
    await desk.consuming.revoked([P0])
    assert len(desk.letters.proofs) == 1
    assert desk.source.commits == 0


@pytest.mark.parametrize("failures", [0, 1])
async def test_what_keeps_back_the_beginning_of_partitions_that_nobody_owns_is_undone(
    monkeypatch: pytest.MonkeyPatch, failures: int
) -> None:
    desk = Desk([])
    desk.letters.doubtful, desk.letters.doubtful_partitions = True, {P0}
    desk.letters.failures = [LettersUnwritable("unavailable", "not now")] * failures
    await desk.rounds()
    assert not desk.letters.proofs, "it is not known to keep anything back"
    desk.source.unresolved = {P0}
    for _ in range(3):
        await desk.rounds()
        await desk.settled()
    assert desk.letters.undone == 1 - failures
    now = desk.pulse.clock() + 31
    monkeypatch.setattr(desk.pulse, "clock", lambda: now)
    await desk.rounds()
    await desk.settled()
    assert desk.letters.undone == 1


async def test_what_can_not_be_undone_is_completed_by_whoever_owns_something(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk = Desk([])
    await desk.assign(P1)
    desk.letters.doubtful, desk.letters.doubtful_partitions = True, {P0}
    desk.letters.failures = [LettersUnwritable("unavailable", "it is complete")]
    desk.source.unresolved = {P0}
    await desk.rounds(2)
    await until(lambda: not desk.consuming.writing.busy)
    assert (desk.letters.undone, desk.letters.proofs) == (0, [])
    now = desk.pulse.clock() + 31
    monkeypatch.setattr(desk.pulse, "clock", lambda: now)
    await desk.rounds()
    desk.order()
    await desk.settled()
    assert (desk.letters.undone, len(desk.letters.proofs)) == (0, 1)
    desk.letters.doubtful = False
    await desk.rounds()
    desk.letters.doubtful = True
    await desk.rounds(2)
    await until(lambda: not desk.consuming.writing.busy)
    assert desk.letters.undone == 1, "of the next one nothing was tried yet"


async def test_a_transaction_is_not_undone_while_one_of_its_partitions_is_owned() -> None:
    desk = Desk([])
    await desk.assign(P0)
    desk.letters.doubtful, desk.letters.doubtful_partitions = True, {P0, P1}
    desk.source.unresolved = {P1}
    await desk.rounds()
    await desk.settled()
    assert not desk.letters.undone


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
    assert desk.consuming.writing.failures == 1
    assert desk.engine.ledger.letters == 1
    assert desk.position() == -1
    assert desk.engine.ledger.reach._limit == (2047 if kind == "metadata_too_large" else 4095)


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
