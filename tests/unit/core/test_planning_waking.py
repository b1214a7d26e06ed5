"""When the engine wants to be asked again: never for nothing, never too late."""

from __future__ import annotations

from connector.answers import Denied, Unavailable
from connector.model import Cause
from tests.unit.core.builders import P0, UNDECODABLE, devices, limits, tags
from tests.unit.core.driving import Drive
from tests.unit.core.looking import all_halts

DENIED = Denied(Cause.UNAUTHORIZED, "no such token", 401)


def test_a_closed_gate_with_nothing_to_send_wakes_nobody() -> None:
    drive = Drive()
    drive.assign()
    drive.read(tags(0))
    drive.wait_for(lambda: bool(drive.submits))
    drive.posted(drive.submits[0], Unavailable("down"))
    drive.engine.revoked([P0], drive.now)
    drive.plan()
    drive.later(120)
    drive.plan()
    assert drive.engine.wake_at(drive.now) is None


def test_a_halt_with_nothing_to_send_wakes_nobody() -> None:
    drive = Drive()
    drive.assign()
    drive.read(tags(0))
    drive.wait_for(lambda: bool(drive.submits))
    drive.posted(drive.submits[0], DENIED)
    drive.engine.revoked([P0], drive.now)
    drive.later(120)
    drive.plan()
    assert drive.engine.wake_at(drive.now) is None


def test_a_halt_wakes_for_its_probe_and_not_before() -> None:
    drive = Drive(limits(probe_interval=30.0))
    drive.assign()
    drive.read(tags(0))
    drive.wait_for(lambda: bool(drive.submits))
    drive.posted(drive.submits[0], DENIED)
    drive.plan()
    assert drive.engine.wake_at(drive.now) == drive.now + 30
    drive.later(30)
    assert len(drive.submitted()) == 1


def test_letters_that_the_brake_holds_wake_nobody() -> None:
    drive = Drive(limits(brake_share=0.5, brake_window=2))
    drive.assign()
    drive.read(UNDECODABLE, UNDECODABLE, UNDECODABLE)
    assert [halt.cause for halt in all_halts(drive.engine.components.halts)] == ["brake"]
    drive.plan()
    assert drive.wake_at is None
    drive.later(100)
    assert drive.plan() == []
    drive.engine.release(drive.now)
    drive.run()
    assert drive.written == [0, 1, 2]


def test_an_instance_that_stops_is_not_woken_for_what_it_will_not_submit() -> None:
    drive = Drive()
    drive.assign()
    drive.read(*devices(range(3)))
    drive.engine.stop()
    assert drive.plan() == []
    assert drive.wake_at is None
    drive.later(10)
    assert drive.plan() == []


def test_a_frozen_engine_submits_nothing_until_it_thaws() -> None:
    drive = Drive()
    drive.assign()
    drive.engine.hold_submissions("a test")
    drive.read(*devices(range(3)))
    drive.later(10)
    assert drive.plan() == []
    drive.engine.allow_submissions("a test")
    assert len(drive.submitted()) == 1
