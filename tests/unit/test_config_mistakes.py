"""Configurations that are not: every mistake at once, each with what is allowed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from connector.config import ConfigurationError, load, variable
from connector.settings.names import SECTIONS
from tests.settings import ENOUGH, mistakes, with_environment, written


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


def test_a_wrong_kafka_property_names_its_variable_what_was_given_and_where(tmp_path: Path) -> None:
    below = tmp_path / "kafka.properties"
    below.write_text("acks=1\nsasl.oauthbearer.client.secret=hush\n")
    file = written(
        tmp_path, f'[kafka]\nproperties_file = "{below}"\n[kafka.properties]\nenable.auto.commit = true\n'
    )
    lines = "linger.ms=soon\nssl.key.password=hush\nsasl.pasword=hush\nacks.=1"
    found = mistakes({**ENOUGH, "CONNECTOR_KAFKA_PROPERTIES": lines}, file)

    where = {"enable.auto.commit": str(file), "acks": str(below), "linger.ms": "the environment"}
    for name, value in {"enable.auto.commit": "true", "acks": "1", "linger.ms": "soon"}.items():
        line = found[f"kafka.properties.{name}"]
        assert line.startswith(f"kafka.properties.{name} (CONNECTOR_KAFKA_PROPERTIES): ")
        assert f"; given: '{value}' in {where[name]}; allowed: librdkafka's properties" in line
    assert "given: ******** in the environment" in found["kafka.properties.sasl.pasword"]
    assert "kafka.properties.acks." in found
    assert "hush" not in "".join(found.values())


def test_a_contradiction_names_all_its_settings_what_was_given_and_what_is_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # a long path would be cut
    file = written(tmp_path, '[buffer]\nmax_bytes = "1MiB"\n[kafka]\nmixed_topics = ["tags"]\n')
    token = tmp_path / "token"
    token.write_text("hush-token")
    found = mistakes(
        {**ENOUGH, "CONNECTOR_BATCH_MAX_BYTES": "2MiB", "CONNECTOR_PUSHWOOSH_TOKEN_FILE": token.name}, file
    )

    assert found == {
        "batch.max_bytes": (
            "batch.max_bytes (CONNECTOR_BATCH_MAX_BYTES): it is more than buffer.max_bytes "
            "(see buffer.max_bytes, CONNECTOR_BUFFER_MAX_BYTES); "
            f"given: '2MiB' in the environment, buffer.max_bytes: '1MiB' in {file}; allowed: 1KiB to 16MiB"
        ),
        "kafka.tags_topics": (
            "kafka.tags_topics (CONNECTOR_KAFKA_TAGS_TOPICS): 'tags' is listed 2 times: once will do "
            "(see kafka.mixed_topics, CONNECTOR_KAFKA_MIXED_TOPICS); "
            f"given: 'tags' in the environment, kafka.mixed_topics: ['tags'] in {file}; "
            "allowed: topics' names"
        ),
        "pushwoosh.token": (
            "pushwoosh.token (CONNECTOR_PUSHWOOSH_TOKEN): only one of the two can be given "
            "(see pushwoosh.token_file, CONNECTOR_PUSHWOOSH_TOKEN_FILE); "
            f"given: ******** in the environment, pushwoosh.token_file: '{token.name}' in the environment; "
            "allowed: an API token"
        ),
    }


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("kafka.bootstrap_servers", "a:x"),
        ("kafka.bootstrap_servers", "http://localhost:9092"),
        ("kafka.group_id", "a\tb"),
        ("kafka.dead_letter_delivery", "twice"),
        ("kafka.decoder", "parquet"),
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
        ("jobs.adaptive", "sometimes"),
        ("limits.requests_per_second", "-1"),
        ("limits.requests_per_second", "nan"),
        ("limits.devices_per_second", "inf"),
        ("limits.devices_per_second", "100/s"),
        ("brake.refused_share", "1.1"),
        ("brake.refused_share", "nan"),
        ("admin.host", "999.1.1.1"),
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
        "schema_registry.username",
        "schema_registry.password",
        "schema_registry.key_password",
    }
    names = [f"{section}.{key}" for section, model in SECTIONS.items() for key in model.model_fields]
    names.remove("mapping.by_topic")  # tables, in the file only
    found = mistakes({variable(name): "not a value" for name in names})

    assert set(names) - set(found) == text_settings


def test_http_2_without_its_package_is_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)

    assert "httpx[http2]" in mistakes({**ENOUGH, "CONNECTOR_PUSHWOOSH_HTTP2": "true"})["pushwoosh.http2"]


def test_a_message_counts_its_mistakes() -> None:
    with pytest.raises(ConfigurationError, match=r"^a mistake in the configuration:"):
        load(None, {**ENOUGH, "CONNECTOR_LOG_LEVEL": "loud"})
    with pytest.raises(ConfigurationError) as caught:
        load(None, {})
    assert re.match(r"5 mistakes in the configuration:\n", str(caught.value))
