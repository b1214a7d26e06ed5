"""The double, and the connector that reads its replies, against replies that are not ours."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connector.answers import Accepted, Denied, JobReport, JobState, PostAnswer, Refused, Unavailable
from connector.model import Endpoint
from connector.pushwoosh.wire import read_poll, read_post
from tests.contract.published import ACCEPTED, ERRORS, REGISTRATIONS_REPORT, REQUEST_ID, TAGS_REPORT
from tests.contract.sandbox_doors import Api

TAGS, REGISTRATIONS = Endpoint.TAGS, Endpoint.REGISTRATIONS
CHANGE = {"hwid": "A1", "list_operator": "set", "tags": {"a": "x", "b": "y", "c": "z"}}
REGISTERED = {"hwid": "user1@example.com", "push_token": "user1@example.com", "platform": 14}
MEANING: dict[str, type[PostAnswer]] = {
    "invalid request": Refused,
    "unauthorized": Denied,
    "no such application": Denied,
    "one bad item": Refused,
    "envelope": Refused,
    "gateway": Refused,
    "down": Unavailable,
}


def shape(value: Any) -> Any:
    """Names and types, without what the values are: of a list, of its first item."""
    if isinstance(value, dict):
        return {name: shape(each) for name, each in value.items()}
    return [shape(value[0])] if isinstance(value, list) else type(value).__name__


def read(report: dict[str, Any]) -> JobReport:
    answer = read_poll(200, json.dumps(report).encode(), None, 0.0, request_id=REQUEST_ID)
    assert isinstance(answer, JobReport)
    return answer


async def test_the_double_accepts_in_the_published_shape(api: Api) -> None:
    assert shape((await api.post(TAGS, CHANGE)).json()) == shape(ACCEPTED)
    assert shape((await api.post(REGISTRATIONS, REGISTERED)).json()) == shape(ACCEPTED)


async def test_the_double_reports_on_tags_in_the_published_shape(api: Api) -> None:
    assert shape(await api.report(TAGS, CHANGE)) == shape(TAGS_REPORT)


async def test_the_double_reports_on_registrations_with_all_that_is_published(api: Api) -> None:
    report = shape(await api.report(REGISTRATIONS, REGISTERED))
    assert shape(REGISTRATIONS_REPORT).items() <= report.items()


def test_the_published_acceptance_is_read() -> None:
    answer = read_post(200, json.dumps(ACCEPTED).encode(), None, 0.0)
    assert answer == Accepted(REQUEST_ID)


def test_the_published_reports_are_read_row_by_row() -> None:
    registrations, tags = read(REGISTRATIONS_REPORT), read(TAGS_REPORT)
    assert registrations.state is tags.state is JobState.COMPLETED
    assert [row.status for row in registrations.rows or ()] == ["done", "done", "done", "failed"]
    assert [row.tags for row in tags.rows or ()] == [TAGS_REPORT["devices"][0]["tags"]]


@pytest.mark.parametrize("name", ERRORS)
async def test_an_error_means_the_same_from_the_double_as_where_it_was_seen(api: Api, name: str) -> None:
    seen = ERRORS[name]
    api.faults(**seen.fault)
    made = await api.post(TAGS, CHANGE)
    from_double = read_post(made.status, made.body, None, 0.0)
    from_elsewhere = read_post(seen.status, seen.body, None, 0.0)
    assert type(from_double) is type(from_elsewhere) is MEANING[name]
