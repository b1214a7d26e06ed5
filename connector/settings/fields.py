"""The types that settings have: how each is checked, and how it is written back.

Durations are seconds, sizes bytes. A secret shows itself to `get_secret_value()` only.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, NamedTuple
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, SecretStr

from connector import values

_HARD_TO_GUESS = 16
"""Characters."""


class Allowed(NamedTuple):
    """What a setting may be, in words, where its type and limits don't say it."""

    words: str


def address(value: str) -> str:
    """Check an http or https address; drop the slash at its end."""
    parts = urlsplit(value.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("it is not an http or https address")
    if "@" in parts.netloc:
        raise ValueError("it carries a user or a password: use pushwoosh.authorization_header")
    if parts.query or parts.fragment:
        raise ValueError("it has a query or a fragment")
    _ = parts.port  # raises ValueError itself where it is no port
    return value.strip().rstrip("/")


def _header_safe(secret: SecretStr) -> SecretStr:
    """Drop blanks at the ends (a file's last newline); a header can't carry what isn't printable ASCII."""
    text = secret.get_secret_value().strip()
    if not text or not (text.isascii() and text.isprintable()):
        raise ValueError("it is empty, or has characters in it that no token has")
    return SecretStr(text)


def filled_file(path: Path) -> Path:
    """Check that the file can be read and says something."""
    if not values.readable_file(path).read_bytes().strip():
        raise ValueError("the file is empty")
    return path


def token_file(path: Path) -> Path:
    """Check that the file holds one token."""
    token_in(values.readable_file(path))
    return path


def token_in(path: Path) -> str:
    """Read a token. Raises OSError, or ValueError with what is there instead."""
    text = text_in(path)
    lines = len(text.splitlines())
    if lines != 1:
        raise ValueError(f"there are {lines} lines in it: a token is one")
    if not (text.isascii() and text.isprintable()):
        raise ValueError("there are characters in it that no token has")
    return text


def text_in(path: Path) -> str:
    """Read what a file says, but for blanks around it. Raises OSError, or ValueError with what is wrong."""
    try:
        text = path.read_text(encoding="utf-8-sig").strip()  # some editors put a mark in front
    except UnicodeDecodeError:
        raise ValueError("what is in it is no text: it is not UTF-8") from None
    if not text:
        raise ValueError("the file is empty")
    return text


def hard_to_guess(secret: SecretStr | None) -> SecretStr | None:
    """Check that a secret of our own, which anybody on the network may guess at, is long enough."""
    if secret is not None and len(secret.get_secret_value()) < _HARD_TO_GUESS:
        raise ValueError("it is easy to guess: `openssl rand -hex 32` makes one that isn't")
    return secret


def hard_to_guess_file(path: Path) -> Path:
    """Check that the file holds such a secret."""
    hard_to_guess(SecretStr(filled_file(path).read_text(encoding="utf-8", errors="replace").strip()))
    return path


def http2_possible(wanted: bool) -> bool:
    """Check that the package that speaks HTTP/2 is there."""
    if wanted and importlib.util.find_spec("h2") is None:
        raise ValueError("it needs the package h2: pip install 'httpx[http2]'")
    return wanted


def registry_addresses(text: str) -> str:
    """Check the addresses of a schema registry, with commas between."""
    try:
        return ",".join(address(one) for one in text.split(","))
    except ValueError as error:
        raise ValueError(
            str(error).replace("pushwoosh.authorization_header", "schema_registry.username and password")
        ) from None


REGISTRY_FORMATS: Mapping[str, tuple[str, ...]] = {
    "avro": ("fastavro",),
    "protobuf": ("google.protobuf", "google.type"),
    "json_schema": ("jsonschema_rs",),
}
"""Decoders that take schemas from a registry, and the modules that each needs."""
_REGISTRY_CLIENT = ("attrs", "authlib", "cachetools", "certifi")


def known_decoder(name: str) -> str:
    """Check that it is a format whose packages are there, or that the function it names can be called."""
    if name in REGISTRY_FORMATS:
        missing = [module for module in (*REGISTRY_FORMATS[name], *_REGISTRY_CLIENT) if not _there(module)]
        if missing:
            raise ValueError(
                f"{', '.join(missing)} can't be imported: the decoder {name} needs the extra `registry`: "
                "pip install 'pushwoosh-connector[registry]'"
            )
    elif name != "json":
        values.load_function(name)
    return name


def _there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # its package isn't there
        return False


Duration = Annotated[
    float,
    BeforeValidator(values.parse_duration),
    PlainSerializer(values.format_duration, return_type=str, when_used="json"),
]
Size = Annotated[
    int,
    BeforeValidator(values.parse_size),
    PlainSerializer(values.format_size, return_type=str, when_used="json"),
]
Count = Annotated[int, BeforeValidator(values.parse_number)]
Share = Annotated[float, BeforeValidator(values.parse_number)]
Rate = Annotated[float, BeforeValidator(values.parse_number)]
Name = Annotated[str, AfterValidator(values.plain_name)]
Host = Annotated[Name, AfterValidator(values.host_name)]
Topic = Annotated[str, AfterValidator(values.topic_name), Allowed("a topic's name")]
Topics = Annotated[
    tuple[Annotated[str, AfterValidator(values.topic_name)], ...],
    BeforeValidator(values.parse_list),
    Allowed("topics' names"),
]
Secret = Annotated[
    SecretStr,
    AfterValidator(_header_safe),
    PlainSerializer(lambda _: values.MASK, return_type=str, when_used="json"),
]
KafkaProperties = Annotated[
    values.Properties,
    BeforeValidator(values.parse_properties),
    PlainSerializer(lambda properties: properties.masked(), return_type=dict[str, str]),
]
