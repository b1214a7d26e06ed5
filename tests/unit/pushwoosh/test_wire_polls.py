"""What a reply to a GET of a job means: failed, unknown, denied, unavailable."""

import pytest

from connector.answers import Denied, JobReport, JobState, JobUnknown, Unavailable
from connector.model import Cause
from tests.unit.pushwoosh.replies import poll, report


def test_a_failed_job_says_why() -> None:
    found = report({"request_id": "r", "status": "Failed", "message": "internal error"})
    assert (found.state, found.message) == (JobState.FAILED, "internal error")
    assert report({"status": "Failed", "error": {"message": "boom"}}).message == "boom"
    assert report({"status": "Failed"}).message == ""


@pytest.mark.parametrize(
    ("message", "overloaded"),
    [
        ("rate limit exceeded, try again later", True),
        ("service temporarily unavailable, please try again later", True),
        ("too many jobs in progress", True),
        ("internal error", False),
        ("device A1 unavailable", False),
        ("", False),
    ],
)
def test_a_job_may_have_failed_for_overload_alone(message: str, overloaded: bool) -> None:
    assert report({"request_id": "r", "status": "Failed", "message": message}).overloaded is overloaded
    assert not report({"request_id": "r", "status": "Pending", "message": message}).overloaded
    completed = {"request_id": "r", "status": "Completed", "devices": [], "message": message}
    assert not report(completed).overloaded


@pytest.mark.parametrize(
    ("message", "cause"),
    [("unauthorized", Cause.UNAUTHORIZED), ("application not found", Cause.UNKNOWN_APPLICATION)],
)
def test_a_job_that_failed_for_its_credentials_is_denied(message: str, cause: Cause) -> None:
    answer = poll(200, {"request_id": "r", "status": "Failed", "message": message})
    assert answer == Denied(cause, message, 200, of_job=True)
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
