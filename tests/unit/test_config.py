"""Configurations that are sound: where a setting comes from, and what wins."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from connector import values
from connector.config import Settings, load
from connector.model import Content
from connector.settings import Application
from tests.settings import ENOUGH, with_environment, written


def test_five_variables_are_a_configuration() -> None:
    settings = with_environment()

    assert settings.kafka.tags_topics == ("tags",)
    assert settings.kafka.group_id == "pushwoosh-connector"
    assert settings.batch.linger == 0.5
    assert settings.jobs.deadline == 900.0
    assert settings.buffer.max_bytes == 128 * 1024 * 1024
    assert (settings.admin.host, settings.admin.port) == ("0.0.0.0", 8080)


def test_ten_lines_of_toml_are_a_configuration(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        """
        [kafka]
        bootstrap_servers = ["a:9092", "b:9092"]
        tags_topics = ["tags"]
        registrations_topics = ["registrations"]
        mixed_topics = ["mixed"]
        dead_letter_topic = "dead"
        properties = { security.protocol = "ssl", "linger.ms" = 7 }
        [pushwoosh]
        application = "AAAAA-BBBBB"
        token = "hush-token"
        """,
    )
    settings = load(file, {})

    assert settings.kafka.bootstrap_servers == "a:9092,b:9092"
    assert settings.kafka.contents == {
        "tags": Content.TAGS,
        "registrations": Content.REGISTRATIONS,
        "mixed": Content.MIXED,
    }
    assert dict(settings.kafka.properties) == {"security.protocol": "ssl", "linger.ms": "7"}


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    file = written(tmp_path, '[batch]\nlinger = "2s"\nmax_devices = 5\n')
    settings = load(file, {**ENOUGH, "CONNECTOR_BATCH_LINGER": "3s"})

    assert settings.batch.linger == 3.0
    assert settings.batch.max_devices == 5


def test_a_variable_may_name_the_file(tmp_path: Path) -> None:
    file = written(tmp_path, "[batch]\nmax_devices = 5\n")

    assert load(None, {**ENOUGH, "CONNECTOR_CONFIG_FILE": str(file)}).batch.max_devices == 5


def test_an_empty_variable_is_not_set() -> None:
    assert with_environment(CONNECTOR_KAFKA_GROUP_ID="").kafka.group_id == "pushwoosh-connector"


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    file = tmp_path / "connector.toml"
    file.write_bytes(b"\xef\xbb\xbf[batch]\nmax_devices = 5\n")

    assert load(file, ENOUGH).batch.max_devices == 5


def test_properties_are_merged_one_by_one(tmp_path: Path) -> None:
    below = tmp_path / "kafka.properties"
    below.write_text("client.id=file\nclient.rack=file\nsocket.keepalive.enable=false\n")
    file = written(
        tmp_path,
        f'[kafka]\nproperties_file = "{below}"\n[kafka.properties]\nclient.rack = "t"\nclient.id = "t"\n',
    )
    settings = load(file, {**ENOUGH, "CONNECTOR_KAFKA_PROPERTIES": "client.id=environment"})

    assert dict(settings.kafka.properties) == {
        "client.id": "environment",
        "client.rack": "t",
        "socket.keepalive.enable": "false",
    }


def test_a_default_contradicts_nobody() -> None:
    """A buffer smaller than the default batch just fills batches less."""
    assert (
        with_environment(
            CONNECTOR_BUFFER_MAX_EVENTS="10", CONNECTOR_BUFFER_MAX_BYTES="64KiB"
        ).buffer.max_events
        == 10
    )


def test_no_secret_is_ever_shown() -> None:
    settings = with_environment(
        CONNECTOR_PUSHWOOSH_AUTHORIZATION_HEADER="Basic hush",
        CONNECTOR_KAFKA_PROPERTIES="sasl.password=hush\nssl.key.password=hush",
    )
    shown = f"{settings!r} {settings} {settings.masked()} {settings.pushwoosh!r} {settings.kafka!r}"

    assert "hush" not in shown
    assert settings.masked()["pushwoosh"]["token"] == values.MASK
    assert settings.masked()["kafka"]["properties"]["sasl.password"] == values.MASK


def test_settings_are_frozen() -> None:
    settings = with_environment()
    with pytest.raises(ValidationError):
        settings.batch.max_devices = 3
    with pytest.raises(TypeError):
        settings.kafka.properties["a"] = "b"  # type: ignore[index]  # as above
    with pytest.raises(TypeError):
        settings.applications["a"] = Application()  # type: ignore[index]  # as above
    with_one = with_environment(CONNECTOR_APPLICATIONS_A_TOKEN="t")
    with pytest.raises(TypeError):
        del with_one.applications["A"]  # type: ignore[attr-defined]  # as above


def test_masked_settings_are_json_and_read_back_as_they_are_written() -> None:
    masked = with_environment(CONNECTOR_BATCH_LINGER="1500ms").masked()

    assert masked["batch"] == {"max_devices": 1000, "max_bytes": "1MiB", "linger": "1500ms"}
    assert Settings.model_validate({**masked, "pushwoosh": {"application": "a"}}).batch.linger == 1.5


def test_instances_of_one_host_have_transactional_ids_of_their_own_that_survive_a_restart() -> None:
    def made(**more: str) -> str:
        return with_environment(**more).transactional_id

    assert made() == made()
    assert made(CONNECTOR_ADMIN_PORT="8081") != made()
    assert made(CONNECTOR_ADMIN_PORT="0") != made(CONNECTOR_ADMIN_PORT="0")
    assert made().startswith("pushwoosh-connector-")
    assert made(CONNECTOR_KAFKA_TRANSACTIONAL_ID="mine") == "mine"
    left_to_chance = with_environment(CONNECTOR_ADMIN_PORT="0")
    assert left_to_chance.transactional_id == left_to_chance.transactional_id


def test_words_are_taken_in_either_case() -> None:
    settings = with_environment(CONNECTOR_LOG_LEVEL="INFO", CONNECTOR_PUSHWOOSH_CREATE_MISSING_TAGS="TRUE")

    assert (settings.log.level, settings.pushwoosh.create_missing_tags) == ("info", True)


def test_the_address_loses_the_slash_at_its_end() -> None:
    assert (
        with_environment(CONNECTOR_PUSHWOOSH_URL="http://127.0.0.1:9/base/").pushwoosh.url
        == "http://127.0.0.1:9/base"
    )
