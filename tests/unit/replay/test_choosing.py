"""What a replay keeps of the letters that it read: little, and about what it thinks."""

from __future__ import annotations

import tracemalloc

import pytest

from connector.core.reading.decode import Interpreter
from connector.model import Content, Reason
from connector.replay import choosing
from connector.replay.choosing import Selection, Standing
from connector.replay.filters import Filters
from connector.replay.letter import SourceRecord
from tests.unit.replay.letters import event, letter

_READ = Interpreter(Content.TAGS)


def add(selection: Selection, count: int, text: str = "pro") -> None:
    for number in range(count):
        found = letter(number, number, value=event(f"device-{number:08}", plan=text))
        (outcome,) = _READ.read([SourceRecord(found)])
        selection.add(found, outcome, replayed=False)


def test_of_a_letter_less_than_a_kilobyte_is_kept_however_large_its_value() -> None:
    selection = Selection(Filters())
    tracemalloc.start()
    add(selection, 1000, "x" * 5000)
    kept = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()

    assert kept < 1000 * 1000
    assert 0.7 * kept < selection.bytes < 1.5 * kept, "what it thinks it keeps"


def test_letters_beyond_what_memory_may_take_wait_for_another_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choosing, "MOST_BYTES", 10_000)
    selection = Selection(Filters())
    add(selection, 100)

    assert 5 < len(selection.candidates) < 30
    assert selection.counts() == {Standing.LATER: 100 - len(selection.candidates)}


def test_of_letters_that_are_not_meant_no_more_is_kept_either(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choosing, "MOST_BYTES", 10_000)
    selection = Selection(Filters(device="another"))
    for number in range(1000):
        selection.add(letter(number, number, reason=Reason.UNDECODABLE), None, replayed=False)

    assert selection.candidates == {}
    assert sum(map(len, selection.harmless.values())) < 300
