"""Partitions come and go: what is written, what is waited for, what is dropped."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

import pytest
import structlog

from connector.answers import Accepted, JobReport, JobState, Row
from connector.core.actions import Commit, Pause
from connector.kafka.letters.unwritable import Fenced, LettersUnwritable
from connector.model import Fetched, Position, TopicPartition
from connector.running import handing_over
from tests.unit.core.builders import P0, P1
from tests.unit.fakes import until
from tests.unit.running.consuming_desk import Desk, fetched, rubbish

NO_ANSWER_TO_THE_COMMIT = (
    "handing over without an answer to the last commit: what it settles may be done again"
)


def _warnings(lines: Iterable[Mapping[str, Any]]) -> list[str]:
    return [line["event"] for line in lines if line["log_level"] == "warning"]


async def test_a_hand_over_writes_what_is_decided_and_gives_the_rest() -> None:
    desk = Desk([rubbish(0), fetched(1, 2)])
    await desk.assign(P0)
    await desk.rounds()
    positions = await desk.rebalancing.revoked([P0])
    assert [letter.record.offset() for letter in desk.letters.written] == [0]
    assert desk.position() == 1
    assert positions == {}
    assert desk.engine.assignments == {}
    assert not desk.engine.components.orders.submissions_held


async def test_a_hand_over_waits_for_requests_and_submits_nothing_meanwhile() -> None:
    desk = Desk([fetched(0, 2)])
    await desk.assign(P0)
    await desk.rounds()
    desk.order()
    (batch,) = desk.engine.components.dispatch.posting.values()
    handing_over = asyncio.create_task(desk.rebalancing.revoked([P0]))
    await until(lambda: desk.engine.components.orders.submissions_held)
    desk.engine.posted(batch, Accepted("request-1"), desk.pulse.clock())
    await handing_over
    assert desk.source.committed[P0].metadata, "the job travels in the checkpoint"


async def test_a_doubt_that_ends_within_a_hand_over_lets_nothing_be_submitted_before_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk = Desk([rubbish(0), fetched(1, 2)])
    await desk.assign(P0)
    await desk.rounds()
    monkeypatch.setattr(desk.membership.standstill, "noticed", lambda: 2.0)
    desk.membership.note_standstill()
    held: list[bool] = []
    flush = desk.engine.flush

    def flushed(now: float) -> Commit | None:
        held.append(desk.engine.components.orders.submissions_held)
        return flush(now)

    monkeypatch.setattr(desk.engine, "flush", flushed)
    await desk.rebalancing.revoked([P0])
    assert not desk.membership.in_doubt
    assert held == [True, True]
    assert not desk.engine.components.orders.submissions_held


async def test_a_partition_that_is_lost_because_its_log_was_begun_anew_ends_no_doubt(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It comes back at once, without a word from the group."""
    desk = Desk()
    await desk.assign(P0)
    monkeypatch.setattr(desk.membership.standstill, "noticed", lambda: 2.0)
    desk.membership.note_standstill()
    desk.rebalancing.lost([P0])
    await desk.assign(P0)
    assert not desk.membership.may_still_send
    desk.order()
    await desk.rounds()
    assert desk.membership.may_still_send


async def test_a_hand_over_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handing_over, "HAND_OVER_LIMIT", 0.01)
    desk = Desk([fetched(0, 2)])
    await desk.assign(P0, P1)
    await desk.rounds()
    desk.order()
    with structlog.testing.capture_logs() as lines:
        assert await desk.rebalancing.revoked([P0]) == {}
    assert [*desk.engine.assignments] == [P1]
    assert not desk.engine.components.orders.submissions_held
    assert _warnings(lines) == ["handing over with requests unanswered: their devices may be sent twice"]


async def test_a_transaction_that_outlasts_the_hand_over_is_still_heard_of(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(handing_over, "HAND_OVER_LIMIT", 0.01)
    desk = Desk([rubbish(0), Fetched(P1, [], 4)])
    desk.letters.hold = asyncio.Event()
    await desk.assign(P0, P1)
    await desk.rounds()
    with structlog.testing.capture_logs() as lines:
        assert await desk.rebalancing.revoked([P0]) == {}, "whether the letter is written is in doubt"
    assert _warnings(lines) == [NO_ANSWER_TO_THE_COMMIT]
    assert desk.engine.components.ledger.under_way is not None
    desk.letters.hold.set()
    await desk.settled()
    desk.engine.ended(P1, 9, desk.pulse.clock())
    await until(lambda: desk.order() is not None)  # after the quiet time between two commits
    await desk.settled()
    assert desk.position(P1) == 9


async def test_letters_that_a_hand_over_had_no_time_to_write_are_written_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(handing_over, "HAND_OVER_LIMIT", 0.01)
    desk = Desk([rubbish(0), Fetched(P1, [], 4)])
    await desk.assign(P0, P1)
    await desk.rounds()
    group_metadata = desk.source.group_metadata

    async def hang() -> bytes:
        await asyncio.Event().wait()
        return b""

    desk.source.group_metadata = hang  # type: ignore[method-assign]  # a consumer that is busy elsewhere
    await desk.rebalancing.revoked([P1])
    desk.source.group_metadata = group_metadata  # type: ignore[method-assign]
    assert not desk.consuming.writing.busy
    desk.order()
    await desk.settled()
    assert [letter.record.offset() for letter in desk.letters.written] == [0]
    assert desk.position(P0) == 1


async def test_a_commit_that_is_cut_off_by_a_hand_over_s_end_is_made_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(handing_over, "HAND_OVER_LIMIT", 0.01)
    desk = Desk([Fetched(P0, [], 4), Fetched(P1, [], 4)])
    await desk.assign(P0, P1)
    await desk.rounds()
    commit = desk.source.commit

    async def hang(positions: Mapping[TopicPartition, Position]) -> None:
        assert positions
        await asyncio.Event().wait()

    desk.source.commit = hang  # type: ignore[method-assign]  # a broker that does not answer
    with structlog.testing.capture_logs() as lines:
        positions = await desk.rebalancing.revoked([P0])
    assert _warnings(lines) == [NO_ANSWER_TO_THE_COMMIT]
    assert positions[P0].offset == 4
    desk.source.commit = commit  # type: ignore[method-assign]  # it does again
    assert desk.engine.components.ledger.under_way is None
    assert desk.engine.assignments[P1].dirty


async def test_a_commit_that_was_ordered_before_partitions_were_lost_is_not_made() -> None:
    desk = Desk([rubbish(0)])
    await desk.assign(P0)
    await desk.rounds()
    assert desk.order() is not None
    desk.rebalancing.lost([P0])
    await desk.rounds(3)
    assert desk.letters.written == []
    assert desk.source.commits == 0
    assert desk.engine.components.ledger.under_way is None


async def test_a_pause_that_was_ordered_before_a_partition_came_back_does_not_hold_it_up() -> None:
    desk = Desk()
    await desk.assign(P0, P1)
    desk.consuming.pause_or_resume(Pause([P0, P1]))
    desk.rebalancing.lost([P0])
    await desk.assign(P0)
    await desk.rounds()
    assert desk.source.paused == {P1}


async def test_each_rebalance_is_counted() -> None:
    desk = Desk()
    await desk.assign(P0)
    await desk.rebalancing.revoked([P0])
    await desk.assign(P0)
    desk.rebalancing.lost([P0])
    assert desk.rebalancing.rebalances == 4


async def test_a_flush_that_fails_leaves_the_rest_to_the_next_owner() -> None:
    desk = Desk([rubbish(0)])
    desk.letters.failures = [LettersUnwritable("unavailable", "no")]
    await desk.assign(P0)
    await desk.rounds()
    assert await desk.rebalancing.revoked([P0]) == {}
    assert desk.letters.written == []
    assert desk.position() == -1


async def test_a_hand_over_does_not_try_a_fenced_transaction_without_letters_again_and_again() -> None:
    desk = Desk([Fetched(P0, [], 7)])
    await desk.assign(P0)
    await desk.rounds()
    desk.letters.doubtful = True
    desk.letters.failures = [Fenced("group", "the generation is old")] * 50
    assert await desk.rebalancing.revoked([P0]) == {P0: Position(7, "")}
    assert len(desk.letters.proofs) == 1
    assert desk.consuming.writing.failures == 0, "no letter was to be written"
    assert not desk.consuming.writing.completing.due, "the next one has to wait"


async def test_who_lost_its_transactional_id_hands_over_without_one_more_transaction() -> None:
    """It would open another producer, and so shut out the process that has its id now."""
    desk = Desk([Fetched(P0, [], 7), rubbish(7)])
    await desk.assign(P0)
    await desk.rounds()
    desk.letters.failures = [Fenced("producer", "a newer one")] * 50
    desk.order()
    await desk.settled()
    await desk.rounds(3)
    assert await desk.rebalancing.revoked([P0]) == {P0: Position(7, "")}, "the letter is the next owner's"
    assert len(desk.letters.proofs) == 1


async def test_who_lost_its_transactional_id_while_it_committed_hands_over_no_position() -> None:
    """That transaction may be committed: older positions would have its letters written again."""
    desk = Desk([Fetched(P0, [], 7), rubbish(7)])
    await desk.assign(P0)
    await desk.rounds()
    desk.letters.failures = [Fenced("producer", "a newer one")]
    desk.letters.doubtful = True
    desk.order()
    await desk.settled()
    again = desk.engine.flush(desk.pulse.clock())
    assert again is not None
    desk.consuming.commit(again)
    await desk.rounds(3)
    assert await desk.rebalancing.revoked([P0]) == {}
    assert (len(desk.letters.proofs), desk.source.commits) == (1, 0)


async def test_a_flush_without_transactions_commits_what_was_written() -> None:
    desk = Desk([rubbish(0)], exactly_once=False)
    await desk.assign(P0)
    await desk.rounds()
    await desk.rebalancing.revoked([P0])
    assert len(desk.letters.written) == 1
    assert desk.position() == 1


async def test_a_job_that_ends_while_it_is_handed_over_is_in_the_last_commit() -> None:
    desk = Desk([fetched(0, 1)])
    await desk.assign(P0)
    await desk.rounds()
    desk.order()
    (batch,) = desk.engine.components.dispatch.posting.values()
    now = desk.pulse.clock()
    desk.engine.posted(batch, Accepted("request-1"), now)
    (job,) = desk.engine.components.tracking.jobs.values()
    report = JobReport(JobState.COMPLETED, "Completed", 100, [Row("d0", status="done")])
    desk.engine.polled(job, report, now, now)
    await desk.rebalancing.revoked([P0])
    assert desk.source.committed[P0] == Position(1, "")
