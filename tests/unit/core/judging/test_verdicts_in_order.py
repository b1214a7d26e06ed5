"""Reports whose rows name the devices in their order, as the API sends them: judged on a short cut."""

from __future__ import annotations

import pytest

from connector.answers import JobReport, JobState, Row
from connector.core.judging import verdicts as module
from connector.model import Reason, Rejection, TagsUpdate

GOOD, BAD = {"a": "ok"}, {"a": "tag not found"}


def judge(sent: list[TagsUpdate], report: JobReport, *, by_place: bool = True) -> dict[int, Rejection]:
    return module.judge(sent, report, by_place=by_place).rejections


def by_hwid(*names: str) -> list[TagsUpdate]:
    return [TagsUpdate(hwid=name) for name in names]


def row(hwid: str | None, tags: dict[str, str] | None = None, status: str = "done", **more: str) -> Row:
    return Row(hwid, more.get("user_id"), None, status, tags)


def judged(sent: list[TagsUpdate], *rows: Row, by_place: bool = True) -> dict[int, Reason]:
    report = JobReport(JobState.COMPLETED, "Completed", 100, list(rows))
    verdicts = judge(sent, report, by_place=by_place)
    return {index: rejection.reason for index, rejection in verdicts.items()}


def test_answers_count_for_the_rows_that_share_them_and_for_no_others() -> None:
    rows = [row("A", GOOD), row("B", BAD), row("C", BAD), row("D"), row("E", GOOD), row("F", BAD)]
    refused = Reason.TAG_REFUSED
    assert judged(by_hwid(*"ABCDEF"), *rows) == {1: refused, 2: refused, 5: refused}


def test_one_refused_tag_among_good_ones_is_seen() -> None:
    assert judged(by_hwid("A"), row("A", {"a": "ok", "b": "no", "c": "ok"})) == {0: Reason.TAG_REFUSED}
    assert judged(by_hwid("A", "B"), row("A", {}), row("B", {"a": "ok", "b": "ok"})) == {}


def test_a_word_for_done_in_capitals_is_doubtful_at_first_sight_and_good_at_the_second() -> None:
    assert judged(by_hwid("A", "B"), row("A", status="Done"), row("B", {"a": "OK"})) == {}


def test_a_bad_status_counts_whatever_the_tags_say() -> None:
    verdicts = judged(by_hwid("A", "B", "C"), row("A", GOOD), row("B", GOOD, "failed"), row("C", GOOD))
    assert verdicts == {1: Reason.DEVICE_FAILED}


def test_rows_that_name_their_devices_need_no_order_to_go_by() -> None:
    verdicts = judged(by_hwid("A", "B"), row("A"), row("B", BAD), by_place=False)
    assert verdicts == {1: Reason.TAG_REFUSED}


def test_a_row_without_a_name_is_nobody_s_where_the_order_is_not_known() -> None:
    sent = [TagsUpdate(user_id="U"), TagsUpdate(hwid="A")]
    assert judged(sent, row(None), row("A"), by_place=False) == {0: Reason.NO_VERDICT}
    assert judged(sent[:1], row(None), by_place=False) == {0: Reason.NO_VERDICT}
    assert judged(by_hwid("A", "B"), row("A"), row(None), by_place=False) == {1: Reason.NO_VERDICT}
    assert judged(sent, row(None), row("A")) == {}


@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_row_of_another_device_confirms_nobody_wherever_it_stands(at: int) -> None:
    rows = [row("A"), row("B"), row("C")]
    rows[at] = row("X")
    assert judged(by_hwid("A", "B", "C"), *rows) == {at: Reason.NO_VERDICT}


def test_a_row_too_many_or_too_few_leaves_the_others_their_verdicts() -> None:
    assert judged(by_hwid("A", "B"), row("A"), row("B", BAD), row("A", BAD)) == {
        0: Reason.TAG_REFUSED,
        1: Reason.TAG_REFUSED,
    }
    assert judged(by_hwid("A", "B", "C"), row("A"), row("B", BAD)) == {
        1: Reason.TAG_REFUSED,
        2: Reason.NO_VERDICT,
    }


def test_users_are_told_by_their_names_too() -> None:
    sent = [TagsUpdate(user_id="U"), TagsUpdate(user_id="V")]
    assert judged(sent, row(None, user_id="U"), row(None, user_id="V", status="failed")) == {
        1: Reason.DEVICE_FAILED
    }
    assert judged(sent, row(None, user_id="V"), row(None, user_id="U", status="failed")) == {
        0: Reason.DEVICE_FAILED
    }
    assert judged(sent, row(None, user_id="U"), row(None, user_id="X")) == {1: Reason.NO_VERDICT}


def test_where_two_rows_have_one_name_and_one_is_bad_neither_place_is_confirmed() -> None:
    assert judged(by_hwid("A", "A", "B"), row("A"), row("A", BAD), row("B")) == {
        0: Reason.NO_VERDICT,
        1: Reason.TAG_REFUSED,
    }
    sent = [TagsUpdate(user_id="U"), TagsUpdate(hwid="A", user_id="U")]
    assert judged(sent, row(None, user_id="U", status="failed"), row(None, user_id="U")) == {
        0: Reason.NO_VERDICT,
        1: Reason.DEVICE_FAILED,
    }


def test_of_several_rows_of_one_device_the_worst_counts_whichever_comes_first() -> None:
    rows = [
        row("A"),
        row("A", status="not found"),
        row("A", status="?"),
        row("A", BAD),
        row("A", status="failed"),
    ]
    reasons = [Reason.DEVICE_NOT_FOUND, Reason.NO_VERDICT, Reason.TAG_REFUSED, Reason.DEVICE_FAILED]
    for worst, reason in enumerate(reasons, 1):
        for better in range(worst):
            assert judged(by_hwid("A"), rows[better], rows[worst]) == {0: reason}
            assert judged(by_hwid("A"), rows[worst], rows[better]) == {0: reason}


def test_the_api_s_words_are_repeated_in_part_where_they_are_long() -> None:
    said = "x" * 300
    (verdict,) = judge(by_hwid("A"), JobReport(JobState.FAILED, "?", 0, None, said)).values()
    assert verdict.detail == f"the job failed: {said[:200]}"
    report = JobReport(JobState.COMPLETED, "Completed", 100, [row("A", {"a": said}), row("B", status=said)])
    verdicts = judge(by_hwid("A", "B"), report)
    assert verdicts[0].detail == f"refused tags: a: {said[:200]}"
    assert verdicts[1].detail == f"unknown status of the device: '{said[:200]}'"
    assert verdicts[1].device_status == said


def test_a_job_that_says_nothing_of_why_it_failed_is_told_without_a_colon() -> None:
    (verdict,) = judge(by_hwid("A"), JobReport(JobState.FAILED, "Failed", 0)).values()
    assert verdict.detail == "the job failed"
    (verdict,) = judge(by_hwid("A"), JobReport(JobState.COMPLETED, "Done", 100)).values()
    assert verdict == Rejection(
        Reason.NO_VERDICT, "the report of the job has no rows of devices", job_status="Done"
    )
