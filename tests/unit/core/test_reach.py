"""What a checkpoint remembers where there is not room for everything."""

from __future__ import annotations

from connector.core import checkpoint
from connector.core.assignment import Assignment
from connector.core.reach import Reach
from connector.model import Endpoint
from tests.unit.core.builders import NOW, P0, limits

METADATA = 255


def crowded(
    letters_until: int, *, jobs: int = 40, settled: tuple[int, ...] = (1, 99)
) -> checkpoint.Checkpoint:
    """What is remembered of a partition with more jobs than there is room for, and a letter at offset 99."""
    home = Assignment(P0, 0)
    home.offsets.received(range(100), [0] * 100)
    home.offsets.settle(settled)
    for serial in range(jobs):
        offsets = (2 * serial, 2 * serial + 1)
        home.slices[serial] = checkpoint.JobSlice(f"request-{serial}", Endpoint.TAGS, "", NOW, offsets)
    home.letters_until = letters_until
    position = Reach(limits(max_metadata=METADATA)).position(home)
    assert position.offset == 0
    known = checkpoint.decode(position.metadata, 0)
    assert known is not None
    return known


def test_rather_than_a_letter_a_checkpoint_forgets_its_jobs() -> None:
    known = crowded(letters_until=100)
    assert known.jobs == []
    assert known.settled == bytes(offset in {1, 99} for offset in range(100))


def test_where_no_letter_is_beyond_what_it_remembers_a_checkpoint_keeps_the_jobs_that_fit() -> None:
    known = crowded(letters_until=2)
    assert 0 < len(known.jobs) < 40
    assert known.settled == b"\0\1"
    end = known.jobs[-1].offsets[-1] + 1
    assert crowded(letters_until=end).jobs == known.jobs
    assert crowded(letters_until=end + 1).jobs == []


def test_a_checkpoint_with_room_for_everything_keeps_its_jobs_though_a_letter_was_not_written() -> None:
    known = crowded(letters_until=100, jobs=2, settled=(1,))
    assert [job.offsets for job in known.jobs] == [(0,), (2, 3)]
