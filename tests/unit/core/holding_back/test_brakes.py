"""The brakes: they halt everything when too many events would become letters."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from connector.answers import Refused
from connector.core.holding_back.brake import Counted
from connector.core.holding_back.brakes import Brakes
from connector.core.holding_back.halts import Halts
from connector.core.holding_back.proofs import Proofs
from connector.core.notices import Notices
from connector.core.tally import Tally
from connector.model import Cause
from tests.unit.core.builders import (
    NOW,
    P0,
    UNDECODABLE,
    all_done,
    completed,
    devices,
    limits,
    row,
    tags,
    written,
)
from tests.unit.core.driving import Drive
from tests.unit.core.looking import all_halts


def pair(describe_owed: Callable[[], str] = lambda: "some") -> tuple[Halts, Brakes, Notices]:
    """Brakes, what they halt, and what is told: at more than half of the last ten events."""
    chosen, notices = limits(brake_share=0.5, brake_window=10), Notices()
    halts = Halts(chosen, Tally(), notices, Proofs())
    return halts, Brakes(chosen, halts, describe_owed, lambda _first, _last: 0), notices


@pytest.mark.parametrize("share", [0.5, 0.9])
def test_when_most_events_are_refused_the_topic_is_not_emptied_into_dead_letters(share: float) -> None:
    drive = Drive(limits(brake_share=share, brake_window=20, max_devices=5, max_in_flight=4))
    drive.assign()
    drive.read(*devices(range(200)))
    drive.run(lambda _: Refused("bad", 400), seconds=7200)
    assert [halt.cause for halt in all_halts(drive.engine.components.halts)] == [Cause.BRAKE]
    assert len(drive.letters) <= 20 + 5
    told = [notice for notice in drive.engine.notices if notice.text == "halted"]
    assert len(told) == 1


def test_the_brake_says_what_was_refused_because_its_letters_are_not_written_yet() -> None:
    drive = Drive(limits(brake_share=0.5, brake_window=5, max_devices=5))
    drive.assign()
    drive.read(*devices(range(5)))
    drive.run(
        lambda _: None,
        lambda job: completed(*(row(each, "done", {"plan": "tag not found"}) for each in job.events)),
    )
    (halt,) = all_halts(drive.engine.components.halts)
    assert drive.letters == []
    assert halt.message == (
        "5 of the last 5 events were refused; waiting letters: 5 tag_refused; "
        "the first is events/0/0: refused tags: plan: tag not found"
    )


def test_what_waits_by_now_is_told_to_whoever_looks_at_the_brake() -> None:
    drive = Drive(limits(brake_share=0.5, brake_window=5, max_devices=5, max_in_flight=4))
    drive.assign()
    drive.let_many_go()
    drive.read(*devices(range(10)))
    drive.plan()
    for submit in list(drive.submits):
        drive.posted(submit)
    for at in (5, 10):
        poll = drive.next_poll()
        rows = [row(each, "done", {"plan": "tag not found"}) for each in poll.job.events]
        drive.polled(poll, completed(*rows))
        message = drive.engine.overview().halts.of_instance[Cause.BRAKE].message
        assert message.startswith("5 of the last 5 events were refused; waiting letters: ")
        assert f"{at} tag_refused; the first is events/0/" in message


def test_a_letter_that_is_being_written_when_it_halts_waits_as_well() -> None:
    drive = Drive(limits(brake_share=0.5, brake_window=5, max_devices=5, max_in_flight=4))
    drive.assign()
    drive.engine.received(P0, [written(0, b"?")], [UNDECODABLE], drive.now)
    drive.wait_for(lambda: drive.commit is not None)
    drive.read(*devices(range(1, 6)))
    poll_of = drive.start_job()
    rows = [row(each, "done", {"plan": "tag not found"}) for each in poll_of.events]
    drive.polled(drive.next_poll(), completed(*rows))
    (halt,) = all_halts(drive.engine.components.halts)
    assert "waiting letters: 5 tag_refused, 1 undecodable; the first is events/0/0" in halt.message


@pytest.mark.parametrize(("unreadable", "refused", "halts"), [(3, 3, True), (3, 2, False), (0, 5, False)])
def test_what_cannot_be_read_and_what_is_refused_of_the_rest_count_together(
    unreadable: int, refused: int, halts: bool
) -> None:
    halted, brakes, _ = pair()
    brakes.read(10, unreadable, NOW)
    for at in range(10):
        brakes.judged(Counted(1, int(at >= 10 - refused), NOW, NOW), NOW)
    causes = [halt.message for halt in all_halts(halted)]
    both = "3 of the last 10 events were refused, and 3 of the last 10 when they were read"
    assert causes == halts * [f"{both}; waiting letters: some"]


def test_what_was_refused_at_another_time_does_not_count_together() -> None:
    halted, brakes, _ = pair()
    for _ in range(10):
        brakes.judged(Counted(1, 0, sent_at=NOW), NOW)
    brakes.judged(Counted(4, 4, NOW), NOW)
    brakes.read(10, 4, NOW + 3600)
    brakes.judged(Counted(1, 0, sent_at=NOW + 3600), NOW + 3600)
    assert all_halts(halted) == []


def test_where_a_brake_needs_all_to_be_refused_nothing_is_divided_by_what_is_left() -> None:
    chosen, notices = limits(brake_share=1, brake_window=10), Notices()
    halts = Halts(chosen, Tally(), notices, Proofs())
    brakes = Brakes(chosen, halts, lambda: "some", lambda _first, _last: 0)
    brakes.read(10, 10, NOW)
    brakes.judged(Counted(10, 0, NOW, NOW), NOW)
    assert all_halts(halts) == []


def test_what_is_owed_is_described_once_however_much_more_is_refused() -> None:
    described = 0

    def describe_owed() -> str:
        nonlocal described
        described += 1
        return "some"

    halts, brakes, _ = pair(describe_owed)
    for _ in range(50):
        brakes.read(10, 10, NOW)
    assert [halt.cause for halt in all_halts(halts)] == [Cause.BRAKE]
    assert described == 1


def test_the_brake_repeats_no_words_that_may_name_a_device() -> None:
    drive = Drive(limits(brake_share=0.5, brake_window=1, max_devices=1))
    drive.assign()
    drive.read(*devices(range(1)))
    drive.run(lambda _: Refused("bad device d0", 400), seconds=60)
    (halt,) = all_halts(drive.engine.components.halts)
    assert halt.message.endswith("1 refused_by_api; the first is events/0/0")


def test_the_events_of_merged_updates_count_each() -> None:
    drive = Drive(limits(brake_share=0.5, brake_window=10, max_devices=20, linger=0.5))
    drive.assign()
    events = [tags(at, f"d{at % 5}", values={f"t{at}": 1}) for at in range(50)]
    events += devices(range(50, 56))
    drive.read(*events)
    bad = {f"d{at}" for at in range(50, 56)}
    drive.run(
        lambda _: None,
        lambda job: completed(*(row(e, "failed" if e.hwid in bad else "done") for e in job.events)),
    )
    assert drive.posts <= 6
    assert all_halts(drive.engine.components.halts) == [], "six of 56 were refused"
    assert len(drive.letters) == 6


def test_after_the_brake_was_released_what_is_good_goes_on() -> None:
    drive = Drive(limits(brake_share=0.5, brake_window=20, max_devices=5))
    drive.assign()
    drive.read(*devices(range(100)))
    drive.run(lambda _: Refused("bad", 400), seconds=600)
    drive.engine.release(drive.now)
    drive.run(lambda _: None, lambda job: all_done(job.events))
    assert drive.position() == 100
    assert drive.at_rest()


def test_records_that_cannot_be_read_are_a_share_of_those_read_not_of_those_judged_so_far() -> None:
    drive = Drive(limits(brake_share=0.5, brake_window=100, max_devices=100, max_events=10**6))
    drive.assign()
    outcomes = [UNDECODABLE if offset % 20 == 0 else tags(offset, f"d{offset}") for offset in range(4000)]
    drive.read(*outcomes)
    drive.plan()
    assert all_halts(drive.engine.components.halts) == []
    drive.read(*[UNDECODABLE] * 100, at=4000)
    assert [halt.cause for halt in all_halts(drive.engine.components.halts)] == [Cause.BRAKE]


def test_released_the_brake_has_forgotten_what_was_refused() -> None:
    halts, brakes, _ = pair()
    brakes.judged(Counted(9, 9), NOW)
    brakes.read(9, 9, NOW)
    brakes.release()
    brakes.judged(Counted(1, 1), NOW)
    brakes.read(1, 1, NOW)
    assert all_halts(halts) == []
    brakes.judged(Counted(9, 5), NOW)
    assert [halt.message for halt in all_halts(halts)] == [
        "6 of the last 10 events were refused; waiting letters: some"
    ]


def test_that_it_goes_on_after_the_brake_is_told() -> None:
    _, brakes, notices = pair()
    brakes.judged(Counted(10, 9), NOW)
    for _ in range(2):
        brakes.release()
    told = [(notice.level, notice.text, notice.fields) for notice in notices]
    assert told[1:] == [("info", "going on", {"after": Cause.BRAKE})]
