from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from connector import values
from connector.config import ConfigurationError, Settings, load, variable
from connector.model import Content

ENOUGH: Mapping[str, str] = {
    "CONNECTOR_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9092",
    "CONNECTOR_KAFKA_TAGS_TOPICS": "tags",
    "CONNECTOR_KAFKA_DEAD_LETTER_TOPIC": "dead",
    "CONNECTOR_PUSHWOOSH_APPLICATION": "AAAAA-BBBBB",
    "CONNECTOR_PUSHWOOSH_TOKEN": "hush-token",
}


def with_environment(**more: str) -> Settings:
    return load(None, {**ENOUGH, **more})


def mistakes(environ: Mapping[str, str], file: Path | None = None) -> dict[str, str]:
    """By name, the whole line of each mistake."""
    with pytest.raises(ConfigurationError) as caught:
        load(file, environ)
    text = str(caught.value)
    for mistake in caught.value.mistakes:
        assert str(mistake) in text
    return {mistake.name: str(mistake) for mistake in caught.value.mistakes}


def written(folder: Path, text: str) -> Path:
    file = folder / "connector.toml"
    file.write_text(text)
    return file


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


def test_every_mistake_is_in_one_message(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        """
        [kafka]
        tags_topics = ["a", "a"]
        dead_letter_topic = "a"
        on_data_loss = "ignore"
        [kafka.properties]
        enable.auto.commit = true
        no.such.thing = "hush"
        [batch]
        linger = 5
        [nonsense]
        x = 1
        """,
    )
    found = mistakes({"CONNECTOR_JOBS_MAX_IN_FLIGHT": "201", "CONNECTOR_BATCH_MAX_BITES": "1"}, file)

    assert set(found) == {
        "kafka.bootstrap_servers",
        "kafka.tags_topics",
        "kafka.dead_letter_topic",
        "kafka.on_data_loss",
        "kafka.properties.enable.auto.commit",
        "kafka.properties.no.such.thing",
        "pushwoosh.application",
        "pushwoosh.token",
        "batch.linger",
        "jobs.max_in_flight",
        "nonsense",
        "CONNECTOR_BATCH_MAX_BITES",
    }
    assert "hush" not in "".join(found.values())


def test_a_mistake_names_both_names_what_was_given_where_and_what_is_allowed() -> None:
    found = mistakes({**ENOUGH, "CONNECTOR_JOBS_MAX_IN_FLIGHT": "201"})

    assert found["jobs.max_in_flight"] == (
        "jobs.max_in_flight (CONNECTOR_JOBS_MAX_IN_FLIGHT): out of range; "
        "given: '201' in the environment; allowed: 1 to 200"
    )


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("kafka.bootstrap_servers", "a:x"),
        ("kafka.group_id", "a\tb"),
        ("kafka.dead_letter_delivery", "twice"),
        ("kafka.decoder", "avro"),
        ("kafka.decoder", "no.module:f"),
        ("kafka.key_is_hwid", "perhaps"),
        ("kafka.properties", "no equals sign"),
        ("kafka.properties_file", "/no/such/file"),
        ("kafka.tags_topics", "^a.*"),
        ("pushwoosh.url", "api.pushwoosh.com"),
        ("pushwoosh.url", "ftp://x"),
        ("pushwoosh.url", "https://x?y=1"),
        ("pushwoosh.url", "https://x:99999"),
        ("pushwoosh.read_timeout", "0s"),
        ("pushwoosh.application", "a\nb"),
        ("pushwoosh.authorization_header", "Token ü"),
        ("batch.max_bytes", "1GiB"),
        ("batch.max_devices", "0"),
        ("batch.max_devices", "1.5"),
        ("jobs.deadline", "forever"),
        ("brake.refused_share", "1.1"),
        ("brake.refused_share", "nan"),
        ("admin.port", "70000"),
        ("log.level", "loud"),
    ],
)
def test_a_wrong_value_is_a_mistake_with_what_is_allowed(name: str, wrong: str) -> None:
    found = mistakes({**ENOUGH, variable(name): wrong})

    assert list(found) == [name]
    assert variable(name) in found[name]


@pytest.mark.parametrize(
    ("toml", "name"),
    [
        ("[kafka]\ngroup_id = 3\n", "kafka.group_id"),
        ("[batch]\nmax_devices = true\n", "batch.max_devices"),
        ("[kafka]\nproperties = 3\n", "kafka.properties"),
        ("[kafka.properties]\nx = [1]\n", "kafka.properties"),
        ("[pushwoosh]\ntoken_file = 3\n", "pushwoosh.token_file"),
        ("batch = 3\n", "batch"),
        ("[kafka]\ntags_topics = 3\n", "kafka.tags_topics"),
    ],
)
def test_a_wrong_type_in_the_file_is_a_mistake(tmp_path: Path, toml: str, name: str) -> None:
    environ = {key: text for key, text in ENOUGH.items() if key != variable(name)}

    assert name in mistakes(environ, written(tmp_path, toml))


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("CONNECTOR_KAFKA_GROUPID", "CONNECTOR_KAFKA_GROUP_ID"),
        ("CONNECTOR_PUSHWOOSH_TOKN", "CONNECTOR_PUSHWOOSH_TOKEN"),
    ],
)
def test_an_unknown_variable_is_a_mistake_with_the_nearest_name_but_not_its_value(
    wrong: str, meant: str
) -> None:
    found = mistakes({**ENOUGH, wrong: "hush"})

    assert found[wrong].endswith(f"did you mean {meant}?")
    assert "hush" not in found[wrong]


def test_an_unknown_setting_in_the_file_is_a_mistake_with_the_nearest_name(tmp_path: Path) -> None:
    found = mistakes(ENOUGH, written(tmp_path, "[jobs]\nmax_inflight = 3\n"))

    assert "did you mean jobs.max_in_flight?" in found["jobs.max_inflight"]


def test_what_kubernetes_says_about_services_is_not_taken_for_settings() -> None:
    with_environment(
        CONNECTOR_SERVICE_HOST="10.0.0.1",
        CONNECTOR_SERVICE_PORT_METRICS="8080",
        CONNECTOR_PORT="tcp://10.0.0.1:8080",
        CONNECTOR_METRICS_PORT_8080_TCP_ADDR="10.0.0.1",
    )
    found = mistakes({**ENOUGH, "CONNECTOR_ADMIN_PORT": "tcp://10.0.0.1:8080"})

    assert "enableServiceLinks" in found["admin.port"]


@pytest.mark.parametrize(
    ("more", "name"),
    [
        ({"CONNECTOR_KAFKA_TAGS_TOPICS": ""}, "kafka.tags_topics"),
        ({"CONNECTOR_KAFKA_MIXED_TOPICS": "tags"}, "kafka.tags_topics"),
        ({"CONNECTOR_KAFKA_TAGS_TOPICS": "a,b,a"}, "kafka.tags_topics"),
        ({"CONNECTOR_KAFKA_MIXED_TOPICS": "dead"}, "kafka.dead_letter_topic"),
        ({"CONNECTOR_PUSHWOOSH_TOKEN": ""}, "pushwoosh.token"),
        ({"CONNECTOR_BATCH_MAX_BYTES": "2MiB", "CONNECTOR_BUFFER_MAX_BYTES": "1MiB"}, "batch.max_bytes"),
        ({"CONNECTOR_BATCH_MAX_DEVICES": "20", "CONNECTOR_BUFFER_MAX_EVENTS": "10"}, "batch.max_devices"),
        ({"CONNECTOR_JOBS_POLL_CEILING": "20s", "CONNECTOR_JOBS_DEADLINE": "10s"}, "jobs.poll_ceiling"),
    ],
)
def test_settings_that_contradict_each_other_are_a_mistake(more: dict[str, str], name: str) -> None:
    assert list(mistakes({**ENOUGH, **more})) == [name]


def test_token_and_token_file_exclude_each_other(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("hush\n")
    both = {**ENOUGH, "CONNECTOR_PUSHWOOSH_TOKEN_FILE": str(tmp_path / "token")}

    assert list(mistakes(both)) == ["pushwoosh.token"]
    assert load(None, {**both, "CONNECTOR_PUSHWOOSH_TOKEN": ""}).pushwoosh.token_file == tmp_path / "token"


def test_an_empty_token_file_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("\n")
    environ = {
        **ENOUGH,
        "CONNECTOR_PUSHWOOSH_TOKEN": "",
        "CONNECTOR_PUSHWOOSH_TOKEN_FILE": str(tmp_path / "token"),
    }

    assert "the file is empty" in mistakes(environ)["pushwoosh.token_file"]


def test_a_default_contradicts_nobody() -> None:
    """A buffer smaller than the default batch just fills batches less."""
    assert (
        with_environment(
            CONNECTOR_BUFFER_MAX_EVENTS="10", CONNECTOR_BUFFER_MAX_BYTES="64KiB"
        ).buffer.max_events
        == 10
    )


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"a = [", "is not TOML"), (b"a = '\xff'", "is not UTF-8"), (b"[kafka]\n[kafka]\n", "is not TOML")],
)
def test_a_file_that_is_no_toml_is_named(tmp_path: Path, content: bytes, says: str) -> None:
    file = tmp_path / "connector.toml"
    file.write_bytes(content)

    assert f"{file} {says}" in mistakes(ENOUGH, file)[""]


def test_a_file_that_is_not_there_or_a_directory_is_named(tmp_path: Path) -> None:
    assert "No such file" in mistakes(ENOUGH, tmp_path / "none.toml")[""]
    assert "Is a directory" in mistakes(ENOUGH, tmp_path)[""]


def test_a_file_that_may_not_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a patch, because root may read every file."""

    def refuse(*_: object, **__: object) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_text", refuse)
    assert "Permission denied" in mistakes(ENOUGH, tmp_path / "connector.toml")[""]


def test_no_secret_is_ever_shown() -> None:
    settings = with_environment(
        CONNECTOR_PUSHWOOSH_AUTHORIZATION_HEADER="Basic hush",
        CONNECTOR_KAFKA_PROPERTIES="sasl.password=hush\nssl.key.password=hush",
    )
    shown = f"{settings!r} {settings} {settings.masked()} {settings.pushwoosh!r} {settings.kafka!r}"

    assert "hush" not in shown
    assert settings.masked()["pushwoosh"]["token"] == values.MASK
    assert settings.masked()["kafka"]["properties"]["sasl.password"] == values.MASK


def test_a_mistake_shows_no_secret() -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(
            None,
            {
                **ENOUGH,
                "CONNECTOR_PUSHWOOSH_TOKEN": "hush\x00",
                "CONNECTOR_PUSHWOOSH_AUTHORIZATION_HEADER": "hush\x00",
                "CONNECTOR_PUSHWOOSH_URL": "https://me:hush@host",
                "CONNECTOR_KAFKA_PROPERTIES": "sasl.pasword=hush\nsasl.password=hush",
                "CONNECTOR_KAFKA_BOOTSTRAP_SERVERS": "http://me:hush@host/x",
            },
        )
    assert len(caught.value.mistakes) == 5
    assert "hush" not in f"{caught.value} {caught.value!r} {caught.value.mistakes}"
    assert caught.value.__suppress_context__  # the traceback would repeat the input


def test_settings_are_frozen() -> None:
    settings = with_environment()
    with pytest.raises(ValidationError):
        settings.batch.max_devices = 3
    with pytest.raises(TypeError):
        settings.kafka.properties["a"] = "b"  # type: ignore[index]  # as above


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


def test_a_decoder_of_the_users_own_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "their_decoder.py").write_text("def decode(record): return record\n")
    (tmp_path / "their_broken.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(tmp_path)

    assert (
        with_environment(CONNECTOR_KAFKA_DECODER="their_decoder:decode").kafka.decoder
        == "their_decoder:decode"
    )
    found = mistakes({**ENOUGH, "CONNECTOR_KAFKA_DECODER": "their_broken:decode"})
    assert "ZeroDivisionError" in found["kafka.decoder"]


def test_the_variable_of_every_setting_is_taken() -> None:
    """One wrong value for all of them: each must be complained about under its own name, or be plain text."""
    text_settings = {
        "kafka.group_id",
        "kafka.transactional_id",
        "pushwoosh.application",
        "pushwoosh.token",
        "pushwoosh.authorization_header",
        "admin.host",
    }
    names = [
        f"{section}.{key}" for section, field in Settings.model_fields.items() for key in fields_of(field)
    ]
    found = mistakes({variable(name): "not a value" for name in names})

    assert set(names) - set(found) == text_settings


def fields_of(section: Any) -> list[str]:
    return list(section.annotation.model_fields)


def test_words_are_taken_in_either_case() -> None:
    settings = with_environment(CONNECTOR_LOG_LEVEL="INFO", CONNECTOR_PUSHWOOSH_HTTP2="TRUE")

    assert (settings.log.level, settings.pushwoosh.http2) == ("info", True)


def test_the_address_loses_the_slash_at_its_end() -> None:
    assert (
        with_environment(CONNECTOR_PUSHWOOSH_URL="http://127.0.0.1:9/base/").pushwoosh.url
        == "http://127.0.0.1:9/base"
    )


def test_a_message_counts_its_mistakes() -> None:
    with pytest.raises(ConfigurationError, match=r"^a mistake in the configuration:"):
        load(None, {**ENOUGH, "CONNECTOR_LOG_LEVEL": "loud"})
    with pytest.raises(ConfigurationError) as caught:
        load(None, {})
    assert re.match(r"5 mistakes in the configuration:\n", str(caught.value))
