"""Offsets against a naive model: two sets."""

from __future__ import annotations

from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.core.assigned import offsets as module
from connector.core.assigned.offsets import Offsets
from tests.strength import examples


class Naive:
    """The same questions, answered with a dict of timestamps and a set."""

    def __init__(self, start: int, settled: bytes) -> None:
        self.start = start
        self.next = start
        self.known = {start + at for at, flag in enumerate(settled) if flag}
        self.times: dict[int, int] = {}
        self.open: set[int] = set()
        self.worth_until = start + len(settled)

    def settle(self, chosen: list[int], *, skipped: bool = False) -> None:
        self.open -= set(chosen)
        if not skipped:
            self.worth_until = max([self.worth_until, *(offset + 1 for offset in chosen)])

    def received(self, offsets: list[int], timestamps: list[int]) -> None:
        for offset, timestamp in zip(offsets, timestamps, strict=True):
            if offset >= self.next:
                self.times[offset] = timestamp
                if offset not in self.known:
                    self.open.add(offset)
        if offsets:
            self.next = max(self.next, offsets[-1] + 1)

    def safe(self) -> int:
        return min(self.open, default=self.next)

    def is_settled(self, offset: int) -> bool:
        return offset in self.known if offset >= self.next else offset not in self.open

    def window(self) -> bytes:
        end = max(self.next, max(self.known, default=0) + 1)
        return bytes(self.is_settled(offset) for offset in range(self.safe(), end)).rstrip(b"\0")

    def worth_remembering(self) -> bytes:
        return self.window()[: max(0, self.worth_until - self.safe())].rstrip(b"\0")


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("received"), st.lists(st.integers(0, 40), max_size=12, unique=True).map(sorted)),
        st.tuples(st.just("run"), st.integers(1, 30)),
        st.tuples(st.just("ended"), st.integers(0, 30)),
        st.tuples(st.just("settle"), st.lists(st.integers(0, 200), max_size=30)),
        st.tuples(st.just("skip"), st.lists(st.integers(0, 200), max_size=30)),
        st.tuples(st.just("settle all but"), st.integers(0, 5)),
        st.tuples(st.just("unsettle"), st.lists(st.integers(0, 200), max_size=5)),
        st.tuples(st.just("commit"), st.just(0)),
    ),
    max_size=40,
)


@settings(max_examples=examples(200))
@pytest.mark.parametrize(("long_gap", "trim_at"), [(65_536, 4_096), (5, 3), (1, 1)])
@given(start=st.integers(0, 50), settled=st.lists(st.integers(0, 1), max_size=40).map(bytes), steps=STEPS)
def test_offsets_answer_as_two_plain_sets_do(
    long_gap: int, trim_at: int, start: int, settled: bytes, steps: list[tuple[str, object]]
) -> None:
    with patch.object(module, "LONG_GAP", long_gap), patch.object(module, "_TRIM_AT_LEAST", trim_at):
        walk(Offsets(start, settled), Naive(start, settled), steps)


def walk(offsets: Offsets, naive: Naive, steps: list[tuple[str, object]]) -> None:
    committed = naive.start
    for name, given_value in steps:
        if name == "received":
            assert isinstance(given_value, list)
            fresh = [naive.next - 3 + step for step in given_value]
            fresh = [offset for offset in fresh if offset >= naive.start]
            receive(offsets, naive, fresh)
        elif name == "run":
            assert isinstance(given_value, int)
            receive(offsets, naive, list(range(naive.next, naive.next + given_value)))
        elif name == "ended":
            assert isinstance(given_value, int)
            naive.next = max(naive.next, naive.start + given_value)
            offsets.ended(naive.start + given_value)
        elif name in ("settle", "skip"):
            assert isinstance(given_value, list)
            chosen = [naive.start + step for step in given_value if naive.start + step < naive.next]
            naive.settle(chosen, skipped=name == "skip")
            offsets.settle(iter(chosen), skipped=name == "skip")
        elif name == "settle all but":
            assert isinstance(given_value, int)
            chosen = (
                sorted(naive.open)[given_value:]
                if given_value % 2
                else sorted(naive.open)[: -given_value or None]
            )
            naive.settle(chosen)
            offsets.settle(chosen)
        elif name == "unsettle":
            assert isinstance(given_value, list)
            chosen = [committed + step for step in given_value if committed + step in naive.times]
            naive.open |= set(chosen)
            offsets.unsettle(chosen)
        else:
            committed = naive.safe()
            offsets.committed(committed)
        compare(offsets, naive)


def receive(offsets: Offsets, naive: Naive, fresh: list[int]) -> None:
    times = [offset * 7 for offset in fresh]
    naive.received(fresh, times)
    offsets.received(fresh, times)


def compare(offsets: Offsets, naive: Naive) -> None:
    assert offsets.next == naive.next
    assert offsets.safe() == naive.safe()
    assert offsets.unsettled() == len(naive.open)
    assert offsets.window() == naive.window()
    assert offsets.worth_remembering() == naive.worth_remembering()
    assert offsets.settled_beyond() == sum(naive.window())
    assert offsets.oldest_timestamp() == (naive.safe() * 7 if naive.open else None)
    for offset in range(naive.start, naive.next + 45):
        assert offsets.is_settled(offset) == naive.is_settled(offset)
