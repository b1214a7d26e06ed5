"""The registry that these tests share."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.broker import BrokerUnavailableError, java
from tests.schema_registry.apicurio import Apicurio, unpacked


@pytest.fixture(scope="session")
def apicurio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Apicurio]:
    """A running one; without Java or Maven a skip by name, or a failure where `CI` is set."""
    try:
        java()
        unpacked()
    except BrokerUnavailableError as error:
        if os.environ.get("CI"):
            pytest.fail(f"tests with a schema registry can't run: {error}", pytrace=False)
        pytest.skip(f"no schema registry: {error}")
    registry = Apicurio(tmp_path_factory.mktemp("apicurio"))
    registry.start()
    yield registry
    registry.stop()
