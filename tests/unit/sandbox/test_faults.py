"""Each fault does what it says: to replies, batches, jobs, rows and reports."""

from __future__ import annotations

import json
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from tests.unit.sandbox.calls import REGISTRATIONS, Calls, change, registration, statuses


@pytest.mark.parametrize(
    ("rule", "status", "body"),
    [
        ({}, 503, b'{"message":"service unavailable"}'),
        ({"form": "text"}, 502, b"upstream connect error\n"),
        ({"form": "html", "status": 504}, 504, b"<html>"),
    ],
)
def test_an_outage_answers_everything_and_does_nothing(
    rule: dict[str, Any], status: int, body: bytes
) -> None:
    api = Calls()
    job = api.submit(change("A", n=1))
    api.faults({"outage": [rule]})
    for reply in (api.post(change("A", n=2)), api.get(job)):
        assert reply.status == status
        assert reply.body.startswith(body)
    assert api.tags("A") == {"n": 1}


def test_a_rate_limit_says_when_to_come_back_in_seconds_as_a_date_or_not_at_all() -> None:
    told = []
    for form in ("seconds", "date", "none"):
        api = Calls({"rate_limit": [{"retry_after": form, "seconds": 2.5}]})
        api.now = 1_000_000_000.0
        reply = api.post(change("A", n=1))
        assert reply.status == 429
        told.append(reply.headers.get("retry-after"))
    seconds, date, nothing = told
    assert (seconds, nothing) == ("3", None)
    assert date is not None
    assert parsedate_to_datetime(date).timestamp() == 1_000_000_003


def test_credentials_are_refused_on_posts_and_gets_go_on() -> None:
    api = Calls()
    job = api.submit(change("A", n=1))
    api.faults({"unauthorized": [{}]})
    reply = api.post(change("A", n=1))
    assert (reply.status, reply.body) == (401, b'{"message":"unauthorized"}')
    assert api.get(job).status == 200
    api.faults({"unauthorized": [{"status": 403, "on": "get"}]})
    assert api.get(job).status == 403
    api.faults({"unauthorized": [{"status": 200, "on": "any"}]})
    reply = api.get(job)
    assert reply.status == 200
    assert b'"status_code":401' in reply.body


def test_an_application_is_refused_with_400() -> None:
    reply = Calls({"unknown_application": [{}]}).post(change("A", n=1))
    assert (reply.status, reply.body) == (400, b'{"message":"application not found"}')


@pytest.mark.parametrize(
    ("form", "status", "body"),
    [
        ("invalid_request", 200, b'{"message":"invalid request"}'),
        ("envelope_210", 200, b'{"status_code":210,"status_message":"Invalid request","response":null}'),
        ("gateway", 400, b'{"code":3,"message":"invalid argument","details":[]}'),
        (
            "nested_error",
            400,
            b'{"action":"audience","status":"failure","error":{"message":"invalid request"}}',
        ),
        ("redirect", 302, b""),
        ("html", 200, b"<!doctype html><title>Sign in</title>\n"),
        ("empty", 200, b""),
    ],
)
def test_odd_replies_make_no_job(form: str, status: int, body: bytes) -> None:
    api = Calls({"odd_reply": [{"form": form}]})
    reply = api.post(change("A", n=1))
    assert (reply.status, reply.body) == (status, body)
    assert api.audience.stats(0).jobs["unfinished"] == 0
    assert api.tags("A") is None


@pytest.mark.parametrize(("fault", "cut"), [("reply_lost", "lost"), ("reset", "reset")])
def test_a_call_whose_reply_never_arrives_is_carried_out(fault: str, cut: str) -> None:
    api = Calls({fault: [{}]})
    assert api.post(change("A", n=1)).cut == cut
    assert api.tags("A") == {"n": 1}
    stats = api.audience.stats(0)
    assert (stats.replies, stats.jobs["orphaned"]) == ({"post cut": 1}, 1)


def test_a_slow_reply_is_held_back_and_its_job_is_not() -> None:
    api = Calls({"slow": [{"seconds": 7}]})
    assert api.post(change("A", n=1)).delay == 7
    assert api.tags("A") == {"n": 1}


def test_more_devices_or_bytes_than_allowed_are_refused() -> None:
    api = Calls({"size_limit": [{"max_devices": 2}]})
    everything = [change(name, n=1) for name in "ABC"]
    assert [api.post(*everything).status, api.post(*everything[:2]).status] == [413, 200]
    api.faults({"size_limit": [{"max_bytes": 500, "status": 422}]})
    assert [api.post(change("A", n="x" * 500)).status, api.post(change("A", n="x")).status] == [422, 200]


def test_one_bad_device_refuses_the_batch_and_is_not_named() -> None:
    api = Calls({"batch_refused": [{"prefix": "bad-"}]})
    reply = api.post(change("A", n=1), change("bad-1", n=1))
    assert reply.status == 400
    assert b"bad-1" not in reply.body
    assert json.loads(reply.body)["error"]["message"]
    assert api.tags("A") is None
    assert api.post(change("A", n=1)).status == 200


@pytest.mark.parametrize("status", [400, 404])
@pytest.mark.parametrize(("applied", "tags"), [(False, None), (True, {"n": 1})])
def test_a_lost_job_is_unknown_and_may_have_taken_effect(
    status: int, applied: bool, tags: dict[str, Any] | None
) -> None:
    api = Calls({"job_lost": [{"applied": applied}], "unknown_job_status": status})
    job = api.submit(change("A", n=1))
    assert api.get(job).status == status
    assert api.tags("A") == tags


def test_a_stuck_job_never_ends_and_takes_no_effect() -> None:
    api = Calls({"job_stuck": [{"progress": 42}]}, retention=10_000.0)
    job = api.submit(change("A", n=1))
    api.now = 9_999.0
    report = api.report(job)
    assert (report["status"], report["progress"]) == ("Pending", 42)
    assert api.tags("A") is None
    api.now = 10_000.0
    assert api.get(job).status == 404
    assert api.audience.stats(api.now).jobs["unfinished"] == 0


@pytest.mark.parametrize("message", ["", "unauthorized", "application not found"])
@pytest.mark.parametrize(("applied", "tags"), [(False, None), (True, {"n": 1})])
def test_a_failed_job_tells_nothing_of_its_devices(
    message: str, applied: bool, tags: dict[str, Any] | None
) -> None:
    api = Calls({"job_failed": [{"message": message, "applied": applied}]})
    report = api.report(api.submit(change("A", n=1)))
    assert (report["status"], report.get("message", "")) == ("Failed", message)
    assert "devices" not in report
    assert api.tags("A") == tags


def test_devices_fail_or_are_not_found_and_keep_their_tags() -> None:
    api = Calls({"device_failed": [{"prefix": "bad-"}], "device_not_found": [{"prefix": "gone-"}]})
    report = api.report(api.submit(change("bad-1", n=1), change("A", n=1), change("gone-1", n=1)))
    assert statuses(report["devices"]) == {"bad-1": "failed", "A": "done", "gone-1": "not found"}
    counted = [report[f"devices_{name}"] for name in ("success", "failed", "not_found")]
    assert counted == [1, 1, 1]
    assert [api.tags(hwid) for hwid in ("bad-1", "A", "gone-1")] == [None, {"n": 1}, None]


def test_a_device_that_was_never_registered_can_be_not_found() -> None:
    api = Calls({"create_devices": False})
    assert statuses(api.rows(change("A", n=1))) == {"A": "not found"}
    api.rows(registration("A", "T"), endpoint=REGISTRATIONS)
    assert statuses(api.rows(change("A", n=1))) == {"A": "done"}


def test_a_refused_tag_leaves_its_device_done_and_the_other_tags_set() -> None:
    api = Calls({"tag_refused": [{"prefix": "odd-", "tags": ["n"], "answer": "nope"}]})
    odd, plain = api.rows(change("odd-1", n=1, m=2), change("A", n=1))
    assert (odd["status"], odd["tags"]) == ("done", {"n": "nope", "m": "ok"})
    assert plain["tags"] == {"n": "ok"}
    assert api.tags("odd-1") == {"m": 2}


def test_without_names_every_tag_of_a_device_is_refused() -> None:
    api = Calls({"tag_refused": [{}]})
    assert api.rows(change("A", n=1, m=2))[0]["tags"] == {"n": "tag not found", "m": "tag not found"}
    assert api.tags("A") == {}


@pytest.mark.parametrize(("applied", "tags"), [(True, {"n": 1}), (False, None)])
def test_a_device_without_a_row_may_have_been_changed(applied: bool, tags: dict[str, Any] | None) -> None:
    api = Calls({"row_missing": [{"prefix": "bad-", "applied": applied}]})
    assert statuses(api.rows(change("bad-1", n=1), change("A", n=1))) == {"A": "done"}
    assert api.tags("bad-1") == tags


@pytest.mark.parametrize(("contradicting", "second"), [(False, "done"), (True, "failed")])
def test_a_device_can_have_two_rows(contradicting: bool, second: str) -> None:
    rows = Calls({"row_duplicated": [{"contradicting": contradicting}]}).rows(change("A", n=1))
    assert [(row["hwid"], row["status"]) for row in rows] == [("A", "done"), ("A", second)]


def test_rows_can_come_in_any_order() -> None:
    names = [f"D{place}" for place in range(50)]
    rows = Calls({"rows_shuffled": [{}]}).rows(*(change(name, n=1) for name in names))
    told = [row["hwid"] for row in rows]
    assert told != names
    assert sorted(told) == sorted(names)


def test_rows_can_come_without_identifiers() -> None:
    by_user = {"user_id": "U", "list_operator": "set", "tags": {}}
    api = Calls({"rows_unnamed": [{}], "device_failed": [{"prefix": "bad-"}]})
    assert api.rows(change("A"), change("bad-1")) == [{"status": "done", "tags": {}}, {"status": "failed"}]
    api.faults({"rows_unnamed": [{"keep_hwid": True}]})
    named, unnamed = api.rows(change("A"), by_user)
    assert (named["hwid"], "user_id" in unnamed) == ("A", False)


def test_a_report_can_have_rows_of_foreign_devices() -> None:
    rows = Calls({"rows_foreign": [{"rows": 2}]}).rows(change("A", n=1))
    assert len(rows) == 3
    assert rows[0]["hwid"] == "A"


def test_rows_can_come_late_all_of_them_or_all_but_some() -> None:
    api = Calls({"rows_late": [{"seconds": 3.0, "prefix": "A"}, {"seconds": 3.0, "rows": 1}]})
    for first, early in (("A", 0), ("B", 1)):
        began = api.now
        job = api.submit(change(first), change("C"))
        assert api.report(job)["status"] == "Completed"
        assert len(api.report(job)["devices"]) == early
        api.now = began + 2.9
        assert len(api.report(job)["devices"]) == early
        api.now = began + 3.0
        assert [row["hwid"] for row in api.report(job)["devices"]] == [first, "C"]


def test_rows_can_have_another_status_at_first() -> None:
    api = Calls({"rows_late": [{"seconds": 3.0, "rows": 1, "status": "pending"}]})
    began = api.now
    job = api.submit(change("A"), change("B"))
    assert [row["status"] for row in api.report(job)["devices"]] == ["done", "pending"]
    api.now = began + 3.0
    assert [row["status"] for row in api.report(job)["devices"]] == ["done", "done"]


def test_a_report_can_be_cut_off_at_so_many_rows() -> None:
    api = Calls({"rows_at_most": [{"rows": 2}]})
    assert [row["hwid"] for row in api.rows(change("A"), change("B"), change("C"))] == ["A", "B"]
    api.post(change("A"), change("B"), change("C"))
    assert api.audience.stats(api.now).submitted_twice == 0, "nobody was told of all of them"
    api.rows(change("D"))
    api.post(change("D"))
    assert api.audience.stats(api.now).submitted_twice == 1


def test_status_words_can_be_others() -> None:
    words = {"unfinished": "PROCESSING"}
    api = Calls({"latency": {"seconds": 1}, "status_words": [words]})
    job = api.submit(change("A", n=1))
    assert api.report(job)["status"] == "PROCESSING"
    api.now = 1
    assert api.report(job)["status"] == "completed"


def test_counters_can_be_strings_or_lies() -> None:
    api = Calls({"device_failed": [{}], "counters": [{"form": "strings"}]})
    job = api.submit(change("A"))
    assert api.report(job)["devices_failed"] == "1"
    api.faults({"counters": [{"form": "lying"}]})
    report = api.report(job)
    assert (report["devices_success"], report["devices_failed"]) == (1, 0)
    assert report["devices"][0]["status"] == "failed"
