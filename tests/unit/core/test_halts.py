"""Halts of applications and of the whole, the probes that end them, and the brake."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from connector.core.actions import Notices
from connector.core.engine import Engine
from connector.core.halts import BRAKE, DATA_LOSS, MENDS, Brake, Halts
from connector.core.jobs import Batch
from connector.core.tally import Tally
from connector.model import Denied, Endpoint, PollAnswer, PostAnswer, Refused, Unavailable
from tests.unit.core.builders import (
    NOW,
    P0,
    UNDECODABLE,
    all_done,
    completed,
    devices,
    event_of,
    limits,
    record,
    row,
    tags,
)
from tests.unit.core.driving import Drive

DENIED = Denied("unauthorized", "no such token", 401)
JOB_DENIED = Denied("unknown_application", "application not found", 200)


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


# -- by a POST --------------------------------------------------------------------------------------


def test_while_halted_nothing_goes_but_one_probe_an_interval() -> None:
    drive = halted_by_a_post(100)
    assert requests_in(drive, 299, DENIED, None) == 9


def test_a_halt_by_a_post_ends_by_itself_once_a_post_is_accepted() -> None:
    drive = halted_by_a_post(100)
    drive.run(lambda _: DENIED, seconds=100)
    drive.run()
    assert drive.engine.halts.all() == []
    assert drive.position() == 100
    assert drive.letters == []


def test_a_halt_says_so_once_and_that_it_is_over_once() -> None:
    drive = halted_by_a_post(100)
    drive.run(lambda _: DENIED, seconds=100)
    drive.run()
    told = [(notice.level, notice.event) for notice in drive.engine.notices]
    assert told == [("error", "halted"), ("info", "going on")]
    assert drive.engine.notices[0].fields["mend"] == MENDS["unauthorized"]


def test_a_probe_that_finds_the_destination_down_is_followed_by_another() -> None:
    drive = halted_by_a_post()
    drive.run(lambda _: Unavailable("down"), seconds=100)
    drive.run()
    assert drive.position() == 1


def test_a_refused_probe_proves_that_the_credentials_are_good() -> None:
    drive = halted_by_a_post()
    drive.run(lambda _: Refused("bad", 400))
    assert drive.engine.halts.all() == []
    assert drive.written == [0]


def test_a_late_answer_to_what_went_before_the_halt_does_not_end_it() -> None:
    drive = Drive(limits(max_devices=2))
    drive.let_many_go()
    drive.assign()
    drive.read(*devices(range(4)))
    drive.plan()
    first, second = drive.submits
    drive.later(1)
    drive.posted(first, DENIED)
    drive.later(1)
    drive.posted(second)
    assert [halt.cause for halt in drive.engine.halts.all()] == ["unauthorized"]


def test_a_probe_whose_partition_went_meanwhile_is_followed_by_another() -> None:
    drive = halted_by_a_post()
    drive.wait_for(lambda: bool(drive.submits))
    drive.engine.revoked([P0], drive.now)
    drive.posted(drive.submits[0])  # accepted, but it carries nothing of ours any more
    drive.later(1)
    drive.engine.halts.denied("", DENIED, "job", drive.now)
    drive.assign()
    drive.read(tags(0))
    drive.run()
    assert drive.position() == 1


# -- by a job ---------------------------------------------------------------------------------------


def test_a_job_that_was_denied_is_sent_again_by_the_probe() -> None:
    drive = halted_by_a_job()
    assert requests_in(drive, 299, None, JOB_DENIED) == 18, "a POST and a GET each 30 s"
    drive.run()
    assert drive.engine.halts.all() == []
    assert drive.position() == 2
    assert drive.letters == []


def test_what_only_a_job_can_prove_is_not_proved_by_its_post() -> None:
    drive = halted_by_a_job()
    drive.let_many_go()
    drive.start_job()
    assert [halt.stage for halt in drive.engine.halts.all()] == ["job"]
    drive.polled(drive.next_poll())
    assert drive.engine.halts.all() == []


def test_a_refused_probe_of_jobs_is_followed_by_others_until_one_tells() -> None:
    drive = halted_by_a_job()
    drive.run(lambda batch: Refused("bad", 400) if batch.events[0].offset == 0 else None)
    assert drive.engine.halts.all() == []
    assert drive.written == [0]
    assert drive.position() == 2


def test_a_lost_probe_of_jobs_is_followed_by_another() -> None:
    drive = halted_by_a_job()
    drive.let_many_go()
    drive.start_job()
    drive.engine.lost([P0], drive.now)
    assert drive.engine.halts.may_submit("", drive.now + 30) == "probe"


def test_a_probe_whose_partition_went_before_the_answer_is_followed_by_another() -> None:
    drive = halted_by_a_job()
    drive.let_many_go()
    drive.wait_for(lambda: bool(drive.submits))
    drive.engine.lost([P0], drive.now)
    drive.posted(drive.submits[0])
    assert drive.engine.halts.may_submit("", drive.now + 30) == "probe"


# -- by a poll --------------------------------------------------------------------------------------


def test_while_polls_are_denied_nothing_is_submitted() -> None:
    drive = halted_by_a_poll()
    drive.read(*devices(range(2, 50)))
    posts = drive.posts
    assert requests_in(drive, 299, None, DENIED) == 9, "the jobs that are there are probes enough"
    assert drive.posts == posts


def test_a_halt_by_a_poll_ends_by_itself_once_a_poll_is_answered() -> None:
    drive = halted_by_a_poll()
    drive.read(*devices(range(2, 50)))
    drive.run(lambda _: None, lambda _: DENIED, seconds=100)
    drive.run()
    assert drive.engine.halts.all() == []
    assert drive.position() == 50


def test_polls_that_are_denied_for_hours_lose_no_job_and_dead_letter_nothing() -> None:
    drive = halted_by_a_poll()
    drive.run(lambda _: None, lambda _: DENIED, seconds=6 * 3600)
    drive.run()
    assert drive.letters == []
    assert drive.posts == 1
    assert drive.position() == 2


def test_without_a_job_to_poll_a_batch_is_the_probe() -> None:
    drive = halted_by_a_poll()
    drive.engine.lost([P0], drive.now)
    drive.assign()
    drive.read(*devices(range(2)))
    drive.run()
    assert drive.engine.halts.all() == []
    assert drive.position() == 2


# -- applications, credentials, orders --------------------------------------------------------------


def test_another_application_goes_on() -> None:
    drive = Drive(limits(max_devices=1))
    drive.assign()
    foreign = event_of(record(0, {"type": "tags", "hwid": "X", "tags": {"a": 1}, "application": "OTHER-APP"}))
    drive.read(foreign, *devices(range(1, 4)))
    drive.run(lambda batch: DENIED if batch.application else None, seconds=20)
    assert [*drive.engine.halts.applications] == ["OTHER-APP"]
    assert drive.engine.ledger.assignments[P0].offsets.unsettled() == 1


def test_a_new_token_is_tried_at_once() -> None:
    drive = halted_by_a_post()
    drive.plan()
    assert drive.submits == []
    drive.engine.credentials_changed("", drive.now)
    assert len(drive.submitted()) == 1


def test_a_new_token_hurries_the_polls_too() -> None:
    drive = halted_by_a_poll()
    drive.engine.credentials_changed("", drive.now)
    drive.plan()
    assert len(drive.polls) == 1


def test_a_full_stop_submits_nothing_until_it_is_released_and_says_so_once() -> None:
    drive = Drive()
    drive.assign()
    drive.engine.halt(BRAKE, "too many", drive.now)
    drive.engine.halt(BRAKE, "too many", drive.now)
    drive.read(*devices(range(5)))
    drive.run(seconds=3600)
    assert drive.posts == 0
    assert [notice.event for notice in drive.engine.notices] == ["halted"]
    drive.engine.release(drive.now)
    drive.run()
    assert drive.position() == 5


def test_records_that_were_lost_halt_whatever_is_released() -> None:
    engine = Engine(limits(), lambda: 0.5)
    engine.halt(DATA_LOSS, "gone", NOW)
    engine.release(NOW)
    assert engine.halts.may_submit("", NOW) == "no"


def test_while_stopped_jobs_under_way_are_followed_and_committed() -> None:
    drive = Drive()
    drive.assign()
    drive.read(*devices(range(5)))
    drive.start_job()
    drive.engine.halt(BRAKE, "too many", drive.now)
    drive.run()
    assert drive.position() == 5


def test_halts_tell_what_to_do_about_them() -> None:
    halts = Halts(limits(probe_interval=30.0), Tally(), Notices())
    halts.denied("", Denied("odd", "?", 403), "post", NOW)
    assert [halt.mend for halt in halts.all()] == ["see the message"]


@pytest.mark.parametrize(
    ("application", "cause", "setting"),
    [
        ("", "unauthorized", "pushwoosh.token"),
        ("", "unknown_application", "pushwoosh.application"),
        ("BBBBB", "unauthorized", "[applications.BBBBB]"),
        ("BBBBB", "unknown_application", "[applications.BBBBB]"),
        ("BBBBB", "wrong_url", "pushwoosh.url"),
    ],
)
def test_a_halt_names_the_settings_of_its_own_application(application: str, cause: str, setting: str) -> None:
    halts = Halts(limits(), Tally(), notices := Notices())
    halts.denied(application, Denied(cause, "no", 403), "post", NOW)
    (halt,) = halts.all()
    assert setting in halt.mend
    assert [notice.fields["mend"] for notice in notices] == [halt.mend]


def test_a_probe_for_an_application_that_is_not_halted_changes_nothing() -> None:
    halts = Halts(limits(probe_interval=30.0), Tally(), Notices())
    halts.probe_sent("")
    halts.came_to_nothing(Batch(1, Endpoint.TAGS, "", [], 0.0, probe=True), NOW)
    assert halts.may_submit("", NOW) == "yes"
    assert halts.probe_at("") is None


# -- words that may be about a device ----------------------------------------------------------------


BY_WORDS = Denied("unauthorized", "tag access_key not found", 400, by_words=True)


def denying(*bad: int) -> Callable[[Batch], PostAnswer | None]:
    return lambda batch: BY_WORDS if {each.offset for each in batch.events} & {*bad} else None


@pytest.mark.parametrize("bad", [0, 5, 15])
def test_a_device_that_is_named_like_a_credential_halts_the_others_for_some_probes_at_most(bad: int) -> None:
    drive = Drive(limits(probe_interval=30.0, max_devices=16, max_in_flight=4))
    drive.assign()
    drive.read(*devices(range(40)))
    drive.run(denying(bad))
    assert drive.letters == [(P0, bad, "refused_by_api")]
    assert drive.position() == 40
    assert drive.now - NOW < 8 * 30
    assert drive.at_rest()


def test_such_a_device_alone_waits_for_others_to_prove_the_credentials() -> None:
    drive = Drive(limits(probe_interval=30.0))
    drive.assign()
    drive.read(*devices(range(1)))
    drive.run(denying(0), seconds=3600)
    assert drive.letters == []
    drive.read(*devices(range(1, 4)), at=1)
    drive.run(denying(0))
    assert drive.letters == [(P0, 0, "refused_by_api")]
    assert drive.position() == 4


def test_an_application_that_is_denied_by_words_loses_nothing_and_is_probed_slowly() -> None:
    drive = Drive(limits(probe_interval=30.0, max_devices=16, max_in_flight=4))
    drive.assign()
    drive.read(*devices(range(100)))
    drive.run(lambda _: BY_WORDS, seconds=3600)
    assert drive.posts <= 4 + 3600 / 30
    assert drive.letters == []
    before = drive.posts
    drive.run()
    assert drive.position() == 100
    assert drive.posts - before < 25


# -- the brake --------------------------------------------------------------------------------------


def test_the_brake_waits_for_enough_events_to_tell() -> None:
    brake = Brake(0.5, 10)
    assert not any(brake.saw(1, 1) for _ in range(9))
    assert brake.saw(1, 1)
    assert brake.words == "10 of the last 10 events were refused"


def test_the_brake_lets_a_share_pass_that_is_not_too_large() -> None:
    brake = Brake(0.5, 10)
    assert not any(brake.saw(2, 1) for _ in range(100))


def test_the_brake_forgets_what_is_long_ago() -> None:
    brake = Brake(0.5, 10)
    brake.saw(9, 0)
    brake.saw(100, 0)
    brake.saw(5, 5)
    assert not brake.saw(4, 4)
    assert brake.saw(91, 91)


def test_a_share_of_nought_takes_the_brake_off() -> None:
    assert not Brake(0.0, 1).saw(100, 100)


@pytest.mark.parametrize("share", [0.5, 0.9])
def test_when_most_events_are_refused_the_topic_is_not_emptied_into_dead_letters(share: float) -> None:
    drive = Drive(limits(brake_share=share, brake_window=20, max_devices=5, max_in_flight=4))
    drive.assign()
    drive.read(*devices(range(200)))
    drive.run(lambda _: Refused("bad", 400), seconds=7200)
    assert [halt.cause for halt in drive.engine.halts.all()] == [BRAKE]
    assert len(drive.letters) <= 20 + 5
    told = [notice for notice in drive.engine.notices if notice.event == "halted"]
    assert len(told) == 1


def test_the_brake_says_what_was_refused_because_its_letters_are_not_written_yet() -> None:
    drive = Drive(limits(brake_share=0.5, brake_window=5, max_devices=5))
    drive.assign()
    drive.read(*devices(range(5)))
    drive.run(
        lambda _: None,
        lambda job: completed(*(row(each, "done", {"plan": "tag not found"}) for each in job.events)),
    )
    (halt,) = drive.engine.halts.all()
    assert drive.letters == []
    assert halt.message == (
        "5 of the last 5 events were refused: 5 tag_refused; "
        "the first is events/0/0: refused tags: plan: tag not found"
    )


def test_the_brake_repeats_no_words_that_may_name_a_device() -> None:
    drive = Drive(limits(brake_share=0.5, brake_window=1, max_devices=1))
    drive.assign()
    drive.read(*devices(range(1)))
    drive.run(lambda _: Refused("bad device d0", 400), seconds=60)
    (halt,) = drive.engine.halts.all()
    assert halt.message.endswith("1 refused_by_api; the first is events/0/0")


def test_after_the_brake_was_released_what_is_good_goes_on() -> None:
    drive = Drive(limits(brake_share=0.5, brake_window=20, max_devices=5))
    drive.assign()
    drive.read(*devices(range(100)))
    drive.run(lambda _: Refused("bad", 400), seconds=600)
    drive.engine.release(drive.now)
    drive.run(lambda _: None, lambda job: all_done(job.events))
    assert drive.position() == 100
    assert drive.at_rest()


def test_a_changed_token_is_tried_for_its_own_application_only() -> None:
    halts = Halts(limits(probe_interval=30.0), Tally(), Notices())
    for application in ("A", "B"):
        halts.denied(application, DENIED, "post", NOW)
    halts.probe_now(NOW, "B")
    assert (halts.may_submit("A", NOW), halts.may_submit("B", NOW)) == ("no", "probe")


def test_records_that_cannot_be_read_are_a_share_of_those_read_not_of_those_judged_so_far() -> None:
    drive = Drive(limits(brake_share=0.5, brake_window=100, max_devices=100, max_events=10**6))
    drive.assign()
    outcomes = [UNDECODABLE if offset % 20 == 0 else tags(offset, f"d{offset}") for offset in range(4000)]
    drive.read(*outcomes)
    drive.plan()
    assert drive.engine.halts.all() == []
    drive.read(*[UNDECODABLE] * 100, at=4000)
    assert [halt.cause for halt in drive.engine.halts.all()] == [BRAKE]
