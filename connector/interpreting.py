"""Records outside of `run`, read as it reads them: by the same decoder, mapping and rules."""

from __future__ import annotations

from collections.abc import Sequence

from connector.core.reading.decode import Interpreter
from connector.core.reading.event import Decoded
from connector.interpreters import interpreters, patiently
from connector.model import DecoderUnavailable, Reason, Record, Rejection
from connector.options import Failed
from connector.settings import Settings


class NotNow(Rejection, frozen=True):
    """What isn't read because the decoder can't work now: nothing is known of the record."""


class Interpreting:
    """Reads by source topic; a topic that isn't configured (any more) can't be read.

    Where the decoder can't work: with `needed` that ends the command, else records are `NotNow` from
    then on, without asking again and waiting for each, and `doubt` says why.
    """

    def __init__(self, settings: Settings, *, needed: bool = True) -> None:
        self._needed = needed
        self.doubt = ""
        self._by_topic: dict[str, Interpreter] = interpreters(settings)

    def records(self, topic: str, records: Sequence[Record]) -> list[Decoded]:
        """Read records of a source topic, one answer each."""
        interpreter = self._by_topic.get(topic)
        if interpreter is None:
            unknown = Rejection(
                Reason.UNDECODABLE, f"topic {topic} isn't among the configured ones: nobody can read it"
            )
            return [unknown] * len(records)
        if not self.doubt:
            try:
                return list(patiently(interpreter, records))
            except DecoderUnavailable as unavailable:
                self.doubt = f"the decoder can't work now: {unavailable}; {unavailable.mend}"
                if self._needed:
                    raise Failed(self.doubt) from unavailable
        return [NotNow(Reason.UNDECODABLE, self.doubt)] * len(records)
