"""Each setting that is a secret: masked where settings are shown, and known to who masks lines."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import SecretStr

from connector.credentials import Credentials
from connector.parts import secrets
from connector.settings import Application, Section, Settings
from connector.settings.names import APPLICATIONS, SECTIONS
from connector.settings.secret_fields import given_secrets, is_secret_field
from connector.values import MASK
from tests.settings import with_environment

_SECTIONS: dict[str, type[Section]] = {**SECTIONS, f"{APPLICATIONS}.OTHER": Application}
_SECRETS = [
    f"{section}.{key}"
    for section, model in _SECTIONS.items()
    for key, field in model.model_fields.items()
    if is_secret_field(field)
]


def with_secret(name: str) -> Settings:
    """Settings in which this one has a secret for its value; an application's is there in any case."""
    section, key = name.rsplit(".", 1)
    settings = with_environment(CONNECTOR_APPLICATIONS_OTHER_TOKEN="t")
    secret = {key: SecretStr("swordfish-for-all-of-us")}
    if section not in SECTIONS:
        changed: Any = {"OTHER": settings.applications["OTHER"].model_copy(update=secret)}
        return settings.model_copy(update={APPLICATIONS: changed})
    return settings.model_copy(update={section: getattr(settings, section).model_copy(update=secret)})


def test_these_are_secrets() -> None:
    assert set(_SECRETS) == {
        "admin.control_token",
        "applications.OTHER.authorization_header",
        "applications.OTHER.token",
        "pushwoosh.authorization_header",
        "pushwoosh.token",
        "schema_registry.key_password",
        "schema_registry.password",
    }


@pytest.mark.parametrize("name", _SECRETS)
def test_each_is_found_wherever_it_is(name: str) -> None:
    assert (name.rsplit(".", 1)[1], "swordfish-for-all-of-us") in [*given_secrets(with_secret(name))]


@pytest.mark.parametrize("name", _SECRETS)
def test_none_is_shown_and_each_is_known_to_who_masks_lines(name: str) -> None:
    settings = with_secret(name)
    shown: Any = settings.masked()
    assert "swordfish" not in json.dumps(shown) + repr(settings)
    for part in name.split("."):
        shown = shown[part]
    assert shown == MASK
    assert "swordfish-for-all-of-us" in secrets(settings, Credentials.of(settings))


def test_what_is_not_given_is_no_secret() -> None:
    assert [*given_secrets(with_environment())] == [("token", "hush-token")]
