"""The troubles with Kafka or a decoder that are open, and since when, by code and subject.

Given: a trouble that began, lasts or has ended. Gives: a line of the log if that is news, the halt for lost
records, and what the status and the metrics show.
"""

from __future__ import annotations

from collections.abc import Callable

from structlog.typing import FilteringBoundLogger

from connector.kafka.troubles import DATA_LOSS, SHUT_OUT, Phase, Trouble
from connector.model import Cause
from connector.ops.log import DECODER_UNAVAILABLE, DECODER_WORKS_AGAIN, KAFKA_TROUBLE, KAFKA_WORKS_AGAIN
from connector.pulse import Pulse
from connector.running.decoding import DECODER_TROUBLE

TroubleKey = tuple[str, str]
"""Code and subject of a trouble."""


class Incidents:
    """The troubles that are open. `remember` gets the words of each, for the status page's recent errors."""

    def __init__(self, pulse: Pulse, log: FilteringBoundLogger, remember: Callable[[str], None]) -> None:
        self._pulse = pulse
        self._engine = pulse.engine
        self._log = log
        self._remember = remember
        self._told_by: dict[TroubleKey, dict[str, Trouble]] = {}
        self.open: dict[TroubleKey, Trouble] = {}
        self.since: dict[TroubleKey, float] = {}
        """When each of them began, seconds since the epoch."""

    @property
    def cut_off(self) -> bool:
        """Whether no broker can be reached or entered: nothing can be committed now."""
        return any(each.code in SHUT_OUT and each.blocking for each in self.open.values())

    @property
    def lost_records(self) -> bool:
        """Whether records were deleted before they were read."""
        return any(each.code == DATA_LOSS for each in self.open.values())

    def tell(self, trouble: Trouble) -> None:
        """Log a trouble that began, lasts or has ended, and act on it."""
        if trouble.phase is Phase.ENDED:
            self._ended(trouble)
        else:
            self._lasts(trouble)
        self._pulse.ring()

    def _ended(self, trouble: Trouble) -> None:
        kind = (trouble.code, trouble.subject)
        others = self._told_by.get(kind, {})
        others.pop(trouble.told_by, None)
        if others:
            self.open[kind] = next(iter(others.values()))
            return
        self._told_by.pop(kind, None)
        self.open.pop(kind, None)
        self.since.pop(kind, None)
        if trouble.code == DATA_LOSS and self._engine.stopping:
            return  # nobody fixed anything: its partition is let go
        let_go = self._engine.stopping and not self._engine.assignments
        passed_over = trouble.code == DATA_LOSS and not trouble.blocking
        if not (let_go or passed_over):
            what = DECODER_WORKS_AGAIN if trouble.code == DECODER_TROUBLE else KAFKA_WORKS_AGAIN
            self._log.info(what, code=trouble.code, subject=trouble.subject, message=trouble.message)
        if not any(code == DATA_LOSS and each.blocking for (code, _), each in self.open.items()):
            self._engine.lift(Cause.DATA_LOSS)  # the partition is another instance's to halt for

    def _lasts(self, trouble: Trouble) -> None:
        kind = (trouble.code, trouble.subject)
        known = trouble.phase is Phase.BEGAN and kind in self.open
        self._told_by.setdefault(kind, {})[trouble.told_by] = trouble
        self.open[kind] = trouble
        self.since.setdefault(kind, self._pulse.clock())
        if not known:  # consumer and producer often meet the same trouble: one line is enough
            what = DECODER_UNAVAILABLE if trouble.code == DECODER_TROUBLE else KAFKA_TROUBLE
            words = {"code": trouble.code, "subject": trouble.subject, "message": trouble.message}
            self._log.error(what, mend=trouble.mend, **words)
            self._remember(": ".join(each for each in (what, *words.values()) if each))
        if trouble.code == DATA_LOSS and trouble.blocking:
            self._engine.halt(Cause.DATA_LOSS, trouble.message, self._pulse.clock(), trouble.mend)
