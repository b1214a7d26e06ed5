"""How a wrong setting is told: both its names, what is the matter, what was given, what is allowed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, NamedTuple, get_args, get_origin

from pydantic import BeforeValidator
from pydantic.fields import FieldInfo

from connector import values
from connector.settings.fields import Allowed
from connector.settings.names import APPLICATIONS, Raw, model_of, variable
from connector.settings.secret_fields import is_secret_field

_LONGEST_SHOWN = 80
"""Characters of a wrong value that a message repeats."""
_PROPERTIES = "kafka.properties"


class Mistake(NamedTuple):
    """One wrong setting: its name in the file and what is the matter. A name may be a section or empty."""

    name: str
    problem: str
    given: str = ""
    allowed: str = ""

    def __str__(self) -> str:
        parts = [
            self.problem,
            self.given and f"given: {self.given}",
            self.allowed and f"allowed: {self.allowed}",
        ]
        return ": ".join(part for part in (_both(self.name), "; ".join(filter(None, parts))) if part)


class ConfigurationError(Exception):
    """The configuration is wrong. `mistakes` has all of it, the text one line each, secrets masked."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        count = f"{len(self.mistakes)} mistakes" if len(self.mistakes) > 1 else "a mistake"
        super().__init__(
            "\n".join([f"{count} in the configuration:", *(f"  {one}" for one in self.mistakes)])
        )


def given_wrong(name: str, problem: str, raw: Raw) -> Mistake:
    """Tell of a setting whose value is wrong by itself."""
    return Mistake(name, problem, _given(name, raw), allowed(_field(name)))


def contradictory(names: Sequence[str], problem: str, raw: Raw) -> Mistake:
    """Tell of settings that can't all be meant; the first is the one to fix."""
    first, *others = names
    see = f" (see {', '.join(f'{name}, {variable(name)}' for name in others)})" if others else ""
    told = [_given(name, raw) for name in names]
    ours = [f"{name}: {one}" if name != first else one for name, one in zip(names, told, strict=True) if one]
    return Mistake(first, problem + see, ", ".join(ours), allowed(_field(first)))


def shown(given: object) -> str:
    """Repeat a wrong value, not at any length, and without a password in an address."""
    text = values.masked_url(repr(given))
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"


def allowed(field: FieldInfo) -> str:
    """Say what a setting may be: in its own words, or by its type and limits."""
    own = [one.words for one in field.metadata if isinstance(one, Allowed)]
    if own:
        return own[0]
    if get_origin(field.annotation) is Literal:
        return " or ".join(get_args(field.annotation))
    if field.annotation is bool:
        return "true or false"
    readers = [one.func for one in field.metadata if isinstance(one, BeforeValidator)]
    write: Callable[[Any], str] = "{:,}".format
    if values.parse_duration in readers:
        write = values.format_duration
    elif values.parse_size in readers:
        write = values.format_size
    low, high = (
        next(getattr(one, end) for one in field.metadata if hasattr(one, end)) for end in ("ge", "le")
    )
    return f"{write(low)} to {write(high)}"


def _both(name: str) -> str:
    """Add a setting's name in the environment, where it has one there."""
    if name.startswith(f"{_PROPERTIES}."):
        return f"{name} ({variable(_PROPERTIES)})"
    dots = 2 if name.startswith(f"{APPLICATIONS}.") else 1
    return f"{name} ({variable(name)})" if name.count(".") == dots and '"' not in name else name


def _given(name: str, raw: Raw) -> str:
    """Say what was written for a setting, and where; nothing where nothing was."""
    section, key = name.rsplit(".", 1)
    if key not in raw.values.get(section, {}):
        return ""
    secret = is_secret_field(_field(name))
    return f"{values.MASK if secret else shown(raw.values[section][key])} in {raw.origin[name]}"


def _field(name: str) -> FieldInfo:
    section, key = name.rsplit(".", 1)
    return model_of(section).model_fields[key]
