"""The client against a tiny server, over both transports: what it sends, receives, and holds back."""

import asyncio
import gzip
from dataclasses import replace
from email.utils import formatdate

import pytest

from connector.answers import Accepted, Denied, JobReport, JobState, Unavailable, Unsent
from connector.model import Cause, Endpoint
from connector.pushwoosh import client as client_module
from connector.pushwoosh.client import NO_REPLY
from tests.unit.fakes import turns, until
from tests.unit.pushwoosh.tiny_server import (
    ACCEPTED,
    QUICK,
    REPORT,
    Make,
    Request,
    Seen,
    Server,
    answering,
    reply,
)

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
    assert seen == [(Endpoint.TAGS, "POST", 200), (Endpoint.REGISTRATIONS, "GET", 200)]


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
            assert answer == Denied(Cause.UNAUTHORIZED, "*** is ***", 401)
    assert [request.headers["authorization"] for request in server.requests] == ["Token s3cret"] * 2


async def test_no_more_calls_run_at_once_than_connections_and_the_others_wait(connect: Make) -> None:
    let_go = asyncio.Event()

    async def behave(_: Request, writer: asyncio.StreamWriter) -> None:
        await let_go.wait()
        writer.write(reply())

    async with Server(behave) as server:
        client = connect(server, limits=replace(QUICK, connections=2))
        calls = [asyncio.create_task(client.post(Endpoint.TAGS, b"{}")) for _ in range(6)]
        await until(lambda: len(server.requests) == 2)
        let_go.set()
        assert await asyncio.gather(*calls) == [Accepted("r-1")] * 6
    assert server.most_open == 2


# What is received.


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "GZIP"])
async def test_replies_may_be_compressed_or_chunked(connect: Make, coding: str) -> None:
    packed = gzip.compress(REPORT)
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"".join(
        b"%x\r\n%b\r\n" % (len(piece), piece) for piece in (REPORT[:10], REPORT[10:], b"")
    )
    async with Server(answering(reply(packed, headers=f"Content-Encoding: {coding}\r\n"), chunked)) as server:
        client = connect(server)
        for _ in range(2):
            assert isinstance(await client.poll(Endpoint.TAGS, "r", detailed=True), JobReport)


async def test_a_redirect_is_not_followed(connect: Make) -> None:
    async with Server(answering(reply(b"", "302 Found", headers="Location: /elsewhere\r\n"))) as server:
        answer = await connect(server).post(Endpoint.TAGS, b"{}")
        assert answer == Denied(Cause.WRONG_URL, "HTTP 302 Found", 302)
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
    assert seen == [(Endpoint.TAGS, "POST", 502)]


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
    assert [code for _, _, code in seen] == [NO_REPLY, 200]


# What may not be sent any more.


async def test_what_may_not_go_any_more_is_not_sent(connect: Make) -> None:
    seen: Seen = []
    async with Server(answering(reply())) as server:
        client = connect(server, seen=seen)
        assert isinstance(await client.post(Endpoint.TAGS, b"{}", may_go=lambda: False), Unsent)
        assert server.requests == []
        assert await client.post(Endpoint.TAGS, b"{}", may_go=lambda: True) == Accepted("r-1")
    assert [code for _, _, code in seen] == [200], "what was not sent is no request"


async def test_while_its_turn_comes_a_request_may_turn_out_to_be_late(connect: Make) -> None:
    answer = asyncio.Event()

    async def behave(_: Request, writer: asyncio.StreamWriter) -> None:
        await answer.wait()
        writer.write(reply())

    may_go = True
    async with Server(behave) as server:
        client = connect(server, limits=replace(QUICK, connections=1))
        first = asyncio.create_task(client.post(Endpoint.TAGS, b"1", may_go=lambda: may_go))
        await until(lambda: bool(server.requests))
        second = asyncio.create_task(client.post(Endpoint.TAGS, b"2", may_go=lambda: may_go))
        await turns()
        may_go = False
        answer.set()
        assert await first == Accepted("r-1")
        assert isinstance(await second, Unsent)
        assert [request.body for request in server.requests] == [b"1"]
