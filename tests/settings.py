"""Builders of configurations for tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from connector.config import ConfigurationError, Settings, load

ENOUGH: Mapping[str, str] = {
    "CONNECTOR_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9092",
    "CONNECTOR_KAFKA_TAGS_TOPICS": "tags",
    "CONNECTOR_KAFKA_DEAD_LETTER_TOPIC": "dead",
    "CONNECTOR_PUSHWOOSH_APPLICATION": "AAAAA-BBBBB",
    "CONNECTOR_PUSHWOOSH_TOKEN": "hush-token",
}
"""The least that is a configuration."""


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
