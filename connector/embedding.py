"""The connector inside another asyncio program: `from connector import Connector`. deploy/LIBRARY.md.

What a process of its own would take for itself is left to the program: signals, the garbage collector, the
set-up of logging. Lines go to the logger `connector` of the standard library, secrets masked, devices hidden.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from structlog.typing import FilteringBoundLogger

from connector.kafka.clients.properties import LOGGERS
from connector.ops.log import in_a_program
from connector.ops.privacy import Mask
from connector.ops.status import Status
from connector.runner import Runner
from connector.settings import Log, Settings


class ConnectorFailedError(Exception):
    """The connector ended although nobody told it to; the text says why. Nothing is lost: run another one."""


class Connector:
    """One instance, from `run` to `stop`, once. Call everything in the event loop that `run` is in.

    `until_end`: settle and commit what is there at the start, then end. Two instances of one program need
    admin ports of their own, or `kafka.transactional_id`.
    """

    def __init__(self, settings: Settings, *, until_end: bool = False) -> None:
        self._ran = False
        self._runner = Runner(settings, Host(), until_end=until_end)

    async def run(self) -> None:
        """Run until `stop`, the end, or a fault: then raises ConnectorFailedError.

        Cancelled, it stops without waiting for jobs under way: what is settled is committed all the same,
        and whoever is next polls those jobs. A second call raises RuntimeError.
        """
        if self._ran:
            raise RuntimeError("this Connector has run already: for another run make another one")
        self._ran = True
        if await self._runner.run():
            raise ConnectorFailedError(self._runner.failure)

    def stop(self) -> None:
        """Have `run` return: nothing new is sent, jobs get their time, what is settled is committed."""
        self._runner.stop()

    def release(self) -> None:
        """Go on after the brake, as SIGHUP tells a process."""
        self._runner.release()

    def status(self) -> Status:
        """Return what `/status.json` shows, once `run` has begun."""
        return self._runner.status()

    @property
    def admin_port(self) -> int:
        """Where `/metrics` and the probes are; if `admin.port` is 0, the port that was free, once it runs."""
        return self._runner.admin_port


class Host:
    """The program's process, of which nothing is changed."""

    def set_up_log(self, settings: Log, secrets: Sequence[str]) -> tuple[Mask, FilteringBoundLogger]:
        return in_a_program(settings.level, secrets, LOGGERS.values())

    def take_over(self, _stop: Callable[[], None], _release: Callable[[], None]) -> None:
        """Leave signals and the garbage collector to the program."""

    def lines_lost(self) -> int:
        """Nothing is known of the program's own log."""
        return 0

    def abandon(self, code: int) -> None:
        """Leave the threads behind, and go on."""
        if code:
            raise ConnectorFailedError("Kafka did not answer the goodbye: that costs what a crash costs")
