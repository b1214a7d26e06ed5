"""Which settings are secrets: those of the type `Secret`, wherever they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, get_args

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo


def is_secret_field(field: FieldInfo) -> bool:
    """Tell whether a setting is a secret."""
    return _has_secret(field.annotation)


def given_secrets(settings: BaseModel) -> Iterator[tuple[str, str]]:
    """Go through the secrets that were given, with their keys: a section's, those of sections within it."""
    for key in type(settings).model_fields:
        value = getattr(settings, key)
        if isinstance(value, SecretStr):
            yield key, value.get_secret_value()
            continue
        for section in value.values() if isinstance(value, Mapping) else (value,):
            if isinstance(section, BaseModel):
                yield from given_secrets(section)


def _has_secret(annotation: Any) -> bool:
    return annotation is SecretStr or any(map(_has_secret, get_args(annotation)))
