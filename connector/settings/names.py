"""Which sections and settings there are by name, and what was given of them. Reads nothing itself.

`[section] key` is the setting `section.key`. Each application has a section, `[applications.CODE]`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from connector.settings import Application, Section, Settings

PREFIX = "CONNECTOR_"
APPLICATIONS = "applications"
SECTIONS: dict[str, type[Section]] = {
    name: field.annotation  # type: ignore[misc]  # every field of Settings but that one is a section
    for name, field in Settings.model_fields.items()
    if name != APPLICATIONS
}
"""The sections of which there is one, by name."""

_CODE = re.compile(r"[A-Za-z0-9_-]{1,64}")
_OF_AN_APPLICATION = re.compile(
    rf"{PREFIX}APPLICATIONS_({_CODE.pattern}?)_({'|'.join(key.upper() for key in Application.model_fields)})"
)


def variable(name: str) -> str:
    """Return the name in the environment of the setting `section.key` or `applications.CODE.key`."""
    return PREFIX + re.sub(r"[^A-Za-z0-9]", "_", name).upper()


def model_of(section: str) -> type[Section]:
    """Return what the section `kafka` or `applications.CODE` may have in it."""
    return SECTIONS.get(section, Application)


def nested(sections: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """Put the sections of applications into one dictionary by code, as `Settings` has them."""
    own = {name: content for name, content in sections.items() if name in SECTIONS}
    mine = {name.partition(".")[2]: sections[name] for name in sections if name not in SECTIONS}
    return own | {APPLICATIONS: mine}


class Raw:
    """What was given, as it was written: by section and key, and where each setting comes from."""

    def __init__(self) -> None:
        self.values: dict[str, dict[str, Any]] = {section: {} for section in SECTIONS}
        self.origin: dict[str, str] = {}
        self.properties: list[tuple[object, str]] = []
        """Each `kafka.properties` that was given and where: they are merged, not replaced."""

    def put(self, name: str, value: object, origin: str) -> None:
        section, key = name.rsplit(".", 1)
        if name == "kafka.properties":
            self.properties.append((value, origin))
        else:
            self.values.setdefault(section, {})[key] = value
        self.origin[name] = origin

    def add(self, code: str) -> str:
        """Make a section for an application that the file names; return what is wrong with its code."""
        if not _CODE.fullmatch(code):
            return f"{code!r} is no application's code: letters, digits, `-` and `_`"
        if variable(code) in map(variable, self._codes()):
            return "another application's code is spelled the same in the environment"
        self.values[f"{APPLICATIONS}.{code}"] = {}
        return ""

    def setting_of_an_application(self, name: str) -> str:
        """Return which setting of which application a variable means; empty if it is of another form.

        The code is one of the file's that is spelled so, else it has `-` for `_`, as Pushwoosh's own do.
        """
        found = _OF_AN_APPLICATION.fullmatch(name)
        if found is None:
            return ""
        spelled, key = found.groups()
        given = {variable(code): code for code in self._codes()}
        code = given.get(variable(spelled), spelled.replace("_", "-"))
        return f"{APPLICATIONS}.{code}.{key.lower()}"

    def _codes(self) -> list[str]:
        return [section.partition(".")[2] for section in self.values if section not in SECTIONS]
