"""What reads the records of each source topic, as the settings say: for `run` and the dead-letter tool."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from connector.core.decode import Decoder, Interpreter
from connector.credentials import Credentials
from connector.decoders import decoders
from connector.mapping.mapping import MappedDecoder, Mapping, plain_json
from connector.mapping.reading import mappings
from connector.model import Content, DecoderUnavailable, Event, Record, Rejection
from connector.pushwoosh.wire import envelope_bytes
from connector.settings import Settings

_LONGEST = 60.0
"""Seconds until a decoder that is finding something out is asked again, should it never call."""


def interpreters(settings: Settings, credentials: Credentials) -> dict[str, Interpreter]:
    """Return for each source topic what reads its records."""
    kafka = settings.kafka
    by_content = decoders(settings)
    mapped = mappings(settings.mapping.given(kafka.contents, key_is_hwid=kafka.key_is_hwid))
    envelope = max(
        envelope_bytes(credentials.code(each), credentials.token(each) or "") for each in credentials
    )
    room = settings.batch.max_bytes - envelope - 1
    of_topics = {topic: code for code, each in settings.applications.items() for topic in each.topics}
    return {
        topic: Interpreter(
            content,
            _mapped(content, by_content[content], mapped[topic]) if topic in mapped else by_content[content],
            key_is_hwid=kafka.key_is_hwid,
            max_row_bytes=room,
            application=settings.pushwoosh.application,
            applications=settings.applications,
            of_topic=of_topics.get(topic, ""),
        )
        for topic, content in kafka.contents.items()
    }


def patiently(interpreter: Interpreter, records: Sequence[Record]) -> Sequence[Event | Rejection | None]:
    """Read records; where their decoder has yet to find something out, wait. Not for an event loop.

    Raises `DecoderUnavailable` where it says that it can't work now.
    """
    while True:
        try:
            return interpreter.read(records)
        except DecoderUnavailable as unavailable:
            if unavailable.outage or unavailable.on_change is None:
                raise
            changed = threading.Event()
            unavailable.on_change(changed.set)
            changed.wait(_LONGEST)


def _mapped(content: Content, decoder: Decoder | None, mapping: Mapping) -> Decoder:
    """Put a mapping behind what reads plain objects: JSON, a decoder's `plain`, a function of the user's."""
    if decoder is None:
        return MappedDecoder(content, mapping, plain_json)
    plain = getattr(decoder, "plain", decoder)
    return MappedDecoder(content, mapping, plain, getattr(decoder, "look_ahead", None))
