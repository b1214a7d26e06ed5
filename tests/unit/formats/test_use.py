"""Where the decoders are used: the choice by the settings, `check`, the dead-letter tool."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from connector import check
from connector.config import Settings
from connector.core.reading.event import Event
from connector.finding import Grade
from connector.formats import schemas
from connector.formats.decoder import RegistryDecoder
from connector.interpreters import decoders
from connector.interpreting import Interpreting
from connector.model import Content, Rejection
from connector.options import Failed
from connector.testing.decoding import outcomes
from tests.records import ARecord
from tests.registry import FakeRegistry
from tests.settings import with_environment
from tests.unit.formats.framing_of import avro

FIELDS = [{"name": "hwid", "type": "string"}, {"name": "tags", "type": {"type": "map", "values": "string"}}]
EVENT = {"type": "record", "name": "Event", "fields": FIELDS}
PAYLOAD = avro(EVENT, {"hwid": "A", "tags": {"plan": "pro"}})


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeRegistry]:
    monkeypatch.setattr(schemas, "ASK_AGAIN", 0.01)
    with FakeRegistry() as made:
        yield made


def settings(registry: FakeRegistry, word: str = "avro", **more: str) -> Settings:
    given = {"CONNECTOR_KAFKA_DECODER": word, "CONNECTOR_SCHEMA_REGISTRY_URL": registry.url}
    return with_environment(**given, **more)


def test_json_stays_the_built_in_decoder() -> None:
    assert set(decoders(with_environment()).values()) == {None}


def test_all_contents_share_their_schemas(registry: FakeRegistry) -> None:
    made = decoders(settings(registry))
    found = [made[content] for content in Content]
    assert all(isinstance(each, RegistryDecoder) for each in found)
    assert len({id(each._schemas) for each in found if isinstance(each, RegistryDecoder)}) == 1


def test_a_function_of_the_users_stays_what_it_is() -> None:
    made = decoders(with_environment(CONNECTOR_KAFKA_DECODER="json:loads"))
    found: list[Any] = [*made.values()]
    assert found == [json.loads] * 3


def test_a_mapping_reads_records_of_a_schema(registry: FakeRegistry) -> None:
    shape = {
        "type": "record",
        "name": "User",
        "fields": [{"name": "id", "type": "string"}, {"name": "plan", "type": "string"}],
    }
    schema = registry.register(json.dumps(shape))
    given = settings(registry, CONNECTOR_MAPPING_HWID="id", CONNECTOR_MAPPING_TAGS="{plan: plan}")
    value = schema.prefix + avro(shape, {"id": "A", "plan": "pro"})
    (event,) = outcomes(given, "tags", [value])
    assert isinstance(event, Event)
    assert event.row == b'{"tags":{"plan":"pro"},"hwid":"A","list_operator":"set"}'


# -- check -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["avro", "protobuf", "json_schema"])
def test_check_says_that_schemas_can_be_had(registry: FakeRegistry, word: str) -> None:
    found = check.registry(settings(registry, word), 5)
    assert found == (
        f"schema registry {registry.url}",
        Grade.OK,
        "answers, and lets us read schemas",
        "",
    )


def test_check_says_why_they_cannot_be_had(registry: FakeRegistry) -> None:
    registry.login = ("someone", "else")
    found = check.registry(settings(registry), 5)
    assert found.grade is Grade.PROBLEM
    assert "answers 401: Unauthorized" in found.result
    assert found.mend == "correct schema_registry.username and its password, and what they may read"


def test_a_file_that_is_no_certificate_is_a_finding_not_a_crash(registry: FakeRegistry) -> None:
    found = check.registry(settings(registry, CONNECTOR_SCHEMA_REGISTRY_CA_FILE=__file__), 5)
    assert found.grade is Grade.PROBLEM
    assert "no connection can be made" in found.result


# -- dead letters ------------------------------------------------------------------------------------


def records(tool: Interpreting, *values: bytes) -> list[Any]:
    return tool.records("tags", [ARecord(value) for value in values])


def test_the_dead_letter_tool_waits_for_a_schema(registry: FakeRegistry) -> None:
    schema = registry.register(json.dumps(EVENT))
    tool = Interpreting(settings(registry))
    event, unknown = records(tool, schema.prefix + PAYLOAD, b"\0\0\0\0\x63" + PAYLOAD)
    assert isinstance(event, Event)
    assert event.row == b'{"tags":{"plan":"pro"},"hwid":"A","list_operator":"set"}'
    assert isinstance(unknown, Rejection)


def test_the_dead_letter_tool_gives_up_where_the_registry_is_down(registry: FakeRegistry) -> None:
    registry.status = 500
    tool = Interpreting(settings(registry))
    with pytest.raises(
        Failed, match=r"decoder can't work now: schema registry: .* 500: .*; look at the registry"
    ):
        records(tool, b"\0\0\0\0\x01" + PAYLOAD)
