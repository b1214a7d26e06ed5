"""Requests as bytes, and every reply shape that is published or was seen elsewhere."""

import json
from email.utils import formatdate
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.model import (
    Accepted,
    Denied,
    Endpoint,
    JobReport,
    JobState,
    JobUnknown,
    PollAnswer,
    PostAnswer,
    Refused,
    Row,
    Unavailable,
)
from connector.pushwoosh import wire

NOW = 1_700_000_000.0


def post(
    status: int, body: object, retry_after: str | None = None, secrets: tuple[str, ...] = ()
) -> PostAnswer:
    return wire.read_post(status, _bytes(body), retry_after, NOW, secrets)


def poll(
    status: int, body: object, retry_after: str | None = None, secrets: tuple[str, ...] = ()
) -> PollAnswer:
    return wire.read_poll(status, _bytes(body), retry_after, NOW, secrets)


def report(body: object) -> JobReport:
    """The report, its rows as plain ones: rows of another class are never equal."""
    answer = poll(200, body)
    assert isinstance(answer, JobReport), answer
    rows = [Row(*msgspec.structs.astuple(row)) for row in answer.rows or ()]
    return msgspec.structs.replace(answer, rows=None if answer.rows is None else rows)


def _bytes(body: object) -> bytes:
    return body if isinstance(body, bytes) else json.dumps(body).encode()


# Requests.


def test_a_request_is_an_envelope_around_the_rows() -> None:
    rows = [b'{"hwid":"A","tags":{"a":1}}', b'{"hwid":"B","tags":{"a":2}}']
    assert json.loads(wire.request_body("APP", "token", rows, create_missing_tags=True)) == {
        "application": "APP",
        "auth": "token",
        "create_missing_tags": True,
        "devices": [{"hwid": "A", "tags": {"a": 1}}, {"hwid": "B", "tags": {"a": 2}}],
    }


def test_a_registration_request_says_nothing_of_missing_tags() -> None:
    assert sorted(json.loads(wire.request_body("APP", "token", [b"{}"]))) == [
        "application",
        "auth",
        "devices",
    ]


def test_application_and_token_are_escaped() -> None:
    body = json.loads(wire.request_body('a"\\\n', "t\u00f6\0", []))
    assert (body["application"], body["auth"]) == ('a"\\\n', "t\u00f6\0")


@given(st.text(), st.text(), st.lists(st.just(b'{"hwid":"A"}')))
def test_the_envelope_is_never_larger_than_reckoned(application: str, token: str, rows: list[bytes]) -> None:
    for create_missing_tags in (True, False, None):
        body = wire.request_body(application, token, rows, create_missing_tags)
        assert len(body) <= wire.envelope_bytes(application, token) + sum(len(row) + 1 for row in rows)


def test_the_paths_are_those_of_the_contract() -> None:
    assert wire.post_path(Endpoint.TAGS) == "/api/v2/audience/bulkSetTags"
    assert wire.post_path(Endpoint.REGISTRATIONS) == "/api/v2/audience/bulkRegisterDevice"
    path = wire.poll_path(Endpoint.TAGS, "a/b c?d", detailed=True)
    assert path == "/api/v2/audience/bulkSetTags/a%2Fb%20c%3Fd?detailed=true"
    assert wire.poll_path(Endpoint.TAGS, "1", detailed=False).endswith("/1?detailed=false")


# The answer to a POST.


@pytest.mark.parametrize(
    ("body", "request_id"),
    [
        ({"request_id": "a-b", "status": "Pending"}, "a-b"),
        ({"request_id": 17, "status": "Pending"}, "17"),
        ({"status_code": 200, "status_message": "OK", "response": {"request_id": "x"}}, "x"),
        ({"request_id": "x", "message": "ok"}, "x"),
    ],
)
@pytest.mark.parametrize("status", [200, 201, 202])
def test_a_reply_that_names_a_job_is_accepted(status: int, body: object, request_id: str) -> None:
    assert post(status, body) == Accepted(request_id)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (401, {"message": "unauthorized"}),
        (401, b""),
        (403, b"<html>Forbidden</html>"),
        (402, {"message": "subscription ended"}),
        (407, b""),
        (451, b""),
        (400, {"message": "Unauthorized"}),
        (400, {"message": "invalid token"}),
        (400, {"message": "wrong API token"}),
        (400, {"message": "Access denied"}),
        (400, {"message": "You don't have permission for this"}),
        (400, {"action": "x", "status": "failure", "error": {"message": "access token is expired"}}),
        (400, {"code": 16, "message": "no", "details": []}),
        (400, {"code": 7, "message": "no", "details": []}),
        (200, {"code": 16, "message": "no"}),
        (200, {"message": "unauthorized"}),
        (200, {"status_code": 210, "status_message": "Invalid auth", "response": None}),
        (200, {"status_code": 403, "status_message": "", "response": None}),
        (404, {"message": "api key not found"}),
    ],
)
def test_wrong_credentials_are_denied_wherever_they_are_said(status: int, body: object) -> None:
    answer = post(status, body)
    assert isinstance(answer, Denied)
    assert (answer.cause, answer.http_status) == ("unauthorized", status)
    assert answer.message


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, {"message": "application not found"}),
        (400, {"message": "Application 'ABCDE-12345' does not exist"}),
        (400, {"action": "x", "status": "failure", "error": {"message": "unknown application"}}),
        (403, {"message": "access to the application is denied"}),
        (404, {"code": 5, "message": "application not found", "details": []}),
        (200, {"status_code": 210, "status_message": "Application code is invalid", "response": None}),
    ],
)
def test_an_unknown_application_is_denied_wherever_it_is_said(status: int, body: object) -> None:
    answer = post(status, body)
    assert isinstance(answer, Denied)
    assert answer.cause == "unknown_application"


@pytest.mark.parametrize("status", [301, 302, 307, 308, 404, 405, 406, 410, 411, 415, 421, 426])
def test_an_address_without_the_api_is_denied(status: int) -> None:
    answer = post(status, b"<html>nothing here</html>")
    assert isinstance(answer, Denied)
    assert (answer.cause, answer.http_status) == ("wrong_url", status)


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (400, {"message": "invalid request"}, "invalid request"),
        (400, {"action": "a", "status": "failure", "error": {"message": "bad device"}}, "bad device"),
        (400, {"error": "bad device"}, "bad device"),
        (400, {"status_code": 210, "status_message": "wrong hwid", "response": None}, "wrong hwid"),
        (400, {"code": 3, "message": "devices: too many", "details": []}, "devices: too many"),
        (400, {"code": 5, "message": "device not found", "details": []}, "device not found"),
        (400, {"message": {"devices": ["is wrong"]}}, '{"devices":["is wrong"]}'),
        (400, {"message": "invalid push_token"}, "invalid push_token"),
        (400, {"message": "tag application not found"}, "tag application not found"),
        (
            400,
            {"message": "Unexpected token < in JSON at position 0"},
            "Unexpected token < in JSON at position 0",
        ),
        (400, b"plain words", "plain words"),
        (400, b"", "HTTP 400 Bad Request"),
        (400, b"[1]", "[1]"),
        (
            413,
            b"<html>\n<h1>413 Request Entity Too Large</h1></html>",
            "<html> <h1>413 Request Entity Too Large",
        ),
        (422, {"message": ""}, '{"message": ""}'),
        (200, {"message": "invalid request"}, "invalid request"),
        (200, {"status_code": 210, "status_message": "Bad devices", "response": None}, "Bad devices"),
        (200, {"request_id": "", "message": "too many devices"}, "too many devices"),
    ],
)
def test_a_batch_the_api_will_not_take_is_refused_in_its_words(
    status: int, body: object, message: str
) -> None:
    answer = post(status, body)
    assert isinstance(answer, Refused)
    assert answer.http_status == status
    assert answer.message.startswith(message)


@pytest.mark.parametrize("status", [408, 409, 423, 425, 429, 500, 501, 502, 503, 504, 599, 700])
def test_a_destination_that_is_down_is_unavailable_whatever_it_says(status: int) -> None:
    answer = post(status, {"message": "unauthorized"} if status >= 500 else b"<html>later</html>", "7")
    assert isinstance(answer, Unavailable)
    assert (answer.http_status, answer.retry_after) == (status, 7.0)


@pytest.mark.parametrize(
    ("status", "maybe"), [(429, False), (503, False), (408, False), (500, True), (502, True), (504, True)]
)
def test_only_some_failures_leave_it_open_whether_the_batch_was_taken(status: int, maybe: bool) -> None:
    answer = post(status, b"")
    assert isinstance(answer, Unavailable)
    assert answer.maybe_accepted is maybe


@pytest.mark.parametrize(
    "body",
    [
        {"code": 14, "message": "unavailable"},
        {"code": 8, "message": "exhausted"},
        {"status_code": 503, "status_message": "overloaded", "response": None},
    ],
)
@pytest.mark.parametrize("status", [200, 400])
def test_an_overload_inside_an_envelope_is_an_overload(status: int, body: object) -> None:
    assert isinstance(post(status, body), Unavailable)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>welcome</html>",
        b'{"request_id":"a-b","sta',
        b"[]",
        b"null",
        b"\xff\xfe",
        {},
        {"status": "OK"},
        {"request_id": None},
        {"request_id": True},
        {"request_id": " "},
        b"[" * 100_000,
    ],
)
def test_a_success_that_can_not_be_read_may_have_been_taken(body: object) -> None:
    answer = post(200, body)
    assert isinstance(answer, Unavailable)
    assert answer.maybe_accepted
    assert answer.message.startswith("A reply that can't be understood")


def test_a_message_is_one_line_of_at_most_200_characters_without_the_token() -> None:
    text = "bad\n\tdevice\x00 with s3cret " + "x" * 500
    answer = post(400, {"message": text}, secrets=("", "s3cret"))
    assert isinstance(answer, Refused)
    assert answer.message.startswith("bad device with *** xxx")
    assert len(answer.message) == 200
    assert "s3cret" not in str(post(401, b"token s3cret is wrong", secrets=("s3cret",)))
    assert "s3cret" not in str(post(200, b"<html>s3cret", secrets=("s3cret",)))


# Retry-After.


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("120", 120.0),
        (" 1.5 ", 1.5),
        ("0", 0.0),
        ("-5", 0.0),
        ("999999999", 3600.0),
        (formatdate(NOW + 30, usegmt=True), 30.0),
        (formatdate(NOW - 30, usegmt=True), 0.0),
        (formatdate(NOW + 1e6, usegmt=True), 3600.0),
        ("Tue Nov 14 22:14:20 2023", 60.0),
        ("soon", None),
        ("", None),
        ("nan", None),
        ("inf", None),
        ("1_0", None),
        ("Fri, 99 Foo 2023 99:99:99 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str | None, seconds: float | None) -> None:
    assert wire.read_retry_after(header, NOW) == seconds


# The answer to a GET.


def test_the_published_example_is_read() -> None:
    found = report(
        {
            "request_id": "r",
            "status": "Completed",
            "progress": 100,
            "devices_success": 4,
            "devices": [
                {"hwid": "A", "status": "done", "tags": {"a": "ok", "b": "tag not found"}},
                {"hwid": "B", "status": "failed"},
            ],
        }
    )
    assert found == JobReport(
        JobState.COMPLETED,
        "Completed",
        100,
        [
            Row(hwid="A", status="done", tags={"a": "ok", "b": "tag not found"}),
            Row(hwid="B", status="failed"),
        ],
    )


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("Completed", JobState.COMPLETED),
        ("COMPLETED", JobState.COMPLETED),
        (" completed ", JobState.COMPLETED),
        ("failed", JobState.FAILED),
        ("Pending", JobState.UNFINISHED),
        ("in-progress", JobState.UNFINISHED),
        ("In_Progress", JobState.UNFINISHED),
        ("Completed with errors", JobState.UNFINISHED),
        ("\u041e\u041a", JobState.UNFINISHED),
        (7, JobState.UNFINISHED),
        (True, JobState.UNFINISHED),
    ],
)
def test_only_two_words_end_a_job(word: object, state: JobState) -> None:
    found = report({"request_id": "r", "status": word})
    assert found.state is state
    assert found.rows is None


@pytest.mark.parametrize(
    ("progress", "percent"),
    [(40, 40), ("40", 40), ("40%", 40), (40.7, 40), ("x", -1), (None, -1), ("", -1), ("inf", -1), ([], -1)],
)
def test_progress_is_read_as_number_or_text(progress: object, percent: int) -> None:
    assert report({"status": "Pending", "progress": progress, "request_id": "r"}).progress == percent


def test_counters_of_any_type_do_not_matter() -> None:
    found = report({"status": "Completed", "devices_success": "100", "devices_failed": None, "devices": []})
    assert found.rows == []


def test_rows_of_odd_types_keep_their_places() -> None:
    found = report(
        {
            "status": "Completed",
            "devices": [
                {"hwid": "A", "status": "done", "tags": None},
                {"hwid": 12, "status": None, "tags": []},
                "nonsense",
                None,
                {
                    "user_id": "u",
                    "push_token": 5,
                    "hwid": True,
                    "status": 3,
                    "tags": {"a": {"status": "ok"}, "b": None},
                },
                {
                    "hwid": "B",
                    "status": "done",
                    "tags": [{"name": "a", "status": "ok"}, {"tag": "b", "message": "no"}, "x"],
                },
                {"hwid": "C", "status": "done", "tags": "tag not found"},
                {"hwid": "D", "status": "done", "tags": [{"name": 5}], "else": 1},
            ],
        }
    )
    assert found.rows == [
        Row(hwid="A", status="done"),
        Row(hwid="12"),
        Row(),
        Row(),
        Row(user_id="u", push_token="5", status="3", tags={"a": "ok", "b": "null"}),
        Row(hwid="B", status="done", tags={"a": "ok", "b": "no", "2": "x"}),
        Row(hwid="C", status="done", tags={"": "tag not found"}),
        Row(hwid="D", status="done", tags={"0": '{"name":5}'}),
    ]


def test_each_row_has_the_answers_that_came_with_it() -> None:
    good, bad = {"a": "ok"}, {"a": "tag not found"}
    said = [good, good, bad, None, good, bad, {}, good]
    rows = [{"hwid": f"D{at}", "status": "done", "tags": tags} for at, tags in enumerate(said)]
    rows.append({"hwid": "D8", "status": "done"})
    found = report({"status": "Completed", "devices": rows}).rows
    assert found is not None
    assert [row.tags for row in found] == [*said, None]


def test_answers_that_are_no_json_make_a_report_that_is_not_understood() -> None:
    body = b'{"status":"Completed","devices":[{"hwid":"A","status":"done","tags":{"a":"\xff"}}]}'
    assert isinstance(poll(200, body), Unavailable)


@pytest.mark.parametrize("devices", [None, "many", {"A": "done"}])
def test_devices_that_are_no_list_are_no_details(devices: object) -> None:
    assert report({"status": "Completed", "devices": devices}).rows is None


@pytest.mark.parametrize("number", [100, "100", [1]])
def test_a_report_may_sit_inside_an_envelope(number: object) -> None:
    inner = {
        "request_id": "r",
        "status": "Completed",
        "progress": number,
        "devices": [{"hwid": "A", "status": "done"}],
    }
    found = report({"status_code": 200, "status_message": "OK", "response": inner})
    assert found.rows == [Row(hwid="A", status="done")]
    found = report({"status_code": 200, "status": None, "response": inner})
    assert found.state is JobState.COMPLETED


def test_a_failed_job_says_why() -> None:
    found = report({"request_id": "r", "status": "Failed", "message": "internal error"})
    assert (found.state, found.message) == (JobState.FAILED, "internal error")
    assert report({"status": "Failed", "error": {"message": "boom"}}).message == "boom"
    assert report({"status": "Failed"}).message == ""


@pytest.mark.parametrize(
    ("message", "cause"), [("unauthorized", "unauthorized"), ("application not found", "unknown_application")]
)
def test_a_job_that_failed_for_its_credentials_is_denied(message: str, cause: str) -> None:
    answer = poll(200, {"request_id": "r", "status": "Failed", "message": message})
    assert answer == Denied(cause, message, 200)
    assert isinstance(report({"status": "Completed", "message": message}), JobReport)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, {"message": "request not found"}),
        (404, b"<html>404</html>"),
        (400, {"message": "invalid request"}),
        (410, b""),
        (422, {"message": "malformed"}),
        (200, {"message": "request not found"}),
        (200, {"message": "invalid request"}),
        (200, {"code": 5, "message": "gone"}),
        (200, {"status": "failure", "error": {"message": "unknown request_id"}}),
    ],
)
def test_a_request_id_that_means_nothing_is_an_unknown_job(status: int, body: object) -> None:
    answer = poll(status, body)
    assert isinstance(answer, JobUnknown)
    assert answer.http_status == status


@pytest.mark.parametrize(
    ("status", "body", "cause"),
    [
        (401, b"", "unauthorized"),
        (403, {"message": "no"}, "unauthorized"),
        (400, {"message": "invalid token"}, "unauthorized"),
        (404, {"message": "application not found"}, "unknown_application"),
        (200, {"message": "unauthorized"}, "unauthorized"),
        (200, {"status": "error", "message": "unauthorized"}, "unauthorized"),
        (200, {"request_id": "r", "status": "Pending", "message": "unauthorized"}, "unauthorized"),
        (301, b"", "wrong_url"),
        (405, b"", "wrong_url"),
    ],
)
def test_a_poll_is_denied_like_a_post(status: int, body: object, cause: str) -> None:
    answer = poll(status, body)
    assert isinstance(answer, Denied)
    assert (answer.cause, answer.http_status) == (cause, status)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b""),
        (200, b"<html></html>"),
        (200, b'{"status":"Completed","devices":[{"hwid":"A"'),
        (200, b"[]"),
        (200, b"\xff"),
        (200, {"status": "Completed\ud800"}),
        (200, {"progress": 100}),
        (200, b'{"response":' * 5000),
        (200, {"message": "internal error, try later"}),
        (200, {"status": "error", "message": "internal error, try later"}),
        (200, {"code": 14, "message": "not found anywhere"}),
        (429, b""),
        (500, {"message": "not found"}),
        (502, b"<html>"),
        (418, b""),
    ],
)
def test_a_poll_that_can_not_be_read_is_unavailable_and_nothing_is_lost(status: int, body: object) -> None:
    answer = poll(status, body, "3")
    assert isinstance(answer, Unavailable)
    assert (answer.http_status, answer.retry_after, answer.maybe_accepted) == (status, 3.0, False)
    assert answer.message


# Whatever comes.


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "status",
                    "request_id",
                    "devices",
                    "progress",
                    "message",
                    "error",
                    "response",
                    "code",
                    "tags",
                    "hwid",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@given(
    st.integers(100, 999),
    st.binary(max_size=60) | json_values.map(lambda value: json.dumps(value).encode()),
    st.none() | st.text(),
)
def test_whatever_comes_is_an_answer(status: int, body: bytes, retry_after: str | None) -> None:
    sent = wire.read_post(status, body, retry_after, NOW)
    asked = wire.read_poll(status, body, retry_after, NOW)
    assert isinstance(sent, (Accepted, Refused, Unavailable, Denied))
    assert isinstance(asked, (JobReport, JobUnknown, Unavailable, Denied))
    if not 200 <= status < 300:
        assert not isinstance(sent, Accepted)
        assert not isinstance(asked, JobReport)
