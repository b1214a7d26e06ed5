"""The demo's processes: the sandbox and two connectors, each as its users start it."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

Found = TypeVar("Found")

_MISLEADING = re.compile(r"CONNECTOR_|.*_proxy$", re.IGNORECASE).match
"""Variables that would lead a child elsewhere: settings of another connector, and proxies."""
_STARTS_WITHIN = 30.0
"""Seconds: a child answers after one or two, on a busy machine later."""
_HTTP_LIMIT = 5.0
# The shell waits for the end of its standard input, a pipe that the demo holds: when the demo is gone,
# however it went, the child is killed.
_DIE_WITH_THE_DEMO = ("sh", "-c", 'exec 3<&0; (read -r _ <&3; kill -9 $$) & exec "$@" 3<&- </dev/null', "sh")


class DemoError(Exception):
    """Something the demo needs did not happen; the text says what, for people."""


def await_true(condition: Callable[[], Found | None], seconds: float, what: str) -> Found:
    """Ask until the answer is true and return it. Raises `DemoError` after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > deadline:
            raise DemoError(f"{what}: not within {seconds:.0f} s")
        time.sleep(0.05)


def get(port: int, path: str) -> bytes | None:
    """GET from loopback, past any proxy; None where nobody answers or the answer isn't 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_HTTP_LIMIT)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        body = response.read()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    return body if response.status == http.client.OK else None


class Child:
    """One `python -m connector ...`. Its output goes to a file, which is where its port is found."""

    def __init__(self, folder: Path, name: str, arguments: Sequence[str]) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        environ = {key: value for key, value in os.environ.items() if not _MISLEADING(key)}
        with self.log.open("wb") as log:
            # In a session of its own: a Ctrl-C reaches the demo alone, which then ends its children.
            self._process = subprocess.Popen(  # noqa: S603 - our own module, our own arguments
                [*_DIE_WITH_THE_DEMO, sys.executable, "-m", "connector", *arguments],
                env=environ,
                cwd=folder,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.pid = self._process.pid
        self.port = 0
        """Where it listens; 0 until that is known."""

    def await_start(self) -> None:
        """Wait until it says where it listens."""
        self.port = await_true(self._announced, _STARTS_WITHIN, f"the {self.name} listens")

    def _announced(self) -> int | None:
        if self._process.poll() is not None:
            raise DemoError(f"the {self.name} ended with {self._process.returncode}:\n{self.tail()}")
        for line in self.log.read_text(errors="replace").splitlines():
            if line.startswith("sandbox listens on "):
                return int(line.rsplit(":", 1)[1])
            if '"started"' in line:
                return int(json.loads(line)["admin_port"])
        return None

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def tail(self, lines: int = 15) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def kill(self) -> None:
        """SIGKILL: no last words, no clean-up."""
        self._process.kill()
        self._process.wait()
        self._forget()

    def stop(self, seconds: float = 20.0) -> int:
        """SIGTERM; return the exit code. Raises `DemoError` if it doesn't end."""
        self._process.send_signal(signal.SIGTERM)
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise DemoError(f"the {self.name} does not stop:\n{self.tail()}") from None
        self._forget()
        return code

    def _forget(self) -> None:
        """End what is left of its session, once: the shell that watches over it."""
        if self._process.stdin is None or self._process.stdin.closed:
            return  # by now its number may be another's
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.stdin.close()


class Api(Child):
    """The double of the Audience API."""

    def __init__(self, folder: Path, faults: Mapping[str, Any]) -> None:
        super().__init__(folder, "sandbox", ["sandbox", "--port", "0", "--faults", json.dumps(faults)])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def stats(self) -> dict[str, Any]:
        """Return what it received and did: `connector.sandbox.stats.Stats`."""
        return dict(json.loads(self._get("/sandbox/stats")))

    def tags(self) -> dict[str, dict[str, Any]]:
        """Return every device's tags, by hwid."""
        devices = (json.loads(line) for line in self._get("/sandbox/devices").splitlines())
        return {device["hwid"]: device.get("tags", {}) for device in devices}

    def _get(self, path: str) -> bytes:
        body = get(self.port, path)
        if body is None:
            raise DemoError(f"the sandbox does not answer {path}:\n{self.tail()}")
        return body


class Instance(Child):
    """One `pushwoosh-connector run`."""

    def __init__(self, folder: Path, name: str, config: Path) -> None:
        super().__init__(folder, name, ["run", "--config", str(config)])

    def status(self) -> dict[str, Any]:
        """Return `/status.json`; empty while it doesn't answer."""
        body = get(self.port, "/status.json") if self.port else None
        return {} if body is None else dict(json.loads(body))

    def count(self, metric: str, **labels: str) -> int:
        """Return the sum of a counter's samples that have these labels."""
        total = 0.0
        for line in (get(self.port, "/metrics") or b"").decode().splitlines():
            if line.startswith(f"pushwoosh_connector_{metric}") and all(
                f'{name}="{value}"' in line for name, value in labels.items()
            ):
                total += float(line.rsplit(" ", 1)[1])
        return int(total)
