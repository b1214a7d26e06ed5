"""What must not leave the process in a log line or on a page: secrets, and whose device it is.

Secrets are masked always. Identifiers of devices (e-mail addresses and phone numbers are personal
data) and whole request_ids (each is the credential of its job) are hidden above the level debug.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from connector.values import MASK, without_secret

_PREFIX = 8
"""The most characters of a request_id that are shown: it is the credential of its job."""
_SHORTEST = 4
"""A shorter secret would mask half of every line. No credential is that short."""

_KEY = r"(?:auth|token|password|passwd|secret|api_?key|authorization)"
_PATTERNS = (
    (re.compile(rf"""(["'][\w.]*{_KEY}["']\s*:\s*["'])[^"']*""", re.IGNORECASE), rf"\g<1>{MASK}"),
    (re.compile(rf"""(\b{_KEY}=)[^\s&"',;]+""", re.IGNORECASE), rf"\g<1>{MASK}"),
    (re.compile(r"""(\bauthorization:\s*)[^"'\r\n,]+""", re.IGNORECASE), rf"\g<1>{MASK}"),
    (re.compile(r"(://)[^/\s@]+@"), rf"\g<1>{MASK}@"),
)
_EMAIL = re.compile(r"[^\s@\"'<>,;:()=\[\]{}]{1,64}@[^\s@\"'<>,;:()=\[\]{}]+\.[A-Za-z]{2,}")
_PHONE = re.compile(r"\+\d{7,15}\b")
_LONG_ID = re.compile(r"\b(?:[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}|[0-9a-fA-F]{16,})\b")
_IN_JSON = (
    r"""(\\?["'](?:{})\\?["']\s*:\s*)"""  # a name; within text that is JSON itself its quotes are escaped
    r"""(\\"(?:(?!\\").)*(?:\\")?|"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|\[[^\]]*\]?|[^,}}\]\s]+)"""
)
_DEVICE_IN_JSON = re.compile(_IN_JSON.format("hwid|user_id|push_token"), re.DOTALL)
_REQUEST_ID_IN_JSON = re.compile(_IN_JSON.format("request_id"), re.DOTALL)
_DEVICE_FIELDS = frozenset(
    {"hwid", "user_id", "push_token", "device", "devices", "key", "value", "tags", "headers"}
)


class Mask:
    """Replaces known secrets, and what looks like a credential, in text."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets: list[str] = []
        for secret in secrets:
            self.add(secret)

    def add(self, secret: str) -> None:
        """Know one more. Earlier ones stay known: a line about them may still come."""
        if len(secret) >= _SHORTEST and secret not in self._secrets:
            self._secrets.append(secret)
            self._secrets.sort(key=len, reverse=True)

    def __call__(self, text: str) -> str:
        for secret in self._secrets:
            text = without_secret(text, secret)
        for pattern, instead in _PATTERNS:
            text = pattern.sub(instead, text)
        return text


def shortened(request_id: str) -> str:
    """Return the beginning of a request_id: enough to find it in a log, too little to use it."""
    if request_id.endswith("…"):
        return request_id
    return request_id[: min(_PREFIX, len(request_id) // 2)] + "…"


def anonymous(text: str) -> str:
    """Hide what may name a person or a device in free text: addresses, numbers, long ids, fields of JSON."""
    text = _DEVICE_IN_JSON.sub(r"\g<1><hidden>", text)
    text = _REQUEST_ID_IN_JSON.sub(lambda found: found[1] + shortened(found[2].strip("\\\"'")), text)
    text = _EMAIL.sub("<email>", text)
    text = _PHONE.sub("<phone>", text)
    return _LONG_ID.sub(lambda found: shortened(found[0]), text)


def deep(value: Any, change: Callable[[str], str]) -> Any:
    """Return a copy with every string changed, keys of mappings too; what isn't JSON becomes text first."""
    if isinstance(value, str):
        return change(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {change(str(key)): deep(each, change) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [deep(each, change) for each in value]
    return change(str(value))


def without_devices(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return a log line's fields without identifiers: by the field's name, and by their look in free text.

    Numbers stay: `devices=1000` names nobody.
    """
    shown: dict[str, Any] = {}
    for name, value in fields.items():
        number = value is None or isinstance(value, bool | int | float)
        if name in _DEVICE_FIELDS and not number:
            shown[name] = "<hidden>"
        elif name == "request_id":
            shown[name] = shortened(str(value))
        else:
            shown[name] = deep(value, anonymous)
    return shown
