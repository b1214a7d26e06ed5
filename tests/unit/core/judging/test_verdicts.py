"""Report -> verdict per device."""

from __future__ import annotations

import json

import msgspec

from connector.answers import JobReport, JobState, Row
from connector.core.judging.verdicts import judge as whole_judgement
from connector.core.reasons import TRAITS
from connector.model import Reason, Rejection, TagsUpdate
from tests.unit.core.reports_to_judge import by_hwid, done, failed, judge, reasons, report


def test_a_row_that_says_done_confirms_its_device() -> None:
    assert judge(by_hwid("A", "B"), report(done("A"), done("B"))) == {}


def test_rows_count_in_any_order() -> None:
    verdicts = judge(by_hwid("A", "B", "C"), report(done("C"), failed("A"), done("B")))
    assert reasons(verdicts) == {0: Reason.DEVICE_FAILED}


def test_a_device_without_a_row_is_not_confirmed() -> None:
    verdicts = judge(by_hwid("A", "B"), report(done("B")))
    assert verdicts == {
        0: Rejection(Reason.NO_VERDICT, "the report has no row of this device", job_status="Completed")
    }


def test_a_report_without_rows_confirms_nothing() -> None:
    nothing = JobReport(JobState.COMPLETED, "Completed", 100, None)
    assert reasons(judge(by_hwid("A", "B"), nothing)) == {0: Reason.NO_VERDICT, 1: Reason.NO_VERDICT}
    assert reasons(judge(by_hwid("A"), report())) == {0: Reason.NO_VERDICT}


def test_a_failed_job_confirms_nothing_even_with_good_rows() -> None:
    verdicts = judge(by_hwid("A"), JobReport(JobState.FAILED, "FAILED", 40, [done("A")], "disk full"))
    assert verdicts == {0: Rejection(Reason.JOB_FAILED, "the job failed: disk full", job_status="FAILED")}


def test_an_unfinished_job_confirms_nothing() -> None:
    verdicts = judge(by_hwid("A"), JobReport(JobState.UNFINISHED, "in-progress", 40, [done("A")]))
    assert reasons(verdicts) == {0: Reason.NO_VERDICT}
    assert verdicts[0].job_status == "in-progress"


def test_a_done_device_with_a_refused_tag_is_not_confirmed() -> None:
    tags = {"a": "ok", "b": "tag not found", "c": "wrong value. expect :string"}
    verdicts = judge(by_hwid("A"), report(Row(hwid="A", status="done", tags=tags)))
    assert reasons(verdicts) == {0: Reason.TAG_REFUSED}
    assert json.loads(verdicts[0].refused_tags) == {"b": "tag not found", "c": "wrong value. expect :string"}
    assert verdicts[0].detail == "refused tags: b: tag not found; c: wrong value. expect :string"


def test_of_duplicate_rows_the_worst_counts() -> None:
    sent = by_hwid("A")
    assert reasons(judge(sent, report(done("A"), failed("A"), done("A")))) == {0: Reason.DEVICE_FAILED}
    missing = Row(hwid="A", status="not found")
    refused = Row(hwid="A", status="done", tags={"x": "tag not found"})
    unknown = Row(hwid="A", status="?")
    assert reasons(judge(sent, report(refused, missing, unknown))) == {0: Reason.TAG_REFUSED}
    assert reasons(judge(sent, report(missing, unknown, done("A")))) == {0: Reason.NO_VERDICT}
    assert reasons(judge(sent, report(failed("A"), refused))) == {0: Reason.DEVICE_FAILED}
    assert judge(sent, report(done("A"), done("A"))) == {}


def test_the_published_example_is_judged_by_its_rows_not_by_its_counters() -> None:
    raw = b'[{"hwid":"a","status":"done"},{"hwid":"b","status":"done"},{"hwid":"c","status":"failed"}]'
    rows = msgspec.json.decode(raw, type=list[Row])
    assert reasons(judge(by_hwid("a", "b", "c"), report(*rows))) == {2: Reason.DEVICE_FAILED}


def test_nothing_sent_is_nothing_to_judge() -> None:
    assert judge([], report()) == {}
    assert judge([], report(done("A"))) == {}


def test_the_same_device_twice_does_not_break_the_judge() -> None:
    assert judge(by_hwid("A", "A"), report(done("A"), done("A"))) == {}
    assert 1 in judge(by_hwid("A", "A"), report(done("A"), failed("A")))


def test_what_can_be_tried_again_is_what_the_api_did_not_refuse() -> None:
    again = {reason for reason, traits in TRAITS.items() if traits.retryable}
    assert again == {Reason.DEVICE_NOT_FOUND, Reason.NO_VERDICT, Reason.JOB_FAILED}


def test_only_a_device_without_hwid_and_without_a_row_may_have_one_that_is_not_told() -> None:
    sent = [TagsUpdate(user_id="U"), TagsUpdate(hwid="A"), TagsUpdate(push_token="T", user_id="V")]
    judgement = whole_judgement(sent, report())
    assert judgement.without_verdict == {0, 1, 2}
    assert judgement.perhaps_judged(sent) == {0, 2}
    of_a_failed_job = whole_judgement(sent, JobReport(JobState.FAILED, "Failed", 0))
    assert of_a_failed_job.perhaps_judged(sent) == set()


def test_a_row_whose_status_says_nothing_is_as_good_as_none() -> None:
    rows = Row(hwid="A"), Row(hwid="C"), Row(hwid="D", status="done")
    judgement = whole_judgement(by_hwid("A", "B", "D"), report(*rows))
    assert set(judgement.rejections) == judgement.without_verdict == {0, 1}


def test_a_report_may_have_been_cut_off_where_it_leaves_out_as_many_devices_as_it_has() -> None:
    sent = by_hwid("A", "B", "C", "D")
    cut = [whole_judgement(sent, report(*map(done, "ABCD"[:rows]))).cut_off(sent) for rows in range(5)]
    assert cut == [False, True, True, False, False]


def test_what_no_row_says_is_never_the_worse_of_two_rows() -> None:
    by_rows = [Reason.DEVICE_NOT_FOUND, Reason.NO_VERDICT, Reason.TAG_REFUSED, Reason.DEVICE_FAILED]
    assert sorted(by_rows, key=lambda reason: TRAITS[reason].badness) == by_rows
    assert {TRAITS[reason].badness for reason in Reason if reason not in by_rows} == {0}
