"""`python -m tests.mutation` makes mistakes where there is code, and tells whether they are noticed."""

from __future__ import annotations

import os
import random
import subprocess
import sys

import pytest

from tests.mutation.__main__ import main as command_line
from tests.mutation.baseline import Baseline
from tests.mutation.mutants import mutants, sample
from tests.mutation.trial import KILLED, SURVIVED, TIMED_OUT, outcome

SOURCE = '''\
def limited(number: int | None, most: list[int | str], *, loud: bool = False) -> int | None:
    """Says - or + nothing."""
    most.append(1)
    return number - 1
'''


def changed() -> dict[str, set[str]]:
    """By the line that changed, what it may become."""
    lines: dict[str, set[str]] = {}
    for mutant in mutants("a.py", SOURCE):
        after = mutant.source(SOURCE).splitlines()
        (at,) = [i for i, line in enumerate(SOURCE.splitlines()) if after[i] != line]
        lines.setdefault(SOURCE.splitlines()[at].strip(), set()).add(after[at].strip())
    return lines


def test_calculations_and_constants_change_and_what_only_a_type_checker_reads_does_not() -> None:
    found = changed()
    assert {"return number + 1", "return number - 2"} <= found["return number - 1"]
    definition = SOURCE.splitlines()[0]
    assert found[definition] == {definition.replace("= False", "= True")}


def test_a_statement_with_an_effect_is_forgotten() -> None:
    assert "pass" in changed()["most.append(1)"]


def test_a_sample_is_of_different_places_and_the_same_for_the_same_seed() -> None:
    every = mutants("a.py", SOURCE)
    chosen = sample(every, 4, random.Random(1))
    assert chosen == sample(every, 4, random.Random(1))
    assert len({mutant.span for mutant in chosen}) == 4


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import os; os._exit(0)", SURVIVED),
        ("import os; os._exit(1)", KILLED),
        ("import os; os._exit(2)", KILLED),
        ("import os, signal; os.kill(os.getpid(), signal.SIGALRM)", TIMED_OUT),
    ],
)
def test_a_trial_ends_as_its_tests_did(code: str, expected: str) -> None:
    child = subprocess.Popen([sys.executable, "-c", code])
    _, status = os.waitpid(child.pid, 0)
    child.returncode = status  # it was waited for here
    assert outcome(status) == expected


def test_the_tests_of_all_files_named_after_a_file_come_first_the_quickest_of_them_before_all() -> None:
    seconds = {
        "unit/core/holding_back/test_halts.py::slow": 2.0,
        "unit/core/holding_back/test_halts_told.py::quick": 1.0,
        "unit/core/test_engine.py::quicker": 0.5,
        "unit/core/test_haltsome.py::quickest": 0.1,
    }
    baseline = Baseline(seconds, {"connector/core/holding_back/halts.py": {1: {*seconds}}})
    chosen = baseline.tests_of("connector/core/holding_back/halts.py", "1", 1, budget=9.0)
    assert [name.partition("::")[2] for name in chosen] == ["quick", "slow", "quickest", "quicker"]
    assert baseline.tests_of("connector/core/holding_back/halts.py", "1", 1, budget=3.05) == chosen[:2]


def test_it_has_a_command_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["mutation", "--help"])
    with pytest.raises(SystemExit):
        command_line()
    told = capsys.readouterr().out
    assert {"--sample", "--seed", "--only", "--minutes", "--fail-under"} <= set(
        told.replace(",", " ").replace("[", " ").split()
    )
