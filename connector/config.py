"""A TOML file and the environment become one frozen `Settings`, or one error that lists every mistake.

`[section] key` in the file is `CONNECTOR_SECTION_KEY` in the environment, which wins. An empty variable
counts as not set. Without a file argument, `CONNECTOR_CONFIG_FILE` may name the file.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from connector import values
from connector.kafka.clients.mistakes import mistakes as mistakes_of_properties
from connector.mapping.reading import entry_problems, topic_problems
from connector.settings import Settings
from connector.settings.contradictions import contradictions
from connector.settings.mistakes import (
    ConfigurationError,
    Mistake,
    allowed,
    contradictory,
    given_wrong,
    shown,
)
from connector.settings.names import APPLICATIONS, PREFIX, SECTIONS, Raw, model_of, nested, variable

__all__ = [
    "APPLICATIONS",
    "FILE_VARIABLE",
    "PREFIX",
    "ConfigurationError",
    "Mistake",
    "Settings",
    "allowed",
    "load",
    "variable",
]

FILE_VARIABLE = "CONNECTOR_CONFIG_FILE"

# Kubernetes tells every container about every Service of its namespace. Is one called `connector` or
# `connector-metrics`, that looks like settings that nobody knows.
_SERVICE_LINK = re.compile(
    r"CONNECTOR_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)"
)
_SERVICE_HINT = "set by Kubernetes for a Service of that name: enableServiceLinks: false in the Pod avoids it"
_TOPIC_MAPPINGS = "mapping.by_topic"
"""Where the tables `[mapping."TOPIC"]` are kept: no name that can be written."""
_NAMES = tuple(
    name
    for section, model in SECTIONS.items()
    for key in model.model_fields
    if (name := f"{section}.{key}") != _TOPIC_MAPPINGS
)

_UNKNOWN_PROPERTY = "No such configuration property"
"""Librdkafka's words."""

_PROBLEMS = {
    "literal_error": "none of the words it may be",
    "greater_than_equal": "out of range",
    "less_than_equal": "out of range",
    "finite_number": "out of range",
    "bool_parsing": "neither true nor false",
    "bool_type": "neither true nor false",
    "int_parsing": "not a whole number",
    "int_type": "not a whole number",
    "int_from_float": "not a whole number",
    "int_parsing_size": "out of range",
    "float_parsing": "not a number",
    "float_type": "not a number",
    "string_type": "not text (in quotes)",
    "path_type": "not a path",
}
"""What is wrong, by pydantic's kind of error; its own sentences speak of Python's types."""


def load(
    config_file: Path | None,
    environ: Mapping[str, str],
    needless: Callable[[str], bool] = lambda _: False,
) -> Settings:
    """Read, merge and validate. Raises ConfigurationError with every mistake there is.

    `needless` tells by its name which setting may be missing or wrong; something else stands in for it.
    """
    named = environ.get(FILE_VARIABLE)
    path = config_file or (Path(named) if named else None)
    table = _read(path) if path else {}
    raw = Raw()
    mistakes = [*_take_file(raw, table, str(path)), *_take_environment(raw, environ)]
    mistakes += _merge_properties(raw)
    settings, wrong = _validate(raw)
    mistakes += wrong
    if settings is not None:
        touched = {mistake.name for mistake in mistakes}
        mistakes += _contradictions(settings, raw, touched)
        mistakes += _property_mistakes(settings, raw)
        mistakes += _mapping_mistakes(settings, raw, touched)
    mistakes = [mistake for mistake in mistakes if not needless(mistake.name)]
    if mistakes or settings is None:
        raise ConfigurationError(mistakes) from None
    return settings


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except tomllib.TOMLDecodeError as error:
        problem = f"{path} is not TOML: {error}"
    except UnicodeDecodeError as error:
        problem = f"{path} is not UTF-8 at byte {error.start}"
    except OSError as error:
        problem = f"{path} cannot be read: {error.strerror}"
    raise ConfigurationError([Mistake("", problem)]) from None


def _take_file(raw: Raw, table: Mapping[str, Any], origin: str) -> Iterator[Mistake]:
    sections = {name: content for name, content in table.items() if name != APPLICATIONS}
    codes = table.get(APPLICATIONS, {})
    if isinstance(codes, dict):
        for code, content in codes.items():
            problem = raw.add(code)
            if problem:
                yield Mistake(f"{APPLICATIONS}.{code}", f"{problem} (in {origin})")
            else:
                sections[f"{APPLICATIONS}.{code}"] = content
    else:
        yield Mistake(APPLICATIONS, f"not a table in {origin}: write [{APPLICATIONS}.CODE], one for each")
    for section, content in sections.items():
        if section not in raw.values:
            yield Mistake(
                section, f"unknown section in {origin}{_nearest(section, (*SECTIONS, APPLICATIONS))}"
            )
        elif not isinstance(content, dict):
            yield Mistake(section, f"not a table in {origin}: write [{section}] and its settings below")
        else:
            yield from _take_section(raw, section, content, origin)


def _take_section(raw: Raw, section: str, content: Mapping[str, Any], origin: str) -> Iterator[Mistake]:
    names = [f"{section}.{key}" for key in model_of(section).model_fields]
    for key, value in content.items():
        name = f"{section}.{key}"
        if section == "mapping" and isinstance(value, dict) and key != "tags":  # a topic's own
            raw.values[section].setdefault("by_topic", {})[key] = value
            raw.origin[_TOPIC_MAPPINGS] = origin
        elif name in names and name != _TOPIC_MAPPINGS:
            raw.put(name, value, origin)
        else:
            nearest = _nearest(name, names if section not in SECTIONS else _NAMES)
            yield Mistake(name, f"unknown setting in {origin}{nearest}")


def _take_environment(raw: Raw, environ: Mapping[str, str]) -> Iterator[Mistake]:
    known = {variable(name): name for name in _NAMES}
    for name, text in environ.items():
        if not name.startswith(PREFIX) or name == FILE_VARIABLE or not text.strip():
            continue
        setting = known.get(name) or raw.setting_of_an_application(name)
        if setting:
            raw.put(setting, text, "the environment")
        elif not _SERVICE_LINK.fullmatch(name):
            yield Mistake(
                name, f"unknown variable in the environment{_nearest(name, known)}{_file_only(name)}"
            )


def _nearest(name: str, known: Iterable[str]) -> str:
    found = difflib.get_close_matches(name, known, n=1, cutoff=0.75)
    return f", did you mean {found[0]}?" if found else ""


def _file_only(name: str) -> str:
    """Say where the mapping of one topic is told: a topic's name doesn't survive in a variable's."""
    if not name.startswith(variable("mapping.")):
        return ""
    return '; the mapping of a single topic is a table in the file, [mapping."TOPIC"]'


def _merge_properties(raw: Raw) -> list[Mistake]:
    """Lay over each other: the properties' file, the table in the file, the environment's lines."""
    merged: dict[str, str] = {}
    mistakes = []
    file = raw.values["kafka"].get("properties_file")
    if isinstance(file, str):
        try:
            merged |= values.read_properties(Path(file))
        except ValueError as error:
            mistakes.append(given_wrong("kafka.properties_file", str(error), raw))
    origins = dict.fromkeys(merged, str(file))
    for layer, origin in raw.properties:
        try:
            found = values.parse_properties(layer)
        except ValueError as error:
            mistakes.append(Mistake("kafka.properties", f"{error} (in {origin})"))  # it may show a secret
        else:
            merged |= found
            origins |= dict.fromkeys(found, origin)
    raw.origin |= {f"kafka.properties.{name}": origin for name, origin in origins.items()}
    raw.values["kafka"]["properties"] = values.Properties(merged)
    return mistakes


def _validate(raw: Raw) -> tuple[Settings | None, list[Mistake]]:
    """Validate; where something is wrong, validate the rest of it too, so that its contradictions show."""
    try:
        return Settings.model_validate(nested(raw.values)), []
    except ValidationError as error:
        found = error.errors(include_url=False)
    mistakes: dict[str, Mistake] = {}
    sound = {section: dict(content) for section, content in raw.values.items()}
    for one in found:
        section, key = str(one["loc"][0]), str(one["loc"][1])
        if section == APPLICATIONS:
            section, key = f"{APPLICATIONS}.{key}", str(one["loc"][2])
        name = f"{section}.{key}"
        mistakes.setdefault(name, _mistake(name, dict(one), raw))
        sound[section].pop(key, None)
        if model_of(section).model_fields[key].is_required():
            sound[section][key] = "stands-in"
    return Settings.model_validate(nested(sound)), list(mistakes.values())


def _mistake(name: str, error: Mapping[str, Any], raw: Raw) -> Mistake:
    section, key = name.rsplit(".", 1)
    field = model_of(section).model_fields[key]
    if error["type"] == "missing":
        return Mistake(name, "it is required", "", allowed(field))
    own_words = str(error["ctx"]["error"]) if error["type"] == "value_error" else ""
    problem = own_words or _PROBLEMS.get(error["type"]) or error["msg"]
    if str(raw.values[section][key]).startswith("tcp://"):
        problem += f" ({_SERVICE_HINT})"
    return given_wrong(name, problem, raw)


def _contradictions(settings: Settings, raw: Raw, touched: set[str]) -> Iterator[Mistake]:
    """Say what no setting tells alone; silent about any that is wrong by itself."""
    for names, problem in contradictions(settings, frozenset(raw.origin)):
        if touched.isdisjoint(names):
            yield contradictory(names, problem, raw)


def _property_mistakes(settings: Settings, raw: Raw) -> Iterator[Mistake]:
    properties = settings.kafka.properties
    words = allowed(model_of("kafka").model_fields["properties"])
    exactly_once = settings.kafka.dead_letter_delivery == "exactly_once"
    for key, problem in mistakes_of_properties(properties, exactly_once=exactly_once):
        name = f"kafka.properties.{key}" if key else "kafka.properties"
        unknown = _UNKNOWN_PROPERTY in problem  # perhaps a password's name, misspelt
        value = values.MASK if unknown else shown(properties.masked().get(key))
        yield Mistake(name, problem, f"{value} in {raw.origin[name]}" if key else "", words)


def _mapping_mistakes(settings: Settings, raw: Raw, touched: set[str]) -> Iterator[Mistake]:
    kafka = settings.kafka
    tables = settings.mapping.given(kafka.contents, key_is_hwid=kafka.key_is_hwid)
    found = [*entry_problems(tables)]
    if not any(name.startswith("kafka.") and name.endswith("_topics") for name in touched):
        found += topic_problems(tables)
    for name, words, value in found:
        where = _TOPIC_MAPPINGS if name.startswith('"') else f"mapping.{name.partition('.')[0]}"
        told = "" if value is None else f"{shown(value)} in {raw.origin[where]}"
        yield Mistake(f"mapping.{name}".rstrip("."), words, told)
