"""What the configuration says about mappings, and what can be wrong with it."""

from __future__ import annotations

from typing import Any

import pytest

from connector.mapping.reading import KEYS, Given, mappings
from connector.model import Content
from tests.unit.mapping.making import given, problems, wrong

SOUND = {"hwid": "id", "tags": "t"}


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("", "it is empty"),
        ("user.", "it ends too early"),
        ("user[", "it ends too early"),
        ("user-id", "Unknown token '-' at character 5; a name with a hyphen goes in double quotes"),
        ("$.user", "a path begins with the name of a field, without $"),
        ("a = 'b'", "equality is written =="),
        ("user id", "'id' isn't expected at character 6"),
        ("14", "a number that is meant as such goes in backticks"),
        ("'open", "Unclosed ' delimiter at character 1"),
        ("user.`1`", "isn't expected at character 6"),
        ("a[1:2:0]", ""),
        ("lower(id)", "there is no function lower(); there are abs, avg"),
        ("user | {x: [lower(id)]}", "there is no function lower()"),
        ("length()", "length() takes 1 argument, not 0"),
        ("key(id)", "key() takes 0 arguments, not 1"),
        ("merge()", "merge() takes at least 1 argument, not 0"),
        ("epoch_date(at, 'minutes')", "epoch_date() knows the units d, s, ms, us, ns, not 'minutes'"),
        ("(" * 5000 + "a" + ")" * 5000, "nested too deeply"),
        (["a", "b"], "a constant list is written in it as a literal"),
        ({"a": "b"}, "an expression is text"),
    ],
)
def test_a_wrong_expression_is_told_with_what_is_wrong(expression: Any, why: str) -> None:
    found = wrong({**SOUND, "user_id": expression})
    if why:
        assert [*found] == ["user_id"]
        assert why in found["user_id"]
        assert "\n" not in found["user_id"]


@pytest.mark.parametrize(
    ("name", "word"), [("type", "registration"), ("list_operator", "append"), ("platform", "iOS")]
)
def test_a_word_that_lacks_its_quotes_is_told_apart_from_a_field(name: str, word: str) -> None:
    (found,) = wrong({**SOUND, name: word}).values()
    assert f"\"'{word}'\"" in found
    assert wrong({**SOUND, name: f"'{word}'"}) == {}
    assert wrong({**SOUND, name: f"@.{word}"}) == {}


@pytest.mark.parametrize("word", ["true", "false", "null"])
def test_a_filter_that_no_record_can_pass_for_lack_of_backticks_is_a_mistake(word: str) -> None:
    assert f'"`{word}`"' in wrong({**SOUND, "when": word})["when"]
    assert wrong({**SOUND, "when": f"`{word}`"}) == wrong({**SOUND, "when": word == "true"}) == {}


def test_every_mistake_of_every_table_is_told() -> None:
    table = {
        "when": "a b",
        "hwid": "id",
        "tags": {"plan": "x-y", "vip": [1], "good": "a.b"},
        "null_tags": "keep",
        "hwidd": "id",
    }
    assert {*wrong(table)} == {"when", "tags.plan", "tags.vip", "null_tags", "hwidd"}
    own = wrong({}, by_topic={"orders": {**table, "tags": {}}})
    assert {*own} == {'"orders".when', '"orders".tags', '"orders".null_tags', '"orders".hwidd'}


@pytest.mark.parametrize(
    ("content", "table", "lacking"),
    [
        (Content.TAGS, {"tags": "t"}, {""}),
        (Content.TAGS, {"hwid": "id"}, {"tags"}),
        (Content.REGISTRATIONS, {"tags": "t"}, {"hwid", "push_token", "platform"}),
        (Content.REGISTRATIONS, {"user_id": "id", "push_token": "t", "platform": 3}, {"hwid"}),
        (Content.MIXED, {"hwid": "id"}, {"type"}),
        (Content.MIXED, {"type": "kind"}, {""}),
    ],
)
def test_what_every_record_would_be_refused_for_is_a_mistake(
    content: Content, table: dict[str, Any], lacking: set[str]
) -> None:
    assert {*wrong(table, content)} == lacking
    prefixed = {f'"orders".{name}' if name else '"orders"' for name in lacking}
    assert {*wrong({}, content, {"orders": table})} == prefixed


def test_the_key_can_name_the_device_instead() -> None:
    assert problems(given({"tags": "t"}, key_is_hwid=True)) == []
    registration = {"push_token": "t", "platform": 3}
    assert problems(given(registration, Content.REGISTRATIONS, key_is_hwid=True)) == []


def test_a_table_for_a_topic_that_nobody_reads_is_a_mistake() -> None:
    assert wrong({}, by_topic={"other": SOUND}) == {'"other"': "no topic that is read; those are orders"}


def test_a_topic_s_name_with_dots_needs_quotes() -> None:
    found = wrong({}, by_topic={"shop": {"public": {"orders": SOUND}}})
    assert [*found] == ['"shop"']
    assert '[mapping."shop.public.orders"]' in found['"shop"']


def test_a_topic_s_own_table_replaces_the_general_one_and_an_empty_one_maps_nothing() -> None:
    contents = dict.fromkeys(("own", "plain", "rest"), Content.TAGS)
    found = mappings(Given({"hwid": "id", "tags": "t"}, {"own": SOUND, "plain": {}}, contents, False))
    assert {*found} == {"own", "rest"}
    assert mappings(Given({"null_tags": "omit"}, {}, contents, False)) == {}
    assert {*mappings(Given({}, {"own": SOUND}, contents, False))} == {"own"}


def test_every_entry_of_a_mapping_is_taken() -> None:
    entries: dict[str, Any] = dict.fromkeys(KEYS, "@")
    assert wrong({**entries, "null_tags": "clear"}, Content.MIXED) == {}
