"""Reading never fails, and the loop for plain tags events agrees with the careful way."""

import json
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from connector.core.reading.decode import Interpreter
from connector.core.reading.event import Event
from connector.core.reading.json_events import JsonDecoder
from connector.model import Content, Rejection
from tests.records import ARecord

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner), max_leaves=5
)
identifiers = st.text(max_size=4) | st.sampled_from(["A", "b ", "\0", " ", "\u00e9"]) | scalars
tags = st.dictionaries(st.text(max_size=3), values, max_size=3) | values
events = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["tags", "registration"]) | scalars,
        "hwid": identifiers,
        "user_id": identifiers,
        "push_token": identifiers,
        "platform": st.sampled_from([1, 2, 99, "ios", "IOS", "1", 2**70, -1]) | scalars,
        "list_operator": st.sampled_from(["set", "append", "remove", "SET"]) | scalars,
        "tags": tags,
        "application": st.sampled_from(["X", "Y", ""]) | scalars,
        "else": values,
    },
)
documents = (
    events.map(lambda event: json.dumps(event).encode())
    | events.map(
        lambda event: json.dumps(event, ensure_ascii=False, indent=1).encode("utf-8", "surrogatepass")
    )
    | st.binary(max_size=40)
    | values.map(lambda value: json.dumps(value).encode())
)


def outcome(interpreter: Interpreter, record: ARecord) -> Any:
    [found] = interpreter.read([record])
    if isinstance(found, Event):
        return {name: getattr(found, name) for name in found.__struct_fields__ if name != "record"}
    return found


@given(
    documents, st.sampled_from([Content.TAGS, Content.MIXED]), st.booleans(), st.sampled_from([60, 10_000])
)
@example(b'{"hwid":"A","tags":{}}', Content.TAGS, False, 10_000)
@example(b'{"hwid":"A","tags":{"a":"\xff"}}', Content.TAGS, False, 10_000)
def test_the_loop_for_plain_tags_agrees_with_the_careful_way(
    value: bytes, content: Content, key_is_hwid: bool, room: int
) -> None:
    plain = JsonDecoder(content)

    def reread(record: Any) -> Any:
        """Be the same decoder, but none that the loop knows."""
        return plain(record)

    options: dict[str, Any] = {"key_is_hwid": key_is_hwid, "max_row_bytes": room, "application": "Y"}
    record = ARecord(value, key=b"K")
    assert outcome(Interpreter(content, **options), record) == outcome(
        Interpreter(content, reread, **options), record
    )


@given(documents, st.sampled_from(list(Content)))
def test_whatever_a_record_holds_the_answer_is_an_event_or_a_rejection(
    value: bytes, content: Content
) -> None:
    [found] = Interpreter(content).read([ARecord(value)])
    assert isinstance(found, (Event, Rejection))
    if isinstance(found, Rejection):
        assert found.detail
        return
    row = json.loads(found.row)
    assert found.keys
    assert any(row.get(name) is not None for name in ("hwid", "user_id", "push_token"))
    assert {name: row.get(name) for name in ("hwid", "user_id", "push_token")} == {
        "hwid": found.hwid,
        "user_id": found.user_id,
        "push_token": found.push_token,
    }
    assert row.get("list_operator") == found.list_operator
    assert all("\0" not in name for name in (found.hwid, found.user_id, found.push_token) if name is not None)


@given(events)
def test_tags_are_sent_as_they_came(event: dict[str, Any]) -> None:
    event |= {"hwid": "A", "list_operator": "set", "tags": {"a": event.get("tags")}}
    for name in ("user_id", "push_token", "application"):
        event.pop(name, None)
    value = json.dumps(event)
    [found] = Interpreter(Content.TAGS).read([ARecord(value.encode())])
    if isinstance(found, Event):
        assert json.loads(found.row)["tags"] == json.loads(value)["tags"]
    else:
        assert "NaN" in value or "Infinity" in value or "\\ud" in value
