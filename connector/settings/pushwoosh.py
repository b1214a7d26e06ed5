"""`[pushwoosh]` and `[applications.CODE]`: the Audience API and the ways in."""

from __future__ import annotations

from collections.abc import Mapping as Table
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, WrapSerializer

from connector import values
from connector.settings.fields import (
    Allowed,
    Duration,
    Name,
    Secret,
    Topics,
    address,
    http2_possible,
    token_file,
)
from connector.settings.section import Section


class Pushwoosh(Section):
    """`[pushwoosh]`: the Audience API and the way in."""

    url: Annotated[
        str,
        AfterValidator(address),
        Allowed("an http or https address without user and password"),
        Field(description="Where the Audience API answers; `/api/v2/audience/...` is added."),
    ] = "https://api.pushwoosh.com"
    application: Annotated[Name, Allowed("an application code"), Field(description="The application's code.")]
    token: Annotated[
        Secret | None,
        Allowed("an API token"),
        Field(description="The API token; or use `pushwoosh.token_file`."),
    ] = None
    token_file: Annotated[
        Path | None,
        AfterValidator(lambda path: path and token_file(path)),
        Allowed("a file that can be read, with the token in it and nothing else"),
        Field(description="A file with the API token in it; read again whenever it changes."),
    ] = None
    create_missing_tags: Annotated[
        bool,
        BeforeValidator(values.parse_word),
        Field(description="Have the API create tags that it doesn't know."),
    ] = False
    authorization_header: Annotated[
        Secret | None,
        Allowed("the whole value of a header, such as `Token abc`"),
        Field(description="Sent as `Authorization` with every call; for a gateway that wants one."),
    ] = None
    connect_timeout: Annotated[
        Duration, Field(ge=0.01, le=600, description="Longest wait for a connection.")
    ] = 5.0
    read_timeout: Annotated[Duration, Field(ge=0.01, le=600, description="Longest wait for a reply.")] = 30.0
    http2: Annotated[
        bool,
        BeforeValidator(values.parse_word),
        AfterValidator(http2_possible),
        Field(description="HTTP/2 where the API offers it; needs the package `h2`."),
    ] = False

    def code_of(self, application: str) -> str:
        """Return an application's code, for requests and people: the default one has no name in events."""
        return application or self.application


class Application(Section):
    """`[applications.CODE]`: an application beside `pushwoosh.application`, with a token of its own."""

    token: Annotated[
        Secret | None,
        Allowed("an API token"),
        Field(description="Its API token; or use its `token_file`."),
    ] = None
    token_file: Annotated[
        Path | None,
        AfterValidator(lambda path: path and token_file(path)),
        Allowed("a file that can be read, with the token in it and nothing else"),
        Field(description="A file with its API token in it; read again whenever it changes."),
    ] = None
    topics: Annotated[
        Topics,
        Field(description="Source topics whose events are for it, unless an event names another one itself."),
    ] = ()
    authorization_header: Annotated[
        Secret | None,
        Allowed("the whole value of a header, such as `Token abc`"),
        Field(description="Sent with its calls instead of `pushwoosh.authorization_header`."),
    ] = None


Applications = Annotated[
    Table[str, Application],
    AfterValidator(MappingProxyType),  # a dictionary could be changed, however frozen what has it is
    WrapSerializer(lambda applications, write: write(dict(applications))),
]
