"""The API's double on a socket, in a thread of its own: for tests with an event loop and tests without."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from threading import Thread
from types import TracebackType
from typing import Any, Self, TypeVar

from connector.sandbox.audience import Audience, Options
from connector.sandbox.faults import Faults, faults_from
from connector.sandbox.server import SandboxServer
from connector.sandbox.stats import Stats

T = TypeVar("T")

ANSWER_LIMIT = 10.0
"""Seconds for whatever is asked of it: it is all in this process."""


class RunningSandbox:
    """Runs between `with`; `url` is what `pushwoosh.url` has to be. Any thread may call its methods.

    with RunningSandbox() as sandbox:
        sandbox.faults(latency={"seconds": 0.1})
        ...
        assert sandbox.tags() == {"A1": {"plan": "pro"}}
    """

    def __init__(
        self, *, options: Options | None = None, faults: Faults | None = None, seed: int = 0
    ) -> None:
        self._server = SandboxServer(options=options, faults=faults, seed=seed, clock=time.time)
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="sandbox", daemon=True)

    @property
    def url(self) -> str:
        """Where it listens, once it runs."""
        return self._server.url

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._server.start(), self._loop).result(ANSWER_LIMIT)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.ExitStack() as last:
            last.callback(self._end)
            asyncio.run_coroutine_threadsafe(self._server.stop(), self._loop).result(ANSWER_LIMIT)

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(ANSWER_LIMIT)
        self._loop.close()

    def faults(self, **faults: Any) -> None:
        """Put these faults in place of those there are, as the sandbox's `--faults` takes them."""
        declared = faults_from(faults)
        self.ask(lambda audience, now: audience.set_faults(declared, now))

    def tags(self, application: str = "") -> dict[str, dict[str, Any]]:
        """Return the tags of every known device, by its hwid, or by what else it is known.

        `application`: of that one only; the same name in two applications is two devices.
        """
        devices = self.ask(lambda audience, now: [*audience.known_devices(now)])
        return {
            each.hwid or each.user_id or each.push_token or "": dict(each.tags)
            for each in devices
            if application in ("", each.application)
        }

    def stats(self) -> Stats:
        """Return counts and violations of the contract: devices sent twice, overlapping jobs."""
        return self.ask(lambda audience, now: audience.stats(now))

    def ask(self, question: Callable[[Audience, float], T]) -> T:
        """Return what a function makes of the state machine and its time, in the sandbox's own thread."""

        async def answer() -> T:
            return question(self._server.audience, time.time())

        return asyncio.run_coroutine_threadsafe(answer(), self._loop).result(ANSWER_LIMIT)
