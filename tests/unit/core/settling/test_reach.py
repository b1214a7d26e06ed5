"""What a checkpoint remembers where there is not room for everything, and what may be submitted then."""

from __future__ import annotations

import random
import uuid
from collections import Counter

import pytest

from connector.answers import Accepted, JobReport
from connector.core.assigned.assignment import Assignment
from connector.core.assigned.job_slice import JobSlice
from connector.core.batching.batch import Batch
from connector.core.following.job import Job
from connector.core.limits import Limits
from connector.core.queueing.coalesce import merge
from connector.core.reading.event import Event
from connector.core.remembering import checkpoint
from connector.core.settling.reach import AMPLE_SHARE, FULL_SHARE, JOB_TAKES, RUN_TAKES, Reach
from connector.model import Endpoint
from tests.strength import in_full
from tests.unit.core.builders import NOW, P0, P1, all_done, devices, limits, tags, unfinished
from tests.unit.core.driving import Drive

METADATA = 255


def a_job(offsets: tuple[int, ...], request_id: str | None = None) -> JobSlice:
    request_id = request_id or str(uuid.UUID(int=random.Random(offsets[0]).getrandbits(128), version=4))
    return JobSlice(request_id, Endpoint.TAGS, "", NOW, offsets)


def crowded(
    letters_until: int, *, jobs: int = 40, settled: tuple[int, ...] = (1, 99)
) -> checkpoint.Checkpoint:
    """What is remembered of a partition with more jobs than there is room for, and a letter at offset 99."""
    assignment = Assignment(P0, 0)
    assignment.offsets.received(range(100), [0] * 100)
    assignment.offsets.settle(settled)
    for serial in range(jobs):
        assignment.slices[serial] = a_job((2 * serial, 2 * serial + 1), f"request-{serial}")
    assignment.letters_until = letters_until
    position = Reach(limits(max_metadata=METADATA)).position(assignment)
    assert position.offset == 0
    known = checkpoint.decode(position.metadata, 0)
    assert known is not None
    return known


def test_rather_than_a_letter_a_checkpoint_forgets_jobs_as_few_as_that_takes() -> None:
    known = crowded(letters_until=100)
    assert known.settled == bytes(offset in {1, 99} for offset in range(100))
    assert 20 < len(known.jobs) < 40


def test_the_jobs_that_it_forgets_first_are_the_largest() -> None:
    assignment = Assignment(P0, 0)
    assignment.offsets.received(range(4000), [0] * 4000)
    assignment.offsets.settle([3999])
    assignment.slices[1] = a_job((0, 1, 2))
    assignment.slices[2] = a_job(tuple(sorted(random.Random(7).sample(range(3, 3998), 900))))
    assignment.slices[3] = a_job((3998,))
    assignment.letters_until = 4000
    known = checkpoint.decode(Reach(limits(max_metadata=METADATA)).position(assignment).metadata, 0)
    assert known is not None
    assert [job.offsets for job in known.jobs] == [(0, 1, 2), (3998,)]
    assert known.settled[3999]


def test_a_checkpoint_keeps_the_jobs_that_fit_if_it_remembers_every_letter() -> None:
    known = crowded(letters_until=2)
    assert 0 < len(known.jobs) < 40
    assert known.settled == b"\0\1"
    end = known.jobs[-1].offsets[-1] + 1
    assert crowded(letters_until=end).jobs == known.jobs
    assert crowded(letters_until=end + 1).jobs != known.jobs


def test_a_checkpoint_with_room_for_everything_keeps_its_jobs_though_a_letter_was_not_written() -> None:
    known = crowded(letters_until=100, jobs=2, settled=(1,))
    assert [job.offsets for job in known.jobs] == [(0,), (2, 3)]


# -- what may be submitted ---------------------------------------------------------------------------


def an_assignment(count: int = 100, *, room: float | None = None, reach: int | None = None) -> Assignment:
    """A partition with so many unsettled records, of which an unfinished job has the first."""
    assignment = Assignment(P0, 0)
    assignment.offsets.received(range(count), [0] * count)
    assignment.slices[0] = a_job((0,))
    assignment.room, assignment.submit_below = room, reach
    return assignment


def events(assignment: Assignment, *offsets: int) -> list[Event]:
    made = [tags(offset, f"d{offset}") for offset in offsets]
    for event in made:
        event.assignment, event.bound_to = assignment, 7
    return made


def offsets(found: list[Event]) -> list[int]:
    return [event.offset for event in found]


def reach(**changed: int) -> Reach:
    return Reach(limits(**changed))


def test_where_there_is_plenty_of_room_everything_may_go() -> None:
    assignment = an_assignment()
    some = events(assignment, 5, 3, 90)
    assert reach().within(some) is some


def test_what_would_not_fit_is_left_out_the_highest_offsets_first() -> None:
    assignment = an_assignment(room=JOB_TAKES + 2 * RUN_TAKES + 0.01)
    found = reach().within(events(assignment, 50, 40, 20, 21, 22, 30))
    assert offsets(found) == [20, 21, 22, 30]
    assert assignment.room == pytest.approx(0.01)


def test_a_small_part_of_a_batch_waits_where_other_jobs_will_make_room() -> None:
    assignment = an_assignment(room=JOB_TAKES + 4.5 * RUN_TAKES)
    assignment.slices[1] = a_job((1,))
    some = events(assignment, *range(2, 42, 2))
    assert len(reach(max_devices=24).within(some)) == 4
    assignment.room = JOB_TAKES + 4.5 * RUN_TAKES
    assert reach(max_devices=30).within(some) == []
    assert assignment.room == JOB_TAKES + 4.5 * RUN_TAKES
    assert len(reach(max_devices=30).within(some[:3])) == 3, "that is all there is"
    assignment.room = JOB_TAKES + 4.5 * RUN_TAKES
    del assignment.slices[1]
    assert len(reach(max_devices=30).within(some)) == 4, "one job may be stuck"


def test_neighbours_take_the_room_of_one() -> None:
    assignment = an_assignment(room=JOB_TAKES + RUN_TAKES)
    assert offsets(reach().within(events(assignment, *range(20, 90)))) == [*range(20, 90)]


def test_each_job_takes_room_and_a_long_request_id_more() -> None:
    assignment = an_assignment(room=JOB_TAKES + 9 * RUN_TAKES)
    assert len(reach().within(events(assignment, 20))) == 1
    assert assignment.room == pytest.approx(8 * RUN_TAKES)
    assert reach().within(events(assignment, 30)) == []
    long = an_assignment(room=JOB_TAKES + 9 * RUN_TAKES)
    long.slices[1] = a_job((1,), "f" * 300)
    assert reach().within(events(long, 20)) == []


def test_a_merged_update_takes_room_for_each_of_its_events() -> None:
    assignment = an_assignment(room=JOB_TAKES + 2 * RUN_TAKES)
    head, second, third = (tags(at, "A", values={"t": at}) for at in (20, 40, 60))
    assert merge(head, second, 1000)
    assert merge(head, third, 1000)
    head.assignment = second.assignment = third.assignment = assignment
    assert reach().within([head]) == []
    assignment.room = JOB_TAKES + 3 * RUN_TAKES
    assert reach().within([head]) == [head]


def test_a_merged_update_takes_room_in_each_partition_that_it_has_records_of() -> None:
    assignment, other, roomy = an_assignment(room=100.0), an_assignment(room=100.0), an_assignment()
    head, *rest = (tags(at, "A", values={"t": at}) for at in (20, 40, 60, 80))
    for event, its_own in zip([head, *rest], [assignment, other, other, roomy], strict=True):
        event.assignment = its_own
        assert event is head or merge(head, event, 1000)
    assert reach().within([head]) == [head]
    assert other.room == pytest.approx(100 - 2 * RUN_TAKES)
    assert roomy.room is None
    reach().reserve(other, [head])
    assert other.room == pytest.approx(100 - 4 * RUN_TAKES - JOB_TAKES)


def test_where_no_job_is_unfinished_a_few_of_the_lowest_go_though_there_is_no_room() -> None:
    assignment = an_assignment(room=0.0, reach=5)
    some = events(assignment, *range(0, 60, 2))
    assert reach(max_devices=24).within(some) == []
    assignment.slices.clear()
    assert offsets(reach(max_devices=24).within(some)) == [0, 2, 4, 6]
    assert offsets(reach(max_devices=1).within(some)) == [0]
    assert reach(max_devices=1).within(some[1:]) == [], "not what is far from the lowest"


def test_other_partitions_do_not_wait_for_the_room_of_one() -> None:
    assignment, other, gone = an_assignment(room=0.0), an_assignment(), an_assignment(room=0.0)
    gone.live = False
    some = [*events(assignment, 20), *events(other, 20), *events(gone, 20)]
    assert reach().within(some) == some[1:]


def test_those_that_wait_come_back_the_lowest_first_and_no_more_than_a_batch() -> None:
    assignment = an_assignment(room=100.0)
    waiting = events(assignment, *range(80, 20, -1))
    assert offsets(reach(max_devices=10).ready(assignment, waiting)) == [*range(21, 31)]
    assignment.submit_below = 23
    assert offsets(reach(max_devices=10).ready(assignment, waiting)) == [21, 22]
    assignment.submit_below = 21
    assert reach(max_devices=10).ready(assignment, waiting) == []
    assignment.room = assignment.submit_below = None
    assert len(reach(max_devices=10).ready(assignment, waiting)) == 60


def test_a_request_on_its_way_has_its_room_already() -> None:
    assignment = an_assignment(room=100.0)
    other = an_assignment()
    reach().reserve(assignment, [*events(assignment, 30, 20, 21), *events(other, 50)])
    assert assignment.room == pytest.approx(100 - JOB_TAKES - 2 * RUN_TAKES)
    reach().reserve(assignment, events(other, 50))
    reach().reserve(other, events(other, 50))
    assert assignment.room == pytest.approx(100 - JOB_TAKES - 2 * RUN_TAKES)
    assert other.room is None


def test_a_commit_leaves_the_room_of_requests_that_are_still_on_their_way() -> None:
    drive = Drive(limits(max_metadata=200))
    drive.assign()
    drive.let_many_go()
    drive.read(*devices(range(0, 400, 20)))
    drive.plan()
    first, second = drive.submits
    drive.committed()
    drive.posted(first, Accepted(random.Random(7).randbytes(60).hex()))
    drive.wait_for(lambda: drive.commit is not None)
    assert drive.commit is not None
    assignment = drive.engine.assignments[P0]
    assert assignment.room is not None
    left = FULL_SHARE * 200 - len(drive.commit.positions[P0].metadata)
    assert assignment.room < left - JOB_TAKES - RUN_TAKES * (len(second.batch.events) - 1)


def test_the_room_is_what_the_checkpoint_leaves_of_the_metadata() -> None:
    assignment = an_assignment(4000)
    bounds = reach(max_metadata=1000)
    bounds.position_and_bounds(assignment)
    assert (assignment.room, assignment.submit_below) == (None, None), "plenty"
    assignment.slices[1] = a_job(tuple(sorted(random.Random(7).sample(range(1, 4000), 300))))
    size = len(bounds.position_and_bounds(assignment).metadata)
    assert AMPLE_SHARE * 1000 < size < 1000
    assert assignment.room == FULL_SHARE * 1000 - size
    assert assignment.submit_below is None
    others = sorted({*range(1, 4000)} - {*assignment.slices[1].offsets})
    assignment.slices[2] = a_job(tuple(sorted(random.Random(7).sample(others, 1500))))
    position = bounds.position_and_bounds(assignment)
    assert assignment.room == 0
    remembered = checkpoint.decode(position.metadata, 0)
    assert remembered is not None
    assert assignment.submit_below == max(*(job.offsets[-1] + 1 for job in remembered.jobs), 10)


@pytest.mark.parametrize("devices_at_once", [100, *([20] if in_full() else [])])
def test_of_random_devices_in_many_jobs_hardly_any_are_forgotten(devices_at_once: int) -> None:
    """Stragglers strewn everywhere, where the rule of the longest prefix alone forgot thousands."""
    bounds = Limits(max_devices=devices_at_once, max_in_flight=16, max_metadata=600, linger=0.0)
    drive = Drive(bounds)
    drive.assign(P0)
    drive.assign(P1)
    dice = random.Random(1)
    for at in range(3000):
        for place in (P0, P1):
            drive.read(tags(at, f"{place.partition}-{dice.randrange(600)}", partition=place), partition=place)

    figures = Counter[str]()

    def look(_: Batch) -> None:
        for assignment in drive.engine.assignments.values():
            position = drive.engine.components.reach.position(assignment)
            known = checkpoint.decode(position.metadata, position.offset)
            remembered = {offset for job in known.jobs for offset in job.offsets} if known else set()
            settled = {at for at, flag in enumerate(assignment.offsets.window(), position.offset) if flag}
            submitted = {
                at for part in assignment.slices.values() for at in part.offsets if at >= position.offset
            }
            figures["submitted"] += len(submitted - settled)
            figures["forgotten"] += len(submitted - settled - remembered)

    def poll(job: Job) -> JobReport:
        return unfinished() if dice.random() < 0.7 else all_done(job.events)

    drive.run(look, poll)
    assert drive.position(P0) == drive.position(P1) == 3000
    assert figures["submitted"] > 4000
    assert figures["forgotten"] < figures["submitted"] / 40


def test_nothing_of_this_is_asked_of_partitions_with_room() -> None:
    drive = Drive()
    drive.assign()
    drive.read(*devices(range(30)))
    drive.run()
    assert not drive.engine.assignments[P0].bounded
