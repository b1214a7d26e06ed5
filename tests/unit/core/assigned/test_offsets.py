"""Unsettled offsets: what is safe to commit."""

from __future__ import annotations

import sys

import pytest

from connector.core.assigned import offsets as module
from connector.core.assigned.offsets import WINDOW_LIMIT, Offsets


def run(offsets: Offsets, *numbers: int) -> None:
    offsets.received(numbers, [number * 10 for number in numbers])


def read(start: int, end: int) -> Offsets:
    offsets = Offsets(start)
    run(offsets, *range(start, end))
    return offsets


def test_nothing_received_is_safe_at_the_start() -> None:
    offsets = Offsets(7)
    assert (offsets.safe(), offsets.next, offsets.unsettled(), offsets.window()) == (7, 7, 0, b"")
    assert offsets.oldest_timestamp() is None


def test_the_lowest_unsettled_offset_holds_the_position() -> None:
    offsets = read(0, 10)
    offsets.settle([0, 1, 3, 4, 9])
    assert offsets.safe() == 2
    assert offsets.window() == bytes([0, 1, 1, 0, 0, 0, 0, 1])
    assert offsets.settled_beyond() == 3
    assert offsets.unsettled() == 5
    assert offsets.oldest_timestamp() == 20


def test_when_all_is_settled_the_next_offset_is_safe() -> None:
    offsets = read(5, 8)
    offsets.settle(iter([7, 5, 6]))
    assert offsets.safe() == 8
    assert offsets.oldest_timestamp() is None


def test_settling_again_changes_nothing() -> None:
    offsets = read(0, 4)
    offsets.settle([1, 1, 1])
    offsets.settle([1])
    assert offsets.unsettled() == 3


def test_a_gap_inside_a_batch_is_settled_and_does_not_hold_the_position() -> None:
    offsets = Offsets(0)
    run(offsets, 2, 5)
    assert offsets.safe() == 2
    offsets.settle([2])
    assert offsets.safe() == 5
    offsets.settle([5])
    assert offsets.safe() == 6


@pytest.mark.parametrize("there", [(0, 2), (1, 2), (0, 1, 3)])
def test_a_single_missing_offset_is_settled_and_shifts_no_other(there: tuple[int, ...]) -> None:
    offsets = Offsets(0)
    run(offsets, *there)
    assert (offsets.unsettled(), offsets.next) == (len(there), there[-1] + 1)
    for offset in there:
        assert (offsets.safe(), offsets.oldest_timestamp()) == (offset, offset * 10)
        offsets.settle([offset])


def test_a_topic_that_ends_in_a_marker_is_safe_up_to_its_end() -> None:
    offsets = read(0, 3)
    offsets.ended(4)
    offsets.settle([0, 1, 2])
    assert offsets.safe() == offsets.next == 4


def test_an_end_that_was_passed_already_does_nothing() -> None:
    offsets = read(0, 3)
    offsets.ended(2)
    assert offsets.next == 3


def test_records_read_again_are_ignored() -> None:
    offsets = read(0, 3)
    offsets.settle([0, 1, 2])
    run(offsets, 1, 2, 3)
    assert (offsets.safe(), offsets.unsettled()) == (3, 1)
    run(offsets, 0, 1)
    assert offsets.next == 4


def test_what_the_checkpoint_knew_is_settled_before_and_after_it_is_read_again() -> None:
    offsets = Offsets(10, bytes([0, 1, 1, 0, 1]))
    assert [offsets.is_settled(offset) for offset in range(10, 16)] == [False, True, True, False, True, False]
    assert offsets.window() == bytes([0, 1, 1, 0, 1])
    assert offsets.settled_beyond() == 3
    run(offsets, 10, 11)
    assert (offsets.unsettled(), offsets.settled_beyond()) == (1, 3)
    run(offsets, 12, 13, 14, 15)
    assert offsets.window() == bytes([0, 1, 1, 0, 1])
    offsets.settle([10])
    assert offsets.safe() == 13


def test_an_aborted_transaction_makes_its_offsets_unsettled_again() -> None:
    offsets = read(0, 5)
    offsets.settle([0, 1, 2])
    assert offsets.safe() == 3
    offsets.unsettle([1, 1])
    assert (offsets.safe(), offsets.unsettled()) == (1, 3)
    offsets.unsettle([3])
    assert offsets.unsettled() == 3


def test_a_committed_offset_cannot_be_taken_back() -> None:
    offsets = read(0, 10_000)
    offsets.settle(range(9_000))
    offsets.committed(9_000)
    with pytest.raises(LookupError, match="8000"):
        offsets.unsettle([9_500, 8_000])
    with pytest.raises(LookupError, match="10000"):
        offsets.unsettle([10_000])
    assert offsets.safe() == 9_000


def test_settling_what_was_never_received_is_an_error_and_changes_nothing() -> None:
    offsets = read(0, 3)
    with pytest.raises(LookupError, match="offset 3 isn't received yet"):
        offsets.settle([0, 3])
    assert offsets.unsettled() == 3
    offsets.settle([])


def test_settling_late_what_was_committed_and_trimmed_hits_no_other_offset() -> None:
    offsets = read(0, 10_000)
    offsets.settle(range(9_000))
    offsets.committed(9_000)
    offsets.settle([0, 8_999, 8_000, 9_001])
    assert (offsets.safe(), offsets.unsettled()) == (9_000, 999)


@pytest.mark.parametrize("order", [1, -1])
def test_a_run_settles_its_offsets_and_no_others_though_some_were_settled_before(order: int) -> None:
    offsets = read(5, 30)
    offsets.settle([9, 10, 12])
    offsets.settle(range(8, 14)[::order])
    assert [offset for offset in range(5, 30) if offsets.is_settled(offset)] == [8, 9, 10, 11, 12, 13]
    assert offsets.unsettled() == 25 - 6
    assert len(offsets.window()) == 14 - 5


def test_a_run_with_an_offset_twice_settles_all_of_it() -> None:
    offsets = read(0, 6)
    offsets.settle([1, 2, 2, 3])
    assert offsets.unsettled() == 3
    assert offsets.window() == bytes([0, 1, 1, 1])


def test_a_run_that_begins_with_the_first_offset_left_of_a_trimmed_map_settles_that_too() -> None:
    offsets = read(0, 10_000)
    offsets.settle(range(9_000))
    offsets.committed(9_000)
    offsets.settle([9_000, 9_001])
    assert (offsets.safe(), offsets.unsettled()) == (9_002, 998)
    offsets.settle(range(9_999, 9_997, -1))
    assert (offsets.safe(), offsets.unsettled()) == (9_002, 996)


def test_a_run_in_parts_behind_a_long_gap_settles_what_exists() -> None:
    far = 10**7
    offsets = read(0, 3)
    run(offsets, far, far + 1, far + 2)
    offsets.settle([far, far + 1])
    offsets.settle([2, far - 5, far - 4])
    assert (offsets.safe(), offsets.unsettled()) == (0, 3)
    assert [offsets.is_settled(offset) for offset in (0, 1, 2, far, far + 1, far + 2)] == [
        *(False, False, True),
        *(True, True, False),
    ]


def test_a_commit_never_forgets_an_unsettled_offset() -> None:
    offsets = read(0, 10_000)
    offsets.settle(range(6_000))
    offsets.committed(10_000)
    assert (offsets.safe(), offsets.unsettled()) == (6_000, 4_000)


def test_memory_is_given_back_as_positions_are_committed() -> None:
    offsets = Offsets(0)
    for start in range(0, 1_000_000, 1_000):
        run(offsets, *range(start, start + 1_000))
        offsets.settle(range(start, start + 1_000))
        offsets.committed(offsets.safe())
    assert offsets.safe() == 1_000_000
    assert sys.getsizeof(offsets._flags) + sys.getsizeof(offsets._times) < 200_000


def test_a_gap_of_a_billion_takes_no_memory() -> None:
    offsets = read(0, 100)
    offsets.settle(range(1, 100))
    far = 10**9
    run(offsets, far, far + 2)
    offsets.ended(3 * far)
    assert sys.getsizeof(offsets._flags) + sys.getsizeof(offsets._times) < 10_000
    assert offsets.safe() == 0
    assert offsets.next == 3 * far
    assert offsets.unsettled() == 3
    assert offsets.settled_beyond() == 3 * far - 3
    assert offsets.is_settled(far - 1)
    assert not offsets.is_settled(far)
    assert offsets.window() == b"\0" + b"\1" * (WINDOW_LIMIT - 1)
    offsets.settle([0, far + 2, 5])
    assert offsets.safe() == far
    assert offsets.window()[:4] == bytes([0, 1, 1, 1])
    offsets.settle([far])
    assert offsets.safe() == 3 * far


def test_the_window_goes_on_behind_each_of_several_long_gaps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONG_GAP", 5)
    offsets = Offsets(0)
    for first, length in ((0, 2), (10, 3), (23, 1), (40, 4)):
        run(offsets, *range(first, first + length))
    assert len(offsets._starts) == 4
    there = {0, 1, 10, 11, 12, 23, 40, 41, 42, 43}
    for settled in ([], [1], [0, 1, 11], [10, 12], [23, 41]):
        offsets.settle(settled)
        there -= {*settled}
        safe = offsets.safe()
        assert safe == min(there)
        assert offsets.window() == bytes(offset not in there for offset in range(safe, 44)).rstrip(b"\0")
        assert offsets.settled_beyond() == 44 - safe - len(there)


@pytest.mark.parametrize("long_at", [8, 36])
@pytest.mark.parametrize("limit", range(1, 60))
def test_the_window_is_cut_at_its_limit_and_nowhere_before(
    limit: int, long_at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LONG_GAP", 5)
    monkeypatch.setattr(module, "WINDOW_LIMIT", limit)
    offsets = Offsets(0)
    there = [0, 8, 36, *range(long_at, long_at + 20), 62, 68]
    for offset in sorted({*there}):
        run(offsets, offset)
    whole = bytes(offset not in there for offset in range(69))
    assert offsets.window() == whole[:limit].rstrip(b"\0")


def test_one_batch_may_have_several_long_gaps_in_it() -> None:
    far = 10**7
    there = [0, 1, far, far + 2, 3 * far, 3 * far + 1]
    offsets = Offsets(0, b"\0\1")
    run(offsets, *there)
    assert sys.getsizeof(offsets._flags) + sys.getsizeof(offsets._times) < 10_000
    assert offsets.unsettled() == 5
    for offset in (0, far, far + 2, 3 * far, 3 * far + 1):
        assert (offsets.safe(), offsets.oldest_timestamp()) == (offset, offset * 10)
        offsets.settle([offset])
    assert offsets.safe() == offsets.next == 3 * far + 2


def test_long_gaps_with_nothing_between_them_are_one() -> None:
    far = 10**7
    offsets = read(0, 3)
    run(offsets, far, far + 1)
    for end in (2 * far, 3 * far, 4 * far):
        offsets.ended(end)
    run(offsets, 4 * far, 4 * far + 1)
    assert len(offsets._starts) == 3
    there = [0, 1, 2, far, far + 1, 4 * far, 4 * far + 1]
    assert not any(offsets.is_settled(offset) for offset in there)
    assert all(offsets.is_settled(offset) for offset in (3, far - 1, far + 2, 2 * far, 4 * far - 1))
    for offset in there:
        assert offsets.safe() == offset
        offsets.settle([offset])
    assert offsets.safe() == 4 * far + 2


def test_many_long_gaps_are_forgotten_as_they_are_committed() -> None:
    offsets = Offsets(0)
    for number in range(0, 20_000 * 10**6, 10**6):
        run(offsets, number)
        offsets.settle([number])
        offsets.committed(offsets.safe())
    assert len(offsets._starts) < 10_000


def test_an_offset_without_a_timestamp_is_an_error() -> None:
    with pytest.raises(ValueError, match="timestamps"):
        Offsets(0).received([0, 1], [5])
