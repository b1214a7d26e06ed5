"""The client against a tiny server that does to its sockets whatever a test wants, over both transports."""

import asyncio
import gzip
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path
from typing import Any, Self

import httpx
import pytest

from connector.model import Accepted, Denied, Endpoint, JobReport, JobState, Unavailable, Unsent
from connector.pushwoosh import client as client_module
from connector.pushwoosh.client import AudienceClient, Limits
from connector.pushwoosh.transport import DirectTransport, proxy_for, transport_to

ACCEPTED = b'{"request_id":"r-1","status":"Pending"}'
REPORT = b'{"request_id":"r-1","status":"Completed","devices":[{"hwid":"A","status":"done"}]}'


@dataclass
class Request:
    """What arrived."""

    line: str
    headers: dict[str, str]
    body: bytes


Behaviour = Callable[[Request, asyncio.StreamWriter], Awaitable[None]]


def reply(
    body: bytes = ACCEPTED, status: str = "200 OK", *, headers: str = "", claim: int | None = None
) -> bytes:
    """Write a reply; `claim` is a Content-Length that isn't true."""
    length = len(body) if claim is None else claim
    return f"HTTP/1.1 {status}\r\nContent-Length: {length}\r\n{headers}\r\n".encode() + body


def answering(*replies: bytes) -> Behaviour:
    """Answer with each of the replies in turn, the last one for ever."""
    left = list(replies)

    async def behave(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(left.pop(0) if len(left) > 1 else left[0])

    return behave


@dataclass
class Server:
    """A server whose every request meets one behaviour."""

    behave: Behaviour
    tls: ssl.SSLContext | None = None
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    open: int = 0
    most_open: int = 0
    port: int = 0
    left: asyncio.Event = field(default_factory=asyncio.Event)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self.tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            while (request := await _read(reader)) is not None:
                self.requests.append(request)
                await self.behave(request, writer)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.open -= 1
            self.left.set()
            self._tasks.discard(task)
            writer.close()


async def _read(reader: asyncio.StreamReader) -> Request | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    line, *rest = head.decode().rstrip().split("\r\n")
    headers = {name.lower(): value for name, value in (entry.split(": ", 1) for entry in rest)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(line, headers, body)


Seen = list[tuple[Endpoint, str, str]]
Make = Callable[..., AudienceClient]
QUICK = Limits(connect=2, silence=5, total=10, connections=4)


@pytest.fixture(params=["direct", "httpx"])
async def connect(request: pytest.FixtureRequest) -> AsyncIterator[Make]:
    """Make clients over the one or the other transport, and close them."""
    made: list[AudienceClient] = []

    def make(
        server: Server | str, *, seen: Seen | None = None, limits: Limits = QUICK, **options: Any
    ) -> AudienceClient:
        def observe(endpoint: Endpoint, method: str, code: str, seconds: float) -> None:
            assert seconds >= 0
            if seen is not None:
                seen.append((endpoint, method, code))

        native = httpx.AsyncHTTPTransport(trust_env=False) if request.param == "httpx" else None
        url = server if isinstance(server, str) else server.url
        made.append(AudienceClient(url, limits=limits, observe=observe, transport=native, **options))
        return made[-1]

    yield make
    for client in made:
        await client.close()


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition, five seconds at most."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - the condition is another party's state
            await asyncio.sleep(0.005)


# What is sent.


async def test_a_post_and_a_poll_are_one_request_each_over_one_connection(connect: Make) -> None:
    seen: Seen = []
    async with Server(answering(reply(ACCEPTED), reply(REPORT))) as server:
        client = connect(server, seen=seen)
        assert await client.post(Endpoint.TAGS, b'{"devices":[]}') == Accepted("r-1")
        found = await client.poll(Endpoint.REGISTRATIONS, "a/b", detailed=True)
        assert isinstance(found, JobReport)
        assert found.state is JobState.COMPLETED
        assert [(row.hwid, row.status) for row in found.rows or ()] == [("A", "done")]
        sent, asked = server.requests
        assert server.connections == 1
    assert sent.line == "POST /api/v2/audience/bulkSetTags HTTP/1.1"
    assert sent.body == b'{"devices":[]}'
    assert sent.headers["content-type"] == "application/json"
    assert sent.headers["content-length"] == "14"
    assert sent.headers["host"] == f"127.0.0.1:{server.port}"
    assert sent.headers["user-agent"].startswith("pushwoosh-connector/")
    assert asked.line == "GET /api/v2/audience/bulkRegisterDevice/a%2Fb?detailed=true HTTP/1.1"
    assert "content-type" not in asked.headers
    assert "authorization" not in sent.headers | asked.headers
    assert seen == [(Endpoint.TAGS, "POST", "200"), (Endpoint.REGISTRATIONS, "GET", "200")]


async def test_a_path_in_front_of_the_api_is_kept(connect: Make) -> None:
    async with Server(answering(reply())) as server:
        await connect(server.url + "/behind/").post(Endpoint.TAGS, b"{}")
    assert server.requests[0].line.split()[1] == "/behind/api/v2/audience/bulkSetTags"


async def test_the_authorization_header_is_sent_and_never_shown(connect: Make) -> None:
    async with Server(answering(reply(b"Token s3cret is wrong", "401 Unauthorized"))) as server:
        client = connect(server, authorization="Token s3cret", secrets=lambda: ["wrong"])
        for answer in (
            await client.post(Endpoint.TAGS, b"{}"),
            await client.poll(Endpoint.TAGS, "r", detailed=False),
        ):
            assert answer == Denied("unauthorized", "*** is ***", 401)
    assert [request.headers["authorization"] for request in server.requests] == ["Token s3cret"] * 2


async def test_a_large_body_arrives_whole_and_unchunked(connect: Make) -> None:
    body = bytes(range(256)) * 10_000
    async with Server(answering(reply())) as server:
        assert await connect(server).post(Endpoint.TAGS, body) == Accepted("r-1")
    assert server.requests[0].body == body
    assert "transfer-encoding" not in server.requests[0].headers


async def test_no_more_calls_run_at_once_than_connections_and_the_others_wait(connect: Make) -> None:
    let_go = asyncio.Event()

    async def behave(_: Request, writer: asyncio.StreamWriter) -> None:
        await let_go.wait()
        writer.write(reply())

    async with Server(behave) as server:
        client = connect(server, limits=Limits(connections=2))
        calls = [asyncio.create_task(client.post(Endpoint.TAGS, b"{}")) for _ in range(6)]
        await until(lambda: len(server.requests) == 2)
        let_go.set()
        assert await asyncio.gather(*calls) == [Accepted("r-1")] * 6
    assert server.most_open == 2


# What is received.


async def test_replies_may_be_compressed_or_chunked(connect: Make) -> None:
    packed = gzip.compress(REPORT)
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"".join(
        b"%x\r\n%b\r\n" % (len(piece), piece) for piece in (REPORT[:10], REPORT[10:], b"")
    )
    async with Server(answering(reply(packed, headers="Content-Encoding: gzip\r\n"), chunked)) as server:
        client = connect(server)
        for _ in range(2):
            assert isinstance(await client.poll(Endpoint.TAGS, "r", detailed=True), JobReport)


async def test_a_redirect_is_not_followed(connect: Make) -> None:
    async with Server(answering(reply(b"", "302 Found", headers="Location: /elsewhere\r\n"))) as server:
        answer = await connect(server).post(Endpoint.TAGS, b"{}")
        assert answer == Denied("wrong_url", "HTTP 302 Found", 302)
        assert len(server.requests) == 1


async def test_a_gateways_page_is_unavailable_with_its_retry_after(connect: Make) -> None:
    seen: Seen = []
    page = reply(
        b"<html>\r\nBad Gateway</html>",
        "502 Bad Gateway",
        headers=f"Retry-After: {formatdate(1060, usegmt=True)}\r\n",
    )
    async with Server(answering(page)) as server:
        answer = await connect(server, seen=seen, clock=lambda: 1000.0).post(Endpoint.TAGS, b"{}")
    assert answer == Unavailable("<html> Bad Gateway</html>", 502, 60.0, maybe_accepted=True)
    assert seen == [(Endpoint.TAGS, "POST", "502")]


@pytest.mark.parametrize("packed", [False, True])
async def test_a_reply_without_end_is_not_read_to_the_end(
    connect: Make, monkeypatch: pytest.MonkeyPatch, packed: bool
) -> None:
    monkeypatch.setattr(client_module, "LARGEST_REPLY", 100_000)
    seen: Seen = []
    body = gzip.compress(b" " * 1_000_000) if packed else b" " * 1_000_000
    headers = "Content-Encoding: gzip\r\n" if packed else ""
    async with Server(answering(reply(body, headers=headers), reply())) as server:
        client = connect(server, seen=seen)
        answer = await client.post(Endpoint.TAGS, b"{}")
        assert answer == Unavailable("The reply is larger than 100,000 bytes", maybe_accepted=True)
        assert await client.post(Endpoint.TAGS, b"{}") == Accepted("r-1")
    assert [code for _, _, code in seen] == ["too_large", "200"]


# What goes wrong on the way.


async def test_nobody_at_the_address_means_that_nothing_was_sent(connect: Make) -> None:
    async with Server(answering(reply())) as server:
        url = server.url
    seen: Seen = []
    client = connect(url, seen=seen)
    answer = await client.post(Endpoint.TAGS, b"{}")
    assert isinstance(answer, Unavailable)
    assert (answer.http_status, answer.maybe_accepted) == (0, False)
    assert answer.message.startswith("connect error: ")
    assert isinstance(await client.poll(Endpoint.TAGS, "r", detailed=True), Unavailable)
    assert [code for _, _, code in seen] == ["connect_error", "connect_error"]


async def test_a_name_that_nobody_knows_means_that_nothing_was_sent(connect: Make) -> None:
    answer = await connect("http://no-such-host.invalid").post(Endpoint.TAGS, b"{}")
    assert isinstance(answer, Unavailable)
    assert not answer.maybe_accepted


async def _reset(writer: asyncio.StreamWriter) -> None:
    await writer.drain()
    writer.transport.abort()


@pytest.mark.parametrize(
    "before",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-",
        reply(ACCEPTED[:10], claim=100),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nabc",
    ],
    ids=["before the reply", "in the headers", "in the body", "in a chunk"],
)
@pytest.mark.parametrize("gently", [False, True], ids=["reset", "closed"])
async def test_a_connection_lost_after_sending_leaves_it_open_whether_the_batch_was_taken(
    connect: Make, before: bytes, gently: bool
) -> None:
    async def behave(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(before)
        if gently:
            writer.close()
        else:
            await _reset(writer)

    seen: Seen = []
    async with Server(behave) as server:
        client = connect(server, seen=seen)
        answer = await client.post(Endpoint.TAGS, b"{}")
        assert isinstance(answer, Unavailable)
        assert (answer.http_status, answer.maybe_accepted) == (0, True)
        assert len(server.requests) == 1  # a POST is never sent again by itself
        assert isinstance(await client.poll(Endpoint.TAGS, "r", detailed=True), Unavailable)
        server.behave = answering(reply())
        assert await client.post(Endpoint.TAGS, b"{}") == Accepted("r-1")
    assert {code for _, _, code in seen[:2]} <= {"read_error", "protocol_error"}


async def test_what_is_no_http_is_unavailable(connect: Make) -> None:
    async with Server(answering(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")) as server:
        answer = await connect(server).post(Endpoint.TAGS, b"{}")
    assert isinstance(answer, Unavailable)
    assert answer.maybe_accepted


async def test_a_body_that_is_not_packed_as_it_says_is_unavailable(connect: Make) -> None:
    seen: Seen = []
    async with Server(answering(reply(b"not gzip at all", headers="Content-Encoding: gzip\r\n"))) as server:
        answer = await connect(server, seen=seen).post(Endpoint.TAGS, b"{}")
    assert isinstance(answer, Unavailable)
    assert answer.maybe_accepted
    assert seen[0][2] == "decoding_error"


async def test_silence_ends_at_its_limit(connect: Make) -> None:
    async def behave(*_: object) -> None:
        await asyncio.Event().wait()

    seen: Seen = []
    async with Server(behave) as server:
        answer = await connect(server, seen=seen, limits=Limits(silence=0.1)).post(Endpoint.TAGS, b"{}")
    assert isinstance(answer, Unavailable)
    assert (answer.maybe_accepted, seen[0][2]) == (True, "read_timeout")


async def test_a_reply_that_drips_ends_at_the_limit_of_the_whole_call(connect: Make) -> None:
    async def behave(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(reply(b"", claim=1_000_000))
        while not writer.transport.is_closing():
            writer.write(b" ")
            await asyncio.sleep(0.01)

    seen: Seen = []
    async with Server(behave) as server:
        client = connect(server, seen=seen, limits=Limits(silence=5, total=0.3))
        assert await client.poll(Endpoint.TAGS, "r", detailed=True) == Unavailable(
            "No whole reply within 0.3 s"
        )
        server.behave = answering(reply())
        assert await client.post(Endpoint.TAGS, b"{}") == Accepted("r-1")
    assert [code for _, _, code in seen] == ["timeout", "200"]


async def test_a_kept_connection_that_the_server_closed_between_calls_costs_nothing(connect: Make) -> None:
    async with Server(answering(reply())) as server:
        client = connect(server)
        for call in range(1, 4):
            assert await client.post(Endpoint.TAGS, b"{}") == Accepted("r-1")
            server.left.clear()
            await _close_all(server)
            await server.left.wait()
            assert server.connections == call


async def _close_all(server: Server) -> None:
    """Close the server's side of its connections, and let the client's side hear of it."""
    for task in list(server._tasks):
        task.cancel()
    await asyncio.gather(*server._tasks, return_exceptions=True)
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_call_that_is_cancelled_leaves_the_client_usable(connect: Make) -> None:
    seen: Seen = []
    async with Server(lambda *_: asyncio.sleep(3600)) as server:
        client = connect(server, seen=seen, limits=Limits(connections=1))
        call = asyncio.create_task(client.post(Endpoint.TAGS, b"{}"))
        await until(lambda: len(server.requests) == 1)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        server.behave = answering(reply())
        assert await client.post(Endpoint.TAGS, b"{}") == Accepted("r-1")
    assert [code for _, _, code in seen] == ["cancelled", "200"]


async def test_an_observer_is_not_needed() -> None:
    async with Server(answering(reply())) as server, AudienceClient(server.url) as client:
        assert await client.post(Endpoint.TAGS, b"{}") == Accepted("r-1")


@pytest.mark.parametrize(
    ("error", "label", "sent"),
    [
        (httpx.ConnectTimeout(""), "connect_timeout", False),
        (httpx.PoolTimeout(""), "pool_timeout", False),
        (httpx.ConnectError("refused"), "connect_error", False),
        (httpx.ProxyError("407"), "proxy_error", False),
        (httpx.UnsupportedProtocol("gopher"), "unsupported_protocol", False),
        (httpx.LocalProtocolError("header"), "local_protocol_error", False),
        (httpx.WriteTimeout(""), "write_timeout", True),
        (httpx.WriteError("reset"), "write_error", True),
        (httpx.ReadError("reset"), "read_error", True),
        (httpx.TransportError("?"), "error", True),
        (ssl.SSLError("bad record"), "error", True),
    ],
)
async def test_each_failure_has_a_label_and_says_whether_anything_was_sent(
    error: Exception, label: str, sent: bool
) -> None:
    def fail(_: httpx.Request) -> httpx.Response:
        raise error

    labels: list[str] = []
    client = AudienceClient(
        "http://api.test",
        transport=httpx.MockTransport(fail),
        observe=lambda _endpoint, _method, code, _seconds: labels.append(code),
    )
    answer = await client.post(Endpoint.TAGS, b"{}")
    assert isinstance(answer, Unavailable)
    assert (labels, answer.maybe_accepted) == ([label], sent)
    assert answer.message


# TLS, proxies, HTTP/2.


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
        async with AudienceClient(url) as client:
            answer = await client.post(Endpoint.TAGS, b"{}")
            assert isinstance(answer, Unavailable)
            assert not answer.maybe_accepted
            assert "certificate" in answer.message.lower()
        monkeypatch.setenv("SSL_CERT_FILE", str(cert))
        async with AudienceClient(url) as client:
            assert await client.post(Endpoint.TAGS, b"{}") == Accepted("r-1")
            assert await client.post(Endpoint.TAGS, b"{}") == Accepted("r-1")
    assert len(server.requests) == 2


def test_proxies_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    assert proxy_for("https://api.test") is None
    assert isinstance(transport_to("https://api.test", http2=False, connections=1), DirectTransport)
    monkeypatch.setenv("HTTPS_PROXY", "proxy.test:3128")
    monkeypatch.setenv("NO_PROXY", "localhost,inside.test")
    assert proxy_for("https://api.test/path") == "http://proxy.test:3128"
    assert proxy_for("http://api.test") is None
    assert proxy_for("https://api.inside.test") is None
    assert isinstance(transport_to("https://api.test", http2=False, connections=1), httpx.AsyncHTTPTransport)
    monkeypatch.setenv("ALL_PROXY", "http://other.test")
    assert proxy_for("http://api.test") == "http://other.test"


async def test_requests_go_through_the_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Server(answering(reply())) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        async with AudienceClient("http://api.test") as client:
            assert await client.post(Endpoint.TAGS, b"{}") == Accepted("r-1")
    assert proxy.requests[0].line == "POST http://api.test/api/v2/audience/bulkSetTags HTTP/1.1"


def test_http_2_is_left_to_httpx(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[dict[str, Any]] = []
    monkeypatch.setattr(httpx, "AsyncHTTPTransport", lambda **options: made.append(options))
    transport_to("https://api.test", http2=True, connections=3)
    assert made[0]["http2"] is True
    assert made[0]["limits"].max_connections == 3


async def test_an_address_that_is_no_url_is_unavailable_and_nothing_was_sent() -> None:
    async with AudienceClient("gopher://api.test") as client:
        answer = await client.post(Endpoint.TAGS, b"{}")
    assert isinstance(answer, Unavailable)
    assert not answer.maybe_accepted


# What may not be sent any more.


async def test_what_may_not_go_any_more_is_not_sent(connect: Make) -> None:
    seen: Seen = []
    async with Server(answering(reply())) as server:
        client = connect(server, seen=seen)
        assert isinstance(await client.post(Endpoint.TAGS, b"{}", may_go=lambda: False), Unsent)
        assert server.requests == []
        assert await client.post(Endpoint.TAGS, b"{}", may_go=lambda: True) == Accepted("r-1")
    assert [code for _, _, code in seen] == ["200"], "what was not sent is no request"


async def test_while_its_turn_comes_a_request_may_turn_out_to_be_late(connect: Make) -> None:
    answer = asyncio.Event()

    async def behave(_: Request, writer: asyncio.StreamWriter) -> None:
        await answer.wait()
        writer.write(reply())

    may_go = True
    async with Server(behave) as server:
        client = connect(server, limits=Limits(connect=2, silence=5, total=10, connections=1))
        first = asyncio.create_task(client.post(Endpoint.TAGS, b"1", may_go=lambda: may_go))
        await until(lambda: bool(server.requests))
        second = asyncio.create_task(client.post(Endpoint.TAGS, b"2", may_go=lambda: may_go))
        await asyncio.sleep(0)
        may_go = False
        answer.set()
        assert await first == Accepted("r-1")
        assert isinstance(await second, Unsent)
        assert [request.body for request in server.requests] == [b"1"]


async def test_to_connect_takes_its_time_and_after_it_a_request_may_be_late() -> None:
    asked: list[bool] = []

    def may_go() -> bool:
        """Say yes before there is a connection, and no once it is there."""
        asked.append(server.connections == 0)
        return len(asked) == 1

    async with Server(answering(reply())) as server:
        client = AudienceClient(server.url, limits=QUICK)
        assert isinstance(await client.post(Endpoint.TAGS, b"1", may_go=may_go), Unsent)
        assert len(asked) == 2
        assert server.requests == []
        assert await client.post(Endpoint.TAGS, b"2", may_go=lambda: True) == Accepted("r-1")
        assert server.connections == 1, "the connection is good, and was kept"
        assert isinstance(await client.poll(Endpoint.TAGS, "r", detailed=False), Unavailable | JobReport)
        await client.close()
