"""What a decoder returns as a plain object, read as an event."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from connector.core.reading.plain import update_of
from connector.core.reading.rules import InvalidField
from connector.model import Content, Registration, TagsUpdate


@pytest.mark.parametrize(
    ("kind", "content"), [("tags", Content.TAGS), ("registration", Content.REGISTRATIONS)]
)
def test_every_field_of_an_update_is_taken_over(kind: str, content: Content) -> None:
    shape = TagsUpdate if content is Content.TAGS else Registration
    plain: dict[str, Any] = {name: f"the {name}" for name in shape.__struct_fields__}
    for given in (content, Content.MIXED):
        update = update_of({**plain, "type": kind, "unknown": 1}, given)
        assert isinstance(update, shape)
        assert msgspec.to_builtins(update) == plain


def test_a_mixed_topic_needs_a_type() -> None:
    with pytest.raises(InvalidField, match="got nothing"):
        update_of({"hwid": "A"}, Content.MIXED)


@pytest.mark.parametrize("plain", [None, [], "text", 3])
def test_what_is_no_object_is_no_event(plain: Any) -> None:
    with pytest.raises(msgspec.ValidationError, match="Expected `object`"):
        update_of(plain, Content.TAGS)
