"""The image, built and run: read-only, as any user, without a capability, and it hears signals."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from connector import __version__
from tests.acceptance.processes import wait_for
from tests.acceptance.workload import mixed
from tests.acceptance.world import World, world
from tests.broker import free_ports
from tests.deploy.images import IMAGE, Containers, base_image, build, missing, run
from tests.kafka.client import Kafka

pytestmark = [
    pytest.mark.broker,
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(bool(missing()), reason=missing() or "all there"),
]


@pytest.fixture(scope="module")
def image() -> dict[str, Any]:
    """Build it; what buildah says about it."""
    build(version=__version__, revision="0123abc", source="https://git.example.com/connector")
    found: dict[str, Any] = json.loads(run("buildah", "inspect", "--type", "image", IMAGE))
    return found


@pytest.fixture
def containers(image: dict[str, Any], tmp_path: Path) -> Containers:
    assert image
    return Containers(tmp_path)


@pytest.fixture
def here(kafka: Kafka, tmp_path: Path) -> Iterator[World]:
    with world(tmp_path, kafka) as made:
        yield made


def environ(here: World, **more: str) -> dict[str, str]:
    given = {f"CONNECTOR_{name.upper().replace('.', '_')}": value for name, value in here.settings.items()}
    return {**given, **more}


def test_it_says_what_it_is_and_runs_as_nobody_in_particular(image: dict[str, Any]) -> None:
    about = image["OCIv1"]["config"]
    prefix = "org.opencontainers.image."
    labels = {name.removeprefix(prefix): text for name, text in about["Labels"].items() if prefix in name}
    assert (labels["version"], labels["revision"]) == (__version__, "0123abc")
    assert labels["source"] == "https://git.example.com/connector"
    assert labels["base.name"] == base_image()
    assert labels["licenses"] == "Apache-2.0"
    assert labels["title"]
    assert labels["description"]
    assert about["User"].split(":")[0].isdecimal()
    assert about["User"].split(":")[0] != "0"
    assert about.get("StopSignal", "SIGTERM") == "SIGTERM"


def test_it_is_one_layer_of_less_than_150_megabytes_on_its_base(image: dict[str, Any]) -> None:
    base = json.loads(run("buildah", "inspect", "--type", "image", base_image()))
    *below, own = json.loads(image["Manifest"])["layers"]
    assert len(below) == len(json.loads(base["Manifest"])["layers"])
    assert 0 < own["size"] < 150_000_000  # not compressed, extras included


def test_it_tells_its_version_read_only_as_any_user_without_capabilities(containers: Containers) -> None:
    assert containers.output("--version") == (0, f"{__version__}\n")


def test_check_finds_nothing_wrong_from_inside(containers: Containers, here: World) -> None:
    here.lag()  # a new broker makes the topic of all groups' offsets when it is first asked about one
    code, written = containers.output("check", environ=environ(here))
    assert code == 0, written
    assert "problem" not in written


def test_a_wrong_configuration_ends_with_2_and_says_why(containers: Containers) -> None:
    code, written = containers.output("run", environ={"CONNECTOR_BATCH_LINGER": "soon"})
    assert code == 2
    assert "batch.linger" in written


def test_it_works_and_a_signal_reaches_the_process(containers: Containers, here: World) -> None:
    (port,) = free_ports(1)
    work = mixed(2_000, 500, odd=0.0, spoilt=0.0)
    here.produce(work)
    more = {"CONNECTOR_ADMIN_HOST": "127.0.0.1", "CONNECTOR_ADMIN_PORT": str(port)}
    process = containers.start(environ=environ(here, **more))
    try:
        wait_for(lambda: ready(port), 60, "readiness")
        here.wait_settled(60)
    finally:
        process.send_signal(signal.SIGTERM)  # podman hands it on to process 1
        written, _ = process.communicate(timeout=60)
    assert process.returncode == 0, written
    assert '"event": "stopped"' in written
    here.reconcile(work)


def ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False
