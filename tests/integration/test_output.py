"""Commands whose standard output or standard error can't be written, as processes."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import pytest

from tests.broker import free_ports
from tests.settings import ENOUGH
from tests.strength import in_full

pytestmark = pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")

COMMAND = [sys.executable, "-m", "connector"]
NOWHERE = {"CONNECTOR_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1", "CONNECTOR_ADMIN_HOST": "127.0.0.1"}


def environ(**more: str) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return {**inherited, **ENOUGH, **NOWHERE, **more}


@pytest.fixture
def full() -> Iterator[int]:
    """A disk without room."""
    descriptor = os.open("/dev/full", os.O_WRONLY)
    yield descriptor
    os.close(descriptor)


def test_a_log_that_cannot_be_written_costs_its_lines_only(full: int) -> None:
    (port,) = free_ports(1)
    process = subprocess.Popen(
        [*COMMAND, "run"], env=environ(CONNECTOR_ADMIN_PORT=str(port)), stdout=full, stderr=full
    )
    try:
        assert lost(port, process) > 0
        assert lost(port, process) > 0, "and it goes on"
    finally:
        process.kill()
        process.wait()


def test_a_log_that_nobody_reads_holds_up_neither_the_probes_nor_the_end() -> None:
    (port,) = free_ports(1)
    reads, writes = os.pipe()
    os.set_blocking(writes, False)
    with contextlib.suppress(BlockingIOError):
        while os.write(writes, b"x" * 4096):
            pass
    os.set_blocking(writes, True)
    process = subprocess.Popen(
        [*COMMAND, "run"], env=environ(CONNECTOR_ADMIN_PORT=str(port)), stdout=writes, stderr=writes
    )
    try:
        assert next(answers(port, process, "/livez"))
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
        os.close(reads)
        os.close(writes)


def lost(port: int, process: subprocess.Popen[bytes]) -> float:
    """Return what the metric says, once it says more than 0."""
    for text in answers(port, process, "/metrics"):
        for line in text.splitlines():
            if line.startswith("pushwoosh_connector_log_lines_lost_total ") and not line.endswith(" 0.0"):
                return float(line.split()[1])
    raise AssertionError


def answers(port: int, process: subprocess.Popen[bytes], path: str) -> Iterator[str]:
    """Ask again and again, for half a minute, whoever will listen there."""
    deadline = time.monotonic() + 30
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=5, verify=False) as client:  # noqa: S501  # no TLS
        while time.monotonic() < deadline:
            assert process.poll() is None, "it ended"
            with contextlib.suppress(httpx.HTTPError):
                yield client.get(path).text
            time.sleep(0.05)
    raise AssertionError(f"no answer, or none that was waited for, from {path}")


def run(
    *arguments: str, stdout: int = subprocess.PIPE, stderr: int = subprocess.PIPE, env: Mapping[str, str] = {}
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        env=environ(**env),
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.fixture
def sample(tmp_path: Path) -> str:
    file = tmp_path / "sample.jsonl"
    file.write_text('{"hwid": "A1", "tags": {"a": 1}}\n' * 2000)
    return str(file)


BUFFERINGS: dict[str, dict[str, str]] = {"buffered": {}, "unbuffered": {"PYTHONUNBUFFERED": "1"}}
QUICK = ("--version", "--help", "check --sample")
"""What starts soon enough to be tried in both ways each time."""


@pytest.mark.parametrize(
    ("command", "buffering"),
    [
        (command, buffering)
        for command in (*QUICK, "check", "demo")
        for buffering in BUFFERINGS
        if in_full() or command in QUICK or buffering == "buffered"
    ],
)
def test_an_output_without_room_is_a_sentence_and_1(
    full: int, command: str, buffering: str, sample: str
) -> None:
    given = [*command.split(), sample] if command.endswith("--sample") else command.split()
    done = run(*given, stdout=full, env=BUFFERINGS[buffering])
    assert done.stderr.splitlines()[-1:] == ["the output can't be written: No space left on device"]
    assert "Traceback" not in done.stderr
    assert done.returncode == 1


def test_a_reader_that_has_seen_enough_is_no_complaint(sample: str) -> None:
    reads, writes = os.pipe()
    os.close(reads)
    for arguments in (["--version"], ["check", "--sample", sample]):
        done = run(*arguments, stdout=writes)
        assert (done.returncode, done.stderr) == (1, "")
    os.close(writes)


def test_what_can_only_be_said_on_a_full_disk_ends_with_1_too(full: int) -> None:
    wrong = {"CONNECTOR_LOG_LEVEL": "loud"}
    assert run("check", stderr=full, env=wrong).returncode == 1
    assert run("check", stdout=full, stderr=full, env=wrong).returncode == 1


def test_who_has_nothing_to_say_there_is_not_told_about_it(full: int) -> None:
    done = run("check", stdout=full, env={"CONNECTOR_LOG_LEVEL": "loud"})
    assert done.returncode == 2
    assert done.stderr.startswith("a mistake in the configuration:")
    assert "output" not in done.stderr


def test_lost_lines_change_no_exit_code(full: int) -> None:
    code = (
        "import sys; from connector import cli\n"
        "from connector.ops.outlet import Outlet\n"
        "cli.app = lambda: sys.exit(Outlet(sys.stderr).write('a line\\n'))\n"
        "from connector.__main__ import main; main()"
    )
    assert subprocess.run([sys.executable, "-c", code], stderr=full, check=False).returncode == 0


def test_outputs_that_were_closed_at_the_start_are_left_out(sample: str) -> None:
    for closed in ("1>&-", "2>&-"):
        command = f'exec "$0" -m connector check --sample {sample} {closed}'
        done = subprocess.run(["sh", "-c", command, sys.executable], env=environ(), capture_output=True)  # noqa: PLW1510 - its code is looked at
        assert (done.returncode, done.stderr) == (0, b"")


def test_an_error_that_is_not_the_output_s_is_told_as_what_it_is() -> None:
    code = (
        "from connector import cli\n"
        "def app(): raise PermissionError(13, 'not for you')\n"
        "cli.app = app\n"
        "from connector.__main__ import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "PermissionError: [Errno 13] not for you" in done.stderr


def test_a_replay_says_that_it_remembers(full: int) -> None:
    code = (
        "import sys; sys.argv = ['x', 'dead-letters', 'replay', '--yes']\n"
        "from connector import cli; cli.app = lambda: print('1,000 letters sent', flush=True)\n"
        "from connector.__main__ import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], stdout=full, stderr=subprocess.PIPE, text=True, check=False
    )
    assert done.stderr == (
        "the output can't be written: No space left on device; "
        "what was sent is remembered: run the same command again to go on\n"
    )
    assert done.returncode == 1
