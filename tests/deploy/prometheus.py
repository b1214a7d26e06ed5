"""A real Prometheus that scrapes connectors each second, with our rules, whose patience is cut down."""

from __future__ import annotations

import math
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.acceptance.processes import wait_for
from tests.broker import free_ports

BINARY = shutil.which("prometheus")
RULES = Path(__file__).parents[2] / "deploy/prometheus/rules.yaml"
PATIENCE = 2
"""Seconds that a condition lasts before its alert fires, in place of minutes."""


class Prometheus:
    """The server's HTTP interface."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url, timeout=30)

    def ready(self) -> bool:
        try:
            return self._http.get("/-/ready").status_code == 200
        except httpx.HTTPError:
            return False

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Every sample of an instant query; fails where Prometheus doesn't understand it."""
        answer = self._http.get("/api/v1/query", params={"query": expression}).json()
        assert answer["status"] == "success", f"{expression}: {answer.get('error')}"
        data = answer["data"]
        return [{"value": data["result"]}] if data["resultType"] == "scalar" else list(data["result"])

    def numbers(self, expression: str) -> list[float]:
        """The values of an instant query that are numbers."""
        values = [float(each["value"][1]) for each in self.query(expression)]
        return [value for value in values if not math.isnan(value)]

    def firing(self) -> list[str]:
        """Names of the alerts that fire, without the prefix that they share."""
        alerts = self._http.get("/api/v1/alerts").json()["data"]["alerts"]
        names = [each["labels"]["alertname"] for each in alerts if each["state"] == "firing"]
        return sorted(name.removeprefix("PushwooshConnector") for name in names)

    def close(self) -> None:
        self._http.close()


def impatient(rules: str) -> str:
    """Cut down how long a condition must last; the conditions stay."""
    return re.sub(r"(?m)^(\s+for:) \w+$", rf"\1 {PATIENCE}s", rules)


@contextmanager
def prometheus(folder: Path, targets: Sequence[int]) -> Iterator[Prometheus]:
    """Run the server until the end of the block; `targets` are ports on this machine."""
    (folder / "rules.yaml").write_text(impatient(RULES.read_text()))
    (port,) = free_ports(1)
    config = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "rule_files": ["rules.yaml"],
        "scrape_configs": [
            {
                "job_name": "pushwoosh-connector",
                "static_configs": [{"targets": [f"127.0.0.1:{port}" for port in targets]}],
            },
            # As everywhere, it scrapes others, too: itself, a process with metrics of the same names.
            {"job_name": "another", "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]},
        ],
    }
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(config))
    command = [
        str(BINARY),
        f"--config.file={folder / 'prometheus.yaml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=warn",
    ]
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    server = Prometheus(f"http://127.0.0.1:{port}")
    try:
        wait_for(server.ready, 30, "Prometheus")
        yield server
    finally:
        server.close()
        process.terminate()
        process.wait(30)
