"""Answers by tag, as they are read from the rows of a report."""

from __future__ import annotations

import msgspec
import pytest

from connector.pushwoosh.rows import RawRow, with_tags


def raw(*tags: str) -> list[RawRow]:
    """Rows of devices that say this of their tags; nothing for an empty text."""
    texts = [f'{{"hwid":"D{at}","tags":{text}}}' if text else "{}" for at, text in enumerate(tags)]
    return msgspec.json.decode("[" + ",".join(texts) + "]", type=list[RawRow])


def said(*tags: str) -> list[dict[str, str] | None]:
    return [row.tags for row in with_tags(raw(*tags))]


def test_every_row_has_its_own_answers_however_they_alternate() -> None:
    good, bad = '{"a":"ok"}', '{"a":"tag not found"}'
    ok, refused = {"a": "ok"}, {"a": "tag not found"}
    assert said(good, bad, good, good, bad) == [ok, refused, ok, ok, refused]


def test_a_row_that_says_nothing_of_tags_has_no_answers_of_its_neighbours() -> None:
    bad = '{"a":"no"}'
    assert said("", "null", bad, "", bad, "null") == [None, None, {"a": "no"}, None, {"a": "no"}, None]


def test_rows_that_say_the_same_share_one_dictionary_though_others_stand_between_them() -> None:
    first, other, again = said('{"a":"ok"}', '{"a":"no"}', '{"a":"ok"}')
    assert first is again
    assert first is not other


def test_the_same_in_other_words_is_read_all_the_same() -> None:
    assert said('{"a":"ok"}', '{ "a": "\\u006fk" }') == [{"a": "ok"}, {"a": "ok"}]


def test_the_rows_stay_what_and_where_they_were() -> None:
    rows = raw('{"a":"ok"}', "", "{}")
    read = with_tags(rows)
    assert read is rows
    assert [row.hwid for row in read] == ["D0", None, "D2"]
    assert [row.tags for row in read] == [{"a": "ok"}, None, {}]
    assert with_tags([]) == []


@pytest.mark.parametrize("tags", ['["a"]', '{"a":1}', '{"a":null}', '"ok"', "1"])
def test_answers_of_other_types_are_an_error_at_whichever_row_they_come(tags: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        with_tags(raw('{"a":"ok"}', '{"a":"ok"}', tags))
