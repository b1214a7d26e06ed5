"""A Kubernetes control plane: real API server, controllers and scheduler; its nodes are simulated."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import yaml

from tests.acceptance.processes import wait_for
from tests.broker import free_ports

_TOKEN = "only-for-this-test"
_KEY = "service-account.key"


class ControlPlane:
    """`kubectl` against it; every warning is an error."""

    def __init__(self, kubeconfig: Path) -> None:
        self.kubeconfig = kubeconfig

    def kubectl(self, *arguments: str | Path, fails: bool = False) -> str:
        command = [
            "kubectl",
            f"--kubeconfig={self.kubeconfig}",
            "--warnings-as-errors",
            *map(str, arguments),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        written = done.stdout + done.stderr
        assert (done.returncode != 0) is fails, f"{' '.join(command)}\n{written}"
        return written

    def get(self, *arguments: str) -> Any:
        return json.loads(self.kubectl("get", *arguments, "-o", "json"))

    def kinds(self) -> set[str]:
        """Every kind that the API server knows."""
        return {line.split()[-1] for line in self.kubectl("api-resources", "--no-headers").splitlines()}

    def answers(self) -> bool:
        command = ["kubectl", f"--kubeconfig={self.kubeconfig}", "get", "--raw", "/readyz"]
        return subprocess.run(command, capture_output=True, check=False, timeout=60).returncode == 0


@contextmanager
def control_plane(binaries: Path, folder: Path, nodes: int = 3) -> Iterator[ControlPlane]:
    """Run it until the end of the block."""
    kubeconfig = folder / "kubeconfig"
    with ExitStack() as running:

        def start(name: str, *arguments: str) -> None:
            found = binaries / name
            log = running.enter_context((folder / f"{name}.log").open("wb"))
            command = [str(found) if found.exists() else name, *arguments]
            process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
            running.callback(process.wait, 30)
            running.callback(process.kill)

        port = _start_api_server(start, folder)
        kubeconfig.write_text(yaml.safe_dump(_kubeconfig(port)))
        plane = ControlPlane(kubeconfig)
        wait_for(plane.answers, 60, "the API server")
        for program, more in (
            (
                "kube-controller-manager",
                [
                    "--controllers=*",
                    f"--service-account-private-key-file={folder / _KEY}",
                    # A simulated node may be late, and nothing revives the Pods of one that counts as gone.
                    "--node-monitor-grace-period=1h",
                ],
            ),
            ("kube-scheduler", []),
        ):
            own = [f"--{kind}kubeconfig={kubeconfig}" for kind in ("", "authentication-", "authorization-")]
            where = ["--bind-address=127.0.0.1", f"--secure-port={free_ports(1)[0]}", "--leader-elect=false"]
            start(program, *own, *where, *more)
        start(
            "kwok",
            f"--kubeconfig={kubeconfig}",
            "--manage-all-nodes",
            f"--server-address=127.0.0.1:{free_ports(1)[0]}",
            f"--config={binaries / 'stages.yaml'}",
        )
        (folder / "nodes.yaml").write_text(yaml.safe_dump_all(_node(number) for number in range(nodes)))
        plane.kubectl("apply", "-f", folder / "nodes.yaml")
        for custom in sorted((binaries / "crds").glob("*.yaml")):  # too long for `apply`'s annotation
            plane.kubectl("create", "-f", custom)
        if list((binaries / "crds").glob("*.yaml")):
            plane.kubectl("wait", "--for=condition=established", "crd", "--all", "--timeout=60s")
        yield plane


def _start_api_server(start: Any, folder: Path) -> int:
    client, peer, port = free_ports(3)
    start(
        "etcd",
        f"--data-dir={folder / 'etcd'}",
        f"--listen-client-urls=http://127.0.0.1:{client}",
        f"--advertise-client-urls=http://127.0.0.1:{client}",
        f"--listen-peer-urls=http://127.0.0.1:{peer}",
    )
    key = folder / _KEY
    subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
    (folder / "tokens.csv").write_text(f'{_TOKEN},admin,1,"system:masters"\n')
    start(
        "kube-apiserver",
        f"--etcd-servers=http://127.0.0.1:{client}",
        f"--secure-port={port}",
        "--bind-address=127.0.0.1",
        f"--cert-dir={folder / 'certificates'}",
        "--authorization-mode=RBAC",
        f"--token-auth-file={folder / 'tokens.csv'}",
        "--service-account-issuer=https://kubernetes.test",
        f"--service-account-key-file={key}",
        f"--service-account-signing-key-file={key}",
        "--service-cluster-ip-range=10.0.0.0/24",
        "--endpoint-reconciler-type=none",
        # Debian's etcd is too old for it, which clients find out anew, with growing pauses, in each watch.
        "--feature-gates=WatchList=false",
    )
    return port


def _kubeconfig(port: int) -> dict[str, Any]:
    cluster = {"server": f"https://127.0.0.1:{port}", "insecure-skip-tls-verify": True}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "test", "cluster": cluster}],
        "users": [{"name": "test", "user": {"token": _TOKEN}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        "current-context": "test",
    }


def _node(number: int) -> dict[str, Any]:
    name = f"node-{number}"
    room = {"cpu": "8", "memory": "16Gi", "pods": "50"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}},
        "status": {"allocatable": room, "capacity": room},
    }


def binaries() -> Path | None:
    """Where `build_control_plane.sh` put its results: the variable KUBERNETES_BINARIES."""
    given = os.environ.get("KUBERNETES_BINARIES")
    return Path(given) if given else None
