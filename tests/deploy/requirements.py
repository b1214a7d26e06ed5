"""What deploy/image/requirements*.txt pin, read back."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "deploy" / "image" / "requirements.txt"
BUILD_LOCK = ROOT / "deploy" / "image" / "requirements-build.txt"
EXTRAS = ("http2", "registry", "tracing")
"""The extras that are in the image: what needs no more than a setting to be of use."""
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


class Pin(NamedTuple):
    """One package of a lock."""

    requirement: Requirement
    hashes: list[str]

    @property
    def version(self) -> str:
        (only,) = self.requirement.specifier
        assert only.operator == "=="
        return only.version


def pins(lock: Path, **environment: str) -> dict[str, Pin]:
    """What a lock installs, by name. `environment` changes markers: `python_version="3.13"`."""
    found: dict[str, Pin] = {}
    for entry in re.sub(r" *\\\n *", " ", lock.read_text(encoding="utf-8")).splitlines():
        text, *hashes = entry.split(" --hash=")
        requirement = Requirement(text.strip())
        if applies(requirement, **environment):
            found[canonicalize_name(requirement.name)] = Pin(requirement, hashes)
    return found


def applies(requirement: Requirement, **environment: str) -> bool:
    """Whether its marker holds here, or where `environment` says."""
    here: dict[str, str] = {**default_environment(), **environment}  # type: ignore[dict-item]  # all are text
    return requirement.marker is None or requirement.marker.evaluate(here)


def wanted() -> Iterator[Requirement]:
    """What pyproject.toml asks for in the image."""
    extras = PROJECT["project"]["optional-dependencies"]
    for text in (*PROJECT["project"]["dependencies"], *(each for extra in EXTRAS for each in extras[extra])):
        yield Requirement(text)
