"""What tests with a member of a group share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest


@pytest.fixture
async def stack() -> AsyncIterator[Any]:
    async with AsyncExitStack() as opened:
        yield opened
