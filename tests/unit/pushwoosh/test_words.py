"""What a message blames, when it only asks to wait, and how it is shown."""

import pytest

from connector.answers import Refused, Unavailable
from connector.model import Cause
from connector.pushwoosh import words
from tests.unit.pushwoosh.replies import poll, post


@pytest.mark.parametrize(
    ("message", "cause"),
    [
        ("application not found", Cause.UNKNOWN_APPLICATION),
        ("Unknown app code", Cause.UNKNOWN_APPLICATION),
        ("access to the application is denied", Cause.UNKNOWN_APPLICATION),
        ("invalid API token", Cause.UNAUTHORIZED),
        ("access was denied", Cause.UNAUTHORIZED),
        ("you don't have permission", Cause.UNAUTHORIZED),
        ("credentials expired", Cause.UNAUTHORIZED),
        ("The account has expired", Cause.UNAUTHORIZED),
        ("Your subscription is suspended", Cause.UNAUTHORIZED),
        ("subscription: wrong value", None),
        ("tag subscription is disabled", None),
        ("push subscription expired", None),
        ("Web push subscription has expired", None),
        ("Device account closed", None),
        ("3 devices failed: subscription expired", None),
        ("tag application not found", None),
        ("invalid push_token", None),
        ("invalid push token", None),
        ("devices[3]: invalid token", None),
        ("Unexpected token < in JSON at position 0", None),
        ("syntax error: invalid token at byte 7", None),
        ("internal error", None),
        ("", None),
    ],
)
def test_a_message_blames_the_credentials_or_the_application_or_neither(
    message: str, cause: Cause | None
) -> None:
    assert words.blame(message) == cause


@pytest.mark.parametrize(
    ("message", "says_so"),
    [
        ("request not found", True),
        ("invalid request_id", True),
        ("Request with id 5f1c does not exist", True),
        ("no such job", True),
        ("the job has expired", True),
        ("Not found.", True),
        ("internal error, try later", False),
        ("the account has expired", False),
        ("shard not found", False),
        ("Resource not found", True),
        ("The requested entity was not found", True),
        ("unknown id", True),
        ("No job found", True),
        ("There is no job with that id", True),
        ("Invalid request: malformed token", False),
        ("Invalid JSON in request", False),
        ("request failed, tags invalid", False),
        ("Internal error: missing job worker", False),
    ],
)
def test_a_job_that_nobody_knows_is_known_by_the_words(message: str, says_so: bool) -> None:
    assert words.knows_no_job(message) is says_so


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        ({"message": "m", "error": "e", "status_message": "s"}, "m"),
        ({"error": {"message": "m"}, "status_message": "s"}, "m"),
        ({"error": "e", "status_message": "s"}, "e"),
        ({"status_message": "s"}, "s"),
        ({"message": " ", "error": "e"}, "e"),
        ({"message": {"devices": ["is wrong"]}}, '{"devices":["is wrong"]}'),
        ({"message": True, "error": 7}, ""),
        ({}, ""),
    ],
)
def test_a_message_is_found_wherever_the_reply_keeps_it(reply: dict[str, object], message: str) -> None:
    assert words.message_in(reply) == message


@pytest.mark.parametrize(("status", "name"), [(503, "HTTP 503 Service Unavailable"), (700, "HTTP 700")])
def test_a_reply_without_words_is_shown_by_the_name_of_its_status(status: int, name: str) -> None:
    assert words.shown(" \n", status) == name


@pytest.mark.parametrize(
    ("means", "message"),
    [
        (429, "rate limit exceeded"),
        (429, "API rate limit exceeded, retry in 5s."),
        (429, "Rate-limit reached!"),
        (429, "rate_limit_exceeded"),
        (429, "Too Many Requests. Please try again later"),
        (429, "You are sending too many requests"),
        (429, "Request was throttled"),
        (503, "temporarily unavailable, try again"),
        (503, "Service Unavailable"),
        (503, "The server is currently overloaded; retry after 30 seconds"),
        (429, "too many jobs in progress"),
        (429, "Too many concurrent requests"),
        (429, "queue is full"),
        (429, "limit of concurrent jobs reached"),
        (429, "Concurrent requests limit exceeded"),
        (429, "Quota exceeded"),
    ],
)
@pytest.mark.parametrize("status", [200, 400])
def test_words_that_say_nothing_but_to_wait_mean_what_429_and_503_mean(
    status: int, means: int, message: str
) -> None:
    expected = Unavailable(message, status, 7.0, meant=means)
    assert post(status, {"message": message}, "7") == expected
    assert post(status, {"status": "failure", "error": {"message": message}}, "7") == expected
    assert poll(status, {"message": message}, "7") == expected
    assert (expected.cause, expected.overloaded) == (Unavailable("", means).cause, True)


@pytest.mark.parametrize(
    "message",
    [
        "device 'rate limit exceeded' not found",
        'hwid "temporarily unavailable": too long',
        "A1-rate-limit: retry",
        "tag too many requests: invalid value",
        "devices[3]: unavailable",
        "too many devices, try again",
        "tag limit exceeded",
        "invalid request, try again later",
        "limit exceeded",
        "request limit exceeded",
        "job queue of device A1 is full",
        "quota of tags exceeded",
    ],
)
@pytest.mark.parametrize("status", [200, 400])
def test_a_refusal_that_quotes_such_words_stays_one(status: int, message: str) -> None:
    assert post(status, {"message": message}) == Refused(message, status)


def test_a_message_is_one_line_of_at_most_200_characters_without_the_token() -> None:
    text = "bad\n\tdevice\x00 with s3cret " + "x" * 500
    answer = post(400, {"message": text}, secrets=("", "s3cret"))
    assert isinstance(answer, Refused)
    assert answer.message.startswith("bad device with *** xxx")
    assert len(answer.message) == 200
    assert "s3cret" not in str(post(401, b"token s3cret is wrong", secrets=("s3cret",)))
    assert "s3cret" not in str(post(200, b"<html>s3cret", secrets=("s3cret",)))


def test_a_token_of_few_letters_does_not_spoil_the_words_it_is_in() -> None:
    assert "connection error: ***" in str(post(400, {"message": "connection error: tion"}, secrets=("tion",)))
