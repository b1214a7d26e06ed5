"""Faults that only show on the way of a reply, through every door."""

from __future__ import annotations

import asyncio
import json
import time

import pytest

from connector.model import Endpoint
from connector.sandbox.faults import faults_from
from connector.sandbox.server import SandboxServer
from tests.contract.sandbox_doors import Api, CutError
from tests.unit.fakes import until

TAGS = Endpoint.TAGS
DEVICE = {"hwid": "A1", "list_operator": "append", "tags": {"l": ["a"]}}


@pytest.mark.parametrize("fault", ["reply_lost", "reset"])
async def test_a_cut_post_was_accepted_and_the_next_call_works(api: Api, fault: str) -> None:
    api.faults(**{fault: [{"next": 1}]})
    with pytest.raises(CutError):
        await api.post(TAGS, DEVICE)
    assert [device.tags for device in api.audience.known_devices(api.clock.now)] == [{"l": ["a"]}]
    assert (await api.post(TAGS, DEVICE)).status == 200


@pytest.mark.parametrize("fault", ["reply_lost", "reset"])
async def test_a_cut_get_can_be_asked_again(api: Api, fault: str) -> None:
    request_id = await api.submit(TAGS, *({**DEVICE, "hwid": f"D{place}"} for place in range(1000)))
    api.faults(**{fault: [{"next": 1, "on": "get"}]})
    with pytest.raises(CutError):
        await api.get(TAGS, request_id)
    assert len((await api.get(TAGS, request_id)).json()["devices"]) == 1000


async def test_an_outage_that_is_no_json_comes_as_it_is(api: Api) -> None:
    api.faults(outage=[{"form": "html"}])
    answer = await api.post(TAGS, DEVICE)
    assert answer.status == 502
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.body.startswith(b"<html>")


async def test_retry_after_and_location_are_headers(api: Api) -> None:
    api.faults(rate_limit=[{"next": 1, "seconds": 7}], odd_reply=[{"form": "redirect"}])
    limited, moved = await api.post(TAGS, DEVICE), await api.post(TAGS, DEVICE)
    assert (limited.status, limited.headers["retry-after"]) == (429, "7")
    assert (moved.status, moved.headers["location"][:8]) == (302, "https://")


async def test_a_slow_reply_holds_up_nobody_else(http: Api) -> None:
    http.faults(slow=[{"seconds": 0.3, "next": 1}])
    began = time.monotonic()
    slow = asyncio.create_task(http.post(TAGS, DEVICE))
    await until(lambda: http.audience.stats(http.clock.now).posts > 0)
    assert (await http.post(TAGS, {**DEVICE, "hwid": "B2"})).status == 200
    assert not slow.done()
    assert (await slow).status == 200
    assert time.monotonic() - began >= 0.3


def request(body: bytes, length: int) -> bytes:
    head = f"POST /api/v2/audience/bulkSetTags HTTP/1.1\r\nhost: sandbox\r\ncontent-length: {length}\r\n\r\n"
    return head.encode() + body


BODY = json.dumps({"application": "APP", "auth": "T", "devices": [DEVICE]}).encode()


@pytest.mark.parametrize("fault", ["reply_lost", "reset"])
async def test_a_lost_reply_is_no_byte_and_a_reset_one_is_half(fault: str) -> None:
    async with SandboxServer(faults=faults_from({fault: [{}]})) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(server.url.rsplit(":")[-1]))
        writer.write(request(BODY, len(BODY)))
        received = b""
        try:
            while part := await reader.read(1000):
                received += part
        except ConnectionResetError:
            assert fault == "reset"
        writer.close()
    if fault == "reply_lost":
        assert received == b""
    else:
        assert received.startswith(b"HTTP/1.1 200")
        assert b'"request_id"' in received
        assert b'"Pending"' not in received


async def test_a_post_that_breaks_off_in_its_body_was_never_made() -> None:
    async with SandboxServer() as server:
        port = int(server.url.rsplit(":")[-1])
        _, broken = await asyncio.open_connection("127.0.0.1", port)
        broken.write(request(BODY[:-10], len(BODY)))
        await broken.drain()
        broken.close()
        reader, whole = await asyncio.open_connection("127.0.0.1", port)
        whole.write(request(BODY, len(BODY)))
        assert b"200 OK" in await reader.readline()
        whole.close()
        assert server.audience.stats(0).replies == {"post 200": 1}
