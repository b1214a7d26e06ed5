"""A real schema registry for the tests: Apicurio, resolved by Maven, in memory, started and killed here.

It dies with the process that started it, also when that one is killed by SIGKILL.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

from tests.broker import _DIE_WITH_PARENT, BrokerUnavailableError, free_ports, java

_POM = Path(__file__).parent / "pom.xml"
_START_LIMIT = 60.0
"""Seconds: it is up after 5, on a machine that is busy after 20."""


def unpacked() -> Path:
    """Folder with the registry; resolved once per machine, safe against other test runs."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pushwoosh-connector-tests"
    cache.mkdir(parents=True, exist_ok=True)
    folder = cache / "apicurio-2.6.13"
    with (cache / "apicurio-2.6.13.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            shutil.rmtree(folder, ignore_errors=True)
            _resolve(folder)
            (folder / "complete").touch()
    return folder


def _resolve(folder: Path) -> None:
    if shutil.which("mvn") is None:
        raise BrokerUnavailableError("no Maven: install it for the tests with a schema registry")
    command = ["mvn", "-q", "-B", "-f", str(_POM), "dependency:unpack-dependencies"]
    # Maven's own note of what it has unpacked belongs to the folder: without the one the other is of no use.
    folders = [f"-DoutputDirectory={folder}", f"-DmarkersDirectory={folder}/markers"]
    done = subprocess.run([*command, *folders], capture_output=True, text=True, check=False, timeout=600)
    if done.returncode != 0:
        raise BrokerUnavailableError(f"Maven could not get Apicurio: {(done.stdout + done.stderr)[-2000:]}")


class Apicurio:
    """One registry. After `stop`, `start` brings it back on its port, with nothing registered."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        (self._port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{self._port}/apis/ccompat/v7"
        self.log = directory / "registry.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Return when it answers."""
        (jar,) = unpacked().glob("*-runner.jar")
        options = ["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
        self.directory.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                ["sh", "-c", _DIE_WITH_PARENT, "sh", java(), *options, "-jar", str(jar)],
                cwd=self.directory,
                env={**os.environ, "QUARKUS_HTTP_HOST": "127.0.0.1", "QUARKUS_HTTP_PORT": str(self._port)},
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        atexit.register(self.stop)
        deadline = time.monotonic() + _START_LIMIT
        while time.monotonic() < deadline and self._process.poll() is None:
            with (
                contextlib.suppress(OSError, urllib.error.URLError),
                urllib.request.urlopen(f"{self.url}/subjects", timeout=1),  # noqa: S310 -- our own address
            ):
                return
            time.sleep(0.1)
        self.stop()
        raise RuntimeError(f"the registry did not start: {self.log.read_text(errors='replace')[-3000:]}")

    def freeze(self) -> None:
        """SIGSTOP: connections are taken, nothing is answered."""
        if self._process is not None:
            os.kill(self._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        if self._process is not None:
            os.kill(self._process.pid, signal.SIGCONT)

    def stop(self) -> None:
        """SIGKILL."""
        process, self._process = self._process, None
        if process is None:
            return
        atexit.unregister(self.stop)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if process.stdin is not None:
            process.stdin.close()
