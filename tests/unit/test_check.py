"""`check`: what the API's and Kafka's answers mean, a line each."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from connector.check import api, findings
from connector.finding import Finding, Grade
from connector.kafka.cluster_check import ClusterCheck
from connector.sandbox.audience import Options
from connector.sandbox.server import SandboxServer
from tests.settings import with_environment

_NOBODY = "127.0.0.1:1"
PATIENCE = 0.1
"""Seconds that a silent partner is waited for."""


class Api(HTTPServer):
    """Answers every request alike and remembers what it was sent."""

    def __init__(self, status: int, body: object) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = status
        self.body = json.dumps(body).encode()
        self.asked: list[tuple[str, object]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Api

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append((self.path, json.loads(body)))
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, *_: object) -> None:
        """Not into the test's output."""


@contextlib.contextmanager
def answering(status: int, body: object) -> Iterator[Api]:
    server = Api(status, body)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def asked(patience: float = 5.0, **environment: str) -> Finding:
    """Ask the API alone."""
    return asyncio.run(api(with_environment(**environment), patience, code="AAAAA-BBBBB"))


def checked(**environment: str) -> list[Finding]:
    settings = with_environment(CONNECTOR_KAFKA_BOOTSTRAP_SERVERS=_NOBODY, **environment)
    return list(findings(settings, patience=PATIENCE))


@pytest.mark.parametrize(
    ("status", "body", "outcome", "says"),
    [
        (200, {"request_id": "r", "status": "Pending"}, Grade.OK, "takes requests"),
        (400, {"message": "invalid request"}, Grade.WARNING, "unproven"),
        (401, {"message": "unauthorized"}, Grade.PROBLEM, "pushwoosh.token"),
        (403, {"message": "forbidden"}, Grade.PROBLEM, "pushwoosh.token"),
        (400, {"message": "application not found"}, Grade.PROBLEM, "pushwoosh.application"),
        (404, {"message": "no such page"}, Grade.PROBLEM, "pushwoosh.url"),
        (503, {}, Grade.PROBLEM, "try later"),
    ],
)
def test_what_the_api_says_to_an_empty_request_is_the_finding(
    status: int, body: object, outcome: Grade, says: str
) -> None:
    with answering(status, body) as server:
        found = asked(CONNECTOR_PUSHWOOSH_URL=server.url)

    assert found.grade is outcome
    assert says in f"{found.result} {found.mend}"


def test_the_way_to_the_api_by_a_proxy_is_part_of_the_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_PROXY", "no_proxy", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    with answering(200, {"request_id": "r", "status": "Pending"}) as proxy:
        place = proxy.url.removeprefix("http://")
        monkeypatch.setenv("HTTP_PROXY", f"http://user:secret@{place}")
        found = asked(CONNECTOR_PUSHWOOSH_URL="http://api.test")

    assert found.what == f"API http://api.test, by the proxy {place} (HTTP_PROXY)"
    assert found.grade is Grade.OK


@pytest.mark.parametrize(
    ("status", "message", "says"),
    [
        (401, "unauthorized", "check the token of [applications.CCCCC-DDDDD]"),
        (400, "application not found", "check the code in [applications.CCCCC-DDDDD]"),
        (404, "no such page", "check pushwoosh.url"),
    ],
)
def test_what_is_wrong_with_another_application_names_its_own_settings(
    status: int, message: str, says: str
) -> None:
    with answering(status, {"message": message}) as server:
        settings = with_environment(
            CONNECTOR_PUSHWOOSH_URL=server.url, CONNECTOR_APPLICATIONS_CCCCC_DDDDD_TOKEN="another"
        )
        found = asyncio.run(api(settings, 5.0, code="CCCCC-DDDDD"))

    assert found.what.endswith("application CCCCC-DDDDD")
    assert found.mend.startswith(says)


def test_the_api_is_asked_once_about_no_device() -> None:
    with answering(400, {"message": "invalid request"}) as server:
        asked(CONNECTOR_PUSHWOOSH_URL=server.url)

    [(path, body)] = server.asked
    assert path == "/api/v2/audience/bulkSetTags"
    assert body == {
        "application": "AAAAA-BBBBB",
        "auth": "hush-token",
        "create_missing_tags": False,
        "devices": [],
    }


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (Options(token="another"), "check pushwoosh.token"),
        (Options(applications={"BBBBB-BBBBB": None}), "check pushwoosh.application"),
    ],
)
async def test_the_sandbox_tells_what_is_wrong_with_token_and_application(
    options: Options, says: str
) -> None:
    async with SandboxServer(options=options) as sandbox:
        found = await api(with_environment(CONNECTOR_PUSHWOOSH_URL=sandbox.url), 5.0, code="AAAAA-BBBBB")

    assert found.grade is Grade.PROBLEM
    assert found.mend.startswith(says)


def test_an_api_that_nobody_answers_for_is_a_problem() -> None:
    found = asked(CONNECTOR_PUSHWOOSH_URL=f"http://{_NOBODY}")

    assert found.grade is Grade.PROBLEM
    assert "pushwoosh.url" in found.mend


def test_without_brokers_the_api_is_looked_at_all_the_same() -> None:
    with answering(400, {"message": "invalid request"}) as server:
        found = checked(CONNECTOR_PUSHWOOSH_URL=server.url)

    assert [one.what.split()[0] for one in found] == ["configuration", "brokers", "API"]
    assert found[1].grade is Grade.PROBLEM
    assert "kafka.bootstrap_servers" in found[1].mend


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "holds no token: the file is empty"),
        (b"hush\nhush", "holds no token: there are 2 lines in it: a token is one"),
        (b"\xff", "holds no token: what is in it is no text: it is not UTF-8"),
    ],
)
def test_a_token_file_that_holds_no_token_any_more_is_a_problem(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes, says: str
) -> None:
    monkeypatch.setattr(ClusterCheck, "findings", lambda _: iter(()))  # looking for brokers takes 0.2 s
    file = tmp_path / "token"
    file.write_text("hush")
    settings = with_environment(
        CONNECTOR_KAFKA_BOOTSTRAP_SERVERS=_NOBODY,
        CONNECTOR_PUSHWOOSH_URL=f"http://{_NOBODY}",
        CONNECTOR_PUSHWOOSH_TOKEN="",
        CONNECTOR_PUSHWOOSH_TOKEN_FILE=str(file),
    )
    found = {one.what: one for one in findings(settings, patience=PATIENCE)}
    assert found[f"token file {file}"].grade is Grade.OK
    file.write_bytes(content)
    found = {one.what: one for one in findings(settings, patience=PATIENCE)}

    assert found[f"token file {file}"].grade is Grade.PROBLEM
    assert found[f"token file {file}"].result == says


def test_no_finding_shows_a_secret() -> None:
    with answering(401, {"message": "the token hush-token is unknown"}) as server:
        found = asked(CONNECTOR_PUSHWOOSH_URL=server.url)

    assert "hush" not in str(found)


def test_a_host_that_has_no_address_is_named() -> None:
    settings = with_environment(
        CONNECTOR_KAFKA_BOOTSTRAP_SERVERS="no.such.host.invalid:9092",
        CONNECTOR_PUSHWOOSH_URL=f"http://{_NOBODY}",
    )
    brokers = list(findings(settings, patience=PATIENCE))[1]

    assert brokers.grade is Grade.PROBLEM
    assert "no.such.host.invalid" in brokers.result


async def test_a_silent_api_does_not_hang_it() -> None:
    async def hold(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            await _reader.read()
        writer.close()

    server = await asyncio.start_server(hold, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    found = await asyncio.to_thread(asked, PATIENCE, CONNECTOR_PUSHWOOSH_URL=f"http://127.0.0.1:{port}")
    server.close()

    assert found.grade is Grade.PROBLEM
    assert f"{PATIENCE:g} s" in found.result
