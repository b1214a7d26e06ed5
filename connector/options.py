"""What every command of the command line shares: the configuration's option, exit codes, ways out.

A leaf that imports nothing heavy: `--help` and completion stay quick.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from connector.settings import Settings

FAULT = 1
WRONG_USE = 2
_CREDENTIALS = {"token", "token_file", "authorization_header"}

ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        metavar="FILE",
        help="TOML file. Without it (and CONNECTOR_CONFIG_FILE) the environment has to say everything.",
    ),
]


class Failed(Exception):  # noqa: N818 -- reads as what happened
    """The command ends here; the text says what to do."""


def settings_of(config: Path | None, needless: Callable[[str], bool] = lambda _: False) -> Settings:
    """Load the configuration, or leave with every mistake on standard error. `needless`: see `load`."""
    from connector.config import ConfigurationError, load  # noqa: PLC0415 - see the module's last sentence

    try:
        settings = load(config, os.environ, needless)
        if not needless("pushwoosh.token"):
            from connector.pushwoosh.proxy import proxy_for  # noqa: PLC0415 - who asks the API needs it anyway

            proxy_for(settings.pushwoosh.url)
    except ConfigurationError as error:
        give_up(str(error))
    return settings


def is_credential(name: str) -> bool:
    """Tell whether a setting is about the API's tokens: only who talks to the API needs those."""
    own = name.startswith(("pushwoosh.", "applications."))
    return own and name.rpartition(".")[2] in _CREDENTIALS


def give_up(text: str) -> NoReturn:
    """Leave because the command line or the configuration is wrong."""
    typer.echo(text, err=True)
    raise typer.Exit(WRONG_USE)
