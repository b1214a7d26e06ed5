"""The manifests beside a Kafka cluster: scaling, topics, rights, a backfill of its own."""

from __future__ import annotations

from pathlib import Path

from tests.deploy.exported import unknown_names
from tests.deploy.manifest_checks import KUBERNETES, check_schema
from tests.deploy.manifest_settings import settings_of
from tests.deploy.manifests import (
    NEEDS_KUBECTL,
    ROOT,
    Resource,
    build,
    dead_letter_job,
    of_kind,
    one,
    pod,
    rights,
    workload,
)

pytestmark = NEEDS_KUBECTL


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
