"""A mapping that changes nothing changes nothing, answers are JMESPath's own, nothing crashes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import jmespath
from hypothesis import assume, example, given
from hypothesis import strategies as st
from jmespath.visitor import Options

from connector.core.reading.decode import Interpreter
from connector.core.reading.event import Event
from connector.mapping.compiling import Compiler, is_true
from connector.mapping.functions import KNOWN, RecordFunctions
from connector.mapping.mapping import FIELDS, MappedDecoder, plain_json
from connector.mapping.reading import Given, mappings
from connector.model import Content, Reason, Rejection
from tests.property.test_decode_properties import documents, events, values
from tests.records import ARecord
from tests.unit.mapping.making import problems

SAME = {name: f"@.{name}" for name in (*FIELDS, "tags")} | {"null_tags": "clear"}


def reader(table: dict[str, Any], content: Content) -> Interpreter:
    given = Given(table, {}, {"t": content}, True)
    assert not problems(given)
    return Interpreter(content, MappedDecoder(content, mappings(given)["t"], plain_json))


@given(events, st.sampled_from(list(Content)))
@example({"hwid": "A", "tags": {"a": None, "b": 2**70, "c": 1e-7}, "type": "tags"}, Content.MIXED)
def test_a_mapping_that_changes_nothing_changes_nothing(event: dict[str, Any], content: Content) -> None:
    assume(not any(isinstance(event.get(name), int) for name in ("hwid", "user_id", "push_token")))
    record = ARecord(json.dumps(event).encode())
    [plain] = Interpreter(content).read([record])
    [mapped] = reader(SAME, content).read([record])
    if isinstance(plain, Event):
        assert isinstance(mapped, Event)
        assert json.loads(mapped.row) == json.loads(plain.row)
        assert (mapped.keys, mapped.application) == (plain.keys, plain.application)
    else:
        assert isinstance(mapped, Rejection)


names = st.sampled_from(["a", "b", "a b", "é", ""])
plain_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
)


@given(st.lists(names, min_size=1, max_size=4), plain_values)
def test_a_path_leads_where_jmespath_says(path: list[str], value: Any) -> None:
    text = ".".join(json.dumps(name, ensure_ascii=False) for name in path)
    assert Compiler(RecordFunctions()).compile(text)(value) == jmespath.search(text, value)


arguments = st.sampled_from(["@", "a", "b", "tags", "`1`", "'x'", '`[1, "a"]`', "`{}`", "key()", "&a", "*"])
"""Whatever can be an argument, of every type."""
calls = st.sampled_from(sorted(KNOWN)).flatmap(
    lambda name: st.lists(
        arguments, min_size=len(KNOWN[name]["signature"]), max_size=len(KNOWN[name]["signature"])
    ).map(lambda given: f"{name}({', '.join(given)})")
)
comparisons = st.tuples(arguments, st.sampled_from(["<", ">=", "==", "&&", "||"]), arguments).map(" ".join)


def joined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pairs = st.tuples(inner, inner)
    return (
        pairs.map(lambda two: f"({two[0]}) && ({two[1]})")
        | pairs.map(lambda two: f"({two[0]}) || !({two[1]})")
        | pairs.map(lambda two: f"({two[0]}) == ({two[1]})")
        | pairs.map(lambda two: f"({two[0]}) | ({two[1]})")
        | pairs.map(lambda two: f"[{two[0]}, {two[1]}][-1]")
        | pairs.map(lambda two: f"{{a: {two[0]}, b: {two[1]}}}.a")
        | pairs.map(lambda two: f"not_null({two[0]}, {two[1]})")
        | inner.map(lambda one: f"({one})[0].b")
    )


paths = st.sampled_from(["@", "a", "b.a", "a.b.a", "[0]", "a[1]", "b[*].a", "*", "a[]", "[?a]", "[1:]"])
literals = st.sampled_from(["`0`", "`1`", "`true`", "`false`", "`null`", "''", "'x'", "`[]`", "`{}`"])
expressions = st.recursive(paths | literals | calls | comparisons, joined, max_leaves=6)


def answer(evaluate: Callable[[], Any]) -> Any:
    try:
        return evaluate()
    except Exception as error:  # noqa: BLE001 - whatever it is, both must raise it
        return type(error), str(error)


@given(expressions, plain_values)
@example("!a", {"a": 0})
@example("a && b", {"a": 0, "b": 1})
@example("[@][-2]", {})
@example("merge(a, `1`)", {"a": {}})
def test_what_is_compiled_answers_as_jmespath_s_interpreter(text: str, value: Any) -> None:
    functions = RecordFunctions()
    functions.record = ARecord(b"", key=b'{"a": 1}')
    evaluate = answer(lambda: Compiler(functions).compile(text))
    assume(callable(evaluate))
    expected = answer(lambda: jmespath.search(text, value, Options(custom_functions=functions)))
    assume("_Expression object" not in str(expected))
    assert repr(answer(lambda: evaluate(value))) == repr(expected)  # 1 is not true


@given(plain_values)
def test_a_value_is_true_where_jmespath_says_so(value: Any) -> None:
    assert is_true(value) is (jmespath.search("@ && `1` || `0`", value) == 1)


@given(
    calls | comparisons, calls | arguments, documents | values.map(lambda value: json.dumps(value).encode())
)
def test_whatever_expressions_do_to_a_record_the_answer_is_an_event_a_rejection_or_to_skip_it(
    first: str, second: str, value: bytes
) -> None:
    table = {"when": first, "hwid": second, "tags": {"t": first, "u": second}}
    given = Given(table, {}, {"t": Content.TAGS}, False)
    assume(not problems(given))
    [found] = reader(table, Content.TAGS).read([ARecord(value, key=b"key")])
    assert found is None or isinstance(found, (Event, Rejection))
    if isinstance(found, Rejection):
        assert found.reason in (Reason.INVALID_EVENT, Reason.UNDECODABLE)


pieces = st.sampled_from(
    [*"abz09_.,:;|&!?*@$%^()[]{}<>=-+~#'\"`\\/ \t\n", "key(", "&&", "||", "`{}`", "'x'", "[?", "a.b"]
)


@given(st.lists(pieces, max_size=12).map("".join) | st.text(max_size=8), values)
@example("`a\n`", None)
def test_whatever_is_written_is_compiled_or_told_to_be_wrong(text: str, value: Any) -> None:
    table = {"user_id": "`1`", "tags": {"t": text, "u": value}}
    given = Given(table, {}, {"t": Content.TAGS}, False)
    found = problems(given)
    assert all(each.words and "\n" not in each.words for each in found)
    if not found:
        assert mappings(given)
