"""Why letters could not be written: librdkafka's errors, sorted by what the writer can do about them.

Given: what became of each letter, or of a transaction. Gives: whose fault it was, and in which of our words.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from confluent_kafka import KafkaError

from connector.kafka.errors import (
    OBSTACLES,
    OUT_OF_GROUP,
    PRODUCER_FENCED,
    RECORD_REFUSED,
    TOO_LARGE,
    Obstacle,
)

Obstruction = Literal[
    "letters", Obstacle, "too_few_replicas", "metadata_too_large", "unreachable", "unavailable"
]

_OWN_FAULT = RECORD_REFUSED | {KafkaError.INVALID_TIMESTAMP}
"""Errors that are about one letter. It has the timestamp of its source record, which may be refused."""
_OLD_METADATA = OUT_OF_GROUP | {KafkaError.STALE_MEMBER_EPOCH}
"""A transaction carries the group's metadata, which may be outdated though the member is still there."""
_KINDS: Mapping[int, Obstruction] = {**OBSTACLES, KafkaError.OFFSET_METADATA_TOO_LARGE: "metadata_too_large"}


class LettersUnwritable(Exception):  # noqa: N818 -- reads as what happened
    """No letter is in the topic and no offset committed (exactly once), or some may be (at least once).

    `letters`: those in `refused`, by index, were refused for what they are; the others may go without
    them. Every other kind is about all of them: the same call may work later.
    """

    def __init__(
        self,
        kind: Obstruction,
        message: str,
        refused: Mapping[int, str] | None = None,
        *,
        too_large: bool = False,
    ) -> None:
        super().__init__(message)
        self.kind: Obstruction = kind
        self.message = message
        self.refused = dict(refused or {})
        self.too_large = too_large
        """A letter among them is larger than the topic takes."""
        self.sources = ""
        """The topics whose positions were refused; empty where the letters were, or nobody can tell."""


class Fenced(Exception):  # noqa: N818 -- reads as what happened
    """Nothing was written: somebody else uses our transactional id, or the group went on without us.

    By `group`: where the partitions are still owned, the call works with new group metadata (the
    generation grows with every rebalance). By `producer`: no call will ever work again in this process.
    """

    def __init__(self, by: Literal["producer", "group"], message: str) -> None:
        super().__init__(message)
        self.by = by
        self.message = message


def own_fault(error: KafkaError) -> bool:
    """Whether the error is about one letter; another may go."""
    return error.code() in _OWN_FAULT


def kind_of(error: KafkaError) -> Obstruction:
    """Name what keeps all letters from being written."""
    return _KINDS.get(error.code(), "unavailable")


def fenced_by(error: KafkaError) -> Literal["producer", "group"] | None:
    """Who shut this producer out, if anybody did; see `Fenced`."""
    if error.code() in _OLD_METADATA:
        return "group"
    return "producer" if error.code() in PRODUCER_FENCED else None


def unwritable(failures: Mapping[int, KafkaError]) -> LettersUnwritable:
    """Distinguish letters that are at fault, by index, from an error that any letter would have met."""
    refused = {index: error.str() for index, error in failures.items() if own_fault(error)}
    if refused:
        words = "; ".join(sorted(set(refused.values())))
        too_large = any(error.code() in TOO_LARGE for error in failures.values())
        return LettersUnwritable("letters", words, refused, too_large=too_large)
    telling = min(failures.values(), key=lambda error: error.code() not in _KINDS)
    return LettersUnwritable(kind_of(telling), telling.str())
