"""The operator's guide: its commands, files, names, settings, metrics, panels and links are there."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer.main

from connector.cli import app
from tests.acceptance.processes import wait_for
from tests.broker import free_ports
from tests.deploy.guide import GUIDE, ROOT, commands, section
from tests.deploy.manifests import build, dead_letter_job, of_kind, one, pod, workload
from tests.deploy.prometheus import BINARY, RULES, prometheus

METRICS = (ROOT / "deploy/METRICS.md").read_text()
SETTINGS = (ROOT / "deploy/SETTINGS.md").read_text()
TEXT = GUIDE.read_text()
RESOURCES = ROOT / "deploy/kubernetes"


def words() -> set[str]:
    """Everything in backticks."""
    return set(re.findall(r"`([^`\n]+)`", TEXT))


def headings(text: str) -> set[str]:
    """Anchors, as GitHub makes them."""
    found = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="no kubectl")
def test_what_install_applies_is_there_and_builds(tmp_path: Path) -> None:
    """`cp` as it is written, then what `apply` would read; a control plane runs all of it, opt-in."""
    shutil.copytree(ROOT / "deploy", tmp_path / "deploy")
    for line in commands("Install"):
        if line.startswith("cp "):
            subprocess.run(["bash", "-c", line], check=True, cwd=tmp_path)
        for kind, path in re.findall(r"apply (-[fk]) (\S+)", line):
            assert (tmp_path / path).exists(), line
            if kind == "-k":
                assert of_kind(build(tmp_path / path), "Deployment")


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="no kubectl")
def test_every_kustomization_that_a_command_names_builds() -> None:
    named = set(re.findall(r"(?:apply|create|delete) -k (deploy/[\w./-]+)", TEXT)) - {
        "deploy/kubernetes/overlays/mine"  # a copy of production: above
    }
    assert named
    for each in named:
        assert build(ROOT / each), each


@pytest.mark.skipif(
    None in (BINARY, shutil.which("promtool"), shutil.which("wget")), reason="no Prometheus, or no wget"
)
def test_what_looks_whether_prometheus_sees_it_tells_the_target_and_the_rules(tmp_path: Path) -> None:
    """The commands as they are written, without `kubectl exec`, where nothing answers a scrape."""
    lines = re.findall(r"^kubectl .* -- (promtool .*|wget .*)$", section("Install"), re.MULTILINE)
    assert len(lines) == 2
    with prometheus(tmp_path, free_ports(1)) as server:
        wait_for(lambda: server.query('up{job="pushwoosh-connector"}'), 30, "a scrape")
        target, rules = (
            subprocess.run(
                ["bash", "-c", line.replace("http://localhost:9090", str(server._http.base_url).rstrip("/"))],
                capture_output=True,
                text=True,
                check=True,
                timeout=30,
                env={**os.environ, "no_proxy": "*"},
            ).stdout
            for line in lines
        )
    assert re.fullmatch(r'up\{.*job="pushwoosh-connector".*\} => 0 @.*\n', target)
    assert rules.split() == sorted(set(re.findall(r"alert: (\S+)", RULES.read_text())))


def test_every_secret_that_production_mounts_is_made_in_install() -> None:
    volumes = workload(build(RESOURCES / "overlays/production"))["spec"]["template"]["spec"]["volumes"]
    mounted = {each["secret"]["secretName"] for each in volumes if "secret" in each}
    made = {name for line in commands("Install") for name in re.findall(r"create secret generic (\S+)", line)}
    assert made == mounted


def test_every_secret_that_the_tool_or_a_backfill_mounts_is_made_in_the_guide() -> None:
    made = set(re.findall(r"create secret generic (\S+)", TEXT))
    for resources in (
        dead_letter_job(build(RESOURCES / "overlays/production")),
        build(RESOURCES / "overlays/production-backfill"),
    ):
        volumes = pod(resources)["spec"]["volumes"]
        assert {each["secret"]["secretName"] for each in volumes if "secret" in each} <= made


def test_every_workload_that_a_command_names_is_there() -> None:
    names = re.findall(r"\s(?:deploy|deployment)/([a-z-]+)(?=[\s`])", TEXT)
    assert set(names) == {workload(build(RESOURCES / "base"))["metadata"]["name"]}


def test_the_dead_letter_tool_is_started_from_what_production_has_and_told_what_it_knows() -> None:
    given = commands("Dead letters")
    made = {name for line in given for name in re.findall(r"--from=cronjob/(\S+)", line)}
    assert made == {one(build(RESOURCES / "overlays/production"), "CronJob")["metadata"]["name"]}
    created = {name for line in given for name in re.findall(r"create job (\S+)", line)}
    assert created == {name for line in given for name in re.findall(r"\bjob(?:/| |-name=)([a-z-]+)", line)}
    known: Any = typer.main.get_command(app)
    told = [line.partition(" -- pushwoosh-connector dead-letters ")[2].split() for line in given]
    assert [words[0] for words in told if words] == ["list", "replay"]
    for command, *words in filter(None, told):
        options = known.commands["dead-letters"].commands[command].params
        assert {word for word in words if word.startswith("-")} <= {
            name for each in options for name in each.opts
        }


def test_nobody_is_told_to_run_the_dead_letter_tool_in_the_connectors_pod() -> None:
    """It may not read letters there, and its memory would be the connector's."""
    for file in [ROOT / "README.md", *(ROOT / "deploy").glob("*.md")]:
        assert not re.search(r"exec \S*deploy\S* .*dead-letters", file.read_text()), file


def test_every_file_and_folder_that_it_names_is_there() -> None:
    named = {
        word for word in words() if re.fullmatch(r"(kubernetes|components|prometheus|grafana)/[\w./-]+", word)
    }
    named |= {word for word in words() if re.fullmatch(r"(tests|deploy)/[\w./-]+", word)}
    assert named
    places = (ROOT / "deploy", RESOURCES, ROOT)
    assert {each for each in named if not any((place / each).exists() for place in places)} == set()


def test_every_setting_that_it_names_is_one() -> None:
    sections = r"(?:kafka|pushwoosh|batch|jobs|brake|buffer|admin|log)"
    named = {word.split(" ")[0] for word in words() if re.match(rf"{sections}\.\w+", word)}
    named -= {"kafka.properties"}  # a table, and the Secret's key
    assert named
    assert {each for each in named if f"`{each}`" not in SETTINGS} == set()


def test_every_metric_that_it_names_is_one() -> None:
    named = {word for word in words() if re.fullmatch(r"\w+_(?:total|seconds|records|open)", word)}
    assert named
    assert {each for each in named if f"`pushwoosh_connector_{each}`" not in METRICS} == set()


def test_every_panel_that_an_alert_leads_to_is_on_the_dashboard() -> None:
    panels = json.loads((ROOT / "deploy/grafana/dashboard.json").read_text())["panels"]
    titles = {panel["title"] for panel in panels} | {"Restarts"}
    named = set(re.findall(r'"([A-Z][\w ]+)"', section("Alerts") + section("Size it")))
    assert named
    assert named <= titles


def test_every_link_leads_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]*(?:#[^)]*)?)\)", TEXT):
        file, _, anchor = target.partition("#")
        place = (GUIDE.parent / file) if file else GUIDE
        if "://" in target:
            continue
        assert place.exists(), target
        assert not anchor or anchor in headings(place.read_text()), target
