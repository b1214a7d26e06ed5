"""The sandbox as a process: what `pushwoosh-connector sandbox` runs, from its options to its last signal."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from connector.sandbox.audience import Options
from connector.sandbox.contract import Schema
from connector.sandbox.fault_rules import Latency
from connector.sandbox.faults import Faults, load_faults
from connector.sandbox.server import SandboxServer

Distribution = Literal["constant", "exponential", "uniform"]
_GC_THRESHOLDS = (200_000, 50, 100)
"""The state of devices grows without cycles; at Python's defaults, walking it takes a third of the time."""
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def load_schema(path: Path) -> Schema:
    """Read the tags that exist, name -> type, from a JSON or TOML file. Raises ValueError or OSError."""
    raw = path.read_text(encoding="utf-8")
    plain = tomllib.loads(raw) if path.suffix == ".toml" else msgspec.json.decode(raw)
    return msgspec.convert(plain, Schema)


def known_applications(given: Sequence[str]) -> dict[str, str | None]:
    """Read `CODE=TOKEN`, or `CODE` for one without a token of its own. Raises ValueError."""
    found: dict[str, str | None] = {}
    for one in given:
        code, equals, token = one.partition("=")
        if not code or (equals and not token):
            raise ValueError(f"an application is CODE or CODE=TOKEN, not {code}{equals}")
        if code in found:
            raise ValueError(f"the application {code} is given twice")
        found[code] = token or None
    return found


def announce(url: str) -> None:
    """Say on standard output where the sandbox listens, so that whoever started it can wait for the line."""
    sys.stdout.write(f"sandbox listens on {url}\n")
    sys.stdout.flush()


async def serve(
    host: str,
    port: int,
    *,
    options: Options | None = None,
    faults: Faults | None = None,
    seed: int = 0,
) -> None:
    """Serve until SIGTERM or SIGINT comes, or until cancelled. Raises OSError if the port is taken."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for one in _SIGNALS:
        loop.add_signal_handler(one, stopped.set)
    try:
        async with SandboxServer(host, port, options=options, faults=faults, seed=seed) as sandbox:
            announce(sandbox.url)
            await stopped.wait()
    finally:
        for one in _SIGNALS:
            loop.remove_signal_handler(one)


def run_sandbox(  # noqa: PLR0913 (one argument per option of the command)
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    latency: float | None = None,
    distribution: Distribution | None = None,
    capacity: int | None = None,
    faults: str | None = None,
    schema: Path | None = None,
    applications: Sequence[str] = (),
    token: str | None = None,
    light: bool = False,
    seed: int = 0,
) -> None:
    """Run the sandbox until SIGTERM or SIGINT; prints its URL once it listens.

    `applications` are `CODE` or `CODE=TOKEN`. `latency` (seconds), `distribution` and `capacity` (jobs),
    where given, win over those in `faults`, which is JSON or the name of a JSON or TOML file. Raises
    ValueError for options that are wrong and OSError for a file that can't be read or a port that is taken.
    """
    declared = load_faults(faults) if faults is not None else Faults()
    declared = msgspec.structs.replace(
        declared,
        latency=Latency(
            seconds=declared.latency.seconds if latency is None else latency,
            distribution=distribution or declared.latency.distribution,
        ),
        capacity=declared.capacity if capacity is None else capacity,
    )
    options = Options(
        applications=known_applications(applications),
        token=token,
        schema=None if schema is None else load_schema(schema),
        light=light,
    )
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLDS)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(serve(host, port, options=options, faults=declared, seed=seed))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Use uvloop where it is installed: it isn't for every platform."""
    try:
        import uvloop  # noqa: PLC0415 - not on every platform
    except ImportError:
        return None
    return uvloop.new_event_loop
