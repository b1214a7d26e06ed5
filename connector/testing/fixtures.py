"""The API's double as pytest fixtures: `pytest_plugins = ["connector.testing.fixtures"]` in a `conftest.py`.

A plugin that one asks for: an entry point would load it into each test run wherever this is installed.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

import pytest

from connector.sandbox.app import AudienceApp
from connector.sandbox.audience import Audience
from connector.testing.running import RunningSandbox


@pytest.fixture
def pushwoosh_sandbox() -> Iterator[RunningSandbox]:
    """Run a new sandbox on a free port, for whatever makes HTTP calls: `pushwoosh_sandbox.url`."""
    with RunningSandbox() as sandbox:
        yield sandbox


@pytest.fixture
def pushwoosh_app() -> AudienceApp:
    """Return a new sandbox as an ASGI application: `httpx.ASGITransport(pushwoosh_app)`, no socket.

    Its `audience` is the state machine behind it.
    """
    return AudienceApp(Audience(random.Random(0), now=time.time()))  # noqa: S311 - chance, no secret
