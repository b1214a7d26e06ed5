"""What the configuration says about a schema registry, what it can't mean, and that it keeps its secrets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from connector.credentials import Credentials, Token
from connector.parts import secrets
from connector.settings import fields
from tests.settings import ENOUGH, mistakes, with_environment

URL = {"CONNECTOR_SCHEMA_REGISTRY_URL": "http://one:8081/, https://two/api"}


@pytest.mark.parametrize("word", fields.REGISTRY_FORMATS)
def test_a_decoder_of_a_registry_needs_its_address(word: str) -> None:
    found = mistakes({**ENOUGH, "CONNECTOR_KAFKA_DECODER": word})
    assert f"the decoder {word} needs the address of the schema registry" in found["schema_registry.url"]
    settings = with_environment(CONNECTOR_KAFKA_DECODER=word, **URL)
    assert settings.schema_registry.url == "http://one:8081,https://two/api"


def test_without_the_extra_it_is_said_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fields, "_there", lambda module: module not in ("fastavro", "authlib"))
    words = mistakes({**ENOUGH, **URL, "CONNECTOR_KAFKA_DECODER": "avro"})["kafka.decoder"]
    assert "fastavro, authlib can't be imported" in words
    assert "pip install 'pushwoosh-connector[registry]'" in words
    words = mistakes({**ENOUGH, **URL, "CONNECTOR_KAFKA_DECODER": "protobuf"})["kafka.decoder"]
    assert "fastavro" not in words


def test_whether_a_module_is_there_is_seen_without_importing_it() -> None:
    assert fields._there("google.protobuf")
    assert not fields._there("google.nothing")
    assert not fields._there("nowhere.at.all")


def test_a_registry_that_no_decoder_asks_is_a_mistake() -> None:
    assert "json takes no schema from a registry" in mistakes({**ENOUGH, **URL})["kafka.decoder"]


@pytest.mark.parametrize(
    ("given", "name", "words"),
    [
        ({"USERNAME": "u"}, "schema_registry.username", "go together"),
        ({"PASSWORD": "hush"}, "schema_registry.username", "go together"),
        ({"KEY_FILE": __file__}, "schema_registry.certificate_file", "without its certificate"),
        ({"KEY_PASSWORD": "hush"}, "schema_registry.certificate_file", "without its certificate"),
        ({"CA_FILE": "/nowhere"}, "schema_registry.ca_file", "cannot be read"),
        ({"URL": "http://u:hush@x"}, "schema_registry.url", "use schema_registry.username and password"),
        ({"URL": "one:8081"}, "schema_registry.url", "not an http or https address"),
        (
            {"USERNAME": "u", "PASSWORD": "hush", "PASSWORD_FILE": __file__},
            "schema_registry.password",
            "only one of the two",
        ),
    ],
)
def test_what_cannot_be_meant_is_a_mistake(given: dict[str, str], name: str, words: str) -> None:
    environ = {f"CONNECTOR_SCHEMA_REGISTRY_{key}": value for key, value in given.items()}
    found = mistakes({**ENOUGH, **URL, "CONNECTOR_KAFKA_DECODER": "avro", **environ})
    assert words in found[name]
    assert "hush" not in " ".join(found.values()).replace("hush-token", "")


def test_its_secrets_are_masked_everywhere(tmp_path: Path) -> None:
    common = {**URL, "CONNECTOR_KAFKA_DECODER": "avro", "CONNECTOR_SCHEMA_REGISTRY_USERNAME": "u"}
    key = {"CERTIFICATE_FILE": __file__, "KEY_PASSWORD": "key-hush", "PASSWORD": "pass-hush"}
    given = {f"CONNECTOR_SCHEMA_REGISTRY_{name}": value for name, value in key.items()}
    settings = with_environment(**common, **given)
    shown = json.dumps(settings.masked()) + repr(settings)
    assert "hush" not in shown
    assert {"key-hush", "pass-hush"} <= {*secrets(settings, Credentials(Token("x")))}
    file = tmp_path / "password"
    file.write_text("file-hush\n")
    settings = with_environment(**common, CONNECTOR_SCHEMA_REGISTRY_PASSWORD_FILE=str(file))
    assert "file-hush" in secrets(settings, Credentials(Token("x")))
