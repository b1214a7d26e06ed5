"""Whether Kafka's client has stopped answering although the brokers answer others.

A commit that is under way while the only broker is stopped and started may never be answered, while other
members go on. Given: since when a call of the consumer has been waited for. Gives: the end of this
process, which is all that helps. While no broker answers anybody, the process waits without a limit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from connector.pulse import Pulse

OVERDUE = 120.0
"""Seconds without an answer after which another client asks. After a restart of the only broker members go
on within 34 s; a group waits for one that died as long as its session lasts, 10 s by default or 45 s."""
ASK_BROKERS_EVERY = 30.0
"""Seconds between two questions: each makes a connection of its own."""
MIN_ANSWERS = 3
"""Answers in a row that count, a minute from the first to the last: brokers that have just come back answer
our client, too, as soon as it has found the group's coordinator."""


class Wedged:
    """Watches the calls of one consumer. `question` blocks, and returns whether a broker has answered it."""

    def __init__(self, pulse: Pulse, question: Callable[[], bool], fail: Callable[[str], None]) -> None:
        self._pulse = pulse
        self._question = question
        self._fail = fail
        self._since: float | None = None
        self._answers = 0
        self._next = 0.0
        self._asking: asyncio.Task[None] | None = None

    @property
    def suspected(self) -> bool:
        """Whether a call is overdue and brokers have answered another client since."""
        return self._answers > 0

    def watch(self, since: float | None) -> None:
        """Call at each step; `since` is when the call began that is waited for, None if there is none."""
        now = self._pulse.clock()
        if since != self._since:
            self._since, self._answers = since, 0
        if since is None or now - since < OVERDUE or now < self._next:
            return
        if self._asking is None or self._asking.done():
            self._next = now + ASK_BROKERS_EVERY
            self._asking = asyncio.create_task(self._ask(since))

    async def _ask(self, since: float) -> None:
        try:
            answered = await asyncio.to_thread(self._question)
        except Exception:  # noqa: BLE001 -- whatever it is, it is no answer
            answered = False
        if self._since != since:
            return
        self._answers = self._answers + 1 if answered else 0
        if self._answers >= MIN_ANSWERS:
            waited = f"{self._pulse.clock() - since:.0f} s"
            self._fail(
                f"Kafka's client does not answer though the brokers do: a call has waited for {waited}, "
                f"another client was answered {MIN_ANSWERS} times; nothing is lost, a restart helps"
            )
        self._pulse.ring()
