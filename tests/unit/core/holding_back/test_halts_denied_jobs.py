"""Jobs that nobody may ask about for long: how often they are asked about all the same."""

from __future__ import annotations

from connector.core.holding_back.proofs import Where
from tests.unit.core.adopting import adopting
from tests.unit.core.builders import devices, limits, unfinished
from tests.unit.core.driving import Drive
from tests.unit.core.halting import DENIED, halted_by_a_job, requests_in
from tests.unit.core.looking import all_halts


def test_they_are_asked_about_in_turns_and_all_at_once_when_one_is_answered() -> None:
    drive = adopting({f"J{at}": [at] for at in range(16)}, limits(probe_interval=30.0))
    drive.read(*devices(range(16)))
    drive.run(poll=lambda _: DENIED, seconds=90)
    assert requests_in(drive, 3600, None, DENIED) <= 3600 / 30 + 16
    drive.run(seconds=31)
    assert drive.position() == 16


def test_who_was_asked_about_before_a_mend_does_not_wait_for_a_turn() -> None:
    drive = adopting({"J": [0], "K": [1]}, limits(probe_interval=30.0))
    drive.read(*devices(range(2)))
    drive.run(poll=lambda _: DENIED, seconds=600)
    poll = drive.next_poll()
    drive.later(0.1)
    drive.engine.credentials_changed("", drive.now)
    drive.polls.remove(poll)
    drive.engine.polled(poll.job, DENIED, drive.now - 0.1, drive.now)
    drive.plan()
    assert {each.job.request_id for each in drive.polls} == {"J", "K"}


def test_jobs_whose_posts_were_out_when_the_halt_began_do_not_put_its_probes_off() -> None:
    drive = Drive(limits(probe_interval=30.0, max_devices=1, max_in_flight=16, linger=0.0))
    drive.let_many_go()
    drive.assign()
    drive.read(*devices(range(5)))
    drive.start_job()
    poll = drive.next_poll()
    assert len(drive.submits) >= 3
    drive.later(0.1)
    drive.polled(poll, DENIED)
    drive.later(0.1)
    for submit in list(drive.submits):
        drive.posted(submit)
    old = set(drive.engine.jobs)
    drive.read(*devices(range(5, 20)))
    drive.run(poll=lambda job: DENIED if job.serial in old else None, seconds=300)
    assert all_halts(drive.engine.components.halts) == []
    assert set(drive.engine.jobs) == old


def test_a_probe_that_nobody_may_ask_about_does_not_keep_up_a_halt_by_jobs() -> None:
    drive = halted_by_a_job()
    drive.read(*devices(range(2, 60)))
    if drive.commit is not None:
        drive.committed()
    probe = drive.start_job()
    drive.run(poll=lambda job: DENIED if job is probe else None, seconds=600)
    assert all_halts(drive.engine.components.halts) == []
    assert drive.posts > 20


def test_while_none_may_be_asked_about_a_halt_by_jobs_has_five_probes_a_day() -> None:
    drive = halted_by_a_job()
    drive.read(*devices(range(2, 60)))
    before = drive.posts
    drive.run(poll=lambda _: DENIED, seconds=24 * 3600)
    assert drive.posts - before <= 5
    drive.run(seconds=3600)
    assert drive.position() == 60


def denied_for_an_hour() -> Drive:
    """An engine whose POSTs halt it, and eight jobs of which each GET was denied for an hour."""
    drive = Drive(limits(probe_interval=30.0, max_devices=2, linger=0.0))
    drive.let_many_go()
    drive.assign()
    drive.read(*devices(range(16)))
    drive.run(poll=lambda _: unfinished(), seconds=1)
    drive.read(*devices(range(16, 18)))
    drive.run(lambda _: DENIED, lambda _: unfinished(), seconds=60)
    drive.run(lambda _: DENIED, lambda _: DENIED, seconds=3600)
    assert [halt.where for halt in all_halts(drive.engine.components.halts)] == [Where.POST]
    assert len(drive.engine.jobs) == 8
    return drive


def test_while_posts_halt_it_they_are_asked_about_at_once_too_when_one_is_answered() -> None:
    drive = denied_for_an_hour()
    drive.run(lambda _: DENIED, seconds=31)
    assert drive.position() == 16


def test_while_posts_halt_it_the_time_in_which_they_were_denied_is_not_theirs_either() -> None:
    drive = denied_for_an_hour()
    drive.run(lambda _: DENIED, lambda _: unfinished(), seconds=300)
    assert len(drive.engine.jobs) == 8
