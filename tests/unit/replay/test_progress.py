"""What one run sent, the next one knows."""

from __future__ import annotations

import random

from connector.model import Position
from connector.replay.progress import Progress
from tests.unit.replay.letters import DEAD


def opened(start: int = 0, end: int = 100, committed: Position | None = None) -> Progress:
    progress = Progress({DEAD: start}, {DEAD: end}, {DEAD: committed} if committed else {})
    first = max(start, committed.offset) if committed and committed.offset <= end else start
    progress.received(DEAD, range(first, end))
    return progress


def test_what_one_run_sent_the_next_one_knows() -> None:
    first = opened()
    first.done([(DEAD, 0), (DEAD, 1), (DEAD, 7), (DEAD, 50)])
    position = first.positions([DEAD])[DEAD]

    second = opened(committed=position)

    assert position.offset == 2
    assert [offset for offset in range(100) if second.is_done((DEAD, offset))] == [0, 1, 7, 50]


def test_what_came_to_nothing_is_taken_back() -> None:
    progress = opened()
    before = progress.positions([DEAD])
    progress.done([(DEAD, 0), (DEAD, 9)])
    progress.undo([(DEAD, 0), (DEAD, 9)])

    assert progress.positions([DEAD]) == before
    assert not progress.is_done((DEAD, 9))


def test_letters_that_were_deleted_meanwhile_are_no_obstacle() -> None:
    first = opened()
    first.done([(DEAD, 3), (DEAD, 60)])

    second = opened(start=50, committed=first.positions([DEAD])[DEAD])

    assert second.is_done((DEAD, 60))
    assert not second.is_done((DEAD, 61))


def test_a_position_beyond_the_end_is_about_another_topic() -> None:
    progress = opened(end=10, committed=Position(500, ""))

    assert progress.foreign == [DEAD]
    assert not progress.is_done((DEAD, 3))


def test_foreign_metadata_is_no_knowledge() -> None:
    progress = opened(committed=Position(5, "somebody else's"))

    assert progress.is_done((DEAD, 4))
    assert not progress.is_done((DEAD, 5))


def test_it_says_when_a_text_cannot_hold_everything() -> None:
    progress = opened(end=120_000)
    progress.done((DEAD, offset) for offset in random.Random(1).sample(range(1, 120_000), 60_000))
    progress.positions([DEAD])

    assert progress.forgets


def test_what_was_refused_again_the_next_run_knows_until_it_is_sent() -> None:
    first = opened()
    first.done([(DEAD, 0), (DEAD, 3)])
    first.refused([(DEAD, 1), (DEAD, 50)], "api")
    first.refused([(DEAD, 2)], "source")
    position = first.positions([DEAD])[DEAD]

    second = opened(committed=position)
    assert [offset for offset in range(100) if second.was_refused((DEAD, offset), "api")] == [1, 50]
    assert [offset for offset in range(100) if second.was_refused((DEAD, offset), "source")] == [2]
    assert [offset for offset in range(100) if second.is_done((DEAD, offset))] == [0, 3]

    second.done([(DEAD, 1), (DEAD, 2)])
    third = opened(committed=second.positions([DEAD])[DEAD])
    assert third.is_done((DEAD, 3))
    assert [offset for offset in range(100) if third.was_refused((DEAD, offset), "api")] == [50]
