"""A double of the Audience API through each of its doors."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.clock import Clock
from tests.contract.sandbox_doors import DOORS, Api


@pytest.fixture(params=DOORS)
async def api(request: pytest.FixtureRequest) -> AsyncIterator[Api]:
    """A fresh double, in process, as simulated worlds have it, over ASGI and over a socket."""
    async with DOORS[request.param](Clock(1_000_000_000.0)) as made:
        yield made


@pytest.fixture(params=[name for name in DOORS if name not in ("in-process", "simulation")])
async def http(request: pytest.FixtureRequest) -> AsyncIterator[Api]:
    """The same, by the doors that speak HTTP."""
    async with DOORS[request.param](Clock(1_000_000_000.0)) as made:
        yield made
