"""Commands whose standard output or standard error can't be written, as processes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.broker import free_ports
from tests.settings import ENOUGH

pytestmark = pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")

COMMAND = [sys.executable, "-m", "connector"]
NOWHERE = {"CONNECTOR_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1", "CONNECTOR_ADMIN_HOST": "127.0.0.1"}


def environ(**more: str) -> dict[str, str]:
    return {**os.environ, **ENOUGH, **NOWHERE, **more}


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
        time.sleep(0.5)
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()


def lost(port: int, process: subprocess.Popen[bytes]) -> float:
    """Return what the metric says, once it says more than 0."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        assert process.poll() is None, "it ended"
        try:
            text = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=5).text
        except httpx.HTTPError:
            text = ""
        for line in text.splitlines():
            if line.startswith("pushwoosh_connector_log_lines_lost_total ") and not line.endswith(" 0.0"):
                return float(line.split()[1])
        time.sleep(0.05)
    raise AssertionError("no line was counted as lost")
