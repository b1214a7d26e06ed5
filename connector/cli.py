"""The command line. Every command imports what it needs itself: `--help` and completion stay quick.

Exit codes: 0 done, 1 a fault or a check that failed, 2 a wrong command line or configuration, 130 a Ctrl-C
that a command has no better use for (`run` and `sandbox` end in order).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from connector import __version__
from connector.options import FAULT, ConfigFile, give_up, settings_of
from connector.replay.cli import app as dead_letters
from connector.values import parse_duration

if TYPE_CHECKING:
    from connector.finding import Finding

Distribution = Literal["constant", "exponential", "uniform"]
Split = Literal["auto", "lines", "none"]
KnownApplications = Annotated[
    list[str] | None,
    typer.Option(
        "--application",
        metavar="CODE[=TOKEN]",
        help="A known application and the one token it accepts; repeatable. Default: any.",
    ),
]

app = typer.Typer(
    name="pushwoosh-connector",
    help="Kafka to Pushwoosh: every device confirmed, and only then its offset committed.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # its tracebacks show local variables: secrets among them
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(dead_letters, name="dead-letters")


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _main(
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


@app.command()
def run(
    config: ConfigFile = None,
    until_end: Annotated[
        bool,
        typer.Option(
            "--until-end",
            help="Exit once the group has settled and committed all that is there at the start.",
        ),
    ] = False,
) -> None:
    """Run the connector until it is told to stop (SIGTERM or Ctrl-C; a second one leaves at once)."""
    settings = settings_of(config)
    from connector import runner  # noqa: PLC0415 - keeps --help quick

    raise typer.Exit(runner.run(settings, until_end=until_end))


@app.command()
def check(
    *,
    config: ConfigFile = None,
    sample: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Show what the records in this file become, and look at nothing else; - is standard input.",
        ),
    ] = None,
    topic: Annotated[str | None, typer.Option(help="With --sample: whose records these are.")] = None,
    key: Annotated[str | None, typer.Option(help="With --sample: the key of each record.")] = None,
    header: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="With --sample: a header of each; may be given again."),
    ] = None,
    timestamp: Annotated[
        int | None,
        typer.Option(metavar="MILLISECONDS", min=0, help="With --sample: the time of each, since 1970."),
    ] = None,
    split: Annotated[
        Split, typer.Option(help="With --sample: a record a line, or all of it is one.")
    ] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="With --sample: a JSON object a record.")] = False,
) -> None:
    """Check the configuration, Kafka and the API, a line each: what, result, what to do.

    Changes nothing, except that Kafka remembers one more transactional id for a week.
    """
    if sample is not None:
        from connector.sample import Envelope, check_sample, needless  # noqa: PLC0415 - as above

        settings = settings_of(config, needless)
        envelope = Envelope(key, header or (), timestamp)
        raise typer.Exit(check_sample(settings, sample, topic, envelope, split, as_json=as_json))
    if (topic, key, header, timestamp, split, as_json) != (None, None, None, None, "auto", False):
        give_up("--topic, --key, --header, --timestamp, --split and --json need --sample")
    settings = settings_of(config)
    from connector import check as checks  # noqa: PLC0415 - keeps --help quick
    from connector.finding import Grade  # noqa: PLC0415 - as above

    failed = False
    for finding in checks.findings(settings):
        _show(finding)
        failed = failed or finding.grade is Grade.PROBLEM
    raise typer.Exit(FAULT if failed else 0)


@app.command()
def demo() -> None:
    """Watch it work: Kafka, API and connector in one process tree, a crash and a reckoning."""
    from connector.sandbox import demo as demonstration  # noqa: PLC0415 - keeps --help quick

    raise typer.Exit(demonstration.run())


@app.command()
def sandbox(  # noqa: PLR0913 - an option each
    *,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 8081,
    latency: Annotated[
        str | None,
        typer.Option(
            metavar="DURATION", help="How long a job takes: 500ms. Default: as faults say, or no time."
        ),
    ] = None,
    latency_distribution: Annotated[
        Distribution | None, typer.Option(help="How that varies around its mean. Default: constant.")
    ] = None,
    capacity: Annotated[
        int | None,
        typer.Option(min=1, help="How many jobs are worked on at once; others queue. Default: all."),
    ] = None,
    faults: Annotated[
        str | None,
        typer.Option(metavar="JSON|FILE", help="Faults from the start: see deploy/SANDBOX.md for all."),
    ] = None,
    schema: Annotated[
        Path | None, typer.Option(metavar="FILE", help="JSON or TOML: the tags that exist, name to type.")
    ] = None,
    application: KnownApplications = None,
    token: Annotated[
        str | None, typer.Option(help="Of applications that no --application names. Default: any.")
    ] = None,
    light: Annotated[bool, typer.Option("--light", help="Keep no state of devices: for measuring.")] = False,
    seed: Annotated[int, typer.Option(help="Seed of random faults: the same seed repeats them.")] = 0,
) -> None:
    """Run a double of the Audience API, with faults by option and at run time, until Ctrl-C."""
    from connector.sandbox.process import run_sandbox  # noqa: PLC0415 - keeps --help quick

    try:
        run_sandbox(
            host,
            port,
            latency=None if latency is None else parse_duration(latency),
            distribution=latency_distribution,
            capacity=capacity,
            faults=faults,
            schema=schema,
            applications=application or (),
            token=token,
            light=light,
            seed=seed,
        )
    except (ValueError, OSError) as error:
        give_up(f"the sandbox can't start: {error}")


_COLOURS = {"ok": typer.colors.GREEN, "warning": typer.colors.YELLOW, "problem": typer.colors.RED}


def _show(finding: Finding) -> None:
    outcome = typer.style(f"{finding.grade.value:<8}", fg=_COLOURS[finding.grade.value])
    mend = f"; {finding.mend}" if finding.mend else ""
    typer.echo(f"{outcome} {finding.what}: {finding.result}{mend}")
