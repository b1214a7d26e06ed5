"""`pushwoosh-connector demo` as a user starts it: it agrees, and a Ctrl-C leaves nothing behind."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.processes import wait_for

_DEMO = [sys.executable, "-m", "connector", "demo"]
_PROC = Path("/proc")

pytestmark = pytest.mark.skipif(not _PROC.exists(), reason="looks for processes in /proc")


def _with_variable(name: str) -> list[int]:
    """Process ids of all that carry this variable in their environment."""
    found = []
    for entry in _PROC.iterdir():
        try:
            environ = (entry / "environ").read_bytes() if entry.name.isdigit() else b""
        except OSError:
            continue
        if name.encode() in environ:
            found.append(int(entry.name))
    return found


def test_the_demo_agrees_without_a_terminal() -> None:
    done = subprocess.run(_DEMO, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert lines[-1] == "Everything agrees."
    assert any(line.startswith("kill -9 ") for line in lines)
    assert sum(line.startswith("agrees") for line in lines) == 6
    assert not [line for line in lines if line.startswith("WRONG")]
    assert "\x1b" not in done.stdout
    jobs = next(line for line in lines if line.startswith("Jobs in the checkpoints"))
    left, adopted = re.findall(r"\d+", jobs)
    assert 0 < int(left) == int(adopted)


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_demo_leaves_no_process_and_no_file(sign: signal.Signals, tmp_path: Path) -> None:
    mark = f"DEMO_UNDER_TEST={os.getpid()}-{sign.name}"
    name, value = mark.split("=")
    environ = {**os.environ, name: value, "TMPDIR": str(tmp_path)}
    main, terminal = pty.openpty()  # a live view is on, which must be taken down too
    # A session of its own, so that the signal reaches nobody else here.
    demo = subprocess.Popen(
        _DEMO, env=environ, stdin=terminal, stdout=terminal, stderr=terminal, start_new_session=True
    )
    os.close(terminal)
    try:
        # The demo, the sandbox, a connector.
        wait_for(lambda: len(_with_variable(mark)) >= 3, 30, "the start of the demo's processes")
        assert [*tmp_path.iterdir()]
        demo.send_signal(sign)
        killed = sign == signal.SIGKILL
        assert demo.wait(20) == (-sign if killed else 128 + sign)
        if killed:  # its children notice that soon, and nobody is left to remove its folder
            wait_for(lambda: not _with_variable(mark), 10, "the end of its children")
        assert not _with_variable(mark)
        assert killed or not [*tmp_path.iterdir()]
    finally:
        os.close(main)
        for process in _with_variable(mark):
            os.kill(process, signal.SIGKILL)
        demo.wait()
