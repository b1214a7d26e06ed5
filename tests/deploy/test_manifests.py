"""The manifests: valid by schema, and what no schema can see."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import certifi
import kubernetes_validate
import pytest
from jsonschema import Draft202012Validator
from prometheus_client import CollectorRegistry
from referencing import Registry
from referencing.jsonschema import DRAFT202012
from starlette.routing import Route

from connector import __version__
from connector.config import Settings, load
from connector.consuming import HAND_OVER_LIMIT
from connector.kafka.given import to_consumer
from connector.kafka.letter_producer import STEP_LIMIT
from connector.kafka.properties import consumer_properties
from connector.kafka.source import REVOKE_LIMIT
from connector.ops import admin
from connector.ops.privacy import Mask
from connector.replay.choosing import MOST_BYTES
from tests.acceptance.processes import wait_for
from tests.deploy.exported import unknown_names
from tests.deploy.manifests import (
    COMPONENTS,
    ROOT,
    Resource,
    build,
    composed,
    container,
    dead_letter_job,
    mounted,
    of_kind,
    one,
    pod,
    ports_allowed,
    rights,
    selects,
    workload,
)
from tests.unit.ops.provider import Provider

pytestmark = pytest.mark.skipif(shutil.which("kubectl") is None, reason="no kubectl")

BUILDS = ["overlays/example", "overlays/production", "backfill", "overlays/production-backfill", "everything"]
KUBERNETES = ("1.32", "1.37")
"""The oldest and the newest version that these are validated against."""
SECRETS = {
    "pushwoosh-connector": {"token": "a-token", "kafka.properties": "sasl.username=u\nsasl.password=p\n"},
    "pushwoosh-connector-dead-letters": {"kafka.properties": "sasl.username=letters\nsasl.password=p\n"},
    "pushwoosh-connector-backfill": {"kafka.properties": "sasl.username=backfill\nsasl.password=p\n"},
    "kafka-cluster-ca-cert": {"ca.crt": Path(certifi.where()).read_text()},
}
"""What production expects to be there."""


@pytest.fixture(scope="module", params=BUILDS)
def resources(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[Resource]:
    """Each overlay, and production with every component."""
    if request.param != "everything":
        return build(ROOT / request.param)
    missing = [name for name in COMPONENTS if name not in ("pod-monitor", "prometheus-rule", "dead-letters")]
    return composed(tmp_path_factory.mktemp("all"), *missing, base="overlays/production")


@pytest.fixture(scope="module")
def production() -> list[Resource]:
    return build(ROOT / "overlays/production")


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> list[Resource]:
    return composed(tmp_path_factory.mktemp("all"), *COMPONENTS, base="base")


# -- schemas -----------------------------------------------------------------------------------


def custom_schemas() -> dict[tuple[str, str], Draft202012Validator]:
    """By apiVersion and kind, a validator of each custom resource that is used."""
    folder = Path(__file__).parent / "schemas"
    files = {file.name: json.loads(file.read_text()) for file in folder.glob("*.json")}
    registry: Registry[Any] = Registry().with_resources(
        (name, DRAFT202012.create_resource(schema)) for name, schema in files.items()
    )
    found = {}
    for name, schema in files.items():
        if name == "metadata.json":
            continue
        own = schema.get("$defs", {}).get("root", schema)["properties"]
        validator = Draft202012Validator({"$ref": name}, registry=registry)
        found[(own["apiVersion"]["const"], own["kind"]["const"])] = validator
    return found


def check_schema(resource: Resource, version: str) -> None:
    """Refuse what the API server would refuse or warn about, fields that nobody knows included."""
    custom = custom_schemas().get((resource["apiVersion"], resource["kind"]))
    if custom is not None:
        custom.validate(resource)
        return
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        kubernetes_validate.validate(resource, version, strict=True)


@pytest.mark.parametrize("version", KUBERNETES)
def test_every_resource_is_valid_and_has_no_field_that_nobody_knows(
    resources: list[Resource], version: str
) -> None:
    for each in resources:
        check_schema(each, version)


def test_a_misspelt_field_would_be_refused_in_every_resource(everything: list[Resource]) -> None:
    for each in everything:
        wrong = {**each, "spek": {}}
        with pytest.raises(Exception, match=r"spek"):
            check_schema(wrong, KUBERNETES[0])


@pytest.mark.parametrize("name", COMPONENTS)
def test_each_component_goes_with_the_base_alone(name: str, tmp_path: Path) -> None:
    found = composed(tmp_path / "own", name)
    assert len(found) > len(composed(tmp_path / "base"))


def test_every_component_that_an_overlay_offers_in_a_comment_is_there() -> None:
    offered = [
        file.parent / path
        for file in ROOT.glob("overlays/*/kustomization.yaml")
        for path in re.findall(r"# - (\.\./\S+)", file.read_text())
    ]
    assert offered
    assert all((path / "kustomization.yaml").is_file() for path in offered)


# -- settings and files ------------------------------------------------------------------------


def settings_of(resources: list[Resource], folder: Path) -> Settings:
    """Load the configuration as the container would."""
    places = mounted(resources, folder, SECRETS)

    def here(text: str) -> str:
        for mount, place in places.items():
            text = text.replace(f"{mount}/", f"{place}/")
        return text

    file = places["/etc/connector"] / "connector.toml"
    file.write_text(here(file.read_text()))
    given = {each["name"]: here(each["value"]) for each in container(resources).get("env", [])}
    return load(file, given)


def test_the_settings_are_ones_that_the_connector_takes(resources: list[Resource], tmp_path: Path) -> None:
    settings = settings_of(resources, tmp_path)
    assert settings.pushwoosh.token_file is not None
    assert settings.kafka.properties_file is not None


def test_the_secrets_reach_the_connector(production: list[Resource], tmp_path: Path) -> None:
    properties = settings_of(production, tmp_path).kafka.properties
    assert (properties["sasl.username"], properties["security.protocol"]) == ("u", "sasl_ssl")


def test_the_command_line_is_one_that_the_connector_takes(resources: list[Resource]) -> None:
    command, option, file, *flags = container(resources)["args"]
    assert (command, option, file) == ("run", "--config", "/etc/connector/connector.toml")
    assert flags == (["--until-end"] if workload(resources)["kind"] == "Job" else [])


def test_a_changed_configuration_rolls_out(resources: list[Resource]) -> None:
    for each in of_kind(resources, "ConfigMap"):
        assert each["metadata"]["name"].count("-") > workload(resources)["metadata"]["name"].count("-")


def test_the_image_has_this_version(resources: list[Resource]) -> None:
    assert container(resources)["image"] == f"pushwoosh-connector:{__version__}"


@pytest.mark.parametrize("base", ["base", *BUILDS[:-1]])
def test_an_overlay_on_top_of_any_other_says_where_the_image_is(base: str, tmp_path: Path) -> None:
    """What is below must not rename it: an override by its old name would be passed over in silence."""
    images = [{"name": "pushwoosh-connector", "newName": "registry.example.com/own", "newTag": "1.2.3"}]
    assert (
        container(composed(tmp_path, base=base, images=images))["image"] == "registry.example.com/own:1.2.3"
    )


def test_the_place_of_the_image_that_production_shows_is_one_that_works(tmp_path: Path) -> None:
    """The lines that are to be filled in, once they aren't comments any more."""
    shutil.copytree(ROOT, tmp_path / "kubernetes")
    file = tmp_path / "kubernetes/overlays/production/kustomization.yaml"
    block = re.search(r"^# images:\n(?:#   .*\n)+", file.read_text(), re.MULTILINE)
    assert block is not None
    file.write_text(file.read_text().replace(block[0], re.sub(r"(?m)^# ", "", block[0])))
    image = container(build(file.parent))["image"]
    assert image == f"registry.example.com/pushwoosh-connector:{__version__}"


def test_a_rotated_secret_reaches_the_running_pod(resources: list[Resource]) -> None:
    assert not [mount for mount in container(resources)["volumeMounts"] if "subPath" in mount]


# -- probes, ports, the end --------------------------------------------------------------------


def test_the_probes_ask_what_the_admin_endpoints_serve(resources: list[Resource], tmp_path: Path) -> None:
    served = {
        route.path
        for route in admin.application(Provider(), CollectorRegistry(), Mask()).routes
        if isinstance(route, Route)
    }
    ports = {port["name"]: port["containerPort"] for port in container(resources)["ports"]}
    probes = [probe for name, probe in container(resources).items() if name.endswith("Probe")]
    assert probes
    for probe in probes:
        assert probe["httpGet"]["path"] in served
        assert ports[probe["httpGet"]["port"]] == settings_of(resources, tmp_path / "1").admin.port
        tmp_path = tmp_path / "next"
    for monitor in of_kind(resources, "PodMonitor"):
        for endpoint in monitor["spec"]["podMetricsEndpoints"]:
            assert endpoint["path"] in served
            assert endpoint["port"] in ports


def stop_deadline(settings: Settings) -> float:
    """Seconds that an orderly stop may take at the worst, one after the other.

    Jobs under way, a commit without a coordinator (up to the session time-out), the hand-over, its
    commit, the end of a transaction in the producer's thread, open requests at the admin endpoints.
    """
    consumer = consumer_properties(to_consumer(settings.kafka))[0]
    session = float(consumer["session.timeout.ms"]) / 1000
    return (
        settings.jobs.stop_timeout + session + HAND_OVER_LIMIT + REVOKE_LIMIT + STEP_LIMIT + admin._STOP_LIMIT
    )


def test_nobody_is_killed_before_an_orderly_stop_has_ended(resources: list[Resource], tmp_path: Path) -> None:
    grace = pod(resources)["spec"]["terminationGracePeriodSeconds"]
    deadline = stop_deadline(settings_of(resources, tmp_path))
    assert deadline < grace <= 2 * deadline


def test_the_readme_says_how_long_a_stop_may_take_and_what_the_manifests_give(tmp_path: Path) -> None:
    base = build(ROOT / "base")
    deadline = stop_deadline(settings_of(base, tmp_path))
    text = (ROOT.parents[1] / "README.md").read_text()
    said = re.findall(r"(\d+) s at the very most with the defaults, so give a container (\d+) s", text)
    assert said == [(f"{deadline:.0f}", str(pod(base)["spec"]["terminationGracePeriodSeconds"]))]


# -- selectors ---------------------------------------------------------------------------------


def test_every_selector_takes_the_pods_and_the_budget_only_those_of_the_deployment(
    everything: list[Resource],
) -> None:
    labels = pod(everything)["metadata"]["labels"]
    backfill = pod(build(ROOT / "backfill"))["metadata"]["labels"]
    spec = workload(everything)["spec"]
    policy = one(everything, "NetworkPolicy")["spec"]["podSelector"]
    monitor = one(everything, "PodMonitor")["spec"]["selector"]
    budget = one(everything, "PodDisruptionBudget")["spec"]["selector"]
    spread = [each["labelSelector"] for each in pod(everything)["spec"]["topologySpreadConstraints"]]
    assert all(selects(each, labels) for each in (spec["selector"], policy, monitor, budget, *spread))
    assert [selects(each, backfill) for each in (spec["selector"], budget, policy, monitor)] == [
        False,
        False,
        True,
        True,
    ]


def test_the_monitor_names_the_job_that_rules_and_scaling_ask_for(everything: list[Resource]) -> None:
    monitor = one(everything, "PodMonitor")["spec"]
    assert pod(everything)["metadata"]["labels"][monitor["jobLabel"]] == "pushwoosh-connector"
    backfill = pod(build(ROOT / "backfill"))["metadata"]["labels"]
    assert backfill[monitor["jobLabel"]] == "pushwoosh-connector-backfill"
    (trigger,) = one(everything, "ScaledObject")["spec"]["triggers"]
    assert '{job="pushwoosh-connector", ' in trigger["metadata"]["query"]
    rules = [rule for group in one(everything, "PrometheusRule")["spec"]["groups"] for rule in group["rules"]]
    assert 'up{job="pushwoosh-connector"}' in rules[0]["expr"]


def test_the_job_stays_where_a_tool_of_deployment_writes_its_own_name_over_the_usual_labels(
    tmp_path: Path,
) -> None:
    """As Argo CD does with its label of tracking, and `helm` with its release."""
    usual = ("name", "instance", "version", "component", "part-of", "managed-by")
    labels = [{"pairs": {f"app.kubernetes.io/{name}": "argo" for name in usual}, "includeTemplates": True}]
    changed = composed(tmp_path, "pod-monitor", labels=labels)
    given = pod(changed)["metadata"]["labels"]
    assert given["app.kubernetes.io/instance"] == "argo"
    assert given[one(changed, "PodMonitor")["spec"]["jobLabel"]] == "pushwoosh-connector"


def test_a_kube_prometheus_stack_would_take_monitor_and_rules(production: list[Resource]) -> None:
    """By default it selects by the name of its Helm release; its chart's own name is the usual one."""
    for kind in ("PodMonitor", "PrometheusRule"):
        assert one(production, kind)["metadata"]["labels"]["release"] == "kube-prometheus-stack"
    assert sum("release" in each["metadata"].get("labels", {}) for each in production) == 2


# -- safety ------------------------------------------------------------------------------------


def test_the_pods_keep_the_restricted_standard_and_more(resources: list[Resource]) -> None:
    check_safety(resources)


def check_safety(resources: list[Resource]) -> None:
    spec, only = pod(resources)["spec"], container(resources)
    assert spec["automountServiceAccountToken"] is False
    assert spec["enableServiceLinks"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert only["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert set(only["resources"]) == {"requests", "limits"}
    for name in of_kind(resources, "Namespace"):
        assert name["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def mebibytes(quantity: str) -> int:
    number, unit = quantity[:-2], quantity[-2:]
    return int(number) * {"Mi": 1, "Gi": 1024}[unit]


def test_the_memory_limit_leaves_room_for_a_full_buffer(resources: list[Resource], tmp_path: Path) -> None:
    """Measured: 310 MiB with the buffer's 128 MiB full, 73 MiB at rest (deploy/README.md, "Size it")."""
    buffer = settings_of(resources, tmp_path).buffer.max_bytes >> 20
    given = container(resources)["resources"]
    full = 73 + 2 * buffer
    assert 1.5 * full <= mebibytes(given["limits"]["memory"]) <= 3 * full
    assert 73 < mebibytes(given["requests"]["memory"]) <= full


def test_the_network_policy_lets_out_what_the_settings_need_and_little_more(
    production: list[Resource], tmp_path: Path
) -> None:
    settings = settings_of(production, tmp_path)
    needed = {int(broker.rpartition(":")[2]) for broker in settings.kafka.bootstrap_servers.split(",")}
    needed |= {443, 53}
    allowed = [*ports_allowed(production)]
    assert all(any(port in each for each in allowed) for port in needed)
    assert sum(len(each) for each in allowed) <= 5
    (ingress,) = one(production, "NetworkPolicy")["spec"]["ingress"]
    assert [port["port"] for port in ingress["ports"]] == ["admin"]


def test_the_rule_for_openshifts_dns_is_a_valid_one_once_it_is_no_comment(
    production: list[Resource], tmp_path: Path
) -> None:
    shutil.copytree(ROOT, tmp_path / "kubernetes")
    file = tmp_path / "kubernetes/base/network-policy.yaml"
    text = file.read_text()
    block = re.search(r"(?m)(?<=in its place).*\n((?:    # [- ] .*\n)+)", text)
    assert block is not None
    file.write_text(text.replace(block[1], re.sub(r"(?m)^    # ", "    ", block[1])))
    changed = build(tmp_path / "kubernetes/base")
    check_schema(one(changed, "NetworkPolicy"), KUBERNETES[0])
    (added,) = [
        rule
        for rule in one(changed, "NetworkPolicy")["spec"]["egress"]
        if rule not in one(production, "NetworkPolicy")["spec"]["egress"]
    ]
    (peer,) = added["to"]
    assert peer["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "openshift-dns"}
    assert {(each["protocol"], each["port"]) for each in added["ports"]} == {("UDP", 5353), ("TCP", 5353)}


def test_a_rollout_makes_no_surplus_member_and_a_drain_takes_one_by_one(
    production: list[Resource],
) -> None:
    rolling = workload(production)["spec"]["strategy"]["rollingUpdate"]
    assert rolling == {"maxSurge": 0, "maxUnavailable": 1}
    budget = one(production, "PodDisruptionBudget")["spec"]
    assert (budget["maxUnavailable"], budget["unhealthyPodEvictionPolicy"]) == (1, "AlwaysAllow")


# -- components --------------------------------------------------------------------------------


def test_scaling_is_capped_at_the_partitions_and_nobody_else_sets_replicas(
    everything: list[Resource],
) -> None:
    scaled = one(everything, "ScaledObject")["spec"]
    target = workload(everything)
    assert scaled["scaleTargetRef"]["name"] == target["metadata"]["name"]
    assert "replicas" not in target["spec"]
    topics = {each["metadata"]["name"]: each["spec"] for each in of_kind(everything, "KafkaTopic")}
    assert scaled["maxReplicaCount"] == topics["pushwoosh-events"]["partitions"]
    assert scaled["minReplicaCount"] >= 1
    down = scaled["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]["scaleDown"]
    assert down["stabilizationWindowSeconds"] >= 600
    for trigger in scaled["triggers"]:
        assert unknown_names(trigger["metadata"]["query"]) == set()
        assert trigger["metadata"]["ignoreNullValues"] == "false"  # else silence counts as 0
    assert scaled["fallback"]["replicas"] >= scaled["minReplicaCount"]


def test_the_topics_and_rights_are_those_of_the_settings(everything: list[Resource], tmp_path: Path) -> None:
    kafka = settings_of(everything, tmp_path).kafka
    assert {each["metadata"]["name"] for each in of_kind(everything, "KafkaTopic")} == {
        *kafka.contents,
        *settings_of(build(ROOT / "backfill"), tmp_path / "backfill").kafka.contents,
        kafka.dead_letter_topic,
    }
    assert {*rights(everything, "pushwoosh-connector-kafka")} == {
        *(("topic", topic, "literal", "Read") for topic in kafka.contents),
        ("topic", kafka.dead_letter_topic, "literal", "Write"),
        ("group", kafka.group_id, "literal", "Read"),
        ("transactionalId", f"{kafka.group_id}-", "prefix", "Write"),
    }


def test_no_letter_is_deleted_by_its_age_which_is_that_of_its_record(everything: list[Resource]) -> None:
    """A record that was days old when it was refused would be gone before anybody has seen the letter."""
    topics = {each["metadata"]["name"]: each["spec"]["config"] for each in of_kind(everything, "KafkaTopic")}
    assert topics["pushwoosh-dead-letters"]["retention.ms"] == -1
    assert topics["pushwoosh-events"]["retention.ms"] >= 7 * 24 * 3600 * 1000


def test_topics_and_rights_lie_where_the_kafka_cluster_is_that_production_asks(
    production: list[Resource], tmp_path: Path
) -> None:
    """Strimzi's operators watch its namespace and look at the label; the names of its services tell both."""
    found = build(ROOT / "overlays/strimzi")
    for each in found:
        check_schema(each, KUBERNETES[0])
    assert {each["kind"] for each in found} == {"KafkaTopic", "KafkaUser"}
    ((namespace, cluster),) = {
        (each["metadata"]["namespace"], each["metadata"]["labels"]["strimzi.io/cluster"]) for each in found
    }
    host, _port = settings_of(production, tmp_path).kafka.bootstrap_servers.split(":")
    assert host == f"{cluster}-kafka-bootstrap.{namespace}"
    secrets = {
        each["secret"]["secretName"] for each in pod(production)["spec"]["volumes"] if "secret" in each
    }
    assert f"{cluster}-cluster-ca-cert" in secrets
    assert namespace not in {each["metadata"].get("namespace") for each in production}


def test_the_secret_that_strimzi_makes_is_not_the_one_that_is_mounted(everything: list[Resource]) -> None:
    volumes = pod(everything)["spec"]["volumes"]
    mounted_secrets = {each["secret"]["secretName"] for each in volumes if "secret" in each}
    volumes = pod(dead_letter_job(everything))["spec"]["volumes"]
    mounted_secrets |= {each["secret"]["secretName"] for each in volumes if "secret" in each}
    users = {each["metadata"]["name"] for each in of_kind(everything, "KafkaUser")}
    assert users
    assert not users & mounted_secrets


# -- the dead-letter tool ----------------------------------------------------------------------


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


def test_a_backfill_beside_production_gets_into_kafka_with_rights_of_its_own(
    everything: list[Resource], production: list[Resource], tmp_path: Path
) -> None:
    settings = settings_of(build(ROOT / "overlays/production-backfill"), tmp_path / "backfill")
    kafka, other = settings.kafka, settings_of(production, tmp_path / "production").kafka
    own = ("security.protocol", "sasl.mechanism", "sasl.username")
    assert [kafka.properties[name] for name in own] == ["sasl_ssl", "SCRAM-SHA-512", "backfill"]
    assert (kafka.bootstrap_servers, kafka.dead_letter_topic) == (
        other.bootstrap_servers,
        other.dead_letter_topic,
    )
    plain = settings_of(build(ROOT / "backfill"), tmp_path / "plain").kafka
    assert (kafka.group_id, kafka.contents) == (plain.group_id, plain.contents)
    assert {*rights(everything, "pushwoosh-connector-backfill-kafka")} == {
        *(("topic", topic, "literal", "Read") for topic in kafka.contents),
        ("topic", kafka.dead_letter_topic, "literal", "Write"),
        ("group", kafka.group_id, "literal", "Read"),
        ("transactionalId", f"{kafka.group_id}-", "prefix", "Write"),
    }


def test_a_backfill_has_as_many_completions_as_pods_at_once(resources: list[Resource]) -> None:
    """No more Pods run than completions are left: more of the one alone would do nothing."""
    for each in of_kind(resources, "Job"):
        assert each["spec"]["parallelism"] == each["spec"]["completions"]


def test_a_backfill_has_a_group_and_topics_of_its_own_and_gives_up_on_a_wrong_configuration(
    everything: list[Resource], tmp_path: Path
) -> None:
    job = build(ROOT / "backfill")
    own, other = settings_of(job, tmp_path / "own").kafka, settings_of(everything, tmp_path / "other").kafka
    assert own.group_id != other.group_id
    assert not {*own.contents} & {*other.contents}
    spec = workload(job)["spec"]
    assert spec["podFailurePolicy"]["rules"][0]["onExitCodes"]["values"] == [2]
    assert pod(job)["spec"]["restartPolicy"] == "Never"
