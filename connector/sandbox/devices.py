"""The devices of the sandbox and what a change does to their tags: the API's list semantics.

The contract says what the operators do to lists; the rest is chosen here:

- a tag counts as a list where the new value or the present one is an array; a bare string
  beside an array is an array of one;
- `set` (and a registration without operator) puts the value in place as it is;
- `append` adds to a list what it does not have yet, in order; what is no list it sets;
- `remove` takes values from a list, which may end up empty; what is no list it clears if equal;
- null clears the tag with `set` and `append`, and does nothing with `remove`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from connector.sandbox.contract import Device, DeviceRegistration

Tags = dict[str, Any]


class KnownDevice(msgspec.Struct, gc=False, omit_defaults=True):
    """One device of one application as the sandbox knows it: the identifier it is kept by, and its tags."""

    tags: Tags
    application: str = ""
    hwid: str | None = None
    user_id: str | None = None
    push_token: str | None = None
    platform: int | None = None
    registered: bool = False


def change_tags(tags: Tags, operator: str | None, changes: Tags) -> None:
    """Apply one change to a device's tags, in place. `operator` None is `set`."""
    if operator is None or operator == "set":
        tags.update(changes)
        for name, value in changes.items():
            if value is None:
                del tags[name]
        return
    change = _append if operator == "append" else _remove
    for name, value in changes.items():
        change(tags, name, value)


def _append(tags: Tags, name: str, value: Any) -> None:
    present = tags.get(name)
    if value is None:
        tags.pop(name, None)
    elif isinstance(value, list) or isinstance(present, list):
        grown = [] if present is None else list(_as_list(present))
        for one in _as_list(value):
            if not _has(grown, one):
                grown.append(one)
        tags[name] = grown
    else:
        tags[name] = value


def _remove(tags: Tags, name: str, value: Any) -> None:
    present = tags.get(name)
    if present is None or value is None:
        return
    if isinstance(present, list):
        gone = _as_list(value)
        tags[name] = [one for one in present if not _has(gone, one)]
    elif _has(_as_list(value), present):
        del tags[name]


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _has(values: list[Any], wanted: Any) -> bool:
    """Whether a JSON value is among others; Python holds 1, 1.0 and true for equal, JSON does not."""
    if wanted not in values or isinstance(wanted, str):
        return wanted in values
    return any(one == wanted and type(one) is type(wanted) for one in values)


class Devices:
    """Every device of an application that was registered or got tags, by hwid, by user_id or by push_token.

    The three name separate devices, except that a push token which a registration gave to a
    hwid names that device from then on. A change that gives several identifiers is about the
    first of hwid, user_id, push_token.
    """

    def __init__(self, application: str = "") -> None:
        self._application = application
        self._by_hwid: dict[str, KnownDevice] = {}
        self._by_user: dict[str, KnownDevice] = {}
        self._by_token: dict[str, KnownDevice] = {}
        self._owner: dict[str, str] = {}
        """Push token -> the hwid that registered it last."""

    def __len__(self) -> int:
        return len(self._by_hwid) + len(self._by_user) + len(self._by_token)

    def __iter__(self) -> Iterator[KnownDevice]:
        for known in (self._by_hwid, self._by_user, self._by_token):
            yield from list(known.values())

    def find(self, device: Device) -> KnownDevice | None:
        """The device that a change is about, if it is known."""
        if device.hwid is not None:
            return self._by_hwid.get(device.hwid)
        if device.user_id is not None:
            return self._by_user.get(device.user_id)
        token = device.push_token or ""
        owner = self._owner.get(token)
        return self._by_hwid[owner] if owner is not None else self._by_token.get(token)

    def change(self, device: Device, changes: Tags) -> None:
        """Carry out a registration or a tag change with these of its tags; an unknown device is made."""
        known = self.find(device)
        if known is None:
            known = self._make(device)
        if isinstance(device, DeviceRegistration):
            self._register(known, device)
        change_tags(known.tags, device.list_operator, changes)

    def _make(self, device: Device) -> KnownDevice:
        if device.hwid is not None:
            known = self._by_hwid[device.hwid] = KnownDevice({}, self._application, hwid=device.hwid)
        elif device.user_id is not None:
            known = self._by_user[device.user_id] = KnownDevice({}, self._application, user_id=device.user_id)
        else:
            token = device.push_token or ""
            known = self._by_token[token] = KnownDevice({}, self._application, push_token=token)
        return known

    def _register(self, known: KnownDevice, device: DeviceRegistration) -> None:
        """Link the push token to this device; a token has one owner, a device one token."""
        if known.push_token is not None and known.push_token != device.push_token:
            self._owner.pop(known.push_token, None)
        before = self._owner.get(device.push_token)
        if before is not None and before != device.hwid:
            self._by_hwid[before].push_token = None
        self._owner[device.push_token] = device.hwid
        known.push_token, known.platform, known.registered = device.push_token, device.platform, True


class Population:
    """The devices of every application: one hwid in two of them is two devices."""

    def __init__(self) -> None:
        self._by_application: dict[str, Devices] = {}

    def __len__(self) -> int:
        return sum(map(len, self._by_application.values()))

    def __iter__(self) -> Iterator[KnownDevice]:
        for devices in list(self._by_application.values()):
            yield from devices

    def of(self, application: str) -> Devices:
        """Return the devices of an application."""
        devices = self._by_application.get(application)
        if devices is None:
            devices = self._by_application[application] = Devices(application)
        return devices
