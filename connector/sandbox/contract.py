"""What a request must look like (published contract), and what a tag's value must be.

A request that breaks the contract is refused as a whole and nothing in it is named, as the
API's siblings do; the reason given here is for people who debug against the sandbox.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Literal

import msgspec

from connector.model import Endpoint

Identifier = Annotated[str, msgspec.Meta(min_length=1)]
Platform = Annotated[int, msgspec.Meta(ge=0)]
Schema = dict[str, str]
"""Tag name -> type: one of `TYPES`."""


class TagChange(msgspec.Struct, gc=False, omit_defaults=True):
    """One device of a `bulkSetTags` request. Without `list_operator` it means `set`; that is counted."""

    tags: dict[str, Any]
    hwid: Identifier | None = None
    user_id: Identifier | None = None
    push_token: Identifier | None = None
    list_operator: Literal["set", "append", "remove"] | None = None


class DeviceRegistration(msgspec.Struct, gc=False, omit_defaults=True):
    """One device of a `bulkRegisterDevice` request; without `list_operator` given lists replace."""

    user_id: ClassVar[None] = None

    hwid: Identifier
    push_token: Identifier
    platform: Platform
    list_operator: Literal["append", "remove"] | None = None
    tags: dict[str, Any] | None = None


Device = TagChange | DeviceRegistration


class _TagsRequest(msgspec.Struct):
    application: Identifier
    auth: Identifier
    devices: list[TagChange]
    create_missing_tags: bool = False


class _RegistrationsRequest(msgspec.Struct):
    application: Identifier
    auth: Identifier
    devices: list[DeviceRegistration]
    create_missing_tags: ClassVar[bool] = False


class Sender(msgspec.Struct):
    """Who sends a request, whatever is wrong with the rest of it."""

    application: Identifier
    auth: Identifier


Request = _TagsRequest | _RegistrationsRequest

_TAGS = msgspec.json.Decoder(_TagsRequest)
_REGISTRATIONS = msgspec.json.Decoder(_RegistrationsRequest)
_SENDER = msgspec.json.Decoder(Sender)


class InvalidRequestError(ValueError):
    """The body breaks the contract; the message says where."""


def read_request(endpoint: Endpoint, body: bytes) -> Request:
    """Decode and check a POST's body. Raises `InvalidRequestError`."""
    try:
        request = (_TAGS if endpoint is Endpoint.TAGS else _REGISTRATIONS).decode(body)
    except RecursionError as error:
        raise InvalidRequestError("nested too deeply") from error
    except ValueError as error:  # msgspec's two errors and a UnicodeDecodeError are all ValueErrors
        raise InvalidRequestError(str(error)) from error
    if not request.devices:
        raise InvalidRequestError("no devices - at `$.devices`")
    if isinstance(request, _TagsRequest):
        for place, device in enumerate(request.devices):
            if device.hwid is None and device.user_id is None and device.push_token is None:
                raise InvalidRequestError(f"no hwid, user_id or push_token - at `$.devices[{place}]`")
    return request


def read_sender(body: bytes) -> Sender | None:
    """Decode who sent a body that breaks the contract; None where that can't be told."""
    try:
        return _SENDER.decode(body)
    except (ValueError, RecursionError):
        return None


_DATE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d")
_VERSION = re.compile(r"\d+(\.\d+)*")


def _is_list(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(one, str) for one in value))


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and -(2**31) <= value < 2**31


TYPES: dict[str, Callable[[Any], bool]] = {
    "integer": _is_integer,
    "string": lambda value: isinstance(value, str),
    "list": _is_list,
    "date": lambda value: isinstance(value, str) and _DATE.fullmatch(value) is not None,
    "boolean": lambda value: isinstance(value, bool),
    "decimal": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    "version": lambda value: isinstance(value, str) and _VERSION.fullmatch(value) is not None,
}


def check_schema(schema: Schema) -> Schema:
    """Return the schema, or raise ValueError for a type that the API does not have."""
    for name, kind in schema.items():
        if kind not in TYPES:
            raise ValueError(f"tag {name!r} has the type {kind!r}; there are {', '.join(sorted(TYPES))}")
    return schema


def refused_tag(schema: Schema, name: str, value: Any) -> str | None:
    """What the API says about a tag that it won't take (published wording), or None. null clears any tag."""
    kind = schema.get(name)
    if kind is None:
        return "tag not found"
    if value is None or TYPES[kind](value):
        return None
    return f"wrong value. expect :{kind}"


def type_of(value: Any) -> str:
    """The type that a tag gets which is made by `create_missing_tags`: that of its first value."""
    if isinstance(value, bool):
        return "boolean"
    kinds = {int: "integer", float: "decimal", list: "list"}
    return kinds.get(type(value), "string")
