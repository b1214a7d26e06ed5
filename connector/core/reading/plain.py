"""A plain object with the API's field names -> what it asks for.

Plain means: what JSON, Avro or Protobuf become in Python (dictionaries, lists, text, numbers). It is how
everything comes in that isn't JSON of the right shape already: what a mapping made, what a decoder for
another format read. Types of fields are judged by the rules afterwards, as those of every event are.
"""

from __future__ import annotations

from typing import Any

import msgspec

from connector.core.reading import rules
from connector.model import Content, Registration, TagsUpdate


def update_of(plain: Any, content: Content) -> TagsUpdate | Registration:
    """Read one event of a topic with this content. Raises `MsgspecError` or `InvalidField`."""
    if not isinstance(plain, dict):
        raise msgspec.ValidationError(f"Expected `object`, got `{type(plain).__name__}`")
    get = plain.get
    if content is Content.MIXED:
        content = rules.kind(get("type"))
    if content is Content.TAGS:
        return TagsUpdate(
            hwid=get("hwid"),
            user_id=get("user_id"),
            push_token=get("push_token"),
            list_operator=get("list_operator"),
            tags=get("tags"),
            application=get("application"),
        )
    return Registration(
        hwid=get("hwid"),
        push_token=get("push_token"),
        platform=get("platform"),
        list_operator=get("list_operator"),
        tags=get("tags"),
        application=get("application"),
    )
