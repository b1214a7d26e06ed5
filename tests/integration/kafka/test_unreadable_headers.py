"""A record with a header whose name is not UTF-8: the protocol forbids it, no broker checks it.

The binding raises at the first question for its headers and ends the process at the second.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.integration.replay.world import World
from tests.kafka.client import Kafka
from tests.kafka.raw import produce_with_header

pytestmark = pytest.mark.broker

READ = """
import sys
from confluent_kafka import Consumer, TopicPartition
from connector.core.reading.decode import Interpreter
from connector.kafka.letters.letter import headers
from connector.model import Content, Letter, Reason, Rejection, TagsUpdate
from connector.tracing.parents import parent_of

consumer = Consumer({"bootstrap.servers": sys.argv[1], "group.id": "reader"})
consumer.assign([TopicPartition(sys.argv[2], 0, 0)])
*others, record = consumer.consume(20, 20)


def decoder(record):
    record.headers()[0][0].upper()
    return TagsUpdate(hwid="A", tags={"plan": "x"})


for interpreter in (Interpreter(Content.TAGS), Interpreter(Content.TAGS, decoder)):
    *_, event = interpreter.read([*others, record])
    print(event.hwid)
print(parent_of(record))
letter = Letter(record, Rejection(Reason.DEVICE_FAILED, "no"))
print(dict(headers(letter, "g", "c"))["pushwoosh.headers"].decode())
"""


def test_it_is_read_as_any_other_and_its_letter_says_what_is_missing(kafka: Kafka) -> None:
    topic = kafka.create_topic()
    for _ in range(20):  # Python calls otherwise from the eighth time on
        produce_with_header(
            kafka.bootstrap, topic, b"\xff\xfe", b"A", b'{"hwid": "A", "tags": {"plan": "x"}}'
        )

    said = subprocess.run(
        [sys.executable, "-c", READ, kafka.bootstrap, topic],
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )

    assert said.stdout.split("\n") == ["A", "A", "None", "left out: a name is not UTF-8", ""], said.stderr[
        -900:
    ]
    assert said.returncode == 0


def test_one_in_the_source_or_among_the_letters_keeps_no_letter_from_being_sent(kafka: Kafka) -> None:
    world = World(kafka)
    world.refused("A")
    for topic in (world.topic, world.dead):
        for _ in range(8):  # in one partition or the other
            produce_with_header(
                kafka.bootstrap, topic, b"\xff\xfe", b"B", b'{"hwid": "B", "tags": {"plan": "x"}}'
            )
    for arguments in (("list",), ("replay", "--yes", "--topic", world.topic)):
        process = world.begin(*arguments)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err[-900:]
    assert "sent 1 of 1" in out
