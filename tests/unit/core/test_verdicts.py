"""Report -> verdict per device."""

from __future__ import annotations

import json

import msgspec
import pytest

from connector.answers import JobReport, JobState, Row
from connector.core import verdicts as module
from connector.core.verdicts import RETRYABLE
from connector.model import Reason, Rejection, TagsUpdate


def judge(sent: list[TagsUpdate], report: JobReport, *, by_position: bool = True) -> dict[int, Rejection]:
    return module.judge(sent, report, by_position=by_position).rejections


def by_hwid(*names: str) -> list[TagsUpdate]:
    return [TagsUpdate(hwid=name) for name in names]


def by_user(*names: str) -> list[TagsUpdate]:
    return [TagsUpdate(user_id=name) for name in names]


def done(hwid: str | None = None, user_id: str | None = None, push_token: str | None = None) -> Row:
    return Row(hwid, user_id, push_token, "done")


def failed(hwid: str | None = None, user_id: str | None = None, push_token: str | None = None) -> Row:
    return Row(hwid, user_id, push_token, "failed")


def report(*rows: Row) -> JobReport:
    return JobReport(JobState.COMPLETED, "Completed", 100, list(rows))


def reasons(verdicts: dict[int, Rejection]) -> dict[int, Reason]:
    return {index: rejection.reason for index, rejection in verdicts.items()}


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


@pytest.mark.parametrize("word", ["not found", "not_found", "NotFound", "NOT FOUND", " not-found "])
def test_not_found_is_understood_however_it_is_written(word: str) -> None:
    verdicts = judge(by_hwid("A"), report(Row(hwid="A", status=word)))
    assert reasons(verdicts) == {0: Reason.DEVICE_NOT_FOUND}
    assert verdicts[0].device_status == word


@pytest.mark.parametrize("word", ["DONE", "Done", " done "])
def test_done_is_understood_without_case(word: str) -> None:
    assert judge(by_hwid("A"), report(Row(hwid="A", status=word, tags={"a": "OK", "b": " Ok"}))) == {}


@pytest.mark.parametrize("word", ["Failed", "FAILED"])
def test_a_failed_device_gets_no_reason_from_the_api_and_is_told_so(word: str) -> None:
    verdicts = judge(by_hwid("A"), report(Row(hwid="A", status=word)))
    assert verdicts == {
        0: Rejection(
            Reason.DEVICE_FAILED,
            "failed: no reason was given",
            job_status="Completed",
            device_status=word,
        )
    }


@pytest.mark.parametrize("word", ["ok", "success", "queued", "undone", "done?", "fail"])
def test_an_unknown_status_word_is_no_verdict_and_is_repeated(word: str) -> None:
    verdicts = judge(by_hwid("A"), report(Row(hwid="A", status=word)))
    assert reasons(verdicts) == {0: Reason.NO_VERDICT}
    assert repr(word) in verdicts[0].detail


def test_an_empty_status_is_no_verdict() -> None:
    assert judge(by_hwid("A"), report(Row(hwid="A")))[0].detail == "the device's row has no status"


def test_a_done_device_with_a_refused_tag_is_not_confirmed() -> None:
    tags = {"a": "ok", "b": "tag not found", "c": "wrong value. expect :string"}
    verdicts = judge(by_hwid("A"), report(Row(hwid="A", status="done", tags=tags)))
    assert reasons(verdicts) == {0: Reason.TAG_REFUSED}
    assert json.loads(verdicts[0].refused_tags) == {"b": "tag not found", "c": "wrong value. expect :string"}
    assert verdicts[0].detail == "refused tags: b: tag not found; c: wrong value. expect :string"


def test_many_refused_tags_make_a_short_sentence_and_a_full_list() -> None:
    tags = {f"tag{number}": "tag not found" for number in range(7)}
    verdict = judge(by_hwid("A"), report(Row(hwid="A", status="done", tags=tags)))[0]
    assert verdict.detail.endswith("tag4: tag not found; and 2 more")
    assert json.loads(verdict.refused_tags) == tags


def test_a_failed_device_names_its_refused_tags() -> None:
    verdict = judge(by_hwid("A"), report(Row(hwid="A", status="failed", tags={"b": "tag not found"})))[0]
    assert (verdict.reason, verdict.detail) == (
        Reason.DEVICE_FAILED,
        "failed; refused tags: b: tag not found",
    )


def test_rows_name_users_and_tokens_too() -> None:
    sent = [TagsUpdate(user_id="U"), TagsUpdate(push_token="T"), TagsUpdate(hwid="A")]
    rows = report(failed(push_token="T"), done("A"), done(user_id="U"))
    assert reasons(judge(sent, rows)) == {1: Reason.DEVICE_FAILED}
    assert judge(by_user("U", "V"), report(done(user_id="U"), done(user_id="V"))) == {}


def test_identifiers_of_different_kinds_never_meet() -> None:
    sent = [TagsUpdate(hwid="X"), TagsUpdate(user_id="X")]
    assert reasons(judge(sent, report(done("X"), failed(user_id="X")))) == {1: Reason.DEVICE_FAILED}


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


def test_all_devices_of_a_user_must_be_done() -> None:
    rows = (done("D1", user_id="U"), failed("D2", user_id="U"), done("D3", user_id="V"))
    assert reasons(judge(by_user("U", "V"), report(*rows))) == {0: Reason.DEVICE_FAILED}


def test_another_device_of_the_same_user_says_nothing_about_this_one() -> None:
    sent = [TagsUpdate(hwid="A", user_id="U")]
    assert reasons(judge(sent, report(done("B", user_id="U")))) == {0: Reason.NO_VERDICT}
    assert judge(sent, report(done(user_id="U"))) == {}


def test_rows_without_identifiers_count_by_position_where_the_lengths_agree() -> None:
    assert reasons(judge(by_user("U", "V"), report(done(), failed()))) == {1: Reason.DEVICE_FAILED}
    verdicts = judge(by_user("U", "V"), report(done(), done(), done()))
    assert reasons(verdicts) == {0: Reason.NO_VERDICT, 1: Reason.NO_VERDICT}
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
    verdicts = judge(sent, report(failed("D1"), done("A"), done("D2")))
    assert reasons(verdicts) == {1: Reason.NO_VERDICT, 2: Reason.NO_VERDICT}


def test_identifiers_are_compared_to_the_letter() -> None:
    assert reasons(judge(by_hwid("User@x.com"), report(done("user@x.com")))) == {0: Reason.NO_VERDICT}


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
    again = {reason for reason, helps in RETRYABLE.items() if helps}
    assert again == {Reason.DEVICE_NOT_FOUND, Reason.NO_VERDICT, Reason.JOB_FAILED}


def test_a_reason_of_which_nobody_decided_how_bad_it_is_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connector.core.verdicts.BADNESS", {})
    assert reasons(judge(by_hwid("A"), report(failed("A"), failed("A")))) == {0: Reason.DEVICE_FAILED}
