"""What a row says, in the API's words."""

from __future__ import annotations

import json

import pytest

from connector.answers import JobReport, JobState, Row
from connector.core.judging.row_words import WORD_LENGTH
from connector.model import MOST_TEXT_BYTES, Reason, Rejection
from tests.unit.core.reports_to_judge import by_hwid, judge, reasons, report


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


def test_as_many_refused_tags_as_a_sentence_has_room_for_are_all_named() -> None:
    tags = {f"tag{number}": "no" for number in range(5)}
    report_of_it = JobReport(JobState.COMPLETED, "Completed", 100, [Row("A", None, None, "done", tags)])
    assert judge(by_hwid("A"), report_of_it)[0].detail.endswith("tag3: no; tag4: no")


def test_of_many_refused_tags_as_many_are_listed_as_there_is_room_for_and_all_are_counted() -> None:
    tags = {f"tag-{number}": "tag not found" for number in range(22_000)}
    rejection = judge(by_hwid("A"), report(Row(hwid="A", status="done", tags=tags)))[0]
    listed = json.loads(rejection.refused_tags)
    assert 100 < len(listed) < 200
    assert listed.items() <= tags.items()
    assert len(rejection.refused_tags.encode()) <= MOST_TEXT_BYTES
    assert rejection.refused_tag_count == 22_000
    assert rejection.detail.endswith("; and 21995 more")


def test_an_answer_or_a_name_without_end_is_cut_and_hides_no_other_tag() -> None:
    tags = {"long": "\u00e9" * 1_000_000, "n" * 1_000_000: "tag not found", "plan": "wrong value"}
    rejection = judge(by_hwid("A"), report(Row(hwid="A", status="done", tags=tags)))[0]
    listed = json.loads(rejection.refused_tags)
    assert listed == {"long": "\u00e9" * WORD_LENGTH, "plan": "wrong value"}
    assert len(rejection.detail) < 1000
    assert rejection.refused_tag_count == 3
