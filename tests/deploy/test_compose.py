"""The stack for one machine: valid by the Compose specification, and its parts fit together.

No container engine runs here: that the images exist and start is not seen by this.
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml
from compose_spec import PyCompose
from prometheus_client import CollectorRegistry

from connector.cli import app
from connector.config import Settings, load
from connector.core.reading.decode import Interpreter
from connector.core.reading.event import Event
from connector.model import Content, Rejection
from connector.ops.admin import AdminServer
from tests.deploy.manifest_settings import stop_deadline
from tests.records import ARecord
from tests.unit.ops.provider import Provider, halted

ROOT = Path(__file__).parents[2]
FILE = ROOT / "deploy/compose.yaml"


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load(FILE.read_text())["services"]
    return found


@pytest.fixture(scope="module")
def settings(services: dict[str, dict[str, Any]]) -> Settings:
    own = services["connector"]
    return load(FILE.parent / own["volumes"][0].split(":")[0], own["environment"])


def listening(services: dict[str, dict[str, Any]], name: str) -> set[str]:
    """Ports that a service publishes, as its container has them."""
    return {port.rpartition(":")[2] for port in services[name].get("ports", [])}


def test_it_keeps_the_compose_specification() -> None:
    assert PyCompose.from_yaml(FILE.read_text()).name == "pushwoosh-connector"


def test_a_misspelt_key_would_be_refused() -> None:
    with pytest.raises(ValueError, match="helthcheck"):
        PyCompose.from_yaml(FILE.read_text().replace("healthcheck:", "helthcheck:"))


def test_every_file_that_is_mounted_and_every_folder_that_is_built_is_there(
    services: dict[str, dict[str, Any]],
) -> None:
    mounts = [volume for each in services.values() for volume in each.get("volumes", [])]
    assert len(mounts) == 6
    for mount in mounts:
        source, _target, mode = mount.split(":")
        assert (FILE.parent / source).is_file()
        assert mode == "ro"
    for each in services.values():
        if "build" in each:
            assert (FILE.parent / each["build"] / "Dockerfile").is_file()


@pytest.mark.parametrize("name", ["sandbox", "connector"])
def test_the_command_lines_are_ones_that_the_image_takes(
    services: dict[str, dict[str, Any]], name: str
) -> None:
    command, *words = services[name]["command"]
    commands: Any = typer.main.get_command(app)
    known = {option for parameter in commands.commands[command].params for option in parameter.opts}
    assert {word for word in words if word.startswith("-")} <= known


def in_the_container(services: dict[str, dict[str, Any]], name: str, folder: Path, tool: str) -> list[str]:
    """Run a service's script as Compose hands it to bash: `tool` for Kafka's programs, and no sleep."""
    for program, text in (("tool.sh", tool), ("sleep", "true")):
        (folder / program).write_text(f"#!/bin/bash\n{text}\n")
        (folder / program).chmod(0o755)
    script = re.sub(r"/opt/kafka/bin/[\w-]+\.sh", "tool.sh", services[name]["command"][0].replace("$$", "$"))
    path = f"{folder}:{os.environ['PATH']}"
    done = subprocess.run(
        ["/bin/bash", "-c", script],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
        env={**os.environ, "PATH": path},
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


def test_the_topics_are_created_with_their_partitions(
    services: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    lines = in_the_container(services, "topics", tmp_path, 'echo "$@"')
    given = r"--topic (\S+) --partitions (\S+) --config retention.ms=(\S+)"
    assert [re.findall(given, line) for line in lines] == [
        [("pushwoosh-events", "12", str(7 * 24 * 3600 * 1000))],
        [("pushwoosh-dead-letters", "3", "-1")],
    ]


def test_the_events_are_such_as_the_connector_reads_and_a_few_are_not(
    services: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    lines = in_the_container(services, "events", tmp_path, "head -n 3000")
    records = [ARecord(line.partition("|")[2].encode(), offset=at) for at, line in enumerate(lines)]
    kinds = Counter(type(each) for each in Interpreter(Content.MIXED).read(records))
    assert set(kinds) == {Event, Rejection}
    assert kinds[Rejection] < 100
    assert len({line.partition("|")[0] for line in lines}) > 1000


async def test_the_health_check_sees_a_connector_that_is_ready_one_that_is_halted_and_none(
    services: dict[str, dict[str, Any]],
) -> None:
    kind, python, option, program = services["connector"]["healthcheck"]["test"]
    assert (kind, python, option) == ("CMD", "python", "-c")
    provider = Provider()
    server = AdminServer("127.0.0.1", 0, provider, CollectorRegistry())
    await server.start()
    program = program.replace("8080", str(server.port))

    async def exit_code() -> int:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            program,
            stderr=asyncio.subprocess.DEVNULL,
            env={**os.environ, "no_proxy": "*"},
        )
        return await process.wait()

    assert await exit_code() == 0
    provider.now = halted()
    assert await exit_code() == 1
    await server.stop()
    assert await exit_code() == 1


def test_the_brokers_health_check_is_frequent_while_it_starts_only(
    services: dict[str, dict[str, Any]],
) -> None:
    """Each starts a JVM, on a machine that has Kafka, Prometheus and Grafana to run."""
    check = services["kafka"]["healthcheck"]
    assert float(check["interval"].removesuffix("s")) >= 30
    assert float(check["start_interval"].removesuffix("s")) <= 5
    assert float(check["start_period"].removesuffix("s")) >= 60


def test_what_is_built_here_is_never_asked_of_a_registry(services: dict[str, dict[str, Any]]) -> None:
    built = [each for each in services.values() if "build" in each]
    assert len(built) == 2
    assert all(each["pull_policy"] == "build" for each in built)


def test_every_image_has_a_version_or_is_built_here(services: dict[str, dict[str, Any]]) -> None:
    for each in services.values():
        assert "build" in each or re.search(r":v?\d+\.\d+\.\d+$", each["image"])


def test_the_connector_finds_broker_topics_and_api(
    services: dict[str, dict[str, Any]], settings: Settings
) -> None:
    advertised = services["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]
    assert advertised == f"PLAINTEXT://{settings.kafka.bootstrap_servers}"
    created = re.findall(r"([\w-]+):\d+:", services["topics"]["command"][0].split(";")[0])
    assert set(created) == {*settings.kafka.contents, settings.kafka.dead_letter_topic}
    port = services["sandbox"]["command"][services["sandbox"]["command"].index("--port") + 1]
    assert settings.pushwoosh.url == f"http://sandbox:{port}"
    assert {port} == listening(services, "sandbox")
    assert {str(settings.admin.port)} == listening(services, "connector")


def test_prometheus_scrapes_the_connector_and_has_the_rules(
    services: dict[str, dict[str, Any]], settings: Settings
) -> None:
    config = yaml.safe_load((FILE.parent / "compose/prometheus.yaml").read_text())
    (job,) = config["scrape_configs"]
    assert job["static_configs"] == [{"targets": [f"connector:{settings.admin.port}"]}]
    targets = {volume.split(":")[1] for volume in services["prometheus"]["volumes"]}
    assert {f"/etc/prometheus/{file}" for file in config["rule_files"]} <= targets
    assert job["job_name"] == "pushwoosh-connector"


def test_grafana_has_the_dashboard_and_its_source(services: dict[str, dict[str, Any]]) -> None:
    (source,) = yaml.safe_load((FILE.parent / "compose/grafana-datasources.yaml").read_text())["datasources"]
    (provider,) = yaml.safe_load((FILE.parent / "compose/grafana-dashboards.yaml").read_text())["providers"]
    assert source["url"] == "http://prometheus:9090"
    assert listening(services, "prometheus") == {"9090"}
    targets = [volume.split(":")[1] for volume in services["grafana"]["volumes"]]
    assert f"{provider['options']['path']}/dashboard.json" in targets


def test_nobody_is_killed_before_an_orderly_stop_has_ended(
    services: dict[str, dict[str, Any]], settings: Settings
) -> None:
    assert float(services["connector"]["stop_grace_period"].removesuffix("s")) > stop_deadline(settings)


def test_nothing_listens_for_other_machines(services: dict[str, dict[str, Any]]) -> None:
    for each in services.values():
        assert all(port.startswith("127.0.0.1:") for port in each.get("ports", []))
