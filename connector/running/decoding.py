"""Has records decoded, and keeps those of partitions whose decoder can't work until it can.

Such a partition is held: its records wait here in their order, and it is to be paused if that takes longer.
Others flow on.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

import msgspec

from connector.core.reading.decode import Interpreter
from connector.kafka.troubles import REMIND_EVERY, Phase, Trouble
from connector.model import DecoderUnavailable, Fetched, TopicPartition
from connector.pulse import Pulse

DECODER_WAIT = 1.0
"""Seconds until a decoder that couldn't do its work is tried again, unless it calls sooner."""
SHORT_WAIT = 0.2
"""Seconds that nothing is fetched for a decoder that has yet to find something out; then it is paused for."""
TROUBLE = "decoder_unavailable"


class Held:
    """The records of one partition that wait for their decoder."""

    def __init__(self, since: float) -> None:
        self.parts: list[Fetched] = []
        self.since = since
        self.unavailable = DecoderUnavailable("")


class Decoding:
    """Gives the engine what was fetched. `call` is called, from any thread, when trying again may help."""

    def __init__(
        self,
        pulse: Pulse,
        interpreters: Mapping[str, Interpreter],
        call: Callable[[], None],
        tell: Callable[[Trouble], None],
    ) -> None:
        self._pulse = pulse
        self._engine = pulse.engine
        self._interpreters = interpreters
        self._call = call
        self._tell = tell
        self._told_at: float | None = None
        self._trouble: Trouble | None = None
        self._try_at = 0.0
        self._called = False
        self.held: dict[TopicPartition, Held] = {}
        self._paused: set[TopicPartition] = set()

    def take(self, fetched: Sequence[Fetched]) -> None:
        """Decode and pass on; what belongs behind records that wait waits too."""
        for part in fetched:
            held = self.held.get(part.partition)
            if held is not None:
                held.parts.append(part)
            elif not self._decoded(part):
                self.held[part.partition].parts.append(part)
        self._tell_of_outage()

    def retry(self) -> bool:
        """Try what waits again, if it is time to; True where it was."""
        now = self._pulse.clock()
        if not self._called and now < self._try_at:
            return False
        self._called = False
        self._try_at = now + DECODER_WAIT
        for partition, held in list(self.held.items()):
            while held.parts and self._decoded(held.parts[0]):
                del held.parts[0]
            if not held.parts:
                del self.held[partition]
        self._tell_of_outage()
        return True

    def to_pause(self) -> list[TopicPartition]:
        """Return what is held and wasn't returned before."""
        waiting = [partition for partition in self.held if partition not in self._paused]
        self._paused.update(waiting)
        return waiting

    def freed(self) -> list[TopicPartition]:
        """Return what was to be paused and is held no more."""
        free = [partition for partition in self._paused if partition not in self.held]
        self._paused.difference_update(free)
        return free

    def short(self) -> bool:
        """Whether it is likely that nobody waits for long: a question is under way, and just began."""
        latest = self._pulse.clock() - SHORT_WAIT
        return bool(self.held) and all(
            held.since > latest and not held.unavailable.outage for held in self.held.values()
        )

    def let_go(self, partitions: Collection[TopicPartition]) -> None:
        """Forget what waits of these: they are somebody else's."""
        for partition in partitions:
            self.held.pop(partition, None)
            self._paused.discard(partition)
        self._tell_of_outage()

    def wake(self) -> None:
        """Have the next `retry` try, whatever time it is."""
        self._called = True

    def _decoded(self, part: Fetched) -> bool:
        """Pass records on to the engine; False where their decoder can't work, and then they are held."""
        now = self._pulse.clock()
        if part.records:
            try:
                outcomes = self._interpreters[part.partition.topic].read(part.records)
            except DecoderUnavailable as unavailable:
                if not self.held:
                    self._try_at = now + DECODER_WAIT
                self.held.setdefault(part.partition, Held(now)).unavailable = unavailable
                if unavailable.on_change is not None:
                    unavailable.on_change(self._call)
                return False
            self._engine.received(part.partition, part.records, outcomes, now)
        if part.end is not None:
            self._engine.ended(part.partition, part.end, now)
        return True

    def _tell_of_outage(self) -> None:
        """Tell of a decoder that can't work, now and then, and once it can."""
        outages = [each.unavailable for each in self.held.values() if each.unavailable.outage]
        now = self._pulse.clock()
        if outages:
            if self._told_at is None or now - self._told_at >= REMIND_EVERY:
                phase = Phase.BEGAN if self._told_at is None else Phase.LASTS
                self._told_at = now
                words, mend = str(outages[0]), outages[0].mend
                self._trouble = Trouble(TROUBLE, "", words, mend, blocking=True, phase=phase)
                self._tell(self._trouble)
        elif self._trouble is not None and not self.held:
            ended = msgspec.structs.replace(self._trouble, phase=Phase.ENDED)
            self._trouble = self._told_at = None
            self._tell(ended)
