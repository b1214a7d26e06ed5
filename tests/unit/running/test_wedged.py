"""A consumer that never answers ends the process if the brokers answer others, and only then."""

from __future__ import annotations

import asyncio

import pytest

from connector.core.engine import Engine
from connector.pulse import Clock, Pulse
from connector.running.wedged import ASK_BROKERS_EVERY, MIN_ANSWERS, OVERDUE, Wedged
from tests.unit.core.builders import limits
from tests.unit.fakes import until


class Watch:
    """A consumer, watched once a second of a clock that a test sets; `answers` are what others get."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        pulse = Pulse(Engine(limits(), lambda: 0.5), Clock())
        monkeypatch.setattr(pulse, "clock", lambda: self.now)
        self.answers: list[bool | Exception] = []
        self.always = False
        self.polled_at: list[float] = []
        self.failures: list[str] = []
        self.wedged = Wedged(pulse, self._answer, self.failures.append)

    def _answer(self) -> bool:
        self.polled_at.append(self.now)
        answer = self.answers.pop(0) if self.answers else self.always
        if isinstance(answer, Exception):
            raise answer
        return answer

    def suspected(self) -> bool:
        return self.wedged.suspected

    async def seconds(self, count: float, since: float | None) -> None:
        end = self.now + count
        while self.now < end:
            self.now += 1
            self.wedged.watch(since)
            if self.wedged._asking is not None:
                await asyncio.wait([self.wedged._asking])


async def test_one_that_waits_for_ever_while_brokers_answer_others_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    it = Watch(monkeypatch)
    it.always = True
    since = it.now
    await it.seconds(OVERDUE - 1, since)
    assert not it.polled_at
    await it.seconds(1 + ASK_BROKERS_EVERY * (MIN_ANSWERS - 1) - 1, since)
    assert (it.failures, it.wedged.suspected) == ([], True)
    await it.seconds(1, since)
    assert len(it.failures) == 1
    assert "does not answer though the brokers do" in it.failures[0]


@pytest.mark.parametrize("no_answer", [False, RuntimeError("no thread")])
async def test_while_no_broker_answers_anybody_it_waits_for_hours(
    monkeypatch: pytest.MonkeyPatch, no_answer: bool | Exception
) -> None:
    it = Watch(monkeypatch)
    it.answers = [no_answer] * 10_000
    await it.seconds(4 * 3600, it.now)
    assert (it.failures, it.wedged.suspected) == ([], False)
    pauses = [later - earlier for earlier, later in zip(it.polled_at, it.polled_at[1:], strict=False)]
    assert min(pauses) >= ASK_BROKERS_EVERY


async def test_answers_that_are_not_in_a_row_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    it = Watch(monkeypatch)
    it.answers = [*[True] * (MIN_ANSWERS - 1), False] * 3
    await it.seconds(OVERDUE + ASK_BROKERS_EVERY * (3 * MIN_ANSWERS - 1), it.now)
    assert len(it.polled_at) == 3 * MIN_ANSWERS
    assert (it.failures, it.wedged.suspected) == ([], False)


async def test_a_call_that_is_answered_late_clears_the_suspicion(monkeypatch: pytest.MonkeyPatch) -> None:
    it = Watch(monkeypatch)
    it.always = True
    await it.seconds(OVERDUE, it.now)
    assert it.suspected()
    await it.seconds(1, it.now)
    assert not it.suspected()
    for _ in range(100):
        await it.seconds(10, it.now)
    await it.seconds(1000, None)
    assert (it.failures, len(it.polled_at)) == ([], 1)


async def test_an_answer_about_an_earlier_call_does_not_count_for_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    it = Watch(monkeypatch)
    it.always = True
    since, it.now = it.now, it.now + OVERDUE
    it.wedged.watch(since)
    it.wedged.watch(it.now)
    asking = it.wedged._asking
    assert asking is not None
    await until(asking.done)
    assert not it.wedged.suspected
