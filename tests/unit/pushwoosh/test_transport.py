"""How requests get to the API: TLS, proxies, HTTP/2, and the last moment to hold one back."""

import asyncio
import shutil
import ssl
import subprocess
from pathlib import Path
from typing import Any

import pytest

from connector.answers import Accepted, JobReport, PostAnswer, Unavailable, Unsent
from connector.model import Endpoint
from connector.pushwoosh import transport as transport_module
from connector.pushwoosh.client import AudienceClient
from connector.pushwoosh.transport import transport_to
from tests.unit.pushwoosh.tiny_server import QUICK, Make, Seen, Server, answering, reply


def certificate(folder: Path) -> tuple[Path, ssl.SSLContext]:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl to make a certificate with")
    key, cert = folder / "key.pem", folder / "cert.pem"
    request = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    extension = "subjectAltName=DNS:localhost"
    subprocess.run(
        [openssl, *request.split(), "-addext", extension, "-keyout", str(key), "-out", str(cert)],
        check=True,
        capture_output=True,
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(cert, key)
    return cert, context


async def test_certificates_are_checked_against_the_authorities_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cert, context = certificate(tmp_path)
    async with Server(answering(reply()), tls=context) as server:
        url = f"https://localhost:{server.port}"
        async with AudienceClient(url, limits=QUICK) as client:
            answer = await client.post(Endpoint.TAGS, b"{}")
            assert isinstance(answer, Unavailable)
            assert not answer.maybe_accepted
            assert "certificate" in answer.message.lower()
        monkeypatch.setenv("SSL_CERT_FILE", str(cert))
        async with AudienceClient(url, limits=QUICK) as client:
            assert await client.post(Endpoint.TAGS, b"{}") == Accepted("r-1")
            assert await client.post(Endpoint.TAGS, b"{}") == Accepted("r-1")
    assert len(server.requests) == 2


async def test_requests_go_through_the_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Server(answering(reply())) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        async with AudienceClient("http://api.test", limits=QUICK) as client:
            assert await client.post(Endpoint.TAGS, b"{}") == Accepted("r-1")
    assert proxy.requests[0].line == "POST http://api.test/api/v2/audience/bulkSetTags HTTP/1.1"


async def test_what_may_not_go_any_more_does_not_reach_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([True, False])
    async with Server(answering(reply())) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        async with AudienceClient("http://api.test", limits=QUICK) as client:
            answer = await client.post(Endpoint.TAGS, b"{}", may_go=lambda: next(answers))
            assert isinstance(answer, Unsent)
            assert proxy.connections == 1
            assert proxy.requests == []


def test_http_2_is_left_to_httpx(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[dict[str, Any]] = []
    monkeypatch.setattr(transport_module, "HttpxTransport", lambda **options: made.append(options))
    transport_to("https://api.test", None, http2=True, connections=3)
    assert made[0]["http2"] is True
    assert made[0]["limits"].max_connections == 3


async def test_an_address_that_is_no_url_is_unavailable_and_nothing_was_sent() -> None:
    async with AudienceClient("gopher://api.test", limits=QUICK) as client:
        answer = await client.post(Endpoint.TAGS, b"{}")
    assert isinstance(answer, Unavailable)
    assert not answer.maybe_accepted


async def test_to_connect_takes_its_time_and_after_it_a_request_may_be_late(connect: Make) -> None:
    asked: list[bool] = []
    seen: Seen = []

    def may_go() -> bool:
        """Say yes before there is a connection, and no once it is there."""
        asked.append(server.connections == 0)
        return len(asked) == 1

    async with Server(answering(reply())) as server:
        client = connect(server, seen=seen)
        assert isinstance(await client.post(Endpoint.TAGS, b"1", may_go=may_go), Unsent)
        assert len(asked) == 2
        assert server.requests == []
        assert await client.post(Endpoint.TAGS, b"2", may_go=lambda: True) == Accepted("r-1")
        assert isinstance(await client.poll(Endpoint.TAGS, "r", detailed=False), Unavailable | JobReport)
    assert [code for _, _, code in seen] == [200, 200], "what was not sent is no request"


async def test_a_connection_over_which_a_request_may_not_go_is_kept() -> None:
    answers = iter([True, False])
    async with Server(answering(reply())) as server, AudienceClient(server.url, limits=QUICK) as client:
        assert isinstance(await client.post(Endpoint.TAGS, b"1", may_go=lambda: next(answers)), Unsent)
        assert await client.post(Endpoint.TAGS, b"2", may_go=lambda: True) == Accepted("r-1")
        assert server.connections == 1


async def test_each_of_several_requests_at_once_asks_its_own_question(connect: Make) -> None:
    """Whether or not a connection is there already, and though they share all else."""
    async with Server(answering(reply())) as server:
        client = connect(server)
        for _ in range(2):
            calls = [_asking_twice(client, late=number % 2 == 1) for number in range(6)]
            assert [type(each) for each in await asyncio.gather(*calls)] == [Accepted, Unsent] * 3
    assert len(server.requests) == 6


async def _asking_twice(client: AudienceClient, *, late: bool) -> PostAnswer:
    answers = iter([True, not late])
    return await client.post(Endpoint.TAGS, b"{}", may_go=lambda: next(answers))


async def test_a_reply_with_a_long_header_is_read(connect: Make) -> None:
    async with Server(answering(reply(headers=f"X-Trace: {'x' * 60_000}\r\n"))) as server:
        assert await connect(server).post(Endpoint.TAGS, b"{}") == Accepted("r-1")


async def test_a_large_body_arrives_whole_and_unchunked(connect: Make) -> None:
    body = bytes(range(256)) * 10_000
    async with Server(answering(reply())) as server:
        assert await connect(server).post(Endpoint.TAGS, body) == Accepted("r-1")
    assert server.requests[0].body == body
    assert "transfer-encoding" not in server.requests[0].headers
