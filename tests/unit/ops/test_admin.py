"""The admin endpoints: what they answer, to whom, and what they never say."""

from __future__ import annotations

import asyncio
import re
import signal
import socket
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse
from starlette.routing import Route

from connector.config import load
from connector.ops.admin import AdminServer, AdminUnavailableError, application, status_page
from connector.ops.metrics import Metrics
from connector.ops.privacy import Mask
from connector.ops.status import ErrorView, Health, ObstacleView
from connector.values import MASK
from tests.unit.ops.provider import REQUEST_ID, Provider, halted, paused

PATHS = [
    route.path
    for route in application(Provider(), CollectorRegistry(), Mask([])).routes
    if isinstance(route, Route) and route.path != "/"
]


@pytest.fixture
def provider() -> Provider:
    return Provider()


@pytest.fixture
async def client(provider: Provider) -> AsyncIterator[httpx.AsyncClient]:
    registry = CollectorRegistry()
    Metrics(registry, ["profile-tags"]).gauges_from(provider.status)
    app = application(provider, registry, Mask(["hunter2-token"]))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://admin") as client:
        yield client


async def test_metrics_are_plain_text_unless_openmetrics_is_asked_for(client: httpx.AsyncClient) -> None:
    plain = await client.get("/metrics")
    assert plain.headers["content-type"].startswith("text/plain; version=")
    names = {family.name for family in parse(plain.text)}
    assert "pushwoosh_connector_events_settled" in names
    asked = await client.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert asked.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    # The client library's OpenMetrics half has no types.
    # There it is a metric of the type info, whose name does without the suffix.
    names -= {"pushwoosh_connector_build_info"}
    assert names <= {family.name for family in parse_openmetrics(asked.text)}  # type: ignore[no-untyped-call]


async def test_livez_fails_with_the_reason_when_a_loop_is_stuck(
    client: httpx.AsyncClient, provider: Provider
) -> None:
    assert (await client.get("/livez")).status_code == 200
    provider.alive = Health(ok=False, reason="consumer has not progressed for 61 s")
    answer = await client.get("/livez")
    assert answer.status_code == 503
    assert answer.json() == {"ok": False, "reason": "consumer has not progressed for 61 s"}


async def test_livez_lets_the_loops_run_before_it_judges(provider: Provider) -> None:
    """After a suspended process wakes up, the probe may be handled before the loop that would beat."""
    woken = False

    class Waking(Provider):
        def live(self) -> Health:
            return Health(ok=woken, reason="")

    async def loop() -> None:
        nonlocal woken
        woken = True

    app = application(Waking(provider.now), CollectorRegistry(), Mask())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://admin") as client:
        probe = asyncio.create_task(client.get("/livez"))
        beating = asyncio.create_task(loop())
        assert (await probe).status_code == 200
        await beating


async def test_readyz_says_what_is_missing(client: httpx.AsyncClient, provider: Provider) -> None:
    assert (await client.get("/readyz")).json() == {"ok": True, "reason": "ready"}
    provider.now = halted()
    answer = await client.get("/readyz")
    assert answer.status_code == 503
    assert "halted (unauthorized)" in answer.json()["reason"]


async def test_a_closed_gate_does_not_make_it_unready(client: httpx.AsyncClient, provider: Provider) -> None:
    provider.now = halted()
    provider.now.halts = []
    assert (await client.get("/readyz")).status_code == 200


async def test_a_pause_does_not_make_it_unready_and_is_said(
    client: httpx.AsyncClient, provider: Provider
) -> None:
    provider.now = paused()
    answer = await client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {"ok": True, "reason": "ready; paused by 10.0.0.3"}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
async def test_nothing_can_be_changed_from_outside(client: httpx.AsyncClient, path: str, method: str) -> None:
    assert (await client.request(method, path)).status_code == 405


@pytest.mark.parametrize("path", [*PATHS, "/", "/nowhere"])
async def test_no_body_and_no_header_has_a_secret_or_a_whole_request_id(
    client: httpx.AsyncClient, provider: Provider, path: str
) -> None:
    secret = "hunter2-token"
    provider.now = halted()
    provider.now.halts = [ObstacleView("unauthorized", f"401 for {secret}", f"auth={secret}", 0.0)]
    provider.now.errors = [ErrorView(1.0, f"refused jo@example.com with {secret}", 1)]
    provider.now.configuration = {"pushwoosh": {"token": secret, "x": [f"password={secret}"]}}
    provider.now.member = secret
    answer = await client.get(path)
    seen = answer.text + str(answer.headers)
    assert secret not in seen
    assert "jo@example.com" not in seen
    assert REQUEST_ID[4:] not in seen
    if path == "/status.json":
        assert answer.json()["configuration"]["pushwoosh"]["token"] == MASK


async def test_the_effective_settings_are_shown_without_their_secrets(
    client: httpx.AsyncClient, provider: Provider
) -> None:
    settings = load(
        None,
        {
            "CONNECTOR_KAFKA_BOOTSTRAP_SERVERS": "kafka-0:9092",
            "CONNECTOR_KAFKA_TAGS_TOPICS": "profile-tags",
            "CONNECTOR_KAFKA_DEAD_LETTER_TOPIC": "dead",
            "CONNECTOR_KAFKA_PROPERTIES": "sasl.username=me\nsasl.password=swordfish-1",
            "CONNECTOR_PUSHWOOSH_APPLICATION": "AAAAA-BBBBB",
            "CONNECTOR_PUSHWOOSH_TOKEN": "swordfish-2",
            "CONNECTOR_PUSHWOOSH_AUTHORIZATION_HEADER": "Token swordfish-3",
        },
    )
    provider.now.configuration = settings.masked()
    answer = await client.get("/status.json")
    assert "swordfish" not in answer.text
    shown = answer.json()["configuration"]
    assert shown["pushwoosh"]["application"] == "AAAAA-BBBBB"
    assert shown["kafka"]["properties"]["sasl.username"] == "me"
    assert shown["jobs"]["deadline"] == "15m"


async def test_the_page_loads_nothing_from_elsewhere_and_runs_only_its_own_script(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.get("/status")
    assert not re.findall(r"""(?:src|href)=["'](?!data:|#|[a-z.]+["'])""", answer.text)
    assert "style=" not in answer.text, "the policy forbids inline styles"
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    for element in ("script", "style"):
        assert answer.text.count(f"<{element}>") == 1
        assert re.search(rf"{element}-src 'sha256-[A-Za-z0-9+/]+='", policy)
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_the_page_writes_text_and_never_markup() -> None:
    html = status_page().html
    for danger in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
        assert danger not in html


async def test_the_first_page_is_the_status_page(client: httpx.AsyncClient) -> None:
    answer = await client.get("/", follow_redirects=True)
    assert answer.url.path == "/status"


# -- over a socket -------------------------------------------------------------------------------


def server(provider: Provider, port: int = 0, host: str = "127.0.0.1") -> AdminServer:
    return AdminServer(host, port, provider, CollectorRegistry())


async def test_port_0_takes_a_free_one_and_stop_gives_it_back(provider: Provider) -> None:
    one = server(provider)
    await one.start()
    assert one.port
    async with httpx.AsyncClient() as client:
        assert (await client.get(f"http://127.0.0.1:{one.port}/livez")).status_code == 200
    await one.stop()
    await one.stop()
    with socket.create_server(("127.0.0.1", one.port)):
        pass


async def test_a_taken_port_is_an_error_that_says_what_to_set(provider: Provider) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            AdminUnavailableError, match=rf"port {port}: it is taken; set admin\.host and admin\.port"
        ):
            await server(provider, port).start()


async def test_an_address_that_is_not_ours_is_an_error_too(provider: Provider) -> None:
    with pytest.raises(AdminUnavailableError, match="CONNECTOR_ADMIN_HOST"):
        await server(provider, host="192.0.2.1").start()


async def test_it_leaves_signals_to_the_runner(provider: Provider) -> None:
    before = [signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGINT)]
    one = server(provider)
    await one.start()
    assert [signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)] == before
    await one.stop()


async def test_an_idle_connection_does_not_hold_up_the_stop(provider: Provider) -> None:
    one = server(provider)
    await one.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", one.port)
    writer.write(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    async with asyncio.timeout(4):
        await one.stop()
    writer.close()
    await _closed(writer)


async def _closed(writer: Any) -> None:
    try:
        await writer.wait_closed()
    except ConnectionError:
        return
