"""How a setting's value is written and read: durations, sizes, lists, names, secrets.

A leaf: knows how text becomes a value and back, not which settings there are. Every parser takes
what a TOML file (typed) or the environment (text) gives and raises ValueError in words for a person. Where a
value names a file or a function, it is looked at, or imported, too.
"""

from __future__ import annotations

import importlib
import ipaddress
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

MASK = "********"

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h)")
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(B|KiB|MiB|GiB)?", re.IGNORECASE)
_BYTES = {"gib": 1 << 30, "mib": 1 << 20, "kib": 1 << 10, "b": 1}
_UNMISTAKABLE = 6
"""Characters of a secret from which on it isn't a part of ordinary words."""
_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")
_BROKER = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:/,@\[\]]+)(?::(\d{1,5}))?")
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAME = re.compile(rf"(?=.{{1,254}}$){_LABEL}(?:\.{_LABEL})*\.?")
_USER_INFO = re.compile(r"(?<=://)[^/\s@]+@")
_SECRET_WORDS = ("password", "secret", "token", "jaas", "key.pem", "passphrase")
_TOP_PORT = 65535


def parse_duration(value: object) -> float:
    """Read `500ms`, `2s`, `15m`, `1h` as seconds. A bare number has no unit and is refused, but for 0."""
    if isinstance(value, int | float) and not isinstance(value, bool) and value == 0:
        return 0.0
    text = str(value).strip()
    found = _DURATION.fullmatch(text)
    if found:
        return round(float(found[1]) * _SECONDS[found[2]], 6)
    if text == "0":
        return 0.0
    raise ValueError("a duration is a number with its unit: 500ms, 2s, 15m or 1h")


def format_duration(seconds: float) -> str:
    """Write seconds in the largest unit that needs no fraction: the text `parse_duration` reads back."""
    for unit, length in _SECONDS.items():
        count = seconds / length
        if count >= 1 and abs(count - round(count)) < 1e-6:  # noqa: PLR2004 - the rounding error of floats
            return f"{round(count)}{unit}"
    return f"{f'{seconds * 1000:.3f}'.rstrip('0').rstrip('.')}ms" if seconds else "0s"


def parse_size(value: object) -> int:
    """Read `512KiB`, `4MiB`, `1GiB` or plain bytes, as bytes."""
    found = None if isinstance(value, bool) else _SIZE.fullmatch(str(value).strip())
    if not found:
        raise ValueError("a size is a number of bytes, or one with its unit: 512KiB, 4MiB or 1GiB")
    size = float(found[1]) * _BYTES[(found[2] or "B").lower()]
    if size != int(size):
        raise ValueError("a size is a whole number of bytes")
    return int(size)


def format_size(size: int) -> str:
    """Write bytes in the largest unit that needs no fraction: the text `parse_size` reads back."""
    for unit, length in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if size and size % length == 0:
            return f"{size // length}{unit}"
    return str(size)


def parse_list(value: object) -> tuple[str, ...]:
    """Read a TOML array of strings, or text with commas. Empty items and blanks around one don't count."""
    items = value.split(",") if isinstance(value, str) else value
    if not isinstance(items, list | tuple) or not all(isinstance(item, str) for item in items):
        raise ValueError(
            "a list of names: an array of strings in the file, names with commas between otherwise"
        )
    return tuple(item.strip() for item in items if item.strip())


def parse_number(value: object) -> object:
    """Pass on what may become a number: not `true` or `false`, which Python would count as 1 and 0."""
    if isinstance(value, bool):
        raise ValueError("a number, not true or false")  # noqa: TRY004 - pydantic collects ValueError only
    return value.strip() if isinstance(value, str) else value


def parse_word(value: object) -> object:
    """Read one of a few words; neither case nor blanks around it matter."""
    return value.strip().lower() if isinstance(value, str) else value


def plain_name(value: str) -> str:
    """Check a name that isn't empty and has no blank at its ends and no control character in it."""
    if not value.strip():
        raise ValueError("it is empty")
    if value != value.strip() or not value.isprintable():
        raise ValueError("it has blanks at an end or control characters in it")
    return value


def is_topic_name(text: str) -> bool:
    """Tell whether Kafka takes a name for a topic; a pattern (`^...`) isn't one."""
    return _TOPIC.fullmatch(text) is not None and text not in (".", "..")


def topic_name(value: str) -> str:
    """Check a topic's name. Raises ValueError."""
    if not is_topic_name(value):
        raise ValueError(f"{value!r} is not a topic's name: up to 249 letters, digits, '.', '_' and '-'")
    return value


def broker_list(value: object) -> str:
    """Read `host:port,host:port`, also as an array, into the form librdkafka wants."""
    brokers = parse_list(value)
    if not brokers:
        raise ValueError("it names no broker")
    for broker in brokers:
        if "://" in broker:
            raise ValueError(
                f"{masked_url(broker)!r} has a scheme: host:port is enough, security.protocol in "
                "kafka.properties says how to speak to it"
            )
        found = _BROKER.fullmatch(broker)
        if not found or not 1 <= int(found[2] or 1) <= _TOP_PORT:
            raise ValueError(f"{masked_url(broker)!r} is not host:port")
        host_name(found[1].strip("[]"))
    return ",".join(brokers)


def host_name(text: str) -> str:
    """Check an IP address or a name that a host can have. Whether there is one, nobody is asked."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        numeric = text.rstrip(".").rpartition(".")[2].isdecimal()  # no top-level domain is a number
        if numeric or not _NAME.fullmatch(text):
            raise ValueError(f"{text!r} is neither an IP address nor a host's name") from None
    return text


def readable_file(path: Path) -> Path:
    """Check a file that can be read now."""
    try:
        path.read_bytes()
    except OSError as error:
        raise ValueError(f"it cannot be read: {error.strerror}") from None
    return path


def is_secret(name: str) -> bool:
    """Whether a Kafka property's value must never be shown, judged by its name."""
    return any(word in name.lower() for word in _SECRET_WORDS)


def without_secret(text: str, secret: str, instead: str = MASK) -> str:
    """Replace a secret wherever it stands; a short one where it is a word of its own, not inside others."""
    if len(secret) >= _UNMISTAKABLE:
        return text.replace(secret, instead)
    return re.sub(rf"(?<![^\W_]){re.escape(secret)}(?![^\W_])", lambda _: instead, text) if secret else text


def masked_url(text: str) -> str:
    """Give the text without the user and password of any address in it."""
    return _USER_INFO.sub(f"{MASK}@", text)


class Properties(Mapping[str, str]):
    """Kafka properties by name: immutable, and their secrets are shown by indexing only.

    `repr`, `str` and `masked()` hide the value of every property whose name says that it is one.
    """

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, str] | None = None) -> None:
        self._values = dict(values or {})

    def __getitem__(self, name: str) -> str:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __hash__(self) -> int:
        return hash(frozenset(self._values.items()))

    def __repr__(self) -> str:
        return f"Properties({self.masked()})"

    def masked(self) -> dict[str, str]:
        """Every property, a secret's value replaced."""
        return {name: MASK if is_secret(name) else masked_url(text) for name, text in self._values.items()}


def parse_properties(value: object) -> Properties:
    """Read properties from a TOML table (its dots nest, here they don't) or from `key=value` lines."""
    if isinstance(value, Properties):
        return value
    if isinstance(value, str):
        return Properties(_property_lines(value))
    if isinstance(value, Mapping):
        return Properties(dict(_flat(value, "")))
    raise ValueError("a table of properties in the file, lines of key=value otherwise")


def read_properties(path: Path) -> Properties:
    """Read a `.properties` file: `key=value` lines; empty ones and comments (# or !) don't count."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"it cannot be read: {getattr(error, 'strerror', None) or 'not UTF-8'}") from None
    return Properties(_property_lines(text))


def _property_lines(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        if not line or line[0] in "#!":
            continue
        name, equals, value = line.partition("=")
        if not equals or not name.strip():
            raise ValueError(f"line {number} is not key=value")  # the line may be a secret: it isn't shown
        found[name.strip()] = value.strip()
    return found


def _flat(table: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        elif isinstance(value, bool):
            yield prefix + name, str(value).lower()
        elif isinstance(value, str | int | float):
            yield prefix + name, str(value)
        else:
            raise ValueError(f"{prefix}{name} is not text, a number, true or false")  # noqa: TRY004 - as above


def load_function(reference: str) -> Callable[..., Any]:
    """Import the function that `package.module:function` names. Raises ValueError where that fails.

    The current directory is looked into as by `python -m connector`: a console script's path lacks it.
    """
    module_name, colon, name = reference.partition(":")
    if not colon or not module_name or not name:
        raise ValueError("a function of yours is written package.module:function")
    _look_here()
    try:
        found: Any = importlib.import_module(module_name)
        for part in name.split("."):
            found = getattr(found, part)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a user's module may raise anything meanwhile
        raise ValueError(
            f"{reference} cannot be imported: {type(error).__name__}: {error}{_where_from(error)}"
        ) from None
    if not callable(found):
        raise ValueError(f"{reference} is no function")  # noqa: TRY004 - as above
    return found  # type: ignore[no-any-return]  # callable() says no more than that


def _look_here() -> None:
    """Put the current directory first among those that modules are imported from, unless Python may not."""
    here = str(Path.cwd())
    if not sys.flags.safe_path and here not in sys.path and "" not in sys.path:
        sys.path.insert(0, here)


def _where_from(error: BaseException) -> str:
    """Say how a module gets found that isn't."""
    if not isinstance(error, ModuleNotFoundError):
        return ""
    return f" (looked for in {Path.cwd()}, in the directories of PYTHONPATH and among what is installed)"
