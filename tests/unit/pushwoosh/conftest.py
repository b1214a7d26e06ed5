"""The client over both transports."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from connector.model import Endpoint
from connector.pushwoosh.client import AudienceClient, CallLimits
from connector.pushwoosh.transport import HttpxTransport
from tests.unit.pushwoosh.tiny_server import QUICK, Make, Seen, Server


@pytest.fixture(params=["direct", "httpx"])
async def connect(request: pytest.FixtureRequest) -> AsyncIterator[Make]:
    """Make clients over the one or the other transport, and close them."""
    made: list[AudienceClient] = []

    def make(
        server: Server | str, *, seen: Seen | None = None, limits: CallLimits = QUICK, **options: Any
    ) -> AudienceClient:
        def observe(endpoint: Endpoint, method: str, code: int, seconds: float) -> None:
            assert seconds >= 0
            if seen is not None:
                seen.append((endpoint, method, code))

        native = HttpxTransport(verify=False) if request.param == "httpx" else None
        url = server if isinstance(server, str) else server.url
        made.append(AudienceClient(url, limits=limits, observe=observe, transport=native, **options))
        return made[-1]

    yield make
    for client in made:
        await client.close()
