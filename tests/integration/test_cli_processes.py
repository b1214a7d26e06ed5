"""Commands as processes of their own: how they are found, what they answer, and Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from connector import __version__
from tests.acceptance.processes import wait_for
from tests.settings import ENOUGH


def test_ctrl_c_is_no_traceback() -> None:
    """While it waits for a broker that isn't there: only then has it begun."""
    process = subprocess.Popen(
        [sys.executable, "-m", "connector", "check"],
        env={**os.environ, **ENOUGH, "CONNECTOR_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    first = process.stdout.readline()  # the configuration is valid: now it looks for the broker
    assert first.startswith("ok")
    # librdkafka's own threads: an interrupt while its client is being made in C comes out as another error.
    wait_for(lambda: len(os.listdir(f"/proc/{process.pid}/task")) > 2, 30, "the client")  # noqa: PTH208
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)

    assert process.returncode == 130, errors
    assert "Traceback" not in errors


def test_the_sandbox_says_where_it_listens_and_ctrl_c_ends_it_in_order() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "connector", "sandbox", "--port", "0", "--latency", "10ms"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)

    assert line.startswith("sandbox listens on http://127.0.0.1:")
    assert (process.returncode, errors) == (0, "")


@pytest.mark.parametrize("where", ["kill()", "some = Some(); ref = weakref.ref(some, kill); del some"])
@pytest.mark.parametrize("number", ["SIGTERM", "SIGINT"])
def test_a_stop_that_comes_while_it_starts_is_a_clean_one_even_where_exceptions_are_swallowed(
    where: str, number: str
) -> None:
    done = _signalled_while_it_starts(number, where)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_hangup_that_comes_while_it_starts_does_nothing() -> None:
    done = _signalled_while_it_starts("SIGHUP", "kill()")
    assert done.returncode == 2  # it goes on, and finds no configuration
    assert "kafka.bootstrap_servers" in done.stderr


def _signalled_while_it_starts(number: str, where: str) -> subprocess.CompletedProcess[str]:
    code = "import sys, os, signal, weakref; import connector.__main__ as program; sys.argv = ['x', 'run']"
    early = "program._have_outputs = lambda: None; sys.meta_path.insert(0, Stop()); program.main()"
    stop = (
        "class Stop:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'connector.cli':\n"
        f"            {where}\n"
        "class Some: pass\n"
        f"def kill(*_): os.kill(os.getpid(), signal.{number})\n"
    )
    return subprocess.run(
        [sys.executable, "-c", f"{code}\n{stop}\n{early}"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["run", "--help"]])
def test_the_command_line_answers(arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "connector", *arguments], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == __version__ if arguments == ["--version"] else "Usage" in done.stdout


def test_a_decoder_in_the_current_directory_is_found_by_the_console_script_and_by_the_module(
    tmp_path: Path,
) -> None:
    (tmp_path / "bin").mkdir()
    script = tmp_path / "bin" / "pushwoosh-connector"  # as pip writes it
    script.write_text("from connector.__main__ import main\nmain()\n")
    (tmp_path / "mine.py").write_text(
        "from connector import TagsUpdate\n\n\n"
        "def read(record):\n    return TagsUpdate(hwid='A', tags={'a': 1})\n"
    )
    (tmp_path / "record").write_text("anything")
    told = {
        "CONNECTOR_KAFKA_BOOTSTRAP_SERVERS": "localhost:9092",
        "CONNECTOR_KAFKA_TAGS_TOPICS": "t",
        "CONNECTOR_KAFKA_DEAD_LETTER_TOPIC": "d",
        "CONNECTOR_KAFKA_DECODER": "mine:read",
        "CONNECTOR_PUSHWOOSH_APPLICATION": "A",
        "CONNECTOR_PUSHWOOSH_TOKEN": "token",
    }
    for way in ([str(script)], ["-m", "connector"]):
        done = subprocess.run(
            [sys.executable, *way, "check", "--sample", "record"],
            cwd=tmp_path,
            env={**os.environ, **told},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert "hwid" in done.stdout
