"""`dead-letters list|show|replay`: the options.

Every command imports what it needs itself, as in `connector.cli`: `--help` and completion stay quick.
"""

from __future__ import annotations

import functools
import signal
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Literal, ParamSpec

import typer

from connector.options import FAULT, ConfigFile, give_up, is_credential, settings_of

if TYPE_CHECKING:
    from connector.replay.filters import Filters
    from connector.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Look at dead letters, and send them again.")

Reasons = Annotated[
    list[str] | None, typer.Option("--reason", help="Only letters of this reason; may be given again.")
]
Topics = Annotated[
    list[str] | None, typer.Option("--topic", help="Only letters of this source topic; may be given again.")
]
Device = Annotated[
    str, typer.Option("--device", help="Only letters of this device: hwid, user_id, push token or Kafka key.")
]
Applications = Annotated[
    list[str] | None,
    typer.Option(
        "--application", metavar="CODE", help="Only letters for this application; may be given again."
    ),
]
Since = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="Only records from then on: 2026-03-01T08:30 (UTC), or 2h, 7d ago."),
]
Until = Annotated[str | None, typer.Option(metavar="TIME", help="Only records before then.")]
RefusedSince = Annotated[
    str | None, typer.Option(metavar="TIME", help="Only letters last submitted from then on.")
]
RefusedUntil = Annotated[
    str | None, typer.Option(metavar="TIME", help="Only letters last submitted before then.")
]
Groups = Annotated[
    list[str] | None,
    typer.Option(
        "--group", metavar="NAME", help="Letters of this consumer group instead of kafka.group_id's."
    ),
]
AnyGroup = Annotated[bool, typer.Option("--any-group", help="Letters of all consumer groups.")]
Target = Literal["source", "api"]
EvenIfNewer = Annotated[
    bool, typer.Option("--even-if-newer", help="Send also what a newer event of the device would follow.")
]
TryAgain = Annotated[
    bool, typer.Option("--try-again", help="Send also what was sent before and refused again.")
]
ScanLimit = Annotated[
    int, typer.Option(min=1, help="Look for newer events in at most this many records of a partition.")
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document instead of tables.")]
_Options = ParamSpec("_Options")


def _interruptible(command: Callable[_Options, None]) -> Callable[_Options, None]:
    """End it on Ctrl-C and SIGTERM with a sentence and the code of what wasn't done, wherever it is."""

    @functools.wraps(command)
    def run(*given: _Options.args, **options: _Options.kwargs) -> None:
        before = signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            command(*given, **options)
        except KeyboardInterrupt:
            typer.echo("interrupted: run the same command again", err=True)
            raise typer.Exit(FAULT) from None
        finally:
            signal.signal(signal.SIGTERM, before)

    return run


@app.command("list")
@_interruptible
def list_letters(  # noqa: PLR0913 - an option each
    *,
    config: ConfigFile = None,
    reason: Reasons = None,
    topic: Topics = None,
    device: Device = "",
    application: Applications = None,
    since: Since = None,
    until: Until = None,
    refused_since: RefusedSince = None,
    refused_until: RefusedUntil = None,
    group: Groups = None,
    any_group: AnyGroup = False,
    limit: Annotated[int, typer.Option(min=0, help="How many letters to show one by one.")] = 20,
    as_json: Json = False,
) -> None:
    """Count letters by reason, source topic and time; show the newest."""
    settings = settings_of(config, is_credential)
    from connector.replay import commands  # noqa: PLC0415 - keeps --help quick

    groups = _groups(settings, group, any_group=any_group)
    periods = {"": (since, until), "refused-": (refused_since, refused_until)}
    filters = _filters(settings, groups, reason, topic, device, application, periods)
    raise typer.Exit(
        commands.failing(lambda: commands.list_letters(settings, filters, limit=limit, as_json=as_json))
    )


@app.command()
@_interruptible
def show(
    name: Annotated[
        str, typer.Argument(metavar="ID", help="topic/partition/offset of its source record (`list` has it).")
    ],
    *,
    config: ConfigFile = None,
    group: Groups = None,
    any_group: AnyGroup = False,
    as_json: Json = False,
) -> None:
    """Show one letter: why it is here, headers, key, value."""
    settings = settings_of(config, is_credential)
    from connector.replay import commands  # noqa: PLC0415 - keeps --help quick
    from connector.replay import filters as known  # noqa: PLC0415 - as above
    from connector.replay.letter import split_id  # noqa: PLC0415 - as above

    if split_id(name) is None:
        give_up(f"{name}: not an id; it is topic/partition/offset, as `dead-letters list` shows it")
    filters = known.Filters(groups=_groups(settings, group, any_group=any_group))
    raise typer.Exit(commands.failing(lambda: commands.show_letter(settings, name, filters, as_json=as_json)))


@app.command()
@_interruptible
def replay(  # noqa: PLR0913 - an option each
    *,
    config: ConfigFile = None,
    reason: Reasons = None,
    topic: Topics = None,
    device: Device = "",
    application: Applications = None,
    since: Since = None,
    until: Until = None,
    refused_since: RefusedSince = None,
    refused_until: RefusedUntil = None,
    group: Groups = None,
    any_group: AnyGroup = False,
    limit: Annotated[int, typer.Option(min=0, help="At most this many letters, oldest first; 0 is all.")] = 0,
    to: Annotated[
        Target,
        typer.Option(
            help="`source` writes them to the topic they came from, `api` submits them and awaits verdicts; "
            "one run at a time, for two send letters twice until one notices."
        ),
    ] = "source",
    yes: Annotated[
        bool, typer.Option("--yes", "-y", "--execute", help="Send. Without it, only say what would be sent.")
    ] = False,
    rate: Annotated[
        float, typer.Option(min=0, help="At most this many events a second; 0 is as fast as it goes.")
    ] = 0,
    even_if_newer: EvenIfNewer = False,
    try_again: TryAgain = False,
    scan_limit: ScanLimit = 20_000_000,
    as_json: Json = False,
) -> None:
    """Send letters again. A dry run, unless told `--yes`; run again, it goes on where it was interrupted."""
    settings = settings_of(config) if to == "api" else settings_of(config, is_credential)
    from connector.replay import commands, running  # noqa: PLC0415 - keeps --help quick
    from connector.replay.replaying import Wish  # noqa: PLC0415 - as above

    groups = _groups(settings, group, any_group=any_group)
    periods = {"": (since, until), "refused-": (refused_since, refused_until)}
    wish = Wish(
        _filters(settings, groups, reason, topic, device, application, periods),
        to,
        yes,
        rate,
        limit,
        scan_limit,
        even_if_newer,
        try_again,
    )
    raise typer.Exit(commands.failing(lambda: running.replay_letters(settings, wish, as_json=as_json)))


def _groups(settings: Settings, given: list[str] | None, *, any_group: bool) -> frozenset[str]:
    """Return the groups whose letters are meant; none for all."""
    if given and any_group:
        give_up("--group and --any-group exclude each other")
    return frozenset() if any_group else frozenset(given or [settings.kafka.group_id])


def _filters(
    settings: Settings,
    groups: frozenset[str],
    reasons: list[str] | None,
    topics: list[str] | None,
    device: str,
    applications: list[str] | None,
    periods: Mapping[str, tuple[str | None, str | None]],
) -> Filters:
    from connector.replay import filters as known  # noqa: PLC0415 - as above

    now = time.time()
    try:
        times = [
            known.known_period(
                name,
                known.parse_time(f"--{name}since", since, now),
                known.parse_time(f"--{name}until", until, now),
            )
            for name, (since, until) in periods.items()
        ]
        return known.Filters(
            known.known_reasons(reasons or []),
            frozenset(topics or []),
            device,
            *times[0],
            known.known_applications(
                applications or [], settings.pushwoosh.application, settings.applications
            ),
            groups,
            *times[1],
        )
    except ValueError as error:
        give_up(str(error))
