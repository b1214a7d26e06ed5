"""What holds of every file, beside what linters know."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

_ROOT = Path(__file__).parents[2]
_FILES = sorted(path for folder in ("connector", "tests") for path in (_ROOT / folder).rglob("*.py"))


def _functions(node: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield those below: only blocks of statements have any, and there are far more expressions."""
    for name in ("body", "orelse", "finalbody", "handlers", "cases"):
        block = getattr(node, name, ())
        for each in block if isinstance(block, list) else ():
            if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef):
                yield each
            yield from _functions(each)


def test_each_file_has_at_most_300_lines() -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in _FILES}
    assert lengths
    assert {str(path.relative_to(_ROOT)): lines for path, lines in lengths.items() if lines > 300} == {}


def test_each_function_fits_a_screen() -> None:
    functions = {
        f"{path.relative_to(_ROOT)}: {node.name}": (node.end_lineno or node.lineno) - node.lineno + 1
        for path in _FILES
        for node in _functions(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert functions
    assert {name: lines for name, lines in functions.items() if lines > 50} == {}


def test_only_the_package_and_commands_have_imports_that_no_layer_rule_sees() -> None:
    """import-linter leaves out what stands under `TYPE_CHECKING`."""
    hidden = {
        str(path.relative_to(_ROOT / "connector"))
        for path in _FILES
        if path.is_relative_to(_ROOT / "connector") and "TYPE_CHECKING" in path.read_text(encoding="utf-8")
    }
    assert hidden == {"__init__.py", "cli.py", "options.py", "replay/cli.py"}
