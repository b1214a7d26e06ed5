"""Orders from outside."""

from __future__ import annotations

from connector.core.holding_back.orders import Orders, Paused
from connector.core.notices import Notices
from connector.core.tally import Tally
from connector.model import Cause
from tests.unit.core.builders import NOW


def test_each_reason_to_freeze_has_to_end() -> None:
    orders = Orders(Tally(), Notices())
    assert orders.may_submit
    for why in ("hand-over", "standstill", "hand-over"):
        orders.hold_submissions(why)
    orders.allow_submissions("hand-over")
    assert (orders.submissions_held, orders.may_submit) == (True, False)
    orders.allow_submissions("standstill")
    assert (orders.submissions_held, orders.may_submit) == (False, True)


def test_a_reason_that_was_not_given_ends_nothing() -> None:
    orders = Orders(Tally(), Notices())
    orders.hold_submissions("hand-over")
    orders.allow_submissions("standstill")
    assert orders.submissions_held


def test_a_stop_is_for_good_and_no_freeze() -> None:
    orders = Orders(Tally(), Notices())
    orders.stop()
    assert (orders.stopping, orders.submissions_held, orders.may_submit) == (True, False, False)


def test_a_pause_and_its_end_are_counted_and_told_once_with_who_wanted_them() -> None:
    orders = Orders(tally := Tally(), notices := Notices())
    assert [orders.pause(who, NOW) for who in ("A", "B")] == [True, False]
    assert (orders.paused, orders.may_submit, orders.submissions_held) == (Paused("A", NOW), False, False)
    assert [orders.resume(who) for who in ("C", "D")] == [True, False]
    assert (orders.paused, orders.may_submit) == (None, True)
    assert tally.halts == {Cause.PAUSED: 1}
    assert [(notice.level, notice.text, notice.fields) for notice in notices] == [
        ("info", "paused", {"by": "A"}),
        ("info", "going on", {"after": Cause.PAUSED, "by": "C"}),
    ]


def test_a_resume_ends_no_freeze_and_no_stop() -> None:
    orders = Orders(Tally(), Notices())
    orders.pause("A", NOW)
    orders.hold_submissions("hand-over")
    orders.resume("A")
    assert not orders.may_submit
    orders.allow_submissions("hand-over")
    orders.stop()
    assert not orders.may_submit
