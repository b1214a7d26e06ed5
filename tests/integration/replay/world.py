"""A source topic, its dead letters and the command line, over a real broker."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from typer.testing import CliRunner

from connector.cli import app
from connector.kafka.letters import letter as letters
from connector.model import Letter, Reason, Rejection, TopicPartition
from tests.kafka.client import Kafka, Stored
from tests.records import ARecord
from tests.settings import ENOUGH


class Said(NamedTuple):
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class World:
    """Two partitions each. `environ` is the configuration."""

    def __init__(self, kafka: Kafka, **environ: str) -> None:
        self.kafka = kafka
        kept = {"retention.ms": "-1"}  # records here have a fixed, old time
        self.topic = kafka.create_topic(kafka.name("users"), 2, kept)
        self.dead = kafka.create_topic(kafka.name("dead"), 2, kept)
        self.environ = {
            **ENOUGH,
            "CONNECTOR_KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap,
            "CONNECTOR_KAFKA_TAGS_TOPICS": self.topic,
            "CONNECTOR_KAFKA_DEAD_LETTER_TOPIC": self.dead,
            "CONNECTOR_KAFKA_GROUP_ID": kafka.name("group"),
            **environ,
        }

    def produce(self, *events: Mapping[str, Any] | bytes, partition: int = 0) -> list[Stored]:
        """Write events to the source, keyed by hwid; returns them as they lie there."""
        before = self.kafka.end_offsets(self.topic)[partition]
        rows = []
        for each in events:
            value = each if isinstance(each, bytes) else json.dumps(each).encode()
            key = str(each["hwid"]).encode() if not isinstance(each, bytes) else b"key"
            rows.append((key, value, partition, [("trace", b"abc")], 1_700_000_000_000))
        self.kafka.produce(self.topic, rows)
        return [each for each in self.source() if each.partition == partition and each.offset >= before]

    def dead_letter(
        self,
        records: Sequence[Stored],
        reason: Reason = Reason.DEVICE_NOT_FOUND,
        *,
        times: int = 1,
        group: str = "",
        restamped: bool = False,
    ) -> list[str]:
        """Write the letters of these, as the connector does; returns their ids."""
        rows = []
        group = group or self.environ["CONNECTOR_KAFKA_GROUP_ID"]
        for each in records:
            source = ARecord(
                each.value,
                key=each.key,
                headers=each.headers,
                place=TopicPartition(self.topic, each.partition),
                offset=each.offset,
                timestamp=(1, each.timestamp),
            )
            refused = Letter(source, Rejection(reason, "said no"))
            written = letters.headers(refused, group, "connector", restamped=restamped)
            at = 0 if restamped else each.timestamp
            rows += [(each.key, each.value, each.partition, written, at)] * times
        self.kafka.produce(self.dead, rows)
        return [f"{self.topic}/{each.partition}/{each.offset}" for each in records]

    def refused(self, *devices: str, reason: Reason = Reason.DEVICE_NOT_FOUND) -> list[str]:
        """Write an event for each device, and its letter."""
        return self.dead_letter(self.produce(*(tags(name) for name in devices)), reason)

    def source(self) -> list[Stored]:
        return self.kafka.read_all(self.topic)

    def replayed(self) -> list[Stored]:
        """The records that were sent again."""
        return [each for each in self.source() if each.header("pushwoosh.replayed_from") is not None]

    def run(self, *arguments: str) -> Said:
        """Run `dead-letters ...` in this process."""
        result = CliRunner().invoke(app, ["dead-letters", *arguments], env=self.environ)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Said(result.exit_code, result.stdout, result.stderr)

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        """Run it as a process."""
        return subprocess.Popen(
            [sys.executable, "-m", "connector", "dead-letters", *arguments],
            env={**os.environ, **self.environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


def tags(hwid: str, **changes: Any) -> dict[str, Any]:
    return {"hwid": hwid, "tags": changes or {"plan": "pro"}}
