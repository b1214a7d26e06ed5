"""The configuration's `[mapping]` becomes a mapping for each topic that has one, or a list of what is wrong.

Text is an expression; a number, true or false is a constant, because no expression can be one. Constant
text is a JMESPath literal: `'ios'`.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as Table
from typing import Any, NamedTuple

from connector.core.reading import rules
from connector.mapping.compiling import Compiler, constant
from connector.mapping.expression import Evaluate, InvalidExpressionError, parsed, path_of
from connector.mapping.functions import RecordFunctions
from connector.mapping.mapping import FIELDS, IDENTIFIERS, Mapping, Part
from connector.model import Content

OMIT, CLEAR = "omit", "clear"
KEYS = ("when", *FIELDS, "tags", "null_tags")
"""Everything that a table of a mapping can say."""

_WORDS = {
    "type": frozenset({"tags", "registration"}),
    "list_operator": rules.TAGS_OPERATORS,
    "platform": frozenset(rules.PLATFORMS),
}
"""Fields whose values are words: where an expression is such a word, quotes were forgotten."""
_LITERALS = frozenset({"true", "false", "null"})
"""What is a word of JMESPath's only in backticks: a filter `true` would be a field that no record has."""


class Problem(NamedTuple):
    """What is wrong with one entry: its name under `mapping`, the words, what was given (None: nothing)."""

    name: str
    words: str
    given: object = None


class Given(NamedTuple):
    """What the configuration says about mappings, and what there is to map.

    `general` applies to every topic that `by_topic` doesn't name; neither knows of absent entries.
    """

    general: Table[str, Any]
    by_topic: Table[str, Table[str, Any]]
    contents: Table[str, Content]
    key_is_hwid: bool

    def table_of(self, topic: str) -> tuple[str, Table[str, Any]]:
        """Give the table that applies to a topic and its name; an empty one: the topic isn't mapped."""
        if topic in self.by_topic:
            return f'"{topic}".', self.by_topic[topic]
        return "", {} if self.general.keys() <= {"null_tags"} else self.general


def entry_problems(given: Given) -> Iterator[Problem]:
    """Yield what is wrong with single entries, whatever topics there are."""
    yield from _in_table("", given.general)
    for topic, table in given.by_topic.items():
        if topic in given.contents or _meant(topic, table) == topic:
            yield from _in_table(f'"{topic}".', table)


def topic_problems(given: Given) -> Iterator[Problem]:
    """Yield what is wrong for the topics that are read."""
    for topic, table in given.by_topic.items():
        if topic not in given.contents:
            yield Problem(f'"{topic}"', _unknown_topic(topic, table, given.contents))
    seen = set()
    for topic, content in given.contents.items():
        prefix, table = given.table_of(topic)
        for problem in _gaps(prefix, table, content, key_is_hwid=given.key_is_hwid) if table else ():
            if problem not in seen:
                seen.add(problem)
                yield problem


def mappings(given: Given) -> dict[str, Mapping]:
    """Compile the mapping of each topic that has one. The configuration must have no problems."""
    found = {}
    for topic in given.contents:
        _, table = given.table_of(topic)
        if table:
            found[topic] = _mapping(table)
    return found


def _mapping(table: Table[str, Any]) -> Mapping:
    functions = RecordFunctions()
    compiler = Compiler(functions)
    given = table.get("tags")
    tags: Evaluate | list[Part] | None
    if isinstance(given, dict):
        tags = [Part(name, _compiled(compiler, one)) for name, one in given.items()]
    else:
        tags = None if given is None else _compiled(compiler, given)
    return Mapping(
        functions,
        when=_compiled(compiler, table["when"]) if "when" in table else None,
        fields=[Part(name, _compiled(compiler, table[name])) for name in FIELDS if name in table],
        tags=tags,
        clear=table.get("null_tags", OMIT) == CLEAR,
    )


def _compiled(compiler: Compiler, given: Any) -> Evaluate:
    return compiler.compile(given) if isinstance(given, str) else constant(given)


def _in_table(prefix: str, table: Table[str, Any]) -> Iterator[Problem]:
    for name, given in table.items():
        place = prefix + name
        if name not in KEYS:
            words = f"no such entry in a mapping; there are {', '.join(KEYS)}"
            yield Problem(place, words)
        elif name == "null_tags":
            if given not in (OMIT, CLEAR):
                yield Problem(place, f"it is `{OMIT}` or `{CLEAR}`", given)
        elif name == "tags" and isinstance(given, dict):
            if not given:
                yield Problem(place, "it names no tag")
            for tag, one in given.items():
                yield from _expression_problems(f"{place}.{tag}", one)
        else:
            yield from _expression_problems(place, given, _WORDS.get(name, frozenset()))


def _expression_problems(place: str, given: Any, words: frozenset[str] = frozenset()) -> Iterator[Problem]:
    if isinstance(given, bool | int | float):
        return
    if not isinstance(given, str):
        hint = 'an expression is text; a constant list is written in it as a literal: \'`["a", "b"]`\''
        yield Problem(place, hint, given)
        return
    try:
        tree = parsed(given)
    except InvalidExpressionError as error:
        yield Problem(place, str(error), given)
        return
    path = path_of(tree)
    word = path[0] if path is not None and len(path) == 1 else ""
    if word.lower() in words or word in _LITERALS:
        quote = "`" if word in _LITERALS else "'"
        yield Problem(
            place,
            f'this is the record\'s field {word}; the word itself is written "{quote}{word}{quote}", and if '
            f'the field is meant: "@.{word}"',
            given,
        )


def _gaps(prefix: str, table: Table[str, Any], content: Content, *, key_is_hwid: bool) -> Iterator[Problem]:
    """Yield what every record would be refused for, because nothing says it."""
    hint = ' (a topic called "tags" can\'t have a table of its own)' if not prefix else ""
    place = prefix.rstrip(".")
    if content is Content.MIXED and "type" not in table:
        yield Problem(f"{prefix}type", "it is required: a mixed topic carries tag changes and registrations")
    if content is Content.REGISTRATIONS:
        needed = ["push_token", "platform", *(() if key_is_hwid else ("hwid",))]
        for name in needed:
            if name not in table:
                yield Problem(f"{prefix}{name}", "it is required: no registration is without")
        return
    if not key_is_hwid and table.keys().isdisjoint(IDENTIFIERS):
        yield Problem(place, f"nothing names the device: one of hwid, user_id and push_token is needed{hint}")
    if content is Content.TAGS and "tags" not in table:
        yield Problem(f"{prefix}tags", "it is required: no tag change is without")


def _unknown_topic(topic: str, table: Table[str, Any], contents: Table[str, Content]) -> str:
    meant = _meant(topic, table)
    if meant != topic:
        return f'no topic that is read; a name with dots goes in quotes: [mapping."{meant}"]'
    return f"no topic that is read; those are {', '.join(sorted(contents)) or 'none'}"


def _meant(topic: str, table: Table[str, Any]) -> str:
    """Give the topic's whole name where TOML took its dots for tables in tables."""
    for name, inner in table.items():
        if isinstance(inner, dict) and name not in KEYS:
            return _meant(f"{topic}.{name}", inner)
    return topic
