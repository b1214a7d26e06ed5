"""The names that `/metrics` really exports, and those in a PromQL query that it doesn't."""

from __future__ import annotations

import re

from connector.ops.families import PREFIX, Families
from connector.ops.instruments import Histogram

_OURS = re.compile(rf"\b{PREFIX}\w+")
_LABELS = re.compile(r"(\w+)\s*(?:=~|!=|!~|=)\s*\"")


def exported() -> dict[str, tuple[str, ...]]:
    """Every series' name with its labels."""
    found: dict[str, tuple[str, ...]] = {}
    for each in Families().families:
        if isinstance(each, Histogram):
            found |= {f"{each.name}_bucket": (*each.labels, "le")}
            found |= {f"{each.name}_{end}": each.labels for end in ("sum", "count")}
        else:
            found[each.name] = each.labels
    return {**found, f"{PREFIX}build_info": ("version", "python")}


def unknown_names(query: str) -> set[str]:
    """Give the names with our prefix that nobody exports, and selectors by a label that they don't have."""
    known = exported()
    names = set(_OURS.findall(query))
    wrong = {name for name in names if name not in known}
    for name, selector in re.findall(rf"({PREFIX}\w+)\{{([^}}]*)\}}", query):
        allowed = {*known.get(name, ()), "job", "namespace", "pod", "instance"}
        wrong |= {f"{name}: {label}" for label in _LABELS.findall(selector) if label not in allowed}
    return wrong
