"""What makes a tag change or a registration fit to be sent: the rules of the Audience API's contract.

Each rule is given one field and gives it back as it is sent, or raises `InvalidField` with what is wrong and
where. In values of tags it looks only for what JSON lacks: the API judges the rest.
"""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import msgspec

from connector.core.reading.users_code import FAULTS_OF_USERS, words_of
from connector.model import Content

SET = "set"
TAGS_OPERATORS = frozenset({SET, "append", "remove"})
REGISTRATION_OPERATORS = frozenset({"append", "remove"})

PLATFORMS = {
    "ios": 1,
    "android": 3,
    "macos": 7,
    "windows": 8,
    "amazon": 9,
    "safari": 10,
    "chrome": 11,
    "firefox": 12,
    "email": 14,
    "huawei": 17,
    "sms": 18,
    "xiaomi": 19,
    "web": 20,
    "whatsapp": 21,
}
"""Names of platforms and their codes, from the published contract."""

KNOWN_PLATFORMS = frozenset(PLATFORMS.values())
RETIRED_PLATFORMS = frozenset({2, 4, 5, 6, 13})
RETIRED_NAMES = frozenset({"blackberry", "nokia", "windows phone", "windows_phone", "windowsphone"})

_encode = msgspec.json.Encoder(decimal_format="number").encode
"""A decimal is a number with all its digits: as text it would be no value of a Decimal tag."""
_SURE = frozenset({str, int, bool, type(None)})
"""Types of which every value is one in JSON: most values, so they are asked about first."""
_LARGEST_CODE = 2**63 - 1
_SHOWN = 40
"""Characters of a wrong word that an error repeats."""


class InvalidField(ValueError):  # noqa: N818 - says what the field is, as its siblings in the contract do
    """A field breaks a rule; the text says which rule and at which path."""

    def __init__(self, what: str, path: str) -> None:
        super().__init__(f"{what} - at `$.{path}`")
        self.what = what
        """The rule alone, for whoever names another place."""


def identifier(name: str, value: object) -> str | None:
    """Check an identifier or an application; None where it is absent. Passed on as it is, case included."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise InvalidField(f"Expected `str`, got `{type(value).__name__}`", name)
    if not value:
        raise InvalidField("Empty", name)
    if value.isspace():
        raise InvalidField("Nothing but whitespace", name)
    if "\0" in value:
        raise InvalidField("A NUL character inside", name)
    return value


def breaks_no_rule(identifier: str) -> bool:
    """Whether `identifier` above takes it: all the rules at once, for what is read quickly."""
    return bool(identifier) and not identifier.isspace() and "\0" not in identifier


def tags_operator(value: object) -> str:
    """Check the operator of a tags event: `set`, `append` or `remove`; absent means `set`."""
    if value is None:
        return SET
    if not isinstance(value, str) or value not in TAGS_OPERATORS:
        raise InvalidField(f"Expected `set`, `append` or `remove`, got {shown(value)}", "list_operator")
    return value


def registration_operator(value: object) -> str | None:
    """Check the operator of a registration; None where its values replace a list.

    The contract knows `append`, `remove` and absence there. `set` says what absence means, so it
    is taken and left out of the request.
    """
    if value is None or value == SET:
        return None
    if not isinstance(value, str) or value not in REGISTRATION_OPERATORS:
        raise InvalidField(f"Expected `append`, `remove` or `set`, got {shown(value)}", "list_operator")
    return value


def platform(value: object) -> int:
    """Turn a platform's code or name into its code. Codes nobody has heard of pass: others exist unnamed."""
    if value is None:
        raise InvalidField("Missing: a registration needs a platform", "platform")
    if isinstance(value, str):
        return _platform_by_name(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidField(
            f"Expected a platform's code or name, got `{type(value).__name__}`",
            "platform",
        )
    if value in RETIRED_PLATFORMS:
        raise InvalidField(f"Platform {value} is retired", "platform")
    if not 0 <= value <= _LARGEST_CODE:
        raise InvalidField("Not a platform's code: negative, or beyond 64 bits", "platform")
    return value


def _platform_by_name(name: str) -> int:
    folded = name.casefold()
    if folded in RETIRED_NAMES:
        raise InvalidField(f"Platform {shown(name)} is retired", "platform")
    code = PLATFORMS.get(folded)
    if code is None:
        raise InvalidField(f"No platform is named {shown(name)}", "platform")
    return code


def kind(value: object) -> Content:
    """Read the field `type` of an event in a mixed topic."""
    if value == "tags":
        return Content.TAGS
    if value == "registration":
        return Content.REGISTRATIONS
    got = "nothing" if value is None else shown(value)
    raise InvalidField(f"Expected `tags` or `registration`, got {got}", "type")


def tags_object(value: Any) -> bytes:
    """Write a decoder's tags as a JSON object; empty bytes where there are none.

    A `msgspec.Raw` of a user's decoder is read once: a broken one would spoil its whole request.
    """
    if value is None:
        return b""
    if not isinstance(value, (dict, msgspec.Raw)):
        raise InvalidField(f"Expected `object`, got `{type(value).__name__}`", "tags")
    try:
        if isinstance(value, dict):
            _refuse_what_json_lacks(value, "tags")
            return _encode(value)
        raw = bytes(value)
        msgspec.json.decode(raw.decode(), type=dict[str, msgspec.Raw])
    except InvalidField:
        raise
    except RecursionError as error:
        raise InvalidField("Nested too deeply", "tags") from error
    except FAULTS_OF_USERS as error:  # values of any type may refuse to be written with any error
        raise InvalidField(words_of(error) or type(error).__name__, "tags") from error
    return raw


def _refuse_what_json_lacks(value: object, path: str) -> None:
    """NaN and infinities would be written as null, which clears a tag; names must be strings."""
    if isinstance(value, (float, Decimal)) and not math.isfinite(value):
        raise InvalidField(f"`{value}` is not a JSON number", path)
    if isinstance(value, dict):
        for name, inner in value.items():
            if not isinstance(name, str):
                raise InvalidField(f"Expected names of type `str`, got `{type(name).__name__}`", path)
            if type(inner) not in _SURE:
                _refuse_what_json_lacks(inner, f"{path}.{name}")
    elif isinstance(value, (list, tuple)):
        for inner in value:
            if type(inner) not in _SURE:
                _refuse_what_json_lacks(inner, f"{path}[...]")


def shown(value: object) -> str:
    """Put a wrong value into an error: a word itself, of anything else its type."""
    if not isinstance(value, str):
        return f"`{type(value).__name__}`"
    return repr(value if len(value) <= _SHOWN else value[:_SHOWN] + "...")
