"""What a request must look like, and what a declared schema says about tags."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connector.model import Endpoint
from connector.sandbox.audience import Options
from connector.sandbox.contract import InvalidRequestError, read_request
from tests.unit.sandbox.calls import REGISTRATIONS, TAGS, Calls, change, registration

SCHEMA = {"plan": "string", "interests": "list", "age": "integer", "since": "date", "beta": "boolean"}


def body(*devices: Any, **fields: Any) -> bytes:
    return json.dumps({"application": "APP", "auth": "TOKEN", "devices": devices, **fields}).encode()


@pytest.mark.parametrize(
    ("endpoint", "broken", "place"),
    [
        (TAGS, b"", "truncated"),
        (TAGS, b"\xff", "malformed"),
        (TAGS, b"[" * 100_000, "deep|object"),
        (TAGS, body(change("A"), application=None), "application"),
        (TAGS, body(change("A"), auth=""), "auth"),
        (TAGS, body(change("A"), devices={}), "devices"),
        (TAGS, body(change("A"), create_missing_tags=1), "create_missing_tags"),
        (TAGS, body(), "devices"),
        (TAGS, body({"list_operator": "set", "tags": {}}), r"devices\[0\]"),
        (TAGS, body(change("A"), change("")), r"devices\[1\].hwid"),
        (TAGS, body({"hwid": 5, "tags": {}}), "hwid"),
        (TAGS, body({"hwid": "A", "list_operator": "replace", "tags": {}}), "list_operator"),
        (TAGS, body({"hwid": "A", "list_operator": "set"}), "tags"),
        (TAGS, body({"hwid": "A", "list_operator": "set", "tags": []}), "tags"),
        (REGISTRATIONS, body({"hwid": "A", "platform": 1}), "push_token"),
        (REGISTRATIONS, body({"push_token": "T", "platform": 1}), "hwid"),
        (REGISTRATIONS, body({"hwid": "A", "push_token": "T"}), "platform"),
        (REGISTRATIONS, body({"hwid": "A", "push_token": "T", "platform": "ios"}), "platform"),
        (REGISTRATIONS, body({"hwid": "A", "push_token": "T", "platform": True}), "platform"),
        (REGISTRATIONS, body({**registration("A", "T"), "list_operator": "set"}), "list_operator"),
    ],
)
def test_a_broken_request_says_where(endpoint: Endpoint, broken: bytes, place: str) -> None:
    with pytest.raises(InvalidRequestError, match=place):
        read_request(endpoint, broken)


def test_the_reply_to_a_broken_request_names_the_reason_in_a_header_only() -> None:
    reply = Calls().post({"tags": {}})
    assert (reply.status, reply.body) == (400, b'{"message":"invalid request"}')
    assert "devices[0]" in reply.headers["x-sandbox-reason"]


def test_fields_that_nobody_knows_are_ignored() -> None:
    request = read_request(TAGS, body({**change("A", n=1), "colour": "red"}, more=1))
    assert [device.hwid for device in request.devices] == ["A"]


def test_a_tag_change_without_operator_is_a_set_and_counted() -> None:
    api = Calls()
    api.rows(change("A", l=["a"]))
    api.rows({"hwid": "A", "tags": {"l": ["b"]}})
    assert api.tags("A") == {"l": ["b"]}
    assert api.audience.stats(0).operator_missing == 1


def test_only_the_given_application_and_token_are_accepted() -> None:
    api = Calls(application="APP", token="TOKEN")
    assert api.post(change("A")).status == 200
    wrong_token = api.post(change("A"), auth="other")
    wrong_application = api.post(change("A"), application="other")
    assert (wrong_token.status, wrong_token.body) == (401, b'{"message":"unauthorized"}')
    assert (wrong_application.status, wrong_application.body) == (400, b'{"message":"application not found"}')


@pytest.mark.parametrize("devices", [[], [{}], [{"hwid": 5}], "none"])
def test_who_sends_is_judged_before_what_is_sent(devices: Any) -> None:
    api = Calls(application="APP", token="TOKEN")
    body = {"application": "APP", "auth": "TOKEN", "devices": devices}
    assert api.post(**body).status == 400
    assert api.post(**body | {"auth": "WRONG"}).status == 401
    unknown = api.post(**body | {"application": "OTHER"})
    assert unknown.body == b'{"message":"application not found"}'


def test_unknown_tags_and_wrong_values_are_refused_while_the_device_is_done() -> None:
    api = Calls(schema=SCHEMA)
    (row,) = api.rows(change("A", plan=5, colour="red", interests=["a"], age=2**31, beta=True, since=None))
    assert row["status"] == "done"
    assert row["tags"] == {
        "plan": "wrong value. expect :string",
        "colour": "tag not found",
        "interests": "ok",
        "age": "wrong value. expect :integer",
        "beta": "ok",
        "since": "ok",
    }
    assert api.tags("A") == {"interests": ["a"], "beta": True}


def test_missing_tags_are_created_on_request_with_the_type_of_their_first_value() -> None:
    api = Calls(schema=SCHEMA)
    assert api.rows(change("A", colour="red"), create_missing_tags=True)[0]["tags"] == {"colour": "ok"}
    assert api.rows(change("A", colour=5))[0]["tags"] == {"colour": "wrong value. expect :string"}


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("integer", [0, -(2**31)], [True, 1.5, "1", 2**31]),
        ("string", [""], [1, ["a"]]),
        ("list", [["a"], [], "a"], [[1], 1]),
        ("date", ["2026-01-31 09:05"], ["2026-01-31", "2026-01-31T09:05", 1]),
        ("boolean", [True], [1, "true"]),
        ("decimal", [1, 1.5], [True, "1"]),
        ("version", ["1.0.0.0", "2"], ["1.", "v1", 1]),
    ],
)
def test_each_type_takes_its_values_and_no_others(kind: str, good: list[Any], bad: list[Any]) -> None:
    api = Calls(schema={"t": kind})
    assert [api.rows(change("A", t=value))[0]["tags"]["t"] for value in good] == ["ok"] * len(good)
    refused = [api.rows(change("A", t=value))[0]["tags"]["t"] for value in bad]
    assert refused == [f"wrong value. expect :{kind}"] * len(bad)


def test_a_schema_with_an_unknown_type_is_an_error() -> None:
    with pytest.raises(ValueError, match="colour"):
        Options(schema={"plan": "colour"})


def test_registrations_have_plain_rows_and_their_successes_only() -> None:
    api = Calls(schema=SCHEMA)
    job = api.submit(registration("A", "T", plan="pro"), endpoint=REGISTRATIONS)
    report = api.report(job, REGISTRATIONS)
    assert report["devices"] == [{"hwid": "A", "status": "done"}]
    assert [name for name in report if name.startswith("devices_")] == ["devices_success"]


def test_a_refused_tag_of_a_registration_is_told() -> None:
    api = Calls(schema=SCHEMA)
    (row,) = api.rows(registration("A", "T", plan=5), endpoint=REGISTRATIONS)
    assert row["tags"] == {"plan": "wrong value. expect :string"}
