"""Rows as Debezium writes them, through a real broker and the example's mapping, to the API."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.acceptance.processes import Connector
from tests.acceptance.world import World, world
from tests.kafka.client import Kafka

pytestmark = pytest.mark.broker

_EXAMPLES = Path(__file__).parents[3] / "deploy" / "examples"
_TOKEN_FILE = 'token_file = "/run/secrets/pushwoosh-token"\n'
_TOPIC = "shop.public.customers"


def run(here: World) -> Connector:
    """Run the connector with the example's file, but for names and addresses of this test."""
    text = (_EXAMPLES / "debezium.toml").read_text()
    assert _TOKEN_FILE in text
    file = here.folder / "connector.toml"
    file.write_text(text.replace(_TOKEN_FILE, "").replace(_TOPIC, here.topic))
    return here.run("--until-end", config_file=str(file), kafka_mixed_topics="", kafka_tags_topics=here.topic)


def test_rows_of_a_table_become_tags_of_users(kafka: Kafka, tmp_path: Path) -> None:
    rows = (_EXAMPLES / "debezium.jsonl").read_text().splitlines()
    values: list[bytes | None] = [each.encode() for each in rows]
    values.insert(4, None)  # Debezium's tombstone after the deletion
    with world(tmp_path, kafka, partitions=1) as here:
        key = json.dumps({"id": 1001}).encode()
        kafka.produce(here.topic, [(key, value) for value in values])
        connector = run(here)
        assert connector.wait(60) == 0, connector.tail()
        assert here.lag() == 0
        known = {
            name: {tag: value for tag, value in tags.items() if value is not None}
            for name, tags in here.api.tags().items()
        }
        assert known == {
            "1001": {"Customer": False},
            "1002": {"Customer": True, "Plan": "pro", "Interests": [], "Signed up": "2024-02-29 23:31"},
        }
        (letter,) = kafka.read_all(here.dead)
        assert letter.value == values[-1]
        assert letter.header("pushwoosh.reason") == "invalid_event"
        assert "from_json(): not JSON" in str(letter.header("pushwoosh.detail"))
        (stopped,) = connector.lines("stopped")
        assert stopped["skipped"] == 2
