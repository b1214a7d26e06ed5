"""JMESPath's syntax tree -> nested functions: a Debezium row takes half the time.

What JMESPath's own interpreter looks up anew for each record is looked up once. The common nodes are
compiled; projections, slices, orderings and functions that take expressions are left to the interpreter.
A property test holds both against each other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Number
from typing import Any

from jmespath.functions import REVERSE_TYPES_MAP
from jmespath.visitor import Options, TreeInterpreter

from connector.mapping.expression import Evaluate, Node, parsed, path_of
from connector.mapping.functions import KNOWN, RecordFunctions


def constant(value: Any) -> Evaluate:
    """Give the same whatever the record says."""
    return lambda _: value


def is_true(value: Any) -> bool:
    """Tell as JMESPath does: null, false and empty text, lists and objects are false; 0 is true."""
    return bool(value) or not (value is None or value is False or value in ("", [], {}))


class Compiler:
    """Compiles expressions that all share one set of functions, and so one current record."""

    def __init__(self, functions: RecordFunctions) -> None:
        self._functions = functions
        self._interpreter = TreeInterpreter(Options(custom_functions=functions))
        self._kinds: dict[str, Callable[[Node], Evaluate | None]] = {
            "literal": lambda node: constant(node["value"]),
            "current": lambda _: _itself,
            "identity": lambda _: _itself,
            "field": lambda node: _walk((node["value"],)),
            "index": lambda node: _index(node["value"]),
            "subexpression": self._chain,
            "index_expression": self._chain,
            "pipe": self._chain,
            "or_expression": self._or,
            "and_expression": self._and,
            "not_expression": self._not,
            "comparator": self._comparator,
            "multi_select_dict": self._object,
            "multi_select_list": self._list,
            "function_expression": self._call,
        }

    def compile(self, text: str) -> Evaluate:
        """Compile. Raises `InvalidExpressionError`."""
        return self._of(parsed(text))

    def _of(self, node: Node) -> Evaluate:
        make = self._kinds.get(node["type"])
        made = make(node) if make is not None else None
        if made is not None:
            return made
        visit = self._interpreter.visit
        return lambda value: visit(node, value)

    def _all(self, nodes: Sequence[Node]) -> tuple[Evaluate, ...]:
        return tuple(map(self._of, nodes))

    def _chain(self, node: Node) -> Evaluate:
        path = path_of(node)
        if path is not None:
            return _walk(path)
        first, *rest = self._all(node["children"])

        def chain(value: Any) -> Any:
            value = first(value)
            for step in rest:
                value = step(value)
            return value

        return chain

    def _or(self, node: Node) -> Evaluate:
        left, right = self._all(node["children"])

        def either(value: Any) -> Any:
            found = left(value)
            return found if is_true(found) else right(value)

        return either

    def _and(self, node: Node) -> Evaluate:
        left, right = self._all(node["children"])

        def both(value: Any) -> Any:
            found = left(value)
            return right(value) if is_true(found) else found

        return both

    def _not(self, node: Node) -> Evaluate:
        (of,) = self._all(node["children"])

        def negated(value: Any) -> bool:
            found = of(value)
            return not found and (isinstance(found, bool) or not isinstance(found, Number))

        return negated

    def _comparator(self, node: Node) -> Evaluate | None:
        if node["value"] not in ("eq", "ne"):
            return None
        compare = TreeInterpreter.COMPARATOR_FUNC[node["value"]]
        left, right = self._all(node["children"])
        return lambda value: compare(left(value), right(value))

    def _object(self, node: Node) -> Evaluate:
        pairs = [(pair["value"], self._of(pair["children"][0])) for pair in node["children"]]
        return lambda value: None if value is None else {name: part(value) for name, part in pairs}

    def _list(self, node: Node) -> Evaluate:
        parts = self._all(node["children"])
        return lambda value: None if value is None else [part(value) for part in parts]

    def _call(self, node: Node) -> Evaluate | None:
        """Call a function whose arguments' types are simple; the others check theirs themselves."""
        name, known = node["value"], KNOWN[node["value"]]
        types = [each["types"] for each in known["signature"]]
        if any("-" in word or word == "expref" for words in types for word in words):
            return None
        if any(child["type"] == "expref" for child in node["children"]):
            return None
        wanted = [frozenset(one for word in words for one in REVERSE_TYPES_MAP[word]) for words in types]
        arguments, function, functions = self._all(node["children"]), known["function"], self._functions

        def call(value: Any) -> Any:
            given = [argument(value) for argument in arguments]
            for one, names in zip(given, wanted, strict=False):  # the last type of a variadic one counts once
                if names and type(one).__name__ not in names:
                    return functions.call_function(name, given)  # which says what is wrong
            return function(functions, *given)

        return call


def _itself(value: Any) -> Any:
    return value


def _walk(path: tuple[str, ...]) -> Evaluate:
    if len(path) == 1:
        name = path[0]
        return lambda value: value.get(name) if isinstance(value, dict) else None

    def walk(value: Any) -> Any:
        for name in path:
            if not isinstance(value, dict):
                return None
            value = value.get(name)
        return value

    return walk


def _index(at: int) -> Evaluate:
    def pick(value: Any) -> Any:
        return value[at] if isinstance(value, list) and -len(value) <= at < len(value) else None

    return pick
