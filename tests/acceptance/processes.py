"""The sandbox and the connector as processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx

from tests.broker import free_ports

PYTHON = [sys.executable, "-m", "connector"]


def wait_for(condition: Callable[[], Any], seconds: float = 60.0, what: str = "the condition") -> Any:
    """Ask until it holds; fail after `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError(f"{what} did not come true in {seconds:.0f} s")


class Api:
    """The sandbox in a process of its own."""

    def __init__(
        self, folder: Path, *options: str, faults: Mapping[str, Any] | None = None, port: int = 0
    ) -> None:
        self._log = folder / "sandbox.log"
        self.port = port or free_ports(1)[0]
        self._command = [*PYTHON, "sandbox", "--port", str(self.port), *options]
        if faults is not None:
            self._command += ["--faults", json.dumps(faults)]
        self.url = f"http://127.0.0.1:{self.port}"
        self._http = httpx.Client(base_url=self.url, timeout=30)
        self.start()

    def start(self) -> None:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)
        wait_for(self._answers, 20, "the sandbox")

    def _answers(self) -> bool:
        try:
            return self._http.get("/sandbox/stats").status_code == 200
        except httpx.HTTPError:
            return False

    def faults(self, **changes: Any) -> None:
        """Change some faults; None removes one."""
        self._http.patch("/sandbox/faults", json=changes).raise_for_status()

    def stats(self) -> dict[str, Any]:
        return dict(self._http.get("/sandbox/stats").raise_for_status().json())

    def tags(self, application: str = "") -> dict[str, dict[str, Any]]:
        """Every known device's tags, by hwid, or by what else it is known; of one application or of all."""
        lines = self._http.get("/sandbox/devices").raise_for_status().text.splitlines()
        devices = [json.loads(line) for line in lines]
        return {
            each.get("hwid") or each.get("user_id") or each["push_token"]: each.get("tags", {})
            for each in devices
            if application in ("", each["application"])
        }

    def stop(self) -> None:
        self._http.close()
        self._process.kill()
        self._process.wait()


class Connector:
    """`pushwoosh-connector run` in a process of its own."""

    def __init__(
        self, folder: Path, name: str, settings: Mapping[str, str], *arguments: str, port: int = 0
    ) -> None:
        self.log = folder / f"{name}.log"
        self.port = port or free_ports(1)[0]
        environ = {key: value for key, value in os.environ.items() if not key.startswith("CONNECTOR_")}
        environ |= {"CONNECTOR_ADMIN_HOST": "127.0.0.1", "CONNECTOR_ADMIN_PORT": str(self.port)}
        environ |= {f"CONNECTOR_{key.upper().replace('.', '_')}": value for key, value in settings.items()}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen([*PYTHON, "run", *arguments], env=environ, stdout=log, stderr=log)

    def get(self, path: str) -> httpx.Response | None:
        """GET from the admin endpoints; None while nothing answers."""
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}{path}", timeout=5)
        except httpx.HTTPError:
            return None

    def status(self) -> dict[str, Any]:
        answer = self.get("/status.json")
        return answer.json() if answer is not None and answer.status_code == 200 else {}

    def ready(self) -> bool:
        answer = self.get("/readyz")
        return answer is not None and answer.status_code == 200

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric's samples with these labels; 0 where there is none."""
        answer = self.get("/metrics")
        start = f"pushwoosh_connector_{name}"
        wanted = [f'{key}="{value}"' for key, value in labels.items()]
        total = 0.0
        for line in answer.text.splitlines() if answer is not None else []:
            is_it = line.startswith((start + "{", start + " "))
            if is_it and all(each in line for each in wanted):
                total += float(line.rsplit(" ", 1)[1])
        return total

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()
        self.process.wait()

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def terminate(self, seconds: float = 60) -> int:
        """SIGTERM; return the exit code."""
        self.signal(signal.SIGTERM)
        return self.wait(seconds)

    def wait(self, seconds: float = 120) -> int:
        """Return the exit code once it has ended by itself."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {seconds:.0f} s:\n{self.tail()}") from None

    def tail(self, lines: int = 30) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def lines(self, event: str) -> list[dict[str, Any]]:
        """Every log line of this event, as its fields."""
        found = (line for line in self.log.read_text(errors="replace").splitlines() if line.startswith("{"))
        return [fields for fields in map(json.loads, found) if fields["event"] == event]
