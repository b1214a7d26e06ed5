"""`[admin]` and `[log]`: what the process shows of itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from connector import values
from connector.settings.fields import (
    Allowed,
    Count,
    Duration,
    Host,
    Secret,
    hard_to_guess,
    hard_to_guess_file,
)
from connector.settings.section import Section


class Admin(Section):
    """`[admin]`: `/metrics`, `/livez`, `/readyz`, `/status`; `/pause` and `/resume` for who may."""

    host: Annotated[
        Host,
        Allowed("an address of this machine"),
        Field(description="Address the admin endpoints listen on."),
    ] = "0.0.0.0"  # noqa: S104 - probes and Prometheus come from outside the container
    port: Annotated[Count, Field(ge=0, le=65535, description="Their port; 0 takes a free one.")] = 8080
    control_token: Annotated[
        Secret | None,
        AfterValidator(hard_to_guess),
        Allowed("16 characters or more"),
        Field(
            description="Who knows it may POST to `/pause` and `/resume`. Without it and its file there is "
            "no such thing."
        ),
    ] = None
    control_token_file: Annotated[
        Path | None,
        AfterValidator(lambda path: path and hard_to_guess_file(path)),
        Allowed("a file that can be read, with 16 characters or more in it"),
        Field(description="A file with that token in it; read again whenever it changes."),
    ] = None


class Log(Section):
    """`[log]`."""

    level: Annotated[
        Literal["debug", "info", "warning", "error"],
        BeforeValidator(values.parse_word),
        Field(
            description="The least important line that is written. Only `debug` names devices, in a line for "
            "each dead letter."
        ),
    ] = "info"
    format: Annotated[
        Literal["json", "console"],
        BeforeValidator(values.parse_word),
        Field(description="One JSON object a line, or text for people."),
    ] = "json"
    summary_interval: Annotated[
        Duration, Field(ge=0, le=86_400, description="How often a line sums up what is going on; 0 is never.")
    ] = 30.0
