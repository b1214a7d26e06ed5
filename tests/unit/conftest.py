"""What all unit tests run under."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator
from pathlib import Path
from types import SimpleNamespace

import certifi
import pytest
import uvicorn.server

_END = "-----END CERTIFICATE-----\n"


@pytest.fixture(scope="session", autouse=True)
def _one_authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One authority is trusted instead of a hundred: a TLS context reads all of them, 40 ms each time."""
    file = tmp_path_factory.mktemp("authorities") / "one.pem"
    file.write_text(Path(certifi.where()).read_text(encoding="utf-8").partition(_END)[0] + _END)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(file))
        yield


@pytest.fixture(scope="session", autouse=True)
def _servers_that_look_up_often() -> Iterator[None]:
    """Uvicorn sleeps for 0.1 s between two looks at whether it is to end, and again on its way out."""

    def sleep(seconds: float) -> Awaitable[None]:
        return asyncio.sleep(seconds / 20)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(uvicorn.server, "asyncio", SimpleNamespace(**{**vars(asyncio), "sleep": sleep}))
        yield
