"""Every shape of a reply to a POST that is published or known, and what is none."""

import pytest

from connector.answers import Accepted, Denied, Refused, Unavailable
from tests.unit.pushwoosh.replies import post


@pytest.mark.parametrize(
    ("body", "request_id"),
    [
        ({"request_id": "a-b", "status": "Pending"}, "a-b"),
        ({"request_id": 17, "status": "Pending"}, "17"),
        ({"request_id": " a b "}, " a b "),
        ({"status_code": 200, "status_message": "OK", "response": {"request_id": "x"}}, "x"),
        ({"status": "success", "data": {"request_id": "x"}}, "x"),
        ({"result": {"request_id": 17}}, "17"),
        ({"request_id": "x", "message": "ok"}, "x"),
        (b'\xef\xbb\xbf{"request_id":"x"}', "x"),
        (b'{"request_id":"x","took":NaN,"note":"\xff"}', "x"),
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
def test_an_api_that_is_down_is_unavailable_whatever_it_says(status: int) -> None:
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
