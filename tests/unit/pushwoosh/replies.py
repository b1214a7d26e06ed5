"""What is made of a reply to a POST and to a GET, its body given as it was sent or as what it says."""

import json

import msgspec

from connector.answers import JobReport, PollAnswer, PostAnswer, Row
from connector.pushwoosh import wire

NOW = 1_700_000_000.0


def post(
    status: int, body: object, retry_after: str | None = None, secrets: tuple[str, ...] = ()
) -> PostAnswer:
    return wire.read_post(status, _bytes(body), retry_after, NOW, secrets)


def poll(
    status: int,
    body: object,
    retry_after: str | None = None,
    secrets: tuple[str, ...] = (),
    request_id: str = "r",
) -> PollAnswer:
    """The answer about the job `r`, if no other one is asked about."""
    return wire.read_poll(status, _bytes(body), retry_after, NOW, secrets, request_id=request_id)


def report(body: object) -> JobReport:
    """The report, its rows as plain ones: rows of another class are never equal."""
    answer = poll(200, body)
    assert isinstance(answer, JobReport), answer
    rows = [Row(*msgspec.structs.astuple(row)) for row in answer.rows or ()]
    return msgspec.structs.replace(answer, rows=None if answer.rows is None else rows)


def _bytes(body: object) -> bytes:
    return body if isinstance(body, bytes) else json.dumps(body).encode()
