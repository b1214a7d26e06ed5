"""Times of letters that can't be written as they are: a letter has the time of its source record."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from confluent_kafka import KafkaError

from connector.model import Letter

NO_TIMESTAMP = 0
_MOST_AHEAD = 3600.0
"""Seconds, the default of `message.timestamp.after.max.ms`."""


def untimely(letters: Sequence[Letter], failures: Mapping[int, KafkaError], *, one_by_one: bool) -> set[int]:
    """Tell whose time the broker won't take. It refuses a whole batch and doesn't say for which letter.

    First blamed is who is more than the broker's default of an hour ahead; if that isn't it, each has
    to go alone.
    """
    blamed = {i for i, error in failures.items() if error.code() == KafkaError.INVALID_TIMESTAMP}
    if one_by_one or len(letters) == 1:
        return blamed
    latest = (time.time() + _MOST_AHEAD) * 1000
    return {i for i in blamed if letters[i].record.timestamp()[1] > latest}


def before_time(letter: Letter) -> bool:
    """Whether the client can't write the time: 0 means "now" to it, so not 1970 nor what is before."""
    kind, milliseconds = letter.record.timestamp()
    return bool(kind) and milliseconds <= NO_TIMESTAMP
