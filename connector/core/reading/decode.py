"""Record -> event, or a rejection that says where and why.

`JsonDecoder`, or a function of the user's, turns a record into what it asks for (`TagsUpdate`,
`Registration`, None to skip it); `Interpreter` holds that against the rules and makes the event.
It reads lists of records. Tags events in JSON have a quick way of their own (`quick_tags`): what that
isn't sure of goes the careful way that everything else goes. Both make the same event, but for
`Event.size`, which is an estimate after the quick way.

An interpreter keeps a count of platforms that nobody has heard of, and a record's headers that can't be read
are replaced in the record (`headers_of`). Of duplicate keys in an event the last counts. Unknown fields are
ignored.
"""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Callable, Collection, Sequence
from typing import Any

import msgspec
from msgspec import Raw

from connector.core.reading import rules
from connector.core.reading.event import NOWHERE, Decoded, Event, bytes_of
from connector.core.reading.json_events import NOTHING, JsonDecoder, RegistrationFields, TagsFields, encode
from connector.core.reading.lane_keys import lane_keys
from connector.core.reading.quick_tags import TopicRules, read_quickly
from connector.core.reading.users_code import FAULTS_OF_USERS, words_of
from connector.model import (
    Content,
    DecoderUnavailable,
    Endpoint,
    Reason,
    Record,
    Registration,
    Rejection,
    TagsUpdate,
    headers_of,
    timestamp_of,
)

Decoder = Callable[[Record], TagsUpdate | Registration | None]
"""What makes sense of a record's value. None skips the record. It may raise anything: `DecoderUnavailable`
where the data isn't to blame, all else dead-letters the record with its words. Where it has a function
`look_ahead`, that is given all records of a list that has to wait, to get at once what they need."""

_DETAIL = 300
"""Characters of an error's own words in a rejection."""


class Interpreter:
    """Turns lists of records of one kind of topic into events and rejections.

    `max_row_bytes` is the room that a request has for one device. `application` is the default one: an
    event that names it is an event that names none. `applications` are the others that are configured: an
    event that names one not among them is rejected (None: any may be named). `topic_application` is the
    one among them for events that name none; empty for the default one.
    """

    def __init__(
        self,
        content: Content,
        decoder: Decoder | None = None,
        *,
        key_is_hwid: bool = False,
        max_row_bytes: int = 1 << 20,
        application: str = "",
        applications: Collection[str] | None = None,
        topic_application: str = "",
    ) -> None:
        self._decoder = JsonDecoder(content) if decoder is None else decoder
        self._content = content
        self._key_is_hwid = key_is_hwid
        self._max_row_bytes = max_row_bytes
        self._topic_application = topic_application
        self._any = applications is None
        self._applications = {each: each for each in applications or ()}
        if application:
            self._applications[application] = ""
        mixed = content is Content.MIXED
        self._topic_rules = TopicRules(max_row_bytes, topic_application, self._applications, mixed=mixed)
        self._unknown_platforms: dict[int, int] = {}

    def read(self, records: Sequence[Record]) -> list[Decoded]:
        """Read records, one answer each; None for a tombstone and for what the decoder skips.

        Raises `DecoderUnavailable` where the decoder does: nothing of the list is read then.
        """
        if self._content is not Content.REGISTRATIONS and isinstance(self._decoder, JsonDecoder):
            return read_quickly(records, self._topic_rules, self._read_one)
        try:
            return [self._read_one(record) for record in records]
        except DecoderUnavailable:
            look_ahead: Callable[[Sequence[Record]], None] | None = getattr(self._decoder, "look_ahead", None)
            if look_ahead is not None:
                look_ahead(records)
            raise

    def _read_one(self, record: Record) -> Decoded:
        if record.value() is None:
            return None
        headers_of(record)  # before a decoder asks for them, which could end the process
        try:
            update: Any = self._decoder(record)
        except DecoderUnavailable:
            raise
        except FAULTS_OF_USERS as error:  # a user's decoder may raise anything: it is about this record
            return _unreadable(error, record.value() or b"")
        if update is None:
            return None
        if not isinstance(update, (TagsUpdate, Registration)):
            got = type(update).__name__
            return Rejection(
                Reason.UNDECODABLE, f"The decoder returned `{got}`, not TagsUpdate, Registration or None"
            )
        return self.interpret(update, record)

    def interpret(self, update: TagsUpdate | Registration, record: Record) -> Event | Rejection:
        """Hold what a decoder made of a record against the rules, and make the event."""
        try:
            if isinstance(update, TagsUpdate):
                event = self._tags_event(update, record)
            else:
                event = self._registration_event(update, record)
        except rules.InvalidField as error:
            return Rejection(Reason.INVALID_EVENT, str(error))
        except UnicodeEncodeError as error:
            return Rejection(Reason.INVALID_EVENT, f"Not text that UTF-8 can carry: {error.reason}")
        if len(event.row) > self._max_row_bytes:
            return Rejection(
                Reason.TOO_LARGE,
                f"The event alone takes {len(event.row):,} bytes of a request that has room for "
                f"{self._max_row_bytes:,} (batch.max_bytes less the rest of the request)",
            )
        event.size = len(event.row) + bytes_of(record)
        return event

    def _tags_event(self, update: TagsUpdate, record: Record) -> Event:
        hwid = rules.identifier("hwid", update.hwid)
        user_id = rules.identifier("user_id", update.user_id)
        push_token = rules.identifier("push_token", update.push_token)
        if hwid is None and user_id is None and push_token is None:
            hwid = self._key_as_hwid(record)
            if hwid is None:
                raise rules.InvalidField(
                    "Names no device: one of hwid, user_id and push_token is needed", "hwid"
                )
        operator = rules.tags_operator(update.list_operator)
        tags = self._tags(update.tags)
        if not tags:
            raise rules.InvalidField("Missing: a tags event needs an object of tags", "tags")
        if not tags.strip(b"{} \t\r\n"):
            raise rules.InvalidField("Empty: there is nothing to change", "tags")
        row = encode(TagsFields(Raw(tags), hwid, user_id, push_token, operator))
        return self._event(
            Endpoint.TAGS, update.application, (hwid, user_id, push_token), operator, row, record
        )

    def _registration_event(self, update: Registration, record: Record) -> Event:
        hwid = rules.identifier("hwid", update.hwid) or self._key_as_hwid(record)
        if hwid is None:
            raise rules.InvalidField("Missing: a registration needs a hwid", "hwid")
        push_token = rules.identifier("push_token", update.push_token)
        if push_token is None:
            raise rules.InvalidField("Missing: a registration needs a push token", "push_token")
        platform = rules.platform(update.platform)
        operator = rules.registration_operator(update.list_operator)
        tags = self._tags(update.tags)
        row = encode(RegistrationFields(hwid, push_token, platform, operator, Raw(tags) if tags else NOTHING))
        event = self._event(
            Endpoint.REGISTRATIONS, update.application, (hwid, None, push_token), operator, row, record
        )
        if platform not in rules.KNOWN_PLATFORMS:
            self._unknown_platforms[platform] = self._unknown_platforms.get(platform, 0) + 1
        return event

    def take_unknown_platforms(self) -> dict[int, int]:
        """Return how often each platform code was seen that nobody has heard of, since the last call."""
        taken = self._unknown_platforms
        if taken:
            self._unknown_platforms = {}
        return taken

    def _tags(self, value: Any) -> bytes:
        """Give the tags as JSON. The built-in decoder's are sound: only that they are an object is open."""
        if isinstance(value, Raw) and isinstance(self._decoder, JsonDecoder):
            raw = bytes(value)
            if raw.startswith(b"{"):
                return raw
        return rules.tags_object(value)

    def _key_as_hwid(self, record: Record) -> str | None:
        if not self._key_is_hwid:
            return None
        key = record.key()
        if key is None:
            return None
        try:
            return rules.identifier("hwid", key.decode())
        except UnicodeDecodeError as error:
            what = f"Not UTF-8: {error.reason} (byte {error.start})"
        except rules.InvalidField as error:
            what = error.what
        raise rules.InvalidField(f"The record's key is no hwid: {what}", "hwid")

    def _application_of(self, named: object) -> str:
        """Return the application of an event that names this one or none; empty for the default one."""
        named = rules.identifier("application", named)
        if named is None:
            return self._topic_application
        found = self._applications.get(named)
        if found is None and not self._any:
            raise rules.InvalidField(
                f"{rules.shown(named)} isn't configured: the event must name another application, "
                "or the configuration needs [applications.CODE] with its token",
                "application",
            )
        return named if found is None else found

    def _event(
        self,
        endpoint: Endpoint,
        application: str | None,
        identifiers: tuple[str | None, str | None, str | None],
        operator: str | None,
        row: bytes,
        record: Record,
    ) -> Event:
        application = self._application_of(application)
        return Event(
            endpoint,
            application,
            lane_keys(application, *identifiers),
            *identifiers,
            operator,
            row,
            record,
            NOWHERE,
            record.offset(),
            timestamp_of(record),
        )


def _unreadable(error: BaseException, value: bytes) -> Rejection:
    """Put a decoder's failure into words, without the value."""
    if isinstance(error, (rules.InvalidField, msgspec.ValidationError)):
        return Rejection(Reason.INVALID_EVENT, words_of(error))
    if isinstance(error, UnicodeDecodeError):
        return Rejection(Reason.UNDECODABLE, f"Not UTF-8: {error.reason} (byte {error.start})")
    if isinstance(error, RecursionError):
        return Rejection(Reason.UNDECODABLE, "Nested too deeply")
    if isinstance(error, msgspec.DecodeError):
        bom = "it begins with a byte order mark (BOM) of UTF-8" if value.startswith(BOM_UTF8) else ""
        return Rejection(Reason.UNDECODABLE, f"Not JSON: {bom or words_of(error)}"[:_DETAIL])
    words = ": ".join(each for each in (type(error).__name__, words_of(error)) if each)
    return Rejection(Reason.UNDECODABLE, words[:_DETAIL])
