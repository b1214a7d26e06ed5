"""Commands as processes of their own, and Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

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


def test_a_stop_that_comes_while_it_starts_is_a_clean_one() -> None:
    code = "import sys, os, signal; sys.argv = ['connector', 'run']; import connector.__main__ as program"
    early = "program._have_outputs = lambda: None; sys.meta_path.insert(0, Stop()); program.main()"
    stop = (
        "class Stop:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        name == 'connector.cli' and os.kill(os.getpid(), signal.SIGTERM)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{stop}\n{early}"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
