"""The schemas that are known, and the thread that asks the registry for those that aren't.

Decoding runs on the event loop and must not wait: an unknown schema is asked for in the background while
`DecoderUnavailable` lets its records wait. The thread lives as long as there is something to ask; nothing is
left to close.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Collection, Iterable
from contextlib import AbstractContextManager
from typing import Protocol

from connector.formats.framing import FormatError, shown
from connector.formats.reading import Reader, SchemaText
from connector.formats.registry import Outage, UnknownSchema
from connector.model import DecoderUnavailable

ASK_AGAIN = 1.0
"""Seconds until an unknown schema is asked for again: a replica of the registry may lag behind a producer."""
REMEMBER_UNKNOWN = 60.0
"""Seconds for which a schema that was unknown twice isn't asked for again."""
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 10.0
"""Seconds between two trials during an outage: the first, doubled each time, at most the second."""
_MOST_UNKNOWN = 10_000
"""Unknown schemas remembered: ids read out of rubbish must not fill the memory."""


class Asking(Protocol):
    """What can be asked for schemas: a `Registry`."""

    def schema(self, key: bytes) -> SchemaText: ...


class Schemas:
    """Readers by schema, for one format. `reader` is for the event loop's thread, or any other."""

    def __init__(
        self,
        read_as: Callable[[SchemaText], Reader],
        connect: Callable[[], AbstractContextManager[Asking]],
        *,
        patience: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`patience`: seconds after which a question without an answer is called an outage."""
        self.readers: dict[bytes, Reader] = {}
        """What is known, by the key of a `Frame`: look here first."""
        self._read_as = read_as
        self._connect = connect
        self._patience = patience
        self._ask_again = ASK_AGAIN
        self._clock = clock
        self._lock = threading.Lock()
        self._wanted: dict[bytes, None] = {}
        self._useless: dict[bytes, tuple[float, str]] = {}
        self._outage: Outage | None = None
        self._quiet_until = 0.0
        self._pause = FIRST_PAUSE
        self._asking_since: float | None = None
        """While the thread lives."""
        self._callbacks: list[Callable[[], None]] = []

    def reader(self, key: bytes) -> Reader:
        """Return the reader of a schema.

        Raises FormatError where there is none, DecoderUnavailable while nobody knows.
        """
        with self._lock:
            found = self.readers.get(key)
            if found is not None:
                return found
            now = self._clock()
            until, words = self._useless.get(key, (now, ""))
            if now < until:
                raise FormatError(words)
            self._want(key, now)
            raise self._unavailable(key, now)

    def want(self, keys: Iterable[bytes]) -> None:
        """Have schemas asked for, as far as they aren't known: all at once instead of one by one."""
        with self._lock:
            now = self._clock()
            for key in keys:
                if not self._settled(key, now):
                    self._want(key, now)

    # -- with the lock held ------------------------------------------------------------------------

    def _settled(self, key: bytes, now: float) -> bool:
        return key in self.readers or now < self._useless.get(key, (now, ""))[0]

    def _want(self, key: bytes, now: float) -> None:
        if self._asking_since is None and now < self._quiet_until:
            return
        self._wanted[key] = None
        if self._asking_since is None:
            self._asking_since = now
            threading.Thread(target=self._work, name="schema registry", daemon=True).start()

    def _unavailable(self, key: bytes, now: float) -> DecoderUnavailable:
        under_way = self._asking_since is not None
        on_change = self._call_back if under_way else None
        if self._outage is not None:
            return DecoderUnavailable(
                f"schema registry: {self._outage}", mend=self._outage.mend, on_change=on_change
            )
        if self._asking_since is not None and now - self._asking_since > self._patience:
            return DecoderUnavailable(
                f"schema registry: no answer about {shown(key)} for {now - self._asking_since:.0f} s",
                mend="look at the registry and the network",
                on_change=on_change,
            )
        return DecoderUnavailable(
            f"the registry is asked for {shown(key)}", outage=False, on_change=on_change
        )

    def _call_back(self, callback: Callable[[], None]) -> None:
        with self._lock:
            if self._asking_since is not None:
                self._callbacks.append(callback)
                return
        callback()

    # -- the thread ----------------------------------------------------------------------------------

    def _work(self) -> None:
        outage: Outage | None = None
        try:
            with self._connect() as registry:
                self._ask(registry)
        except Outage as found:
            outage = found
        except Exception as error:  # noqa: BLE001 - nobody waits for this thread: it must not end unheard
            outage = Outage(f"{type(error).__name__}: {error}", "report this as a defect")
        with self._lock:
            self._outage = outage
            if outage is None:
                self._pause = FIRST_PAUSE
            else:
                self._quiet_until = self._clock() + self._pause
                self._pause = min(2 * self._pause, LONGEST_PAUSE)
                self._wanted.clear()
            self._asking_since = None
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            with contextlib.suppress(RuntimeError):  # the event loop that waited is closed
                callback()

    def _ask(self, registry: Asking) -> None:
        """Ask until nothing is wanted; what is unknown, once more after a while. Raises Outage."""
        doubted: set[bytes] = set()
        while True:
            if wanted := self._take_wanted(but=doubted):
                doubted.update(key for key in wanted if not self._answered(registry, key))
            elif doubted:
                time.sleep(self._ask_again)
                for key in doubted:
                    if not self._answered(registry, key):
                        self._forget(key, "the registry, asked twice, doesn't know it", REMEMBER_UNKNOWN)
                doubted.clear()
            else:
                return

    def _take_wanted(self, *, but: Collection[bytes]) -> list[bytes]:
        """Return what is to be asked for now."""
        with self._lock:
            # What was asked for while it was on its way is known by now, or will be.
            now = self._clock()
            wanted = [key for key in self._wanted if key not in but and not self._settled(key, now)]
            self._wanted.clear()
        return wanted

    def _answered(self, registry: Asking, key: bytes) -> bool:
        """Ask; False where the registry doesn't know it."""
        try:
            self._learn(key, registry.schema(key))
        except UnknownSchema:
            return False
        except FormatError as useless:
            self._forget(key, str(useless), float("inf"))
        return True

    def _learn(self, key: bytes, schema: SchemaText) -> None:
        reader = self._read_as(schema)
        with self._lock:
            self.readers[key] = reader
            self._outage = None

    def _forget(self, key: bytes, words: str, seconds: float) -> None:
        with self._lock:
            if len(self._useless) >= _MOST_UNKNOWN:
                self._useless.clear()
            self._useless[key] = (self._clock() + seconds, words)
            self._outage = None
