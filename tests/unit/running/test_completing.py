"""When the last transaction may be incomplete: one more completes it, or it is undone."""

from __future__ import annotations

import pytest

from connector.kafka.letters.unwritable import LettersUnwritable
from tests.unit.core.builders import P0, P1
from tests.unit.fakes import until
from tests.unit.running.consuming_desk import Desk


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


async def test_positions_are_committed_plainly_while_the_transaction_that_would_end_a_doubt_fails(
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
    await desk.rebalancing.revoked([P0])
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
