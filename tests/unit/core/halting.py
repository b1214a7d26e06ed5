"""Engines that one kind of answer has halted, and how many requests they make since."""

from __future__ import annotations

from connector.answers import Denied, PollAnswer, PostAnswer
from connector.model import Cause
from tests.unit.core.builders import devices, limits
from tests.unit.core.driving import Drive

DENIED = Denied(Cause.UNAUTHORIZED, "no such token", 401)
JOB_DENIED = Denied(Cause.UNKNOWN_APPLICATION, "application not found", 200, of_job=True)


def halted_by_a_post(count: int = 1) -> Drive:
    drive = Drive(limits(probe_interval=30.0, max_devices=2, max_in_flight=16))
    drive.assign()
    drive.read(*devices(range(count)))
    drive.wait_for(lambda: bool(drive.submits))
    for submit in list(drive.submits):
        drive.posted(submit, DENIED)
    return drive


def halted_by_a_job() -> Drive:
    drive = Drive(limits(probe_interval=30.0, max_devices=2))
    drive.assign()
    drive.read(*devices(range(2)))
    drive.start_job()
    drive.polled(drive.next_poll(), JOB_DENIED)
    return drive


def halted_by_a_poll() -> Drive:
    drive = Drive(limits(probe_interval=30.0, max_devices=2))
    drive.assign()
    drive.read(*devices(range(2)))
    drive.start_job()
    drive.polled(drive.next_poll(), DENIED)
    return drive


def requests_in(drive: Drive, seconds: float, post: PostAnswer | None, poll: PollAnswer | None) -> int:
    before = drive.posts + drive.gets
    drive.run(lambda _: post, lambda _: poll, seconds=seconds)
    return drive.posts + drive.gets - before
