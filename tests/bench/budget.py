"""Where the time goes: microseconds of CPU for each event, by stage, from a profile of a saturated run.

librdkafka's own threads are told apart by their names. The share of the Python threads comes from py-spy,
where it is installed, else from `tests.bench.observed`, and is scaled to the CPU time that they used.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.setting import Bench
from tests.bench.watch import Watched

STAGES: list[tuple[str, str]] = [
    ("metrics", r"connector/ops/|connector/running/view\.py|prometheus_client|uvicorn|starlette|_report \("),
    ("decode", r"core/reading/"),
    ("verdicts", r"read_poll|core/judging/verdicts\.py|pushwoosh/rows\.py|pushwoosh/words\.py"),
    ("encode", r"request_body"),
    ("HTTP", r"pushwoosh/|httpx|aiohttp|yarl|multidict"),
    ("settle", r"core/(assigned|remembering|settling)/"),
    ("commit", r"kafka/group/source\.py.*commit|_commit_plainly"),
    ("poll", r"kafka/|confluent_kafka|concurrent/futures"),
    ("lanes", r"core/"),
    ("loop", r""),
]
"""A stack belongs to the first stage that fits it: what is inside a narrow stage before what is around it."""

LIBRDKAFKA = re.compile(r"rdk:")
PYSPY_RATE = 250


def budget(bench: Bench) -> None:
    """Profile one saturated run."""
    topic, events = bench.plain()
    stacks = Path(bench.folder / "stacks")
    with bench.api() as api, _profiled(bench, bench.settings(topic, api), stacks) as connector:
        connector.confirm(1, every=0.01)
        begin, before = connector.samples[-1], connector.cpu_by_thread()
        connector.confirm(events * 0.9)
        end, after = connector.samples[-1], connector.cpu_by_thread()
        connector.confirm(events)
        connector.stop()
    confirmed = max(1.0, end.confirmed - begin.confirmed)
    used = {name: seconds - before.get(name, 0.0) for name, seconds in after.items()}
    library = sum(seconds for name, seconds in used.items() if LIBRDKAFKA.match(name))
    python = sum(used.values()) - library
    shares = stages_of(stacks)
    total = sum(shares.values()) or 1
    name = "budget"
    for stage, count in shares.most_common():
        bench.add(name, f"{stage}", python * count / total / confirmed * 1e6, "us/event")
    bench.add(name, "librdkafka's threads", library / confirmed * 1e6, "us/event")
    bench.add(name, "all", (python + library) / confirmed * 1e6, "us/event")


@contextmanager
def _profiled(bench: Bench, settings: dict[str, str], stacks: Path) -> Iterator[Watched]:
    """A connector whose stacks are written to this file by the time it has ended."""
    spy = shutil.which("py-spy")
    if spy is None:
        environment = {"BENCH_STACKS": str(stacks)}
        with Watched(
            bench.folder, settings, module="tests.bench.observed", environment=environment
        ) as connector:
            yield connector
        return
    with Watched(bench.folder, settings) as connector:
        options = ["--rate", str(PYSPY_RATE), "--format", "raw", "--duration", "3600", "--gil"]
        with subprocess.Popen(
            [spy, "record", "--output", str(stacks), *options, "--pid", str(connector.process.pid)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as recorder:
            yield connector
            with contextlib.suppress(ProcessLookupError):
                os.kill(recorder.pid, signal.SIGINT)


def stages_of(stacks: Path) -> Counter[str]:
    """Samples by stage. Those of a waiting event loop and of start-up are left out."""
    found: Counter[str] = Counter()
    for line in stacks.read_text().splitlines():
        stack, _, count = line.rpartition(" ")
        if "_live" in stack or "run_forever" not in stack:
            found[stage_of(stack)] += int(count)
    return found


def stage_of(stack: str) -> str:
    """The stage of one stack, outermost frame first."""
    return next(stage for stage, pattern in STAGES if re.search(pattern, stack))
