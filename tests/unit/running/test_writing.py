"""Dead letters: one write at a time, with the positions that they free, and what came of it."""

from __future__ import annotations

import asyncio
from typing import Literal

import pytest
import structlog

from connector.kafka.group.commit_refused import CommitRefused
from connector.kafka.letters.unwritable import Fenced, LettersUnwritable, Obstruction
from tests.unit.core.builders import P0
from tests.unit.fakes import until
from tests.unit.running.consuming_desk import Desk, fetched, rubbish


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
    assert desk.engine.components.ledger.letters_owed == 0
    commit = desk.engine.flush(desk.pulse.clock())
    assert commit is not None
    assert commit.letters == []


@pytest.mark.parametrize("kind", ["unavailable", "topic_missing", "metadata_too_large"])
async def test_letters_that_cannot_be_written_are_owed_as_before(kind: Obstruction) -> None:
    desk = Desk([rubbish(0)])
    desk.letters.failures = [LettersUnwritable(kind, "no")]
    await desk.assign(P0)
    await desk.rounds()
    desk.order()
    await desk.settled()
    assert desk.consuming.writing.failures == 1
    assert desk.engine.components.ledger.letters_owed == 1
    assert desk.position() == -1
    assert desk.engine.components.reach._limit == (2047 if kind == "metadata_too_large" else 4095)


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


@pytest.mark.parametrize(("by", "fatal"), [("producer", True), ("group", False)])
async def test_who_is_fenced_by_its_own_name_leaves_and_who_lost_a_partition_does_not(
    by: Literal["producer", "group"], fatal: bool
) -> None:
    desk = Desk([rubbish(0)])
    desk.letters.failures = [Fenced(by, "fenced")]
    await desk.assign(P0)
    await desk.rounds()
    desk.order()
    await desk.settled()
    assert bool(desk.consuming.failure) == fatal
    assert desk.engine.components.ledger.letters_owed == 1


async def test_who_is_fenced_while_it_undoes_a_transaction_leaves_too() -> None:
    desk = Desk([])
    desk.letters.doubtful, desk.letters.doubtful_partitions = True, {P0}
    desk.letters.failures = [Fenced("producer", "a newer one")]
    desk.source.unresolved = {P0}
    await desk.rounds()
    await until(lambda: bool(desk.consuming.failure))
    assert desk.letters.undone == 0


async def test_after_a_standstill_no_other_producer_is_opened_until_the_group_has_taken_a_commit() -> None:
    desk = Desk([])
    await desk.assign(P0)
    assert desk.may_reopen()
    desk.membership.standstill._ticked_at -= 9
    assert not desk.may_reopen(), "it may be replaced already, though nobody has looked yet"
    desk.membership.note_standstill()
    assert not desk.may_reopen()
    desk.order()
    await desk.settled()
    assert desk.may_reopen()


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


async def test_positions_of_written_letters_are_not_committed_for_who_lost_them() -> None:
    desk = Desk([rubbish(0)], exactly_once=False)
    await desk.assign(P0)
    await desk.rounds()
    desk.order()
    await desk.consuming._carry_out_actions()
    await until(lambda: not desk.consuming.writing.busy)
    desk.rebalancing.lost([P0])
    await desk.rounds(3)
    assert desk.source.commits == 0
    assert desk.engine.components.ledger.under_way is None


async def test_positions_of_letters_written_while_their_partition_went_and_came_are_not_committed() -> None:
    desk = Desk([rubbish(0)], exactly_once=False)
    desk.letters.hold = asyncio.Event()
    await desk.assign(P0)
    await desk.rounds()
    desk.order()
    await desk.consuming._carry_out_actions()
    await until(lambda: bool(desk.letters.proofs))
    desk.rebalancing.lost([P0])
    await desk.assign(P0)
    desk.letters.hold.set()
    await until(lambda: not desk.consuming.writing.busy)
    await desk.rounds(3)
    assert len(desk.letters.written) == 1
    assert desk.source.commits == 0
    assert desk.engine.components.ledger.under_way is None


async def test_what_is_refused_after_its_partition_was_lost_is_let_go_too() -> None:
    desk = Desk([rubbish(0)])
    desk.letters.hold = asyncio.Event()
    desk.letters.failures = [LettersUnwritable("letters", "no", {0: "no"})]
    await desk.assign(P0)
    await desk.rounds()
    desk.order()
    await desk.rounds()
    desk.rebalancing.lost([P0])
    desk.letters.let_go_of.clear()
    desk.letters.hold.set()
    await desk.settled()
    assert desk.letters.let_go_of == {P0}
