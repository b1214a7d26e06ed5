"""Which partitions are paused, and when they are resumed."""

from __future__ import annotations

from connector.core.assigned.assignment import Assignment
from connector.core.assigned.job_slice import JobSlice
from connector.core.assigned.offsets import WINDOW_LIMIT
from connector.core.remembering.checkpoint import surely_covers
from connector.core.settling.pressure import MOST_AHEAD, Pressure
from connector.core.settling.reach import Reach
from connector.model import Endpoint, TopicPartition
from tests.unit.core.builders import NOW, P0, P1, UNDECODABLE, devices, limits, tags, unfinished
from tests.unit.core.driving import Drive


def under(**changed: int) -> Pressure:
    bounds = limits(**changed)
    return Pressure(bounds, Reach(bounds))


def assignment(number: int, events: int, size: int = 0) -> Assignment:
    found = Assignment(TopicPartition("t", number), 0)
    found.events_held, found.bytes_held = events, size
    return found


def test_all_partitions_are_paused_when_the_buffer_is_full_and_resumed_when_it_is_half_empty() -> None:
    pressure = under(max_events=100)
    one, other = assignment(0, 60), assignment(1, 40)
    assert pressure.full([one, other])
    assert pressure.change([one, other]) == ([one.partition, other.partition], [])
    one.events_held = 30
    assert pressure.change([one, other]) == ([], [])
    other.events_held = 20
    assert pressure.change([one, other]) == ([], [other.partition])
    one.events_held = 20
    assert pressure.change([one, other]) == ([], [one.partition])


def test_bytes_fill_the_buffer_as_events_do() -> None:
    pressure = under(max_event_bytes=1000)
    only = assignment(0, 1, 1000)
    assert pressure.change([only]) == ([only.partition], [])
    only.bytes_held = 400
    assert pressure.change([only]) == ([], [only.partition])


def test_one_partition_must_not_starve_the_others() -> None:
    pressure = under(max_events=100)
    greedy, modest = assignment(0, 55), assignment(1, 5)
    assert pressure.change([greedy, modest]) == ([greedy.partition], [])
    assert not pressure.full([greedy, modest])


def test_below_half_a_buffer_nobody_is_paused() -> None:
    pressure = under(max_events=100)
    assert pressure.change([assignment(0, 50), assignment(1, 0)]) == ([], [])


def test_without_partitions_there_is_nothing_to_do() -> None:
    assert under().change([]) == ([], [])
    assert under().fetch_size([], 2000) == 2000


def test_a_full_buffer_leaves_each_partition_a_quarter_of_its_share() -> None:
    pressure = under(max_events=100)
    greedy, modest = assignment(0, 120), assignment(1, 12)
    assert pressure.change([greedy, modest]) == ([greedy.partition], [])
    modest.events_held = 13
    assert pressure.change([greedy, modest]) == ([modest.partition], [])
    modest.events_held = 7
    assert pressure.change([greedy, modest]) == ([], [])
    modest.events_held = 6
    assert pressure.change([greedy, modest]) == ([], [modest.partition])


def test_however_many_partitions_there_are_the_buffer_is_exceeded_by_half_at_most() -> None:
    pressure = under(max_events=1000)
    assignments = [assignment(number, 0) for number in range(20)]
    for greedy in assignments[:2]:
        greedy.events_held = 500
    pressure.change(assignments)
    for _ in range(100):
        for one in assignments:
            if not one.paused:
                one.events_held += pressure.fetch_size(assignments, 2000)
                pressure.change(assignments)
    assert 1200 < sum(one.events_held for one in assignments) <= 1500


def test_while_the_buffer_is_full_a_fetch_brings_a_quarter_of_a_share_by_events_or_by_bytes() -> None:
    assignments = [assignment(0, 100, 100_000), assignment(1, 0)]
    assert under(max_events=10_000).fetch_size(assignments, 2000) == 2000
    assert under(max_events=100).fetch_size(assignments, 2000) == 12
    assert under(max_events=100).fetch_size(assignments, 10) == 10
    assert under(max_events=100, max_event_bytes=40_000).fetch_size(assignments, 2000) == 5
    assert under(max_event_bytes=1000).fetch_size(assignments, 2000) == 1


def test_no_fetch_brings_more_than_half_a_buffer_above_the_bound() -> None:
    assert under(max_events=50).fetch_size([assignment(0, 0)], 4000) == 75
    assert under(max_events=50).fetch_size([assignment(0, 49)], 4000) == 26
    assert under(max_event_bytes=100_000).fetch_size([assignment(0, 50, 50_000)], 4000) == 100


def test_a_partition_is_paused_for_good_where_its_end_is_reached() -> None:
    drive = Drive()
    drive.assign(P0, until=3)
    drive.read(*devices(range(3)))
    drive.run()
    assert drive.paused == {P0}
    assert drive.engine.tally.partitions_paused == 0  # they count what the buffer had no room for


def test_reading_goes_on_and_off_as_jobs_end_and_counts_return_to_nought() -> None:
    drive = Drive(limits(max_events=20, max_devices=5, max_in_flight=2))
    drive.assign(P0)
    drive.assign(P1)
    drive.read(*devices(range(15)))
    drive.read(*[tags(at, f"p{at}", partition=P1) for at in range(10)])
    drive.plan()
    assert drive.paused == {P0, P1}
    drive.run()
    assert drive.paused == set()
    assert drive.engine.tally.partitions_paused == 2
    assert [(each.events_held, each.bytes_held) for each in drive.engine.assignments.values()] == [
        (0, 0),
        (0, 0),
    ]


def test_records_that_are_settled_as_they_are_read_do_not_run_away_from_one_that_is_stuck() -> None:
    drive = Drive()
    drive.assign()
    drive.read(*devices([0]))
    drive.run(poll=lambda _: unfinished(), seconds=5)
    drive.engine.ended(P0, MOST_AHEAD - 1, drive.now)
    drive.run(poll=lambda _: unfinished(), seconds=1)
    assert drive.paused == set()
    drive.read(None, at=MOST_AHEAD - 1)
    drive.run(poll=lambda _: unfinished(), seconds=1)
    assert drive.paused == {P0}
    drive.run()
    assert drive.paused == set()
    assert drive.position() == MOST_AHEAD < WINDOW_LIMIT


def test_a_partition_whose_checkpoint_fills_up_is_not_read_far_ahead_while_it_has_much_to_submit() -> None:
    pressure = under(max_events=1_000_000)
    near = surely_covers(4095) // 3
    only = assignment(0, near)
    only.offsets.received(range(near), [0] * near)
    assert pressure.change([only]) == ([], []), "there is plenty of room"
    only.room = 100.0
    assert pressure.change([only]) == ([only.partition], [])
    only.slices[1] = JobSlice("r", Endpoint.TAGS, "", NOW, range(near // 2 + 1))
    assert pressure.change([only]) == ([], [only.partition]), "most of it is in a job, which may be stuck"


def test_where_the_broker_takes_half_as_much_it_is_read_half_as_far_ahead() -> None:
    bounds = limits(max_devices=10)
    reach = Reach(bounds)
    pressure = Pressure(bounds, reach)
    reach.shorten()
    near = surely_covers(4095 // 2) // 3
    only = assignment(0, near)
    only.offsets.received(range(near), [0] * near)
    only.room = 100.0
    assert pressure.change([only]) == ([only.partition], [])


def test_records_of_adopted_jobs_are_read_however_far_ahead_they_are() -> None:
    pressure = under()
    adopted = assignment(0, 1)
    adopted.recall_until = 2 * WINDOW_LIMIT
    adopted.offsets.ended(adopted.recall_until - 1)
    assert pressure.change([adopted]) == ([], [])
    adopted.offsets.ended(adopted.recall_until)
    assert pressure.change([adopted]) == ([adopted.partition], [])


def test_letters_that_cannot_be_written_fill_the_buffer_too() -> None:
    drive = Drive(limits(max_events=20))
    drive.assign()
    drive.read(*[UNDECODABLE] * 20)
    for _ in range(10):
        drive.plan()
        drive.answer_but_letters()
        drive.later(60)
    assert drive.paused == {P0}
    drive.run()
    assert drive.paused == set()
    assert drive.engine.assignments[P0].events_held == 0


def test_records_without_a_size_fill_the_buffer_by_their_number() -> None:
    assignments = [assignment(0, 100), assignment(1, 0)]
    assert under(max_events=100).fetch_size(assignments, 2000) == 12
    assert under(max_events=100, max_event_bytes=40).fetch_size(assignments, 2000) == 5


def test_records_without_a_number_are_none_to_divide_by() -> None:
    assert under(max_event_bytes=1000).fetch_size([assignment(0, 0, 1000)], 2000) == 1


def test_an_engine_whose_buffer_is_full_asks_for_less_at_once() -> None:
    drive = Drive(limits(max_events=20))
    drive.assign()
    assert drive.engine.fetch_size(500) == 30
    drive.read(*devices(range(20)))
    assert drive.engine.full
    assert drive.engine.fetch_size(500) == 5


def test_where_batches_are_large_two_of_them_are_read_ahead_though_the_checkpoint_fills_up() -> None:
    pressure = under(max_events=1_000_000, max_devices=10_000)
    only = assignment(0, 19_999)
    only.offsets.received(range(19_999), [0] * 19_999)
    only.room = 100.0
    assert pressure.change([only]) == ([], [])
    only.events_held += 1
    only.offsets.received([19_999], [0])
    assert pressure.change([only]) == ([only.partition], [])
