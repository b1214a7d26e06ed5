"""What is counted and told of halts."""

from __future__ import annotations

from connector.answers import Denied
from connector.core.batching.batch import Batch
from connector.core.holding_back.halts import Halts, May
from connector.core.holding_back.proofs import Proofs, Where
from connector.core.notices import Notices
from connector.core.tally import Tally
from connector.model import Cause, Endpoint
from tests.unit.core.builders import NOW, devices, limits
from tests.unit.core.driving import Drive
from tests.unit.core.looking import all_halts

DENIED = Denied(Cause.UNAUTHORIZED, "no such token", 401)


class Told:
    """Halts, and what they counted and told."""

    def __init__(self, **changed: object) -> None:
        self.tally = Tally()
        self.notices = Notices()
        self.halts = Halts(limits(probe_interval=30.0, **changed), self.tally, self.notices, Proofs())

    def events(self) -> list[tuple[str, str, dict[str, object]]]:
        return [(notice.level, notice.text, notice.fields) for notice in self.notices]


def test_each_halt_counts_once_by_its_cause_however_often_it_is_found() -> None:
    told = Told()
    for now in (NOW, NOW + 1, NOW + 2):
        told.halts.denied("", DENIED, Where.POST, now, now)
        told.halts.halt(Cause.BRAKE, "too many", now)
    assert told.tally.halts == {"unauthorized": 1, Cause.BRAKE: 1}


def test_another_cause_or_another_question_is_a_halt_of_its_own() -> None:
    told = Told()
    told.halts.denied("", DENIED, Where.POST, NOW, NOW)
    told.halts.denied("", DENIED, Where.GET, NOW + 1, NOW + 1)
    told.halts.denied("", Denied(Cause.WRONG_URL, "?", 404), Where.GET, NOW + 2, NOW + 2)
    assert told.tally.halts == {"unauthorized": 2, "wrong_url": 1}
    (halt,) = all_halts(told.halts)
    assert (halt.where, halt.since, halt.last_denied_at) == (Where.POST, NOW, NOW), "no GET ends it"
    assert halt.probe_at == NOW + 30, "those who ask don't put off the probe"


def test_what_was_said_of_a_halt_is_no_news_when_it_comes_in_turns() -> None:
    told = Told()
    for now in (NOW, NOW + 30, NOW + 60):
        told.halts.denied("", DENIED, Where.POST, now, now)
        told.halts.denied("", DENIED, Where.GET, now + 1, now + 1)
    assert told.tally.halts == {"unauthorized": 2}


def test_a_halt_tells_of_whom_it_is_and_what_the_api_said() -> None:
    told = Told()
    told.halts.denied("BBBBB", DENIED, Where.POST, NOW, NOW)
    ((level, event, fields),) = told.events()
    assert (level, event) == ("error", "halted")
    assert (fields["cause"], fields["message"]) == ("unauthorized", "no such token")
    assert (fields["application"], fields["http_status"]) == ("BBBBB", 401)
    assert told.halts.proved("BBBBB", Where.POST, NOW)
    assert told.events()[1:] == [("info", "going on", {"after": "halt", "application": "BBBBB"})]


def test_what_whoever_halts_says_to_do_is_told() -> None:
    told = Told()
    told.halts.halt(Cause.DATA_LOSS, "gone", NOW, mend="raise the retention")
    assert [halt.mend for halt in all_halts(told.halts)] == ["raise the retention"]
    assert [fields["mend"] for _, _, fields in told.events()] == ["raise the retention"]


def test_a_halt_that_is_lifted_is_told_once_and_one_that_never_was_is_not() -> None:
    told = Told()
    told.halts.lift(Cause.DATA_LOSS)
    assert told.events() == []
    told.halts.halt(Cause.DATA_LOSS, "gone", NOW)
    told.halts.lift(Cause.DATA_LOSS)
    told.halts.lift(Cause.DATA_LOSS)
    assert told.events()[1:] == [("info", "going on", {"after": Cause.DATA_LOSS})]
    assert told.halts.may_submit("", (), NOW) == May.YES


def test_letters_are_written_while_an_application_is_denied_and_at_no_other_halt() -> None:
    halts = Told().halts
    waits = [halts.letters_wait]
    halts.denied("", DENIED, Where.POST, NOW, NOW)
    waits.append(halts.letters_wait)
    halts.halt(Cause.BRAKE, "too many", NOW)
    waits.append(halts.letters_wait)
    halts.lift(Cause.BRAKE)
    waits.append(halts.letters_wait)
    assert waits == [False, False, True, False]


def test_a_probe_goes_at_its_time_and_alone_and_again_an_interval_after_it_came_to_nothing() -> None:
    halts = Told().halts
    halts.denied("", DENIED, Where.POST, NOW, NOW)
    assert [halts.may_submit("", (), NOW + seconds) for seconds in (29.9, 30.0)] == [May.NO, May.PROBE]
    assert halts.probe_at("") == NOW + 30
    halts.probe_sent("", NOW)
    assert halts.may_submit("", (), NOW + 60) == May.NO
    assert halts.probe_at("") is None
    halts.came_to_nothing(Batch(1, Endpoint.TAGS, "", [], 0.0), NOW + 40)
    assert halts.may_submit("", (), NOW + 80) == May.NO, "what came to nothing was no probe"
    halts.came_to_nothing(Batch(2, Endpoint.TAGS, "", [], 0.0, probe=True), NOW + 40)
    assert [halts.may_submit("", (), NOW + seconds) for seconds in (69.9, 70.0)] == [May.NO, May.PROBE]


def test_only_what_was_sent_after_the_denial_and_got_past_it_proves_that_it_is_over() -> None:
    halts = Told().halts
    halts.denied("", DENIED, Where.JOB, NOW, NOW)
    assert not halts.proved("", Where.JOB, NOW - 0.1)
    assert not halts.proved("", Where.POST, NOW + 1)
    assert not halts.proved("BBBBB", Where.JOB, NOW + 1)
    assert halts.proved("", Where.JOB, NOW)
    assert all_halts(halts) == []


def test_that_posts_are_answered_by_something_else_says_what_jobs_it_knows_nothing_of() -> None:
    halts = Told().halts
    assert not halts.no_api_there("")
    wrong = Denied(Cause.WRONG_URL, "?", 404)
    halts.denied("", wrong, Where.POST, NOW, NOW)
    halts.denied("B", wrong, Where.GET, NOW, NOW)
    halts.denied("C", DENIED, Where.POST, NOW, NOW)
    assert [halts.no_api_there(each) for each in ("", "B", "C")] == [True, False, False]


def test_an_engine_that_is_paused_or_halted_by_loss_goes_on_when_told_so() -> None:
    drive = Drive()
    drive.assign()
    drive.read(*devices(range(2)))
    assert drive.engine.pause("A", drive.now)
    drive.engine.halt(Cause.DATA_LOSS, "gone", drive.now)
    drive.run(seconds=60)
    assert drive.engine.resume("A")
    drive.run(seconds=60)
    assert drive.posts == 0
    drive.engine.lift(Cause.DATA_LOSS)
    drive.run()
    assert drive.position() == 2
