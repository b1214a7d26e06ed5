"""What can be seen of an engine from outside."""

from __future__ import annotations

from connector.answers import Denied, Unavailable
from connector.core.holding_back.orders import Paused
from connector.core.holding_back.proofs import Where
from connector.core.overview import overview
from connector.model import Cause, Endpoint
from tests.unit.core.builders import NOW, P0, P1, devices, limits
from tests.unit.core.driving import Drive, owing
from tests.unit.core.verdicts import reading


def test_an_engine_with_nothing_to_do_is_empty_and_open() -> None:
    seen = Drive().engine.overview()
    assert (seen.partitions, seen.jobs, seen.in_flight, seen.owed) == ([], [], {}, {})
    assert (seen.closing, seen.closed_until, seen.halts.halted, seen.stopping) == (None, 0.0, False, False)


def test_jobs_come_oldest_first_and_count_with_the_requests_that_may_become_one() -> None:
    drive = reading(*devices(range(6)), max_devices=2)
    drive.let_many_go()
    first = drive.start_job()
    drive.later(1)
    second = drive.start_job()
    seen = drive.engine.overview()
    assert seen.jobs == [first, second]
    assert seen.in_flight == {Endpoint.TAGS: 2 + len(drive.submits)}
    assert seen.buffered_events == 6
    assert seen.buffered_bytes > 0


def test_partitions_come_in_order_with_what_is_settled() -> None:
    drive = Drive(limits(linger=0.0))
    drive.assign(P1)
    drive.assign(P0)
    drive.read(*devices(range(3)))
    drive.run()
    one, other = drive.engine.overview().partitions
    assert (one.partition, one.position, one.settled, one.buffered) == (P0, 3, 3, 0)
    assert (other.partition, other.settled) == (P1, 0)


def test_letters_in_the_commit_under_way_are_told_apart_from_what_is_settled() -> None:
    drive = owing(3)
    (partition,) = drive.engine.overview().partitions
    assert (partition.position, partition.settled, partition.letters_under_way) == (0, 3, 3)
    assert drive.engine.overview().owed == {}
    drive.commit_failed()
    assert drive.engine.overview().owed == {"undecodable": 3}
    drive.run()
    (partition,) = drive.engine.overview().partitions
    assert (partition.position, partition.letters_under_way) == (3, 0)


def test_it_tells_why_nothing_goes() -> None:
    drive = reading(*devices([0]))
    drive.wait_for(lambda: bool(drive.submits))
    drive.posted(drive.submits[0], Unavailable("down", 503))
    seen = overview(drive.engine.components)
    assert seen.closing is not None
    assert (seen.closing.message, seen.closed_until > NOW) == ("down", True)
    drive.engine.pause("somebody", drive.now)
    assert not drive.engine.halts.halted, "a pause is somebody's wish"
    assert drive.engine.overview().paused == Paused("somebody", drive.now)
    denied = Denied(Cause.UNAUTHORIZED, "no such token", 401)
    drive.engine.components.halts.denied("", denied, Where.POST, drive.now, drive.now)
    seen = drive.engine.overview()
    assert (seen.halts.halted, [*seen.halts.of_instance], [*seen.halts.applications]) == (True, [], [""])
