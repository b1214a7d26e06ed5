"""A JMESPath expression, parsed; what is wrong with one, or failed in one, in words for a person.

JMESPath itself finds unknown functions and wrong numbers of arguments when an expression is first
evaluated: here they are mistakes at the start.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import jmespath
from jmespath.exceptions import (
    ArityError,
    EmptyExpressionError,
    IncompleteExpressionError,
    JMESPathTypeError,
    LexerError,
    ParseError,
)

from connector.mapping.functions import KNOWN, UNITS

Evaluate = Callable[[Any], Any]
"""Takes a record's value as a plain object, gives what the expression makes of it; may raise anything."""

Node = Any
"""A node of JMESPath's syntax tree: a dictionary with `type`, `value` and `children`."""

_HINTS = {
    "-": "a name with a hyphen goes in double quotes",
    "$": "a path begins with the name of a field, without $",
    "=": "equality is written ==",
}
"""What people write that JMESPath doesn't know."""


class InvalidExpressionError(ValueError):
    """The expression can't be compiled; the text says why and where in it, in one line."""

    def __init__(self, words: str) -> None:
        super().__init__(" ".join(words.split()))


def parsed(text: str) -> Node:
    """Parse and check functions. Raises `InvalidExpressionError`."""
    try:
        tree: Node = jmespath.compile(text).parsed
    except EmptyExpressionError:
        raise InvalidExpressionError("it is empty") from None
    except RecursionError:
        raise InvalidExpressionError("it is nested too deeply") from None
    except ParseError as error:
        raise InvalidExpressionError(_words(error)) from None
    except Exception as error:  # a wrong literal or slice raises what Python has for it
        raise InvalidExpressionError(f"not a JMESPath expression: {error}") from error
    for problem in _problems(tree):
        raise InvalidExpressionError(problem)
    return tree


def path_of(tree: Node) -> tuple[str, ...] | None:
    """Give the names of a path that goes from field to field and nothing else, else None."""
    if tree["type"] == "field":
        return (tree["value"],)
    if tree["type"] == "subexpression":
        parts = [path_of(child) for child in tree["children"]]
        if all(parts):
            return tuple(name for part in parts if part for name in part)
    return None


def functions_of(tree: Node) -> Iterator[Node]:
    """Yield every call of a function."""
    if tree["type"] == "function_expression":
        yield tree
    for child in tree["children"]:
        if isinstance(child, dict):  # a slice has numbers
            yield from functions_of(child)


def failure(error: Exception) -> str:
    """Say why an expression failed on a record, without what the record says."""
    if isinstance(error, JMESPathTypeError):
        wanted = " or ".join(error.expected_types)
        return f"{error.function_name}() takes {wanted}, not {error.actual_type}"
    if isinstance(error, RecursionError):
        return "nested too deeply"
    return str(error) or type(error).__name__


def _problems(tree: Node) -> Iterator[str]:
    for call in functions_of(tree):
        name, given = call["value"], len(call["children"])
        if name not in KNOWN:
            yield f"there is no function {name}(); there are {', '.join(sorted(KNOWN))}"
            continue
        wanted = KNOWN[name]["signature"]
        variadic = bool(wanted) and wanted[-1].get("variadic", False)
        if given < len(wanted) or (given > len(wanted) and not variadic):
            least = "at least " if variadic else ""
            yield f"{name}() takes {least}{len(wanted)} argument{'s' * (len(wanted) != 1)}, not {given}"
        elif name == "epoch_date":
            unit = call["children"][1]
            if unit["type"] == "literal" and unit["value"] not in UNITS:
                yield f"epoch_date() knows the units {', '.join(UNITS)}, not {unit['value']!r}"


def _words(error: ParseError) -> str:
    """Put JMESPath's error, which draws an arrow over three lines, into one."""
    if isinstance(error, IncompleteExpressionError):
        return "not a JMESPath expression: it ends too early"
    if isinstance(error, ArityError):
        return str(error)
    column = error.lex_position + 1
    if isinstance(error, LexerError):
        hint = _HINTS.get(str(error.lexer_value)[:1], "")
        found = f"not a JMESPath expression: {error.message} at character {column}"
        return f"{found}; {hint}" if hint else found
    kind = error.token_type
    if kind == "EOF":
        return "not a JMESPath expression: it ends too early"
    hint = "; a number that is meant as such goes in backticks" if kind == "NUMBER" else ""
    return f"not a JMESPath expression: {error.token_value!r} isn't expected at character {column}{hint}"
