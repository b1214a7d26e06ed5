"""Halts of an application or of all: by orders, by words that may be about a device, until a new token."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from connector.answers import Denied, PostAnswer
from connector.core.batching.batch import Batch
from connector.core.engine import Engine
from connector.core.holding_back.halts import Halts, May
from connector.core.holding_back.proofs import Proofs, Where
from connector.core.notices import Notices
from connector.core.tally import Tally
from connector.model import Cause, Endpoint
from tests.unit.core.builders import NOW, P0, devices, event_of, limits, record
from tests.unit.core.driving import Drive
from tests.unit.core.halting import DENIED, halted_by_a_poll, halted_by_a_post

# -- applications, credentials, orders --------------------------------------------------------------


def test_another_application_goes_on() -> None:
    drive = Drive(limits(max_devices=1))
    drive.assign()
    foreign = event_of(record(0, {"type": "tags", "hwid": "X", "tags": {"a": 1}, "application": "OTHER-APP"}))
    drive.read(foreign, *devices(range(1, 4)))
    drive.run(lambda batch: DENIED if batch.application else None, seconds=20)
    assert [*drive.engine.components.halts.applications] == ["OTHER-APP"]
    assert drive.engine.components.ledger.assignments[P0].offsets.unsettled() == 1


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
    drive.engine.halt(Cause.BRAKE, "too many", drive.now)
    drive.engine.halt(Cause.BRAKE, "too many", drive.now)
    drive.read(*devices(range(5)))
    drive.run(seconds=3600)
    assert drive.posts == 0
    assert [notice.text for notice in drive.engine.notices] == ["halted"]
    drive.engine.release(drive.now)
    drive.run()
    assert drive.position() == 5


def test_records_that_were_lost_halt_whatever_is_released() -> None:
    engine = Engine(limits(), lambda: 0.5)
    engine.halt(Cause.DATA_LOSS, "gone", NOW)
    engine.release(NOW)
    assert engine.components.halts.may_submit("", (), NOW) == May.NO


def test_while_stopped_jobs_under_way_are_followed_and_committed() -> None:
    drive = Drive()
    drive.assign()
    drive.read(*devices(range(5)))
    drive.start_job()
    drive.engine.halt(Cause.BRAKE, "too many", drive.now)
    drive.run()
    assert drive.position() == 5


def test_a_probe_for_an_application_that_is_not_halted_changes_nothing() -> None:
    halts = Halts(limits(probe_interval=30.0), Tally(), Notices(), Proofs())
    halts.probe_sent("", NOW)
    halts.came_to_nothing(Batch(1, Endpoint.TAGS, "", [], 0.0, probe=True), NOW)
    assert halts.may_submit("", (), NOW) == May.YES
    assert halts.probe_at("") is None


def test_a_changed_token_is_tried_for_its_own_application_only() -> None:
    halts = Halts(limits(probe_interval=30.0), Tally(), Notices(), Proofs())
    for application in ("A", "B"):
        halts.denied(application, DENIED, Where.POST, NOW, NOW)
    halts.probe_now(NOW, "B")
    assert (halts.may_submit("A", (), NOW), halts.may_submit("B", (), NOW)) == (May.NO, May.PROBE)


# -- words that may be about a device ----------------------------------------------------------------


BY_WORDS = Denied(Cause.UNAUTHORIZED, "tag access_key not found", 400, by_words=True)


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
    assert drive.posts - before < 32
