"""What connector/README.md says is there: files, names, tests."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_PACKAGE = _ROOT / "connector"
_TOUR = (_PACKAGE / "README.md").read_text(encoding="utf-8")
_PROSE = re.sub(r"```.*?```", "", _TOUR, flags=re.DOTALL)
_WORDS = sorted({word for text in (_TOUR, _PROSE) for word in re.findall(r"`([^`\n]+)`", text)})
_FILES = sorted({name for name in re.findall(r"[\w/.]+\.(?:py|md|toml)\b", _TOUR) if ".." not in name})
_TESTS = sorted(word for word in _WORDS if word.startswith("tests/") and "::" in word)
_NAMES = sorted(word for word in _WORDS if re.fullmatch(r"_?[A-Z]\w*(\.\w+)?", word) and word != "FILE")


def _exists(name: str) -> bool:
    return any((folder / name).exists() for folder in (_PACKAGE, _ROOT, _ROOT / "deploy"))


def test_it_has_at_most_220_lines() -> None:
    assert len(_TOUR.splitlines()) <= 220


def test_it_has_what_a_tour_needs() -> None:
    assert len(_FILES) > 40
    assert len(_TESTS) > 15
    assert len(_NAMES) > 10


@pytest.mark.parametrize("name", _FILES)
def test_each_file_is_there(name: str) -> None:
    assert _exists(name)


@pytest.mark.parametrize("name", re.findall(r"\]\(([^)#]+)\)", _TOUR))
def test_each_link_leads_somewhere(name: str) -> None:
    assert (_PACKAGE / name).exists()


@pytest.mark.parametrize("test", _TESTS)
def test_each_test_is_there(test: str) -> None:
    file, _, name = test.partition("::")
    assert re.search(rf"def {name}\(", (_ROOT / file).read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", _NAMES)
def test_each_class_method_and_constant_is_there(name: str) -> None:
    source = "\n".join(path.read_text(encoding="utf-8") for path in [*_PACKAGE.rglob("*.py"), *_tests()])
    whole, _, member = name.partition(".")
    assert re.search(rf"^(class {whole}\b|{whole}\b.* = |from .* import .*\b{whole}\b)", source, re.MULTILINE)
    assert not member or re.search(rf"^    (async )?def {member}\(", source, re.MULTILINE)


def _tests() -> list[Path]:
    return list((_ROOT / "tests" / "unit").rglob("*.py"))


def _named(name: str) -> bool:
    return re.search(rf"(?<![\w/]){re.escape(name)}(?!\w)", _TOUR) is not None


@pytest.mark.parametrize("folder", ["", "core/", "kafka/"])
def test_each_module_of_the_core_of_kafka_s_side_and_above_them_is_named(folder: str) -> None:
    modules = sorted(path.name for path in (_PACKAGE / folder).glob("*.py") if path.name != "__init__.py")
    assert [name for name in modules if not _named(folder + name)] == []


def test_each_package_is_named() -> None:
    packages = sorted(path.parent.name for path in _PACKAGE.glob("*/__init__.py"))
    assert len(packages) > 8
    assert [name for name in packages if not re.search(rf"(?<![\w/]){name}/", _TOUR)] == []
