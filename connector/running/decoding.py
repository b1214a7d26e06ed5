"""Decodes what was fetched, and parks partitions whose decoder is unavailable until it is back.

The records of a parked partition wait here in their order, and it is to be paused if that takes longer. Other
partitions flow on.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

import msgspec

from connector.core.reading.decode import Interpreter
from connector.kafka.troubles import REMIND_EVERY, Phase, Trouble
from connector.model import DecoderUnavailable, Fetched, TopicPartition
from connector.pulse import Pulse

DECODER_WAIT = 1.0
"""Seconds until an unavailable decoder is tried again, unless it says sooner that something has changed."""
SHORT_WAIT = 0.2
"""Seconds without a fetch while a decoder looks something up; then its partitions are paused instead."""
DECODER_TROUBLE = "decoder_unavailable"


class Parked:
    """The records of one partition that wait for their decoder."""

    def __init__(self, since: float) -> None:
        self.parts: list[Fetched] = []
        self.since = since
        self.unavailable = DecoderUnavailable("")


class Decoding:
    """The records between a fetch and the engine.

    `on_change` is called, from any thread, when a retry may help. `tell` hears of an outage of a decoder.
    """

    def __init__(
        self,
        pulse: Pulse,
        interpreters: Mapping[str, Interpreter],
        on_change: Callable[[], None],
        tell: Callable[[Trouble], None],
    ) -> None:
        self._pulse = pulse
        self._engine = pulse.engine
        self._interpreters = interpreters
        self._on_change = on_change
        self._tell = tell
        self._told_at: float | None = None
        self._trouble: Trouble | None = None
        self._try_at = 0.0
        self._retry_at_once = False
        self.parked: dict[TopicPartition, Parked] = {}
        self._paused: set[TopicPartition] = set()

    def take(self, fetched: Sequence[Fetched]) -> None:
        """Decode and pass on; a partition that is parked has these wait behind its earlier records."""
        for part in fetched:
            parked = self.parked.get(part.partition)
            if parked is not None:
                parked.parts.append(part)
            elif not self._pass_on(part):
                self.parked[part.partition].parts.append(part)
        self._tell_of_outage()

    def retry(self) -> bool:
        """Retry the records that wait, if it is time to; return whether it was."""
        now = self._pulse.clock()
        if not self._retry_at_once and now < self._try_at:
            return False
        self._retry_at_once = False
        self._try_at = now + DECODER_WAIT
        for partition, parked in list(self.parked.items()):
            while parked.parts and self._pass_on(parked.parts[0]):
                del parked.parts[0]
            if not parked.parts:
                del self.parked[partition]
        self._tell_of_outage()
        return True

    def to_pause(self) -> list[TopicPartition]:
        """Return the parked partitions that are not paused yet; from here on they count as paused."""
        waiting = [partition for partition in self.parked if partition not in self._paused]
        self._paused.update(waiting)
        return waiting

    def to_resume(self) -> list[TopicPartition]:
        """Return the paused partitions that are no longer parked; from here on they count as resumed."""
        free = [partition for partition in self._paused if partition not in self.parked]
        self._paused.difference_update(free)
        return free

    def keep_paused(self, partitions: Collection[TopicPartition]) -> list[TopicPartition]:
        """The engine resumes these partitions: return those that may be; the others count as paused."""
        kept = {partition for partition in partitions if partition in self.parked}
        self._paused |= kept
        return [partition for partition in partitions if partition not in kept]

    def soon_over(self) -> bool:
        """Whether all that are parked wait for look-ups that have just begun, so that it may soon be over."""
        latest = self._pulse.clock() - SHORT_WAIT
        return bool(self.parked) and all(
            parked.since > latest and not parked.unavailable.outage for parked in self.parked.values()
        )

    def let_go(self, partitions: Collection[TopicPartition]) -> None:
        """Forget the records of these partitions: they are another owner's now."""
        for partition in partitions:
            self.parked.pop(partition, None)
            self._paused.discard(partition)
        self._tell_of_outage()

    def wake(self) -> None:
        """Have the next `retry` try, whatever time it is."""
        self._retry_at_once = True

    def _pass_on(self, part: Fetched) -> bool:
        """Pass records on to the engine. If their decoder is unavailable, park their partition: False."""
        now = self._pulse.clock()
        if part.records:
            try:
                outcomes = self._interpreters[part.partition.topic].read(part.records)
            except DecoderUnavailable as unavailable:
                if not self.parked:
                    self._try_at = now + DECODER_WAIT
                self.parked.setdefault(part.partition, Parked(now)).unavailable = unavailable
                if unavailable.on_change is not None:
                    unavailable.on_change(self._on_change)
                return False
            self._engine.received(part.partition, part.records, outcomes, now)
        if part.end is not None:
            self._engine.ended(part.partition, part.end, now)
        return True

    def _tell_of_outage(self) -> None:
        """Report an unavailable decoder, again now and then while it lasts, and its end."""
        outages = [each.unavailable for each in self.parked.values() if each.unavailable.outage]
        now = self._pulse.clock()
        if outages:
            if self._told_at is None or now - self._told_at >= REMIND_EVERY:
                phase = Phase.BEGAN if self._told_at is None else Phase.LASTS
                self._told_at = now
                words, mend = str(outages[0]), outages[0].mend
                self._trouble = Trouble(DECODER_TROUBLE, "", words, mend, blocking=True, phase=phase)
                self._tell(self._trouble)
        elif self._trouble is not None and not self.parked:
            ended = msgspec.structs.replace(self._trouble, phase=Phase.ENDED)
            self._trouble = self._told_at = None
            self._tell(ended)
