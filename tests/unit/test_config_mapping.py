"""`[mapping]` in the file and in the environment, and every mistake in it."""

from __future__ import annotations

from pathlib import Path

from connector.config import load
from connector.interpreters import interpreters
from connector.mapping.mapping import MappedDecoder
from tests.settings import ENOUGH, mistakes, with_environment, written

FILE = """
[kafka]
mixed_topics = ["shop.orders", "plain"]

[mapping]
hwid = "device.id"
tags = { plan = "plan" }

[mapping."shop.orders"]
type = "'tags'"
user_id = "user"
tags = "traits"

[mapping.plain]
"""


def test_the_file_has_a_mapping_for_all_topics_and_for_single_ones(tmp_path: Path) -> None:
    found = load(written(tmp_path, FILE), ENOUGH).mapping
    assert (found.hwid, found.tags) == ("device.id", {"plan": "plan"})
    assert found.by_topic == {
        "shop.orders": {"type": "'tags'", "user_id": "user", "tags": "traits"},
        "plain": {},
    }


def test_only_topics_with_a_mapping_get_another_decoder(tmp_path: Path) -> None:
    settings = load(written(tmp_path, FILE), ENOUGH)
    decoders = {topic: each._decoder for topic, each in interpreters(settings).items()}
    mapped = {topic for topic, decoder in decoders.items() if isinstance(decoder, MappedDecoder)}
    assert mapped == {"tags", "shop.orders"}


def test_the_environment_wins_entry_by_entry(tmp_path: Path) -> None:
    environ = {**ENOUGH, "CONNECTOR_MAPPING_TAGS": "{Plan: plan}", "CONNECTOR_MAPPING_WHEN": "plan"}
    found = load(written(tmp_path, FILE), environ).mapping
    assert (found.hwid, found.tags, found.when) == ("device.id", "{Plan: plan}", "plan")


def test_without_a_mapping_nothing_is_mapped() -> None:
    (reader,) = interpreters(with_environment()).values()
    assert not isinstance(reader._decoder, MappedDecoder)


def test_every_wrong_expression_is_told_with_its_place_beside_other_mistakes(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        """
        [mapping]
        hwid = "user-id"
        tags = { plan = "lower(plan)" }
        whem = "a"
        [mapping.tags_and_more]
        hwid = "id"
        [mapping."shop.orders"]
        tags = { a = "b.", c = "c" }
        user_id = "id"
        [jobs]
        max_in_flight = 201
        """,
    )
    found = mistakes({**ENOUGH, "CONNECTOR_MAPPING_PLATFORM": "ios"}, file)
    assert {*found} == {
        "mapping.hwid",
        "mapping.tags.plan",
        "mapping.whem",
        "mapping.platform",
        'mapping."tags_and_more"',
        'mapping."shop.orders"',
        'mapping."shop.orders".tags.a',
        "jobs.max_in_flight",
    }
    assert found["mapping.hwid"] == (
        "mapping.hwid (CONNECTOR_MAPPING_HWID): not a JMESPath expression: Unknown token '-' at character 5; "
        f"a name with a hyphen goes in double quotes; given: 'user-id' in {file}"
    )
    assert "did you mean mapping.when?" in found["mapping.whem"]
    assert found["mapping.platform"].endswith("given: 'ios' in the environment")
    assert found['mapping."shop.orders".tags.a'].endswith(f"given: 'b.' in {file}")
    assert "CONNECTOR" not in found['mapping."shop.orders"']


def test_the_mapping_of_one_topic_is_refused_in_the_environment_with_where_it_goes() -> None:
    found = mistakes({**ENOUGH, "CONNECTOR_MAPPING_ORDERS_HWID": "id", "CONNECTOR_MAPPING_BY_TOPIC": "x"})
    assert {*found} == {"CONNECTOR_MAPPING_ORDERS_HWID", "CONNECTOR_MAPPING_BY_TOPIC"}
    assert all('table in the file, [mapping."TOPIC"]' in words for words in found.values())


def test_wrong_topics_don_t_make_mistakes_of_mappings() -> None:
    environ = {**ENOUGH, "CONNECTOR_KAFKA_TAGS_TOPICS": "^a", "CONNECTOR_MAPPING_HWID": "id"}
    assert {*mistakes(environ)} == {"kafka.tags_topics"}


def test_what_a_caller_doesn_t_need_may_be_missing_or_wrong() -> None:
    environ = {"CONNECTOR_KAFKA_TAGS_TOPICS": "tags", "CONNECTOR_PUSHWOOSH_TOKEN_FILE": "/no/such/file"}
    found = load(None, environ, lambda name: name.startswith(("pushwoosh.", "kafka.")))
    assert [*found.kafka.contents] == ["tags"]
