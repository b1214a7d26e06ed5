"""What reads the records of each source topic, as the settings say: for `run` and the dead-letter tool.

A decoder that `kafka.decoder` names, or a mapping of it, and the rules.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

from connector import values
from connector.core.reading.decode import Decoder, Interpreter
from connector.core.reading.event import Decoded
from connector.mapping.mapping import MappedDecoder, Mapping, plain_json
from connector.mapping.reading import mappings
from connector.model import Content, DecoderUnavailable, Record
from connector.pushwoosh.wire import room_for_devices
from connector.settings import Settings
from connector.settings.fields import REGISTRY_FORMATS

_WAIT_LIMIT = 60.0
"""Seconds until a decoder that is finding something out is asked again, should it never call."""


def interpreters(settings: Settings) -> dict[str, Interpreter]:
    """Return for each source topic what reads its records."""
    kafka = settings.kafka
    by_content = decoders(settings)
    mapped = mappings(settings.mapping.given(kafka.contents, key_is_hwid=kafka.key_is_hwid))
    with_its_comma = room_for_devices(settings.batch.max_bytes, settings.accounts)
    by_topic = {topic: code for code, each in settings.applications.items() for topic in each.topics}
    return {
        topic: Interpreter(
            content,
            _mapped(content, by_content[content], mapped[topic]) if topic in mapped else by_content[content],
            key_is_hwid=kafka.key_is_hwid,
            max_row_bytes=with_its_comma - 1,
            application=settings.pushwoosh.application,
            applications=settings.applications,
            topic_application=by_topic.get(topic, ""),
        )
        for topic, content in kafka.contents.items()
    }


def patiently(interpreter: Interpreter, records: Sequence[Record]) -> Sequence[Decoded]:
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
            changed.wait(_WAIT_LIMIT)


def _mapped(content: Content, decoder: Decoder | None, mapping: Mapping) -> Decoder:
    """Put a mapping behind what reads plain objects: JSON, a decoder's `plain`, a function of the user's."""
    if decoder is None:
        return MappedDecoder(content, mapping, plain_json)
    plain = getattr(decoder, "plain", decoder)
    return MappedDecoder(content, mapping, plain, getattr(decoder, "look_ahead", None))


def decoders(settings: Settings) -> dict[Content, Decoder | None]:
    """Return them; None is the built-in one for JSON."""
    word = settings.kafka.decoder
    if word == "json":
        return dict.fromkeys(Content)
    if word not in REGISTRY_FORMATS:
        return dict.fromkeys(Content, values.load_function(word))
    # Half a second and 20 MB that nobody else should pay for; and the packages may not be there.
    from connector.formats.decoder import RegistryDecoder, schemas_of  # noqa: PLC0415 - an extra

    schemas = schemas_of(word, settings.schema_registry)
    return {content: RegistryDecoder(content, schemas) for content in Content}
