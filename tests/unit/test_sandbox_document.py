"""`deploy/SANDBOX.md` names every fault with its fields, and nothing that isn't there."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec
import pytest

from connector.sandbox import control
from connector.sandbox.fault_rules import DeviceRule, RequestRule, Rule
from connector.sandbox.faults import Faults, faults_from, patched

_TEXT = (Path(__file__).parents[2] / "deploy" / "SANDBOX.md").read_text()
_KINDS: dict[str, type[Rule]] = {"all": Rule, "of calls": RequestRule, "of devices": DeviceRule}
_FIELD = re.compile(r"`(\w+)`(?: \((none|`[^`]*`)\))?")


def rows(heading: str) -> Iterator[list[str]]:
    """The cells of the table whose head begins so."""
    lines = iter(_TEXT.splitlines())
    for line in lines:
        if line.startswith(heading):
            next(lines)
            break
    for line in lines:
        if not line.startswith("|"):
            return
        yield [cell.strip() for cell in line.strip("|").split("|")]


def fields_of(cell: str) -> dict[str, str | None]:
    """Names with their defaults as they are written; None where there is none to fall back on."""
    return {} if cell == "none" else {name: default or None for name, default in _FIELD.findall(cell)}


def declared(struct: type[msgspec.Struct], but: type[msgspec.Struct] | None = None) -> dict[str, str | None]:
    """The same of a struct, without what its base has."""
    inherited = but.__struct_fields__ if but else ()
    return {
        field.name: written(field) for field in msgspec.structs.fields(struct) if field.name not in inherited
    }


def written(field: msgspec.structs.FieldInfo) -> str | None:
    if field.required:
        return None
    if field.default in (None, (), ""):
        return "none"
    return f"`{field.default if isinstance(field.default, str) else json.dumps(field.default)}`"


def rule_of(fault: str) -> type[Rule] | None:
    """The struct of a fault's rules, if it has rules."""
    (kind, *_) = [*get_args(get_type_hints(Faults)[fault]), None]
    return kind if isinstance(kind, type) and issubclass(kind, Rule) else None


def kind_of(rule: type[Rule]) -> str:
    """The document's word for what the rule asks about."""
    return next(kind for kind in reversed(_KINDS) if issubclass(rule, _KINDS[kind]))


_RULES = {name: rule for name in Faults.__struct_fields__ if (rule := rule_of(name)) is not None}


def test_every_fault_is_there_with_its_fields_and_their_defaults() -> None:
    told = {cells[0].strip("`"): cells[1:3] for cells in rows("| fault | rules |")}
    assert told.keys() == _RULES.keys()
    for name, (kind, own) in told.items():
        assert issubclass(_RULES[name], _KINDS[kind]), name
        assert all(
            _KINDS[kind] is each or not issubclass(_RULES[name], each) for each in (RequestRule, DeviceRule)
        )
        assert fields_of(own) == declared(_RULES[name], _KINDS[kind]), name


def test_every_single_value_is_there() -> None:
    told = {cells[0].strip("`"): fields_of(cells[1]) for cells in rows("| fault | fields |")}
    assert told.keys() == set(Faults.__struct_fields__) - _RULES.keys()
    assert told["latency"] == declared(type(Faults().latency))


@pytest.mark.parametrize("kind", _KINDS)
def test_when_a_rule_strikes_is_told_by_every_field(kind: str) -> None:
    told = {cells[1].strip("`"): cells[2] for cells in rows("| rules | field |") if cells[0] == kind}
    assert told == declared(_KINDS[kind], None if kind == "all" else Rule)


def test_every_word_that_a_field_may_be_is_named() -> None:
    texts = {
        cells[0].strip("`"): " ".join(cells[1:]) for cells in [*rows("| fault |"), *rows("| fault | rules |")]
    }
    structs: dict[str, Any] = {**_RULES, "latency": type(Faults().latency)}
    for name, struct in structs.items():
        for field, hint in get_type_hints(struct).items():
            if get_origin(hint) is Literal and field != "on":
                missing = [word for word in get_args(hint) if f"`{word}`" not in texts[name]]
                assert not missing, (name, field)


def test_every_endpoint_is_there() -> None:
    told = {cells[0].strip("`") for cells in rows("| endpoint |")}
    assert control.__doc__ is not None
    lines = [line.split()[:2] for line in control.__doc__.splitlines() if " /sandbox/" in line]
    assert told == {f"{method} {path}" for methods, path in lines for method in methods.split("|")}


def test_its_examples_are_faults() -> None:
    for block in re.findall(r"```sh\n(.*?)```", _TEXT, re.DOTALL):
        for line in block.splitlines():
            for word in shlex.split(line):
                if word.startswith("{"):
                    assert patched(Faults(), json.loads(word)) != Faults()
    (table,) = re.findall(r"```toml\n(.*?)```", _TEXT, re.DOTALL)
    assert faults_from(tomllib.loads(table)).capacity == 4
