"""What a mapping makes of records."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from connector.core.reading.decode import Interpreter
from connector.core.reading.event import Event
from connector.mapping.mapping import FIELDS, MappedDecoder
from connector.mapping.reading import mappings
from connector.model import Content, Endpoint, Reason, Registration, Rejection, TagsUpdate
from tests.records import ARecord
from tests.unit.mapping.making import given, interpreter, read, refused, sent

ORDER = {
    "user": {"device": {"id": "A1"}, "number": 42},
    "subscription": {"plan": "pro", "seats": 3, "ended": None},
    "labels": ["new", "vip"],
}


def test_paths_lead_to_the_device_and_its_tags() -> None:
    table = {
        "hwid": "user.device.id",
        "tags": {"plan": "subscription.plan", "seats": "subscription.seats", "labels": "labels"},
    }
    assert sent(table, ORDER) == {
        "hwid": "A1",
        "list_operator": "set",
        "tags": {"plan": "pro", "seats": 3, "labels": ["new", "vip"]},
    }


def test_one_expression_can_give_all_tags() -> None:
    assert sent({"hwid": "user.device.id", "tags": "subscription"}, ORDER)["tags"] == {
        "plan": "pro",
        "seats": 3,
    }
    picked = "{level: subscription.plan, first: labels[0]}"
    assert sent({"hwid": "user.device.id", "tags": picked}, ORDER)["tags"] == {"level": "pro", "first": "new"}


def test_constants_are_literals_or_what_no_expression_can_be() -> None:
    table = {
        "hwid": "user.device.id",
        "list_operator": "'append'",
        "tags": {"source": "'crm'", "vip": True, "score": 2.5, "lists": '`["a", "b"]`'},
    }
    assert sent(table, ORDER) == {
        "hwid": "A1",
        "list_operator": "append",
        "tags": {"source": "crm", "vip": True, "score": 2.5, "lists": ["a", "b"]},
    }


def test_a_registration_is_mapped_with_every_field_it_has() -> None:
    table = {
        "type": "kind",
        "hwid": "id",
        "push_token": "token",
        "platform": "os",
        "list_operator": "'append'",
        "tags": {"language": "lang"},
    }
    value = {"kind": "registration", "id": "A1", "token": "t0", "os": "ios", "lang": "en"}
    outcome = read(table, value, Content.MIXED)
    assert isinstance(outcome, Event)
    assert outcome.endpoint is Endpoint.REGISTRATIONS
    assert sent(table, value, Content.MIXED) == {
        "hwid": "A1",
        "push_token": "t0",
        "platform": 1,
        "list_operator": "append",
        "tags": {"language": "en"},
    }


def test_in_a_mixed_topic_an_expression_can_tell_the_type() -> None:
    table = {"type": "token && 'registration' || 'tags'", "hwid": "id", "push_token": "token", "tags": "t"}
    outcome = read(table, {"id": "A", "t": {"a": 1}}, Content.MIXED)
    assert isinstance(outcome, Event)
    assert outcome.endpoint is Endpoint.TAGS


def test_every_field_of_an_event_can_be_mapped() -> None:
    fields = {*TagsUpdate.__struct_fields__, *Registration.__struct_fields__, "type"}
    assert {*FIELDS, "tags"} == fields


def test_an_event_can_be_for_an_application_of_its_own() -> None:
    table = {"hwid": "id", "application": "app", "tags": "t"}
    outcome = read(table, {"id": "A", "app": "FFFFF-00000", "t": {"a": 1}})
    assert isinstance(outcome, Event)
    assert outcome.application == "FFFFF-00000"


def test_records_that_are_not_for_us_are_skipped() -> None:
    table = {"when": "op != 'd'", "hwid": "id", "tags": "t"}
    assert read(table, {"op": "d", "id": "A", "t": {"a": 1}}) is None
    assert sent(table, {"op": "u", "id": "A", "t": {"a": 1}})["hwid"] == "A"
    assert read(table, None) is None


@pytest.mark.parametrize(
    ("value", "kept"),
    [(0, True), (1, True), ("x", True), (None, False), ("", False), ([], False), ({}, False)],
)
def test_a_filter_takes_for_true_what_jmespath_does(value: Any, kept: bool) -> None:
    outcome = read({"when": "here", "hwid": "'A'", "tags": '`{"a": 1}`'}, {"here": value})
    assert (outcome is not None) is kept


def test_a_field_that_comes_out_as_null_is_absent() -> None:
    table = {"hwid": "id", "user_id": "user", "list_operator": "operator", "tags": "t"}
    assert sent(table, {"id": None, "user": "u1", "t": {"a": 1}}) == {
        "user_id": "u1",
        "list_operator": "set",
        "tags": {"a": 1},
    }


def test_a_tag_that_comes_out_as_null_is_left_out_unless_it_is_to_be_cleared() -> None:
    table: dict[str, Any] = {"hwid": "'A'", "tags": {"plan": "plan", "city": "city"}}
    value = {"plan": "pro", "city": None}
    assert sent(table, value)["tags"] == {"plan": "pro"}
    assert sent({**table, "null_tags": "clear"}, value)["tags"] == {"plan": "pro", "city": None}
    whole = {"hwid": "'A'", "tags": "@"}
    assert sent(whole, value)["tags"] == {"plan": "pro"}
    assert sent({**whole, "null_tags": "clear"}, value)["tags"] == {"plan": "pro", "city": None}


def test_a_tag_change_without_any_tag_is_refused_not_skipped() -> None:
    why = refused({"hwid": "'A'", "tags": {"plan": "subscripton.plan"}}, ORDER)
    assert why == "invalid_event: Missing: a tags event needs an object of tags - at `$.tags`"


def test_whole_numbers_name_devices_and_users_as_text() -> None:
    assert sent({"user_id": "user.number", "tags": "subscription"}, ORDER)["user_id"] == "42"
    assert "Expected `str`, got `bool`" in refused({"user_id": "`true`", "tags": "subscription"}, ORDER)
    assert "Expected `str`, got `float`" in refused({"user_id": "`4.5`", "tags": "subscription"}, ORDER)


@pytest.mark.parametrize(
    ("table", "why"),
    [
        (
            {"hwid": "length(user.number)"},
            "length() takes string or array or object, not number",
        ),
        ({"hwid": "'A'", "tags": {"n": "abs('x')"}}, "abs() takes number, not string - at `$.tags.n`"),
        ({"hwid": "'A'", "tags": "merge(labels, labels)"}, "merge() takes object, not array - at `$.tags`"),
        ({"hwid": "'A'", "when": "starts_with(user, 'x')"}, "takes string, not object - at `$.when`"),
        ({"hwid": "from_json(user.device.id)"}, "from_json(): not JSON: JSON is malformed"),
        (
            {"hwid": "'A'", "tags": {"d": "utc_date(user.device.id)"}},
            "not a time in ISO 8601",
        ),
        ({"hwid": "'A'", "tags": {"d": "epoch_date(`1e30`, 's')"}}, "out of the calendar's range"),
        (
            {"hwid": "'A'", "tags": {"d": "epoch_date(`1`, user.device.id)"}},
            "a unit is one of d, s, ms, us, ns",
        ),
        ({"hwid": "user.number > user.device.id"}, "not supported between"),
        ({"hwid": "key()"}, "the record's key is not UTF-8 - at `$.hwid`"),
        ({"hwid": "header('h')"}, "header h is not UTF-8 - at `$.hwid`"),
    ],
)
def test_an_expression_that_fails_refuses_the_record_with_where_and_why(
    table: dict[str, Any], why: str
) -> None:
    around: dict[str, Any] = {"key": b"\xff", "headers": [("h", b"\xff")]}
    detail = refused({"tags": "subscription", **table}, ORDER, **around)
    assert detail.startswith("invalid_event: The mapping's expression failed: ")
    assert why in detail
    assert "A1" not in detail


def test_what_comes_out_is_held_against_the_rules_of_every_event() -> None:
    assert "Names no device" in refused({"hwid": "nothing", "tags": "subscription"}, ORDER)
    assert "Expected `set`" in refused({"hwid": "'A'", "list_operator": "'add'", "tags": "@"}, ORDER)
    assert "Expected `object`" in refused({"hwid": "'A'", "tags": "labels"}, ORDER)
    assert "got nothing" in refused({"type": "kind", "hwid": "'A'"}, ORDER, Content.MIXED)


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (b"{", "undecodable: Not JSON"),
        (b'{"a": "\xff"}', "undecodable: Not UTF-8"),
        (b"null", "invalid_event: Expected `object`, got `null`"),
        (b"[" * 100_000, "undecodable: Nested too deeply"),
        (b"", "undecodable: Not JSON"),
    ],
)
def test_what_cannot_be_read_is_told_as_without_a_mapping(value: bytes, why: str) -> None:
    assert refused({"hwid": "id", "tags": "t"}, value).startswith(why)


def test_expressions_see_key_headers_topic_and_timestamp() -> None:
    table = {
        "hwid": "from_json(key()).payload.id",
        "tags": {
            "kind": "header('ce_type')",
            "none": "header('missing')",
            "topic": "topic()",
            "seen": "epoch_date(timestamp(), 'ms')",
        },
    }
    around: dict[str, Any] = {
        "key": b'{"payload": {"id": 17}}',
        "headers": [("ce_type", b"old"), ("ce_type", b"new"), ("missing", None)],
    }
    assert sent(table, {}, **around) == {
        "hwid": "17",
        "list_operator": "set",
        "tags": {"kind": "new", "topic": "orders", "seen": "2023-11-14 22:13"},
    }


def test_what_a_record_lacks_is_null() -> None:
    table = {
        "user_id": "'u'",
        "tags": {"a": "`1`", "key": "from_json(key())", "seen": "epoch_date(timestamp(), 'ms')"},
        "hwid": "utc_date(nothing)",
    }
    assert sent(table, {}, timestamp=(0, -1))["tags"] == {"a": 1}


@pytest.mark.parametrize(
    ("expression", "date"),
    [
        ("utc_date('2024-02-29T23:30:00Z')", "2024-02-29 23:30"),
        ("utc_date('2024-02-29T23:30:00.123456+02:00')", "2024-02-29 21:30"),
        ("utc_date('2024-02-29 23:30')", "2024-02-29 23:30"),
        ("utc_date('2024-02-29')", "2024-02-29 00:00"),
        ("epoch_date(`19782`, 'd')", "2024-02-29 00:00"),
        ("epoch_date(`1709249400`, 's')", "2024-02-29 23:30"),
        ("epoch_date(`1709249400123`, 'ms')", "2024-02-29 23:30"),
        ("epoch_date(`1709249400123456`, 'us')", "2024-02-29 23:30"),
        ("epoch_date(`1709249400123456789`, 'ns')", "2024-02-29 23:30"),
        ("epoch_date(`-1`, 's')", "1969-12-31 23:59"),
    ],
)
def test_dates_are_written_as_the_api_takes_them(expression: str, date: str) -> None:
    assert sent({"hwid": "'A'", "tags": {"d": expression}}, {})["tags"] == {"d": date}


def test_a_value_need_not_be_an_object() -> None:
    assert sent({"hwid": "[0]", "tags": "[1]"}, ["A", {"a": 1}])["hwid"] == "A"


def test_what_a_decoder_of_another_format_reads_is_mapped() -> None:
    mapping = mappings(given({"hwid": "id", "tags": {"plan": "plan"}}))["orders"]

    def decoder(record: ARecord) -> Any:
        identifier, plan = (record.value() or b"").decode().split(";")
        return None if plan == "skip" else {"id": identifier, "plan": plan}

    reader = Interpreter(Content.TAGS, MappedDecoder(Content.TAGS, mapping, decoder))  # type: ignore[arg-type]  # its parameter is narrower
    good, skipped, bad = reader.read([ARecord(b"A;pro"), ARecord(b"A;skip"), ARecord(b"A")])
    assert isinstance(good, Event)
    assert msgspec.json.decode(good.row)["tags"] == {"plan": "pro"}
    assert skipped is None
    assert isinstance(bad, Rejection)
    assert bad.reason is Reason.UNDECODABLE


def test_a_decoder_that_returns_events_cannot_be_mapped() -> None:
    mapping = mappings(given({"hwid": "id", "tags": "t"}))["orders"]
    decoder = MappedDecoder(Content.TAGS, mapping, lambda _: TagsUpdate("A", tags={"a": 1}))
    (outcome,) = Interpreter(Content.TAGS, decoder).read([ARecord(b"x")])
    assert isinstance(outcome, Rejection)
    assert "must return plain objects" in outcome.detail


def test_one_record_s_key_is_never_another_s() -> None:
    reader = interpreter({"hwid": "key()", "tags": "@"})
    found = reader.read([ARecord(b'{"a": 1}', key=key) for key in (b"A", b"B", None)])
    assert [each.hwid if isinstance(each, Event) else None for each in found] == ["A", "B", None]
