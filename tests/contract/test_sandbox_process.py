"""The double as a process of its own: it says where it listens, serves, and leaves at a signal."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from connector.sandbox.process import load_schema, run_sandbox


@contextmanager
def sandbox(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process that calls `run_sandbox` with these arguments; gives it and its URL."""
    script = f"from connector.sandbox.process import run_sandbox; run_sandbox({', '.join(arguments)})"
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            listens = re.search(r"http://\S+", process.stdout.readline())
            assert listens is not None
            yield process, listens[0]
        finally:
            process.kill()


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_a_signal_and_leaves_cleanly(sent: signal.Signals) -> None:
    with sandbox() as (process, url):
        assert httpx.get(f"{url}/sandbox/stats").json()["posts"] == 0
        process.send_signal(sent)
        assert process.wait(timeout=10) == 0


def test_its_options_reach_the_double(tmp_path: Path) -> None:
    schema = tmp_path / "schema.json"
    schema.write_text('{"plan": "string"}')
    faults = tmp_path / "faults.toml"
    faults.write_text('[latency]\nseconds = 9\n[[device_failed]]\nprefix = "bad-"\n')
    arguments = f"faults={str(faults)!r}, latency=0.5, distribution='uniform', capacity=3, token='T'"
    with sandbox(f"schema=__import__('pathlib').Path({str(schema)!r}), {arguments}") as (_, url):
        assert httpx.get(f"{url}/sandbox/faults").json() == {
            "latency": {"seconds": 0.5, "distribution": "uniform"},
            "capacity": 3,
            "device_failed": [{"prefix": "bad-"}],
        }
        devices = [{"hwid": "A1", "list_operator": "set", "tags": {"plan": 5}}]
        body = {"application": "APP", "auth": "T", "devices": devices}
        endpoint = f"{url}/api/v2/audience/bulkSetTags"
        assert httpx.post(endpoint, json={**body, "auth": "other"}).status_code == 401
        httpx.patch(f"{url}/sandbox/faults", json={"latency": None})
        request_id = httpx.post(endpoint, json=body).json()["request_id"]
        (row,) = httpx.get(f"{endpoint}/{request_id}?detailed=true").json()["devices"]
        assert row["tags"] == {"plan": "wrong value. expect :string"}


def test_a_port_that_is_taken_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        call = f"run_sandbox(port={taken.getsockname()[1]})"
        script = f"from connector.sandbox.process import run_sandbox; {call}"
        ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "address already in use" in ended.stderr.lower()


def test_wrong_faults_are_an_error_before_anything_listens() -> None:
    with pytest.raises(ValueError, match="nothing"):
        run_sandbox(faults='{"nothing": []}')


def test_a_schema_that_is_none_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "schema.toml"
    path.write_text("plan = 5\n")
    with pytest.raises(ValueError, match="Expected `str`"):
        load_schema(path)
