"""The manifests' dead-letter tool: it waits until told, with settings and rights of its own."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

from connector.replay.choosing import MOST_BYTES
from tests.acceptance.processes import wait_for
from tests.deploy.manifest_checks import check_safety, mebibytes
from tests.deploy.manifest_settings import settings_of
from tests.deploy.manifests import (
    NEEDS_KUBECTL,
    Resource,
    container,
    dead_letter_job,
    one,
    pod,
    rights,
    selects,
    workload,
)

pytestmark = NEEDS_KUBECTL


def test_the_dead_letter_tool_has_the_connectors_settings_and_a_kafka_user_of_its_own(
    production: list[Resource], tmp_path: Path
) -> None:
    tool = settings_of(dead_letter_job(production), tmp_path / "tool")
    connector = settings_of(production, tmp_path / "connector")
    users = [each.kafka.properties["sasl.username"] for each in (tool, connector)]
    assert users == ["letters", "u"]
    own = {"properties_file", "properties"}
    assert tool.kafka.model_dump(exclude=own) == connector.kafka.model_dump(exclude=own)
    assert tool.kafka.properties["security.protocol"] == "sasl_ssl"


def test_the_dead_letter_tool_may_what_a_replay_needs_and_the_connector_may_not(
    everything: list[Resource], tmp_path: Path
) -> None:
    kafka = settings_of(everything, tmp_path).kafka
    own = f"{kafka.group_id}-dead-letters-replay"
    needed = {
        ("topic", kafka.dead_letter_topic, "literal", "Read"),
        *(("topic", topic, "literal", right) for topic in kafka.contents for right in ("Read", "Write")),
        ("group", own, "literal", "Read"),
        ("transactionalId", own, "literal", "Write"),
        ("group", kafka.group_id, "literal", "Describe"),
    }
    assert {*rights(everything, "pushwoosh-connector-dead-letters-kafka")} == needed


def test_the_dead_letter_tool_has_room_for_as_many_letters_as_a_replay_holds(
    production: list[Resource],
) -> None:
    job = dead_letter_job(production)
    check_safety(job)
    limit = mebibytes(container(job)["resources"]["limits"]["memory"])
    assert 73 + 2 * (MOST_BYTES >> 20) <= limit <= 4 * (MOST_BYTES >> 20)


def test_the_dead_letter_tool_starts_when_told_only_and_is_nobody_that_others_count(
    everything: list[Resource],
) -> None:
    assert one(everything, "CronJob")["spec"]["suspend"] is True
    job = dead_letter_job(everything)
    assert "ports" not in container(job)  # nothing to scrape
    assert workload(job)["spec"]["activeDeadlineSeconds"] <= 24 * 3600
    labels = pod(job)["metadata"]["labels"]
    selectors = [
        workload(everything)["spec"]["selector"],
        one(everything, "PodDisruptionBudget")["spec"]["selector"],
    ]
    assert not any(selects(each, labels) for each in selectors)
    assert selects(one(everything, "NetworkPolicy")["spec"]["podSelector"], labels)


def test_the_pod_of_the_dead_letter_tool_waits_and_leaves_at_once_when_told(
    production: list[Resource],
) -> None:
    python, *rest = container(dead_letter_job(production))["command"]
    assert python == "python"
    with subprocess.Popen([sys.executable, *rest]) as waiting:
        wait_for(lambda: hears(waiting.pid, signal.SIGTERM), 30, "the handler")
        waiting.terminate()
        assert waiting.wait(10) == 0


def hears(process: int, number: signal.Signals) -> bool:
    """Whether it has a handler: as the first process of a container it gets no other signals."""
    (caught,) = re.findall(r"SigCgt:\s+(\w+)", Path(f"/proc/{process}/status").read_text())
    return bool(int(caught, 16) >> (number - 1) & 1)
