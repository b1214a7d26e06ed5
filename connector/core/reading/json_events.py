"""The built-in decoder: one JSON object a record, in UTF-8, its fields named as the API's.

The two structs are both what is read from a record and what is written into a request, and
`tags` stays raw bytes on the way through: that is where the speed comes from.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw

from connector.core.reading import rules
from connector.model import Content, Record, Registration, TagsUpdate

NOTHING = Raw(b"")
"""No tags at all: left out of what is written."""
BEGINNING = b'{"tags":'
"""How each row of tags begins: `TagsFields` has them first."""


class TagsFields(msgspec.Struct, gc=False, omit_defaults=True):
    """A tags event as JSON; with `application` taken out, also its row in a request.

    `tags` comes first, so that the beginning of a row shows that it is an object with something in it.
    """

    tags: Raw = NOTHING
    hwid: str | None = None
    user_id: str | None = None
    push_token: str | None = None
    list_operator: str | None = None
    application: str | None = None


class RegistrationFields(msgspec.Struct, gc=False, omit_defaults=True):
    """A registration as JSON; with `application` taken out, also its row in a request."""

    hwid: str | None = None
    push_token: str | None = None
    platform: int | str | None = None
    list_operator: str | None = None
    tags: Raw = NOTHING
    application: str | None = None


class _TypeField(msgspec.Struct, gc=False):
    type: Any = None


decode_tags = msgspec.json.Decoder(TagsFields).decode
_decode_registration = msgspec.json.Decoder(RegistrationFields).decode
decode_kind = msgspec.json.Decoder(_TypeField).decode
_decode_raw_fields = msgspec.json.Decoder(dict[str, Raw]).decode
encode = msgspec.json.Encoder().encode


class JsonDecoder:
    """The built-in decoder: one JSON object a record, in UTF-8."""

    def __init__(self, content: Content) -> None:
        self._content = content

    def __call__(self, record: Record) -> TagsUpdate | Registration | None:
        value = record.value()
        return None if value is None else self.decode(value)

    def decode(self, value: bytes) -> TagsUpdate | Registration:
        """Read one event. Raises `MsgspecError`, `UnicodeDecodeError`, `RecursionError` or `InvalidField`."""
        if not value.isascii():
            value.decode()  # msgspec doesn't look inside raw tags; the API would refuse the whole request
        try:
            return self._decode(value)
        except msgspec.ValidationError:
            # Perhaps an earlier one of duplicate keys is of the wrong type: only the last counts.
            return self._decode(encode(_decode_raw_fields(value)))

    def _decode(self, value: bytes) -> TagsUpdate | Registration:
        content = self._content
        if content is Content.MIXED:
            content = rules.kind(decode_kind(value).type)
        if content is Content.TAGS:
            return _as_update(decode_tags(value))
        found = _decode_registration(value)
        return Registration(
            hwid=found.hwid,
            push_token=found.push_token,
            platform=found.platform,
            list_operator=found.list_operator,
            tags=_tags_or_none(found.tags),
            application=found.application,
        )


def _as_update(fields: TagsFields) -> TagsUpdate:
    return TagsUpdate(
        hwid=fields.hwid,
        user_id=fields.user_id,
        push_token=fields.push_token,
        list_operator=fields.list_operator,
        tags=_tags_or_none(fields.tags),
        application=fields.application,
    )


def _tags_or_none(tags: Raw) -> Raw | None:
    return None if tags is NOTHING or bytes(tags) == b"null" else tags
