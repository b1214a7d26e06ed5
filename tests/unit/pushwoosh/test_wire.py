"""Requests as bytes, when to try again, and that whatever comes is an answer."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from connector.answers import Accepted, Denied, JobReport, JobUnknown, Refused, Unavailable
from connector.model import Endpoint
from connector.pushwoosh import wire
from tests.unit.pushwoosh.replies import NOW

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
    asked = wire.read_poll(status, body, retry_after, NOW, request_id="r")
    assert isinstance(sent, (Accepted, Refused, Unavailable, Denied))
    assert isinstance(asked, (JobReport, JobUnknown, Unavailable, Denied))
    if not 200 <= status < 300:
        assert not isinstance(sent, Accepted)
        assert not isinstance(asked, JobReport)
