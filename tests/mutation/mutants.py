"""Mutants of a source file: cosmic-ray's operators, and one more that forgets a statement.

A mutant is the file with one small mistake. What only a type checker would see, annotations, is left
alone. Many operators apply at one place (thirteen for a `+`): a sample takes each place with the
same chance, and one of its mutants.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

import parso
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators.operator import Operator
from cosmic_ray.operators.provider import OperatorProvider
from parso.python.tree import Name

Span = tuple[tuple[int, int], tuple[int, int]]
"""Line (from 1) and column (from 0) of the first character, and of the one after the last."""

_PARAMETERISED = {"VariableReplacer", "VariableInserter"}
"""Operators that want to be told a variable's name."""


class ForgetStatement(Operator):  # type: ignore[misc]  # cosmic-ray has no types
    """`pass` instead of a call, or of an assignment to something that outlives the function."""

    def mutation_positions(self, node: Any) -> Iterator[Span]:
        if node.type == "simple_stmt" and _has_effect(node.children[0]) and _in_function(node):
            yield node.children[0].start_pos, node.children[0].end_pos

    def mutate(self, node: Any, index: int) -> Any:  # noqa: ARG002  # the signature is cosmic-ray's
        old = node.children[0]
        node.children[0] = Name("pass", old.start_pos, prefix=old.get_first_leaf().prefix)
        return node

    @classmethod
    def examples(cls) -> tuple[()]:
        return ()


def _has_effect(statement: Any) -> bool:
    if statement.type != "expr_stmt":
        return bool(statement.type == "atom_expr" and statement.children[-1].children[0].value == "(")
    target, how = statement.children[:2]
    return bool(target.type == "atom_expr" or (how.type == "operator" and how.value != "="))


def _in_function(node: Any) -> bool:
    return node is not None and (node.type == "funcdef" or _in_function(node.parent))


@dataclass(frozen=True)
class Mutant:
    """One mistake at one place of a file."""

    path: str
    span: Span
    operator: str
    occurrence: int
    """Which of the places where the operator applies, from 0."""

    def source(self, original: str) -> str:
        """Return the file with the mistake in it."""
        return str(mutate_code(original, _operators()[self.operator], self.occurrence))


def _operators() -> dict[str, Any]:
    provider = OperatorProvider()
    known = {name: provider[name]() for name in provider if name not in _PARAMETERISED}
    return {**known, "ForgetStatement": ForgetStatement()}


def mutants(path: str, source: str) -> list[Mutant]:
    """Return every mutant of a file."""
    tree = parso.parse(source)  # type: ignore[no-untyped-call]  # parso has half of its types
    silent = list(_silent(source))
    found: list[Mutant] = []
    for name, operator in _operators().items():
        spans = (span for node in _walk(tree) for span in operator.mutation_positions(node))
        found += [
            Mutant(path, span, name, occurrence)
            for occurrence, span in enumerate(spans)
            if not any(first <= span[0] and span[1] <= last for first, last in silent)
        ]
    return found


def _walk(node: Any) -> Iterator[Any]:
    """Yield the nodes in the order in which cosmic-ray counts them."""
    yield node
    for child in getattr(node, "children", ()):
        yield from _walk(child)


def _silent(source: str) -> Iterator[Span]:
    """Yield where a mistake is none: annotations, and the `*` between parameters, which is no operator."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.arguments) and node.kwonlyargs and not node.vararg:
            # Around the lone `*`: from the last parameter before it, or the line before, to the first after.
            after = node.kwonlyargs[0]
            before = max(
                ((each.lineno, each.col_offset) for each in [*node.posonlyargs, *node.args]), default=(0, 0)
            )
            yield before, (after.lineno, after.col_offset)
        for each in (getattr(node, "annotation", None), getattr(node, "returns", None)):
            if each is not None:
                yield (each.lineno, each.col_offset), (each.end_lineno, each.end_col_offset)


def sample(found: Iterable[Mutant], size: int, random: Random) -> list[Mutant]:
    """Choose at most `size` mutants, of different places."""
    places: dict[tuple[str, Span], list[Mutant]] = defaultdict(list)
    for mutant in found:
        places[mutant.path, mutant.span].append(mutant)
    chosen = random.sample(sorted(places), min(size, len(places)))
    return [random.choice(places[place]) for place in chosen]
