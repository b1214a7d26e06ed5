"""What a letter is by today's decoder and rules."""

from __future__ import annotations

from connector.core.reading.event import Decoded, Event
from connector.interpreting import Interpreting
from connector.model import Reason, Rejection
from connector.replay.letter import DeadLetter, SourceRecord
from connector.settings import Settings


def outcome_of(letter: DeadLetter, interpreting: Interpreting) -> Decoded:
    """Read what a letter was made of."""
    if letter.source is None:
        return Rejection(Reason.UNDECODABLE, "its headers don't say where it came from")
    return interpreting.records(letter.source.topic, [SourceRecord(letter)])[0]


def code_of(outcome: Decoded, settings: Settings) -> str:
    """Return the code of the application that a record is for; empty where it can't be read as an event."""
    return settings.pushwoosh.code_of(outcome.application) if isinstance(outcome, Event) else ""
