"""The manifests' pods: what they may do, reach and use up."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from tests.deploy.manifest_checks import KUBERNETES, check_safety, check_schema, mebibytes
from tests.deploy.manifest_settings import settings_of
from tests.deploy.manifests import (
    NEEDS_KUBECTL,
    ROOT,
    Resource,
    build,
    container,
    one,
    ports_allowed,
    workload,
)

pytestmark = NEEDS_KUBECTL


def test_the_pods_keep_the_restricted_standard_and_more(resources: list[Resource]) -> None:
    check_safety(resources)


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
