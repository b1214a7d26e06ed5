"""One guarded broker for all tests in here."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.processes import Api
from tests.acceptance.workload import FAULTS
from tests.acceptance.world import QUICK, World
from tests.kafka.guarded import (
    Guarded,
    Right,
    read_group,
    read_topic,
    write_topic,
    write_transactional_id,
)


@pytest.fixture(scope="session")
def guarded(kafka_jars: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    assert kafka_jars.exists()
    if shutil.which("openssl") is None and not os.environ.get("CI"):
        pytest.skip("no openssl, which makes the certificates")
    made = Guarded(tmp_path_factory.mktemp("guarded"))
    try:
        yield made
    finally:
        made.stop()


def text(properties: Mapping[str, str]) -> str:
    """Write properties as the environment takes them."""
    return "\n".join(f"{name}={value}" for name, value in properties.items())


@pytest.fixture
def behind(guarded: Guarded, tmp_path: Path) -> Iterator[Callable[..., World]]:
    """Make a world whose connectors go through this door; `more` is what else their properties are."""
    with ExitStack() as stack:

        def make(door: str, more: str = QUICK, **changes: Any) -> World:
            here = World(tmp_path, guarded.kafka, Api(tmp_path, faults=FAULTS))
            stack.callback(here.close)
            address, properties = guarded.door(door)
            here.settings |= {
                "kafka.bootstrap_servers": address,
                "kafka.properties": f"{more}\n{text(properties | changes)}",
                "pushwoosh.token": "hush-api",  # no word that a message has: it is masked
            }
            return here

        yield make


def rights_of(here: World) -> dict[str, Right]:
    """The least that a connector needs, by what it is for."""
    return {
        "source": read_topic(here.topic),
        "group": read_group(here.group),
        "dead letters": write_topic(here.dead),
        "transactions": write_transactional_id(f"{here.group}-*"),
    }
