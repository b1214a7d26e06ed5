"""What goes wrong between the client and the API, and whether a batch may have been taken all the same."""

import asyncio
import ssl
from dataclasses import replace

import httpx
import pytest

from connector.answers import Accepted, Unavailable
from connector.model import Endpoint
from connector.pushwoosh.client import NO_REPLY, AudienceClient
from tests.unit.fakes import turns, until
from tests.unit.pushwoosh.tiny_server import (
    ACCEPTED,
    QUICK,
    Make,
    Request,
    Seen,
    Server,
    answering,
    reply,
)

DRIP = 0.01
"""Seconds between two bytes of a reply that takes for ever: less than any silence that is too long."""


async def test_nobody_at_the_address_means_that_nothing_was_sent(connect: Make) -> None:
    async with Server(answering(reply())) as server:
        url = server.url
    seen: Seen = []
    client = connect(url, seen=seen)
    answer = await client.post(Endpoint.TAGS, b"{}")
    assert isinstance(answer, Unavailable)
    assert (answer.http_status, answer.maybe_accepted) == (0, False)
    assert answer.message.startswith("connect error: ")
    assert "ssl" not in answer.message
    assert isinstance(await client.poll(Endpoint.TAGS, "r", detailed=True), Unavailable)
    assert [code for _, _, code in seen] == [NO_REPLY, NO_REPLY]


async def test_a_name_that_nobody_knows_means_that_nothing_was_sent(connect: Make) -> None:
    answer = await connect("http://no-such-host.invalid").post(Endpoint.TAGS, b"{}")
    assert isinstance(answer, Unavailable)
    assert not answer.maybe_accepted


async def test_an_https_address_where_plain_http_is_spoken_is_said_to_be_that(connect: Make) -> None:
    async def refuse(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        await _reset(writer)

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        answer = await connect(f"https://127.0.0.1:{port}").post(Endpoint.TAGS, b"{}")
    assert isinstance(answer, Unavailable)
    assert not answer.maybe_accepted
    assert "what answers there speaks no TLS: try http:// instead of https://" in answer.message


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
        assert answer.message.startswith(("read error: ", "protocol error: "))
        assert len(server.requests) == 1  # a POST is never sent again by itself
        assert isinstance(await client.poll(Endpoint.TAGS, "r", detailed=True), Unavailable)
        server.behave = answering(reply())
        assert await client.post(Endpoint.TAGS, b"{}") == Accepted("r-1")
    assert [code for _, _, code in seen] == [NO_REPLY, NO_REPLY, 200]


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
    assert answer.message.startswith("decoding error: ")
    assert seen[0][2] == NO_REPLY, "the status of a reply that can't be read says nothing"


async def test_silence_ends_at_its_limit(connect: Make) -> None:
    seen: Seen = []
    async with Server(_never_answering) as server:
        answer = await connect(server, seen=seen, limits=replace(QUICK, silence=0.1)).post(
            Endpoint.TAGS, b"{}"
        )
    assert isinstance(answer, Unavailable)
    assert (answer.maybe_accepted, seen[0][2]) == (True, NO_REPLY)
    assert answer.message.startswith("read timeout: ")


async def test_a_reply_that_drips_ends_at_the_limit_of_the_whole_call(connect: Make) -> None:
    async def behave(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(reply(b"", claim=1_000_000))
        while not writer.transport.is_closing():
            writer.write(b" ")
            await asyncio.sleep(DRIP)

    seen: Seen = []
    async with Server(behave) as server:
        client = connect(server, seen=seen, limits=replace(QUICK, total=0.3))
        assert await client.poll(Endpoint.TAGS, "r", detailed=True) == Unavailable(
            "No whole reply within 0.3 s"
        )
        server.behave = answering(reply())
        assert await client.post(Endpoint.TAGS, b"{}") == Accepted("r-1")
    assert [code for _, _, code in seen] == [NO_REPLY, 200]


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
    await turns()


@pytest.mark.parametrize(
    "stray", [reply(), reply(status="400 Bad Request"), b"HTTP/1.1 200 OK\r\nContent-", b"what?"]
)
async def test_what_comes_while_a_connection_is_idle_answers_no_request(connect: Make, stray: bytes) -> None:
    kept: list[asyncio.StreamWriter] = []

    async def behave(_: Request, writer: asyncio.StreamWriter) -> None:
        kept.append(writer)
        writer.write(reply(b'{"request_id":"r-%d","status":"Pending"}' % len(kept)))

    async with Server(behave) as server:
        client = connect(server)
        for call in range(1, 4):
            assert await client.post(Endpoint.TAGS, b"{}") == Accepted(f"r-{call}")
            kept[-1].write(stray)
            await kept[-1].drain()
            await turns()
    assert len(server.requests) == 3


async def test_a_server_that_speaks_first_is_connected_to_once_a_call(connect: Make) -> None:
    greeted: list[asyncio.StreamWriter] = []

    def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        greeted.append(writer)
        writer.write(b"SSH-2.0-x\r\n")

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        client = connect(url, limits=replace(QUICK, silence=0.05))
        for call in range(1, 4):
            assert isinstance(await client.post(Endpoint.TAGS, b"{}"), Unavailable)
            assert len(greeted) == call
        for writer in greeted:
            writer.close()
            await writer.wait_closed()


async def _never_answering(*_: object) -> None:
    await asyncio.Event().wait()


async def test_a_call_that_is_cancelled_leaves_the_client_usable(connect: Make) -> None:
    seen: Seen = []
    async with Server(_never_answering) as server:
        client = connect(server, seen=seen, limits=replace(QUICK, connections=1))
        call = asyncio.create_task(client.post(Endpoint.TAGS, b"{}"))
        await until(lambda: len(server.requests) == 1)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        server.behave = answering(reply())
        assert await client.post(Endpoint.TAGS, b"{}") == Accepted("r-1")
    assert [code for _, _, code in seen] == [NO_REPLY, 200]


async def test_an_observer_is_not_needed() -> None:
    async with Server(answering(reply())) as server, AudienceClient(server.url, limits=QUICK) as client:
        assert await client.post(Endpoint.TAGS, b"{}") == Accepted("r-1")


@pytest.mark.parametrize(
    ("error", "words", "sent"),
    [
        (httpx.ConnectTimeout(""), "connect timeout", False),
        (httpx.PoolTimeout(""), "pool timeout", False),
        (httpx.ConnectError("refused"), "connect error", False),
        (httpx.ProxyError("407"), "proxy error", False),
        (httpx.UnsupportedProtocol("gopher"), "unsupported protocol", False),
        (httpx.LocalProtocolError("header"), "local protocol error", False),
        (httpx.WriteTimeout(""), "write timeout", True),
        (httpx.WriteError("reset"), "write error", True),
        (httpx.ReadError("reset"), "read error", True),
        (httpx.TransportError("?"), "error", True),
        (ssl.SSLError("bad record"), "error", True),
    ],
)
async def test_each_failure_has_words_of_its_own_and_says_whether_anything_was_sent(
    error: Exception, words: str, sent: bool
) -> None:
    def fail(_: httpx.Request) -> httpx.Response:
        raise error

    codes: list[int] = []
    client = AudienceClient(
        "http://api.test",
        limits=QUICK,
        transport=httpx.MockTransport(fail),
        observe=lambda _endpoint, _method, code, _seconds: codes.append(code),
    )
    answer = await client.post(Endpoint.TAGS, b"{}")
    assert isinstance(answer, Unavailable)
    assert (codes, answer.maybe_accepted) == ([NO_REPLY], sent)
    assert answer.message == f"{words}: {str(error) or type(error).__name__}"
