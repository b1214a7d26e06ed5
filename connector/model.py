"""The nouns: what travels between the modules. A leaf: imports nothing of ours.

Everything here is data, but for `DecoderUnavailable`, which decoders raise, and for how a record is asked for
its headers and time. Rules live in `connector.core`, input and output at the edges. `gc=False` is set where a
type can't be part of a reference cycle: these objects exist by the hundred thousand, and the cyclic collector
needn't walk them.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from operator import methodcaller
from typing import Any, NamedTuple, Protocol

import msgspec


class Endpoint(StrEnum):
    """A bulk call of the Audience API v2; the value is its path segment and its metric label."""

    TAGS = "bulkSetTags"
    REGISTRATIONS = "bulkRegisterDevice"


class Route(NamedTuple):
    """What all devices of one request share."""

    application: str
    """Its code; empty for the default one."""
    endpoint: Endpoint


class Reason(StrEnum):
    """Why a record was dead-lettered: the header `pushwoosh.reason` and the metric label `reason`."""

    UNDECODABLE = "undecodable"
    INVALID_EVENT = "invalid_event"
    TOO_LARGE = "too_large"
    DEVICE_FAILED = "device_failed"
    DEVICE_NOT_FOUND = "device_not_found"
    TAG_REFUSED = "tag_refused"
    REFUSED_BY_API = "refused_by_api"
    NO_VERDICT = "no_verdict"
    JOB_FAILED = "job_failed"


class Cause(StrEnum):
    """Why nothing is submitted: what `Halt` and the metrics of halts name.

    The first three are what the API can say (`Denied`). Kafka's troubles have codes of their own.
    """

    UNAUTHORIZED = "unauthorized"
    UNKNOWN_APPLICATION = "unknown_application"
    WRONG_URL = "wrong_url"
    BRAKE = "brake"
    DATA_LOSS = "data_loss"
    PAUSED = "paused"
    """No halt, but somebody's wish: the metrics and the page count it as one."""


class Content(StrEnum):
    """What a topic carries, from `kafka.tags_topics` and its two siblings."""

    TAGS = "tags"
    REGISTRATIONS = "registrations"
    MIXED = "mixed"


class TopicPartition(NamedTuple):
    """A Kafka partition, as a key of dictionaries."""

    topic: str
    partition: int


class Record(Protocol):
    """One Kafka record, in the shape of `confluent_kafka.Message`, so that nothing is copied.

    `timestamp()` is (type, milliseconds since the epoch); type 0 means that there is none.
    """

    def topic(self) -> str: ...
    def partition(self) -> int: ...
    def offset(self) -> int: ...
    def timestamp(self) -> tuple[int, int]: ...
    def key(self) -> bytes | None: ...
    def value(self) -> bytes | None: ...
    def headers(self) -> list[tuple[str, bytes | None]] | None: ...


def timestamp_of(record: Record) -> int:
    """Return the record's timestamp in milliseconds since the epoch; 0 where it has none."""
    kind, milliseconds = record.timestamp()
    return milliseconds if kind else 0


NO_HEADERS_READ: list[tuple[str, bytes | None]] = [("pushwoosh.headers", b"left out: a name is not UTF-8")]
"""Stands for headers that the client can't read."""
_ask: Callable[[Record], list[tuple[str, bytes | None]] | None] = methodcaller("headers")
"""Not by a plain call: where Python has made that quick, it overlooks that the binding has failed."""


def headers_of(record: Record) -> list[tuple[str, bytes | None]]:
    """Return the record's headers, NO_HEADERS_READ where the client can't read them. Ask by this only.

    The binding decodes names as UTF-8, which the protocol demands and no broker checks. Where one is not, it
    fails when it is asked first ("returned a result with an exception set"), and what it gives when it is
    asked again ends the process. So the record has no such headers from then on, whoever asks.
    """
    try:
        return _ask(record) or []
    except (UnicodeDecodeError, SystemError):
        put: Callable[[list[tuple[str, bytes | None]]], None] | None = getattr(record, "set_headers", None)
        if put is not None:
            put(NO_HEADERS_READ)
        return NO_HEADERS_READ


class TagsUpdate(msgspec.Struct, gc=False, omit_defaults=True):
    """A tag change, as a decoder returns it: one device of a `bulkSetTags` request.

    At least one of the three identifiers is needed. `tags` maps names to values and may be a
    `msgspec.Raw` JSON object: nothing looks inside unless two updates are merged.
    `list_operator` is `set`, `append` or `remove`; None means `set`.
    """

    hwid: str | None = None
    user_id: str | None = None
    push_token: str | None = None
    list_operator: str | None = None
    tags: Any = None
    application: str | None = None


class Registration(msgspec.Struct, gc=False, omit_defaults=True):
    """A device registration, as a decoder returns it: one device of a `bulkRegisterDevice` request.

    `platform` is a code of the API or its name (`ios`, `email`, ...). `list_operator` is
    `append`, `remove` or None: then the given values replace a list.
    """

    hwid: str | None = None
    push_token: str | None = None
    platform: int | str | None = None
    list_operator: str | None = None
    tags: Any = None
    application: str | None = None


MOST_TEXT_BYTES = 4096
"""Bytes of each of the API's texts in a letter: a large event with thousands of refused tags, or a gateway's
endless message, would otherwise make a letter too large for its topic."""


class Rejection(msgspec.Struct, frozen=True, gc=False):
    """What is wrong with a record, or what the API has against a device: in words.

    Some of the API's reasons may pass (not found, no row, job failed): then the device is tried again
    before this becomes a letter.
    """

    reason: Reason
    detail: str
    request_id: str = ""
    http_status: int = 0
    job_status: str = ""
    device_status: str = ""
    refused_tags: str = ""
    """Names of refused tags with the API's words, as a JSON object: as many as there is room for
    (`MOST_TEXT_BYTES`); empty where none were."""
    refused_tag_count: int = 0
    """How many tags were refused; `refused_tags` may have fewer."""


class Position(NamedTuple):
    """What is committed for one partition: the next offset to read and its checkpoint."""

    offset: int
    metadata: str


class Start(NamedTuple):
    """Where a newly assigned partition begins: its committed offset (or where the log begins) and metadata.

    `metadata` is the text of the last commit, empty where nothing was committed. `committed`: whether the
    group has committed just that. If not, the next commit does: else whoever begins with it next would decide
    anew, pass over records that came meanwhile (`auto.offset.reset=latest`), or count lost ones again.
    """

    partition: TopicPartition
    offset: int
    metadata: str
    committed: bool = True


class Fetched(NamedTuple):
    """Records of one partition, in offset order.

    `end` is set where the broker reported the end of the partition (librdkafka's
    `_PARTITION_EOF`): every offset below it that was not delivered does not exist (compaction,
    transaction markers, aborted transactions).
    """

    partition: TopicPartition
    records: list[Record]
    end: int | None = None


class Letter(msgspec.Struct, gc=False):
    """A record for the dead-letter topic, with why. Times are seconds since the epoch, 0 where never sent."""

    record: Record
    rejection: Rejection
    attempts: int = 0
    first_attempt: float = 0.0
    last_attempt: float = 0.0
    hwid: str | None = None
    user_id: str | None = None
    push_token: str | None = None
    """The device, where the record could be read."""

    @property
    def id(self) -> str:
        """`topic/partition/offset` of the record: there is one letter of each."""
        return f"{self.record.topic()}/{self.record.partition()}/{self.record.offset()}"


class DecoderUnavailable(Exception):  # noqa: N818 - not an error of the data: a state of the world
    """A decoder can't decode just now (a schema registry is down): not bad data, try the records later.

    `outage` is False while it only hasn't found out yet. `mend` is what a person may do. `on_change`, where a
    decoder has it, takes a function to call, once and from any thread, when trying again may help.
    """

    def __init__(
        self,
        message: str,
        *,
        mend: str = "see what the decoder needs",
        outage: bool = True,
        on_change: Callable[[Callable[[], None]], None] | None = None,
    ) -> None:
        super().__init__(message)
        self.mend = mend
        self.outage = outage
        self.on_change = on_change
