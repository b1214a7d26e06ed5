"""What reads the records of each source topic, as the settings say: for `run` and the dead-letter tool."""

from __future__ import annotations

from connector.core.decode import Interpreter, load_decoder
from connector.credentials import Token
from connector.pushwoosh.wire import envelope_bytes
from connector.settings import Settings


def interpreters(settings: Settings, token: Token) -> dict[str, Interpreter]:
    """Return for each source topic what reads its records."""
    kafka = settings.kafka
    decoder = None if kafka.decoder == "json" else load_decoder(kafka.decoder)
    room = settings.batch.max_bytes - envelope_bytes(settings.pushwoosh.application, token.current()) - 1
    return {
        topic: Interpreter(
            content,
            decoder,
            key_is_hwid=kafka.key_is_hwid,
            max_row_bytes=room,
            application=settings.pushwoosh.application,
        )
        for topic, content in kafka.contents.items()
    }
