"""What connector/README.md says is there: files, names, tests."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.unit.definitions import of_file, of_folder

_ROOT = Path(__file__).parents[2]
_PACKAGE = _ROOT / "connector"
_FOLDERS = [
    _PACKAGE / "running",
    _PACKAGE / "kafka",
    *sorted(path.parent for path in _PACKAGE.glob("core/*/__init__.py")),
    *sorted(path.parent for path in _PACKAGE.glob("kafka/*/__init__.py")),
]
_TOUR = (_PACKAGE / "README.md").read_text(encoding="utf-8")
_PROSE = re.sub(r"```.*?```", "", _TOUR, flags=re.DOTALL)
_WORDS = sorted({word for text in (_TOUR, _PROSE) for word in re.findall(r"`([^`\n]+)`", text)})
_FILES = sorted({name for name in re.findall(r"[\w/.]+\.(?:py|md|toml)\b", _TOUR) if ".." not in name})
_TESTS = sorted(word for word in _WORDS if word.startswith("tests/") and "::" in word)
_NAME = r"[A-Za-z_]\w*(?:\.\w+)?"
_FILE = r"[\w/]+\.py"
_PLACES = sorted(
    {
        *re.findall(rf"`({_NAME})`\s(?:in\s|\()`({_FILE})`", _PROSE),
        *((name, file) for file, name in re.findall(rf"`({_FILE})`\s\(`({_NAME})`", _PROSE)),
    }
)
"""Names, each with the file that the tour says it is in."""
_OF_TESTS = {name for name, file in _PLACES if file.startswith("tests/")}
_OF_OTHERS = {"Route", "patch"}
"""Starlette's, and a setting of coverage's."""
_NAMES = sorted({word for word in _WORDS if re.fullmatch(_NAME, word)} - {*_FILES} - _OF_TESTS - _OF_OTHERS)


def _exists(name: str) -> bool:
    at_home = any((folder / name).exists() for folder in (_PACKAGE, _ROOT, _ROOT / "deploy"))
    return at_home or any((folder / name).exists() for folder in _FOLDERS)


def test_it_has_at_most_320_lines() -> None:
    assert len(_TOUR.splitlines()) <= 320


def test_no_line_of_its_prose_is_longer_than_120() -> None:
    lines = [line for line in _PROSE.splitlines() if not line.startswith("|")]
    assert [line for line in lines if len(line) > 120] == []


def test_it_has_what_a_tour_needs() -> None:
    assert len(_FILES) > 40
    assert len(_TESTS) > 15
    assert len(_NAMES) > 30
    assert len(_PLACES) > 10


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
def test_each_class_member_function_and_constant_is_there(name: str) -> None:
    assert of_folder(_PACKAGE).has(name)


@pytest.mark.parametrize(("name", "file"), _PLACES)
def test_each_name_is_in_the_file_that_it_is_said_to_be_in(name: str, file: str) -> None:
    (found,) = {folder / file for folder in (_PACKAGE, _ROOT) if (folder / file).exists()}
    assert of_file(found).has(name)


def test_imports_define_nothing_and_members_are_those_of_the_class_or_its_bases(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(
        "from b import Away\n\nclass Base:\n    def __init__(self):\n        self.x = 1\n"
    )
    (tmp_path / "b.py").write_text("class One(Base):\n    y: int = 0\n\nclass Two:\n    def z(self): ...\n")
    found = of_folder(tmp_path)
    assert all(map(found.has, ("One", "One.x", "One.y", "Two.z")))
    assert not any(map(found.has, ("Away", "One.z", "Two.x", "Base.y", "z", "Nobody.x")))


def _named(name: str) -> bool:
    return re.search(rf"(?<![\w/]){re.escape(name)}(?!\w)", _TOUR) is not None


@pytest.mark.parametrize("folder", ["", "core/"])
def test_each_module_of_the_core_and_above_it_is_named(folder: str) -> None:
    modules = sorted(path.name for path in (_PACKAGE / folder).glob("*.py") if path.name != "__init__.py")
    assert [name for name in modules if not _named(folder + name)] == []


@pytest.mark.parametrize("folder", _FOLDERS, ids=lambda folder: folder.name)
def test_each_module_of_a_room_is_named_beside_it(folder: Path) -> None:
    listing = _TOUR.partition("## The loop and its edges")[2]
    beside = re.split(r"\n\w+/|\n```", listing.partition(f"\n{folder.relative_to(_PACKAGE)}/")[2])[0]
    modules = sorted(path.name for path in folder.glob("*.py") if path.name != "__init__.py")
    assert [name for name in modules if name not in re.findall(r"\w+\.py", beside)] == []


def test_each_package_is_named() -> None:
    packages = sorted(path.parent.name for path in _PACKAGE.glob("*/__init__.py"))
    assert len(packages) > 8
    assert [name for name in packages if not re.search(rf"(?<![\w/]){name}/", _TOUR)] == []


_BY_OTHERS = {
    "actions",
    "assignment",
    "batch",
    "bounds",
    "event",
    "handing_over",
    "history",
    "job",
    "job_slice",
    "kafka_side",
    "listener",
    "components",
    "under_way",
}
"""Modules that are tested with those that use them: plain data, a protocol, a step of `rebalancing`, and what
joins the parts that each have tests."""
_OF_A_WHOLE_FOLDER = {"core": {"defects_of_other_systems"}, "core/judging": {"table"}}


@pytest.mark.parametrize("folder", ["core", *(str(folder.relative_to(_PACKAGE)) for folder in _FOLDERS)])
def test_who_looks_for_the_tests_of_a_module_finds_them_by_its_name(folder: str) -> None:
    modules = {path.stem for path in (_PACKAGE / folder).glob("*.py")} - {"__init__"} - _BY_OTHERS
    tests = {path.stem.removeprefix("test_") for path in (_ROOT / "tests/unit" / folder).glob("test_*.py")}
    assert {name for name in modules if not any(re.match(rf"{name}(_|$)", test) for test in tests)} == set()
    unnamed = {test for test in tests if not any(re.match(rf"{name}(_|$)", test) for name in modules)}
    assert unnamed == _OF_A_WHOLE_FOLDER.get(folder, set())
