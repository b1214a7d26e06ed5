"""What source files define, read without running them: imports define nothing."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path


@cache
def tree_of(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


class Defined:
    """Names at the top of files, and what their classes have."""

    def __init__(self, files: Iterable[Path]) -> None:
        self._names: set[str] = set()
        self._classes: dict[str, list[ast.ClassDef]] = {}
        for file in files:
            for node in tree_of(file).body:
                self._names.update(_named(node))
                if isinstance(node, ast.ClassDef):
                    self._classes.setdefault(node.name, []).append(node)

    def has(self, name: str) -> bool:
        """Tell whether `name` or `Class.member` is there: of several classes of that name in each."""
        whole, _, member = name.partition(".")
        if not member:
            return whole in self._names
        found = self._classes.get(whole, [])
        return bool(found) and all(self._has_member(each, member) for each in found)

    def _has_member(self, node: ast.ClassDef, member: str) -> bool:
        """Tell whether the class has it or inherits it: whichever its base is called, `Base[T]` too."""
        bases = (ast.unparse(base).partition("[")[0] for base in node.bases)
        return member in _members(node) or any(self.has(f"{base}.{member}") for base in bases)


@cache
def of_file(file: Path) -> Defined:
    return Defined([file])


@cache
def of_folder(folder: Path) -> Defined:
    """Return what all files below define together."""
    return Defined(sorted(folder.rglob("*.py")))


def _named(node: ast.AST) -> Iterator[str]:
    """Yield the names that a statement defines."""
    if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        yield node.name
    elif isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        for target in targets:
            yield from (each.id for each in ast.walk(target) if isinstance(each, ast.Name))


def _members(node: ast.ClassDef) -> Iterator[str]:
    """Yield what is defined in its body, and what its methods set on `self`."""
    for each in node.body:
        yield from _named(each)
    for within in ast.walk(node):
        if isinstance(within, ast.Attribute) and isinstance(within.ctx, ast.Store) and _is_self(within.value):
            yield within.attr


def _is_self(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id == "self"
