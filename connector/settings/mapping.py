"""`[mapping]` as the settings have it: expressions as they were written.

`connector.mapping.reading` gives them their meaning.
"""

from __future__ import annotations

from collections.abc import Mapping as Table
from typing import Annotated, Any

from pydantic import Field

from connector.mapping.reading import KEYS, OMIT, Given
from connector.model import Content
from connector.settings.fields import Allowed
from connector.settings.section import Section

Expression = Annotated[Any, Allowed("a JMESPath expression")]
"""Text; or a number, true or false: a constant."""


class Mapping(Section):
    """`[mapping]`: where in records that are not shaped like the API's the fields of an event are."""

    when: Annotated[Expression, Field(description="Whether a record is for us; others are skipped.")] = None
    type: Annotated[Expression, Field(description="In mixed topics: `tags` or `registration`.")] = None
    hwid: Annotated[Expression, Field(description="The device's hwid.")] = None
    user_id: Annotated[Expression, Field(description="The user's id.")] = None
    push_token: Annotated[Expression, Field(description="The device's push token.")] = None
    platform: Annotated[Expression, Field(description="A registration's platform: a code or a name.")] = None
    list_operator: Annotated[Expression, Field(description="`set`, `append` or `remove`.")] = None
    application: Annotated[Expression, Field(description="The application that the event is for.")] = None
    tags: Annotated[
        Any,
        Allowed("a JMESPath expression; in the file also a table with one for each tag"),
        Field(description="The tags."),
    ] = None
    null_tags: Annotated[
        Any,
        Allowed("`omit` or `clear`"),
        Field(description="A tag that comes out as null is left out, or sent as null, which clears it."),
    ] = OMIT
    by_topic: Annotated[
        dict[str, dict[str, Any]],
        Allowed("the entries of `[mapping]`"),
        Field(description="One topic's own mapping, instead of `[mapping]`; an empty one maps nothing."),
    ] = {}  # noqa: RUF012 - pydantic copies it

    def given(self, contents: Table[str, Content], *, key_is_hwid: bool) -> Given:
        """Say what is given for these topics."""
        values = {name: getattr(self, name) for name in KEYS}
        general = {
            name: value
            for name, value in values.items()
            if value is not None and (name, value) != ("null_tags", OMIT)
        }
        return Given(general, self.by_topic, contents, key_is_hwid)
