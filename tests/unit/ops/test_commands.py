"""`POST /pause` and `POST /resume`: who may, and who may not."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from prometheus_client import CollectorRegistry

from connector.ops.admin import application
from connector.ops.commands import Commands
from connector.ops.privacy import Mask
from tests.unit.ops.provider import Provider

TOKEN = "swordfish-swordfish"


class Desk:
    """Takes orders from who knows the token."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []
        self.paused = False

    def allows(self, given: str) -> bool:
        return given == TOKEN

    def refused(self, order: str, by: str) -> None:
        self.told.append((f"{order} refused", by))

    def pause(self, by: str) -> bool:
        changed, self.paused = not self.paused, True
        self.told.append(("pause", by))
        return changed

    def resume(self, by: str) -> bool:
        changed, self.paused = self.paused, False
        self.told.append(("resume", by))
        return changed


@pytest.fixture
def desk() -> Desk:
    return Desk()


def client_of(control: Commands | None) -> httpx.AsyncClient:
    app = application(Provider(), CollectorRegistry(), Mask(), control)
    transport = httpx.ASGITransport(app, client=("10.0.0.3", 4711))
    return httpx.AsyncClient(transport=transport, base_url="http://admin")


@pytest.fixture
async def client(desk: Desk) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(desk) as client:
        yield client


def bearer(token: str = TOKEN) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def test_an_order_says_whether_it_changed_anything(client: httpx.AsyncClient, desk: Desk) -> None:
    answers = [
        await client.post(path, headers=bearer()) for path in ("/pause", "/pause", "/resume", "/resume")
    ]
    assert [answer.status_code for answer in answers] == [200] * 4
    assert [(answer.json()["paused"], answer.json()["changed"]) for answer in answers] == [
        (True, True),
        (True, False),
        (False, True),
        (False, False),
    ]
    assert desk.told == [("pause", "10.0.0.3")] * 2 + [("resume", "10.0.0.3")] * 2


@pytest.mark.parametrize(
    "headers",
    [
        {},
        bearer("wrong"),
        bearer(""),
        bearer(TOKEN + "x"),
        {"Authorization": TOKEN},
        {"Authorization": f"Basic {TOKEN}"},
        {"X-Token": TOKEN},
    ],
)
@pytest.mark.parametrize("order", ["pause", "resume"])
async def test_without_the_token_nothing_happens(
    client: httpx.AsyncClient, desk: Desk, order: str, headers: dict[str, str]
) -> None:
    answer = await client.post(f"/{order}", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert TOKEN not in answer.text
    assert "admin.control_token" in answer.text, "nothing of it is masked"
    assert "***" not in answer.text
    assert desk.told == [(f"{order} refused", "10.0.0.3")]


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"])
@pytest.mark.parametrize("path", ["/pause", "/resume"])
async def test_only_a_post_is_an_order(client: httpx.AsyncClient, desk: Desk, path: str, method: str) -> None:
    assert (await client.request(method, path, headers=bearer())).status_code == 405
    assert desk.told == []


async def test_a_token_in_the_address_is_none(client: httpx.AsyncClient, desk: Desk) -> None:
    assert (await client.post(f"/pause?token={TOKEN}&access_token={TOKEN}")).status_code == 401
    assert not desk.paused


@pytest.mark.parametrize("path", ["/pause", "/resume"])
async def test_without_a_control_token_there_is_no_such_path(path: str) -> None:
    async with client_of(None) as client:
        assert (await client.post(path, headers=bearer())).status_code == 404
        assert (await client.get(path)).status_code == 404
