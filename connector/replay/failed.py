"""Why a command can't go on, in words for a person. Knows librdkafka's errors, makes no client."""

from __future__ import annotations

from collections.abc import Mapping

from confluent_kafka import KafkaError

from connector.kafka.errors import error_in
from connector.kafka.troubles import MENDS, code_of
from connector.options import Failed


class WrongUse(Exception):  # noqa: N818 -- reads as what happened
    """The command line asks for what can't be; the text says what can."""


class Interrupted(Exception):  # noqa: N818 -- reads as what happened
    """Somebody wants it to end."""


def failure(doing: str, error: BaseException | KafkaError, mends: Mapping[str, str] | None = None) -> Failed:
    """Put an error of librdkafka into words; `mends` are for this place, by the trouble's code."""
    found = error if isinstance(error, KafkaError) else error_in(error)
    if found is None:
        return Failed(f"{doing}: {error}")
    code = code_of(found) or ""
    mend = (mends or {}).get(code) or MENDS.get(code, "")
    return Failed(f"{doing}: {found.str()}" + (f"; {mend}" if mend else ""))
