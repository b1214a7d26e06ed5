"""One device that was sent twice, by its hwid and as that of a user or a push token: whose row is it?"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from connector.answers import JobReport, Row
from connector.core.following.job import Job
from connector.core.judging import verdicts
from connector.model import Reason, TagsUpdate
from tests.unit.core.builders import completed, tags
from tests.unit.core.reports_to_judge import by_hwid, by_user, done, failed, judge, reasons, report
from tests.unit.core.verdicts import reading

FAILED, SILENT = Reason.DEVICE_FAILED, Reason.NO_VERDICT
DOUBT = "a row of it may be another device's"
SENT = [*by_hwid("A1", "A2"), *by_user("u7", "u8")]
"""The device of u7 is A1."""
OTHERS = (done("A2"), done("B8", user_id="u8"))

Said = Callable[..., Row]
"""`done` or `failed`."""
JobReports = Callable[[Job], JobReport]


def by_user_of(status: Said) -> Row:
    return status("A1", user_id="u7")


def by_token_of(status: Said) -> Row:
    return status("A1", push_token="t7")


KINDS = pytest.mark.parametrize(
    ("alias", "row"), [(TagsUpdate(user_id="u7"), by_user_of), (TagsUpdate(push_token="t7"), by_token_of)]
)


BACKWARDS = pytest.mark.parametrize("backwards", [False, True])


@KINDS
@BACKWARDS
def test_of_two_rows_that_differ_either_may_be_the_device_s_and_neither_is_a_verdict(
    alias: TagsUpdate, row: Callable[[Said], Row], *, backwards: bool
) -> None:
    sent = [*by_hwid("A1", "A2"), alias]
    for one, other in ((done, failed), (failed, done)):
        rows = [one("A1"), done("A2"), row(other)][:: -1 if backwards else 1]
        rejections = judge(sent, report(*rows))
        assert reasons(rejections) == {0: SILENT, 2: SILENT}
        assert {rejection.detail for rejection in rejections.values()} == {DOUBT}


@KINDS
@BACKWARDS
def test_of_two_rows_that_say_the_same_it_makes_no_difference_which_is_whose(
    alias: TagsUpdate, row: Callable[[Said], Row], *, backwards: bool
) -> None:
    sent = [*by_hwid("A1", "A2"), alias]
    for status, expected in ((done, {}), (failed, {0: FAILED, 2: FAILED})):
        rows = [status("A1"), done("A2"), row(status)][:: -1 if backwards else 1]
        assert reasons(judge(sent, report(*rows))) == expected


@BACKWARDS
def test_the_device_s_row_may_tell_the_user_and_the_user_s_the_hwid_alone(*, backwards: bool) -> None:
    sent = [*by_hwid("A1", "A2"), *by_user("u7")]
    for device, user in ((done, failed), (failed, done)):
        rows = [device("A1", user_id="u7"), done("A2", user_id="u2"), user("A1")][:: -1 if backwards else 1]
        assert reasons(judge(sent, report(*rows))) == {0: SILENT, 2: SILENT}


def test_beside_such_rows_one_of_a_device_that_nobody_sent_may_be_the_user_s() -> None:
    sent = [*by_hwid("A1"), *by_user("u7")]
    rows = [done("A1", user_id="u7"), done("A1")]
    assert reasons(judge(sent, report(*rows, failed("B1")))) == {1: SILENT}
    assert judge(sent, report(*rows, done("B1"))) == {}
    assert judge(sent, report(*rows, failed("B1", user_id="u1"))) == {}


def test_rejections_that_differ_are_no_verdict_either() -> None:
    sent = [*by_hwid("A1"), *by_user("u7")]
    refused = Row("A1", None, None, "done", {"color": "no such tag"})
    assert reasons(judge(sent, report(by_user_of(failed), refused))) == {0: SILENT, 1: SILENT}


@KINDS
@pytest.mark.parametrize("status", [done, failed])
def test_a_device_that_is_named_in_a_user_s_row_alone_is_not_confirmed_by_it_nor_refused(
    alias: TagsUpdate, row: Callable[[Said], Row], status: Said
) -> None:
    sent = [*by_hwid("A1", "A2"), alias]
    assert reasons(judge(sent, report(done("A2"), row(status)))) == {0: SILENT, 2: SILENT}
    assert reasons(judge(sent, report(row(status), done("A2")))) == {0: SILENT, 2: SILENT}


def test_of_two_such_rows_one_is_the_device_s() -> None:
    for statuses, expected in (
        ((done, done), {}),
        ((failed, failed), {0: FAILED, 2: FAILED}),
        ((done, failed), {0: SILENT, 2: SILENT}),
        ((failed, done), {0: SILENT, 2: SILENT}),
    ):
        rows = [by_user_of(status) for status in statuses]
        assert reasons(judge(SENT, report(*rows, *OTHERS))) == expected


def test_of_three_devices_that_rows_of_one_hwid_name_none_is_confirmed_by_two_rows() -> None:
    sent = [*by_hwid("A1"), *by_user("u7"), TagsUpdate(push_token="t7")]
    rows = [done("A1", "u7", "t7"), done("A1"), done("A1", "u7")]
    assert judge(sent, report(*rows)) == {}
    assert reasons(judge(sent, report(*rows[:2]))) == {0: SILENT, 1: SILENT, 2: SILENT}
    assert reasons(judge(sent, report(*rows[:2], failed("A1", "u7")))) == {0: SILENT, 1: SILENT, 2: SILENT}


def test_where_reports_are_in_order_it_is_not_overlooked_either() -> None:
    sent = [*by_hwid("A1"), *by_user("u7")]
    assert reasons(judge(sent, report(done("A1", user_id="u7"), done(user_id="u7")))) == {0: SILENT}
    rows = [failed("A1", user_id="u7"), done(user_id="u7")]
    assert reasons(judge(sent, report(*rows))) == {0: SILENT, 1: SILENT}


def test_a_user_whose_own_row_is_bad_is_refused_also_beside_one_that_may_be_another_s() -> None:
    rows = [done("A1", user_id="u7"), failed("C7", user_id="u7"), *OTHERS]
    assert reasons(judge(SENT, report(*rows))) == {0: SILENT, 2: FAILED}


def test_a_user_s_other_devices_count_for_the_user_and_for_themselves() -> None:
    rows = [done("A1"), done("A1", user_id="u7"), failed("A2", user_id="u7"), *OTHERS]
    assert reasons(judge(SENT, report(*rows))) == {1: SILENT, 2: SILENT}
    rows = [done("A1"), done("A1", user_id="u7"), failed("A2"), failed("A2", user_id="u7"), OTHERS[1]]
    assert reasons(judge(SENT, report(*rows))) == {1: FAILED, 2: FAILED}
    rows = [done("A1"), done("A1", user_id="u7"), done("A2", user_id="u7"), OTHERS[1]]
    assert reasons(judge(SENT, report(*rows))) == {1: SILENT}


def test_a_user_that_nobody_sent_takes_no_row_from_the_device_that_was_sent_by_hwid() -> None:
    rows = [failed("A1", user_id="u1"), done("A2", user_id="u2"), *OTHERS[1:], done("B7", user_id="u7")]
    assert reasons(judge(SENT, report(*rows))) == {0: FAILED}
    assert reasons(judge(SENT, report(*rows[::-1]))) == {0: FAILED}


def test_a_row_of_another_user_s_is_not_that_of_a_device_sent_with_its_own_user() -> None:
    sent = [TagsUpdate(hwid="A1", user_id="u1"), TagsUpdate(user_id="u7")]
    assert reasons(judge(sent, report(failed("A1", user_id="u7")))) == {0: SILENT, 1: FAILED}
    assert judge(sent, report(done("A1", user_id="u1"), done("A1", user_id="u7"))) == {}
    sent = [TagsUpdate(hwid="A1", user_id="u1"), TagsUpdate(hwid="B1", user_id="u7")]
    assert reasons(judge(sent, report(failed("A1", user_id="u7"), done("B1")))) == {0: FAILED}


def test_a_row_that_fits_nobody_whom_it_names_is_no_verdict_on_any() -> None:
    sent = [TagsUpdate(hwid="A1", user_id="u1"), TagsUpdate(user_id="u7", push_token="t7")]
    assert reasons(judge(sent, report(failed("A1", "u7", "t1")))) == {0: SILENT, 1: SILENT}


def test_a_device_sent_by_hwid_and_token_leaves_the_row_of_its_token_to_its_user() -> None:
    sent = [*by_user("u7"), TagsUpdate(hwid="A1", push_token="t7")]
    assert reasons(judge(sent, report(failed(user_id="u7", push_token="t7"), done("A1")))) == {0: FAILED}


def test_of_rows_that_name_hwids_alone_one_may_be_a_user_s_and_costs_the_device_no_letter() -> None:
    rows = [done("A1"), done("A2"), failed("A1"), done("B8")]
    assert reasons(judge(SENT, report(*rows)))[0] is SILENT
    assert reasons(judge(SENT, report(failed("A1"), failed("A1"), done("A2"))))[0] is FAILED
    every_user_has_one = [*rows[:3], done("B7", user_id="u7"), done("B8", user_id="u8")]
    assert reasons(judge(SENT, report(*every_user_has_one))) == {0: FAILED}
    assert reasons(judge(SENT[:2], report(*rows))) == {0: FAILED}


def test_what_is_unclear_is_neither_a_stranger_nor_out_of_order() -> None:
    for row in (by_user_of(done), done("A1")):
        judgement = verdicts.judge(SENT, report(by_user_of(failed), done("A2"), row, OTHERS[1]))
        assert (judgement.strangers, judgement.shuffled, judgement.uneven) == (0, False, False)
        assert judgement.without_verdict == {0, 2}
    for row in (by_user_of(done), done("A1")):
        rows = [by_user_of(done), done("C1", user_id="u1"), done("A2"), row, OTHERS[1]]
        assert not verdicts.judge(SENT, report(*rows)).shuffled
        assert verdicts.judge(SENT, report(*rows[::-1])).shuffled


def naming_both(*, device: str | None, user: str | None, silent_beside_others: bool = False) -> JobReports:
    """Reports whose rows tell one hwid, A1, also those of its user.

    `device`, `user`: the user_id in the rows of each.
    """

    def report(job: Job) -> JobReport:
        rows = [
            Row("A1", device if event.hwid else user, None, "failed" if event.offset == 1 else "done")
            for event in job.events
            if not (event.hwid and silent_beside_others and len(job.events) > 1)
        ]
        return completed(*rows)

    return report


@pytest.mark.parametrize(
    ("device", "user", "silent"),
    [(None, "u7", False), (None, "u7", True), ("u7", "u7", False), ("u7", "u7", True), ("u7", None, False)],
)
@pytest.mark.parametrize("most", [1, 3])
def test_both_get_their_own_verdict_in_the_end(
    most: int, device: str | None, user: str | None, *, silent: bool
) -> None:
    for device_at in (0, 1):
        events = [tags(at, "A1") if at == device_at else tags(at, None, user_id="u7") for at in (0, 1)]
        drive = reading(*events, max_attempts=most)
        drive.run(poll=naming_both(device=device, user=user, silent_beside_others=silent))
        assert drive.sent[0] == [0, 1]
        assert drive.written == [1]
        assert drive.position() == 2
        assert [(offset, reason) for _, offset, reason in drive.letters] == [(1, "device_failed")]


@pytest.mark.parametrize(("device", "user"), [(None, "u7"), ("u7", "u7"), ("u7", None)])
def test_where_all_rows_are_good_nobody_goes_again(device: str | None, user: str | None) -> None:
    drive = reading(tags(0, "A1"), tags(2, None, user_id="u7"))
    drive.run(poll=naming_both(device=device, user=user))
    assert drive.sent == [[0, 2]]
    assert drive.letters == []
