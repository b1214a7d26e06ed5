"""Whose row is it? By name, or by its place."""

from __future__ import annotations

from connector.answers import Row
from connector.core.judging import verdicts
from connector.model import Reason, TagsUpdate
from tests.unit.core.reports_to_judge import by_hwid, by_user, done, failed, judge, reasons, report


def test_rows_name_users_and_tokens_too() -> None:
    sent = [TagsUpdate(user_id="U"), TagsUpdate(push_token="T"), TagsUpdate(hwid="A")]
    rows = report(failed(push_token="T"), done("A"), done(user_id="U"))
    assert reasons(judge(sent, rows)) == {1: Reason.DEVICE_FAILED}
    assert judge(by_user("U", "V"), report(done(user_id="U"), done(user_id="V"))) == {}


def test_identifiers_of_different_kinds_never_meet() -> None:
    sent = [TagsUpdate(hwid="X"), TagsUpdate(user_id="X")]
    assert reasons(judge(sent, report(done("X"), failed(user_id="X")))) == {1: Reason.DEVICE_FAILED}


def test_all_devices_of_a_user_must_be_done() -> None:
    rows = (done("D1", user_id="U"), failed("D2", user_id="U"), done("D3", user_id="V"))
    assert reasons(judge(by_user("U", "V"), report(*rows))) == {0: Reason.DEVICE_FAILED}


def test_another_device_of_the_same_user_says_nothing_about_this_one() -> None:
    sent = [TagsUpdate(hwid="A", user_id="U")]
    assert reasons(judge(sent, report(done("B", user_id="U")))) == {0: Reason.NO_VERDICT}
    assert judge(sent, report(done(user_id="U"))) == {}


def test_rows_without_identifiers_count_by_position_where_the_lengths_agree() -> None:
    assert reasons(judge(by_user("U", "V"), report(done(), failed()))) == {1: Reason.DEVICE_FAILED}
    none = judge(by_user("U", "V"), report(done(), done(), done()))
    assert reasons(none) == {0: Reason.NO_VERDICT, 1: Reason.NO_VERDICT}
    assert judge(by_user("U"), report(Row(hwid="", user_id="", push_token="", status="done"))) == {}


def test_in_a_request_of_one_device_a_stranger_s_row_counts_only_where_none_names_the_device() -> None:
    sent = [TagsUpdate(push_token="P")]
    stranger = Row(hwid="X", status="failed")
    assert judge(sent, report(Row(push_token="P", status="done"), stranger)) == {}
    assert reasons(judge(sent, report(stranger))) == {0: Reason.DEVICE_FAILED}


def test_rows_that_name_users_by_an_unknown_hwid_count_by_position() -> None:
    rows = report(done("D1"), failed("D2"), done("A"))
    assert reasons(judge([*by_user("U", "V"), *by_hwid("A")], rows)) == {1: Reason.DEVICE_FAILED}


def test_rows_that_name_users_by_an_unknown_push_token_count_by_position() -> None:
    rows = report(done(push_token="S"), failed(push_token="T"))
    assert reasons(judge(by_user("U", "V"), rows)) == {1: Reason.DEVICE_FAILED}
    sent = [TagsUpdate(push_token="T"), *by_user("V")]
    assert reasons(judge(sent, report(done(), failed()))) == {1: Reason.DEVICE_FAILED}


def test_a_row_of_a_foreign_device_never_counts_by_position() -> None:
    assert reasons(judge(by_hwid("A", "B"), report(done("A"), done("X")))) == {1: Reason.NO_VERDICT}
    assert reasons(judge(by_user("U"), report(done("D", user_id="V")))) == {0: Reason.NO_VERDICT}
    sent = [TagsUpdate(push_token="T")]
    assert reasons(judge(sent, report(done(push_token="S")))) == {0: Reason.NO_VERDICT}


def test_positions_mean_nothing_where_a_named_row_stands_at_another_ones_place() -> None:
    sent = [*by_hwid("A"), *by_user("U", "V")]
    none = judge(sent, report(failed("D1"), done("A"), done("D2")))
    assert reasons(none) == {1: Reason.NO_VERDICT, 2: Reason.NO_VERDICT}


def test_rows_in_another_order_are_noticed_also_where_some_are_left_out() -> None:
    sent = by_hwid("A", "B", "C")
    assert verdicts.judge(sent, report(done("B"), done("A"), done("C"))).shuffled
    assert verdicts.judge(sent, report(done("C"), done("A"))).shuffled
    assert not verdicts.judge(sent, report(done("A"), done("C"), done("C"))).shuffled
    assert not verdicts.judge(sent, report(done("X"), done("B"), done("Y"))).shuffled


def test_identifiers_are_compared_to_the_letter() -> None:
    (rejection,) = judge(by_hwid("User@x.com"), report(done("user@x.com"))).values()
    assert rejection.reason is Reason.NO_VERDICT
    assert rejection.detail.endswith("but one whose hwid differs from it in case")
