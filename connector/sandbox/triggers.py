"""Whether a fault strikes now: the declared rules of `faults.py` with what they have counted so far."""

from __future__ import annotations

import random
import re
import zlib
from collections.abc import Sequence
from typing import Generic, TypeVar

from connector.model import Endpoint
from connector.sandbox.contract import Device
from connector.sandbox.fault_rules import DeviceRule, RequestRule, Rule
from connector.sandbox.faults import Faults

R = TypeVar("R", bound=Rule)


class Trigger(Generic[R]):
    """One rule in place since `since`: its strikes so far, and the attempts of devices that it counts."""

    def __init__(self, rule: R, rng: random.Random, since: float, seed: int) -> None:
        self.rule = rule
        self.strikes = 0
        self._rng = rng
        self._since = since
        self._seed = seed
        self._attempts: dict[str, int] = {}
        regex = rule.regex if isinstance(rule, DeviceRule) else None
        self._pattern = re.compile(regex) if regex is not None else None

    def strikes_call(self, endpoint: Endpoint, now: float) -> bool:
        """Whether it strikes a call, a batch or a job that it does not look into."""
        return self._open(endpoint, now) and self._drawn() and self._strike()

    def strikes_device(self, device: Device, endpoint: Endpoint, now: float) -> bool:
        """Whether it strikes this device."""
        rule = self.rule
        if not isinstance(rule, DeviceRule):
            return self.strikes_call(endpoint, now)
        return self._open(endpoint, now) and self._hits(rule, device) and self._strike()

    def strikes_batch(self, devices: Sequence[Device], endpoint: Endpoint, now: float) -> bool:
        """Whether it strikes a batch because of what it is or because of one device in it.

        Every device is looked at, so that each one's attempts are counted.
        """
        rule = self.rule
        if not isinstance(rule, DeviceRule) or not rule.about_devices:
            return self.strikes_call(endpoint, now)
        if not self._open(endpoint, now):
            return False
        return sum(self._hits(rule, device) for device in devices) > 0 and self._strike()

    def _open(self, endpoint: Endpoint, now: float) -> bool:
        rule = self.rule
        elapsed = now - self._since
        if rule.endpoint is not None and rule.endpoint != endpoint:
            return False
        if rule.next is not None and self.strikes >= rule.next:
            return False
        return elapsed >= rule.after and (rule.until is None or elapsed < rule.until)

    def _drawn(self) -> bool:
        return self.rule.share >= 1.0 or self._rng.random() < self.rule.share

    def _strike(self) -> bool:
        self.strikes += 1
        return True

    def _hits(self, rule: DeviceRule, device: Device) -> bool:
        names = [name for name in (device.hwid, device.user_id, device.push_token) if name is not None]
        if not self._matches(rule, names):
            return False
        if not (self._chosen(names[0]) if rule.steady else self._drawn()):
            return False
        if rule.first is None:
            return True
        attempt = self._attempts.get(names[0], 0) + 1
        self._attempts[names[0]] = attempt
        return attempt <= rule.first

    def _matches(self, rule: DeviceRule, names: list[str]) -> bool:
        if rule.prefix is None and self._pattern is None:
            return True
        if rule.prefix is not None and any(name.startswith(rule.prefix) for name in names):
            return True
        return self._pattern is not None and any(self._pattern.search(name) for name in names)

    def _chosen(self, name: str) -> bool:
        """Whether a device is in the steady share: always the same ones, for each seed others."""
        return zlib.crc32(f"{self._seed}/{name}".encode()) < self.rule.share * 2**32


class Triggers:
    """All rules of a `Faults`, by the fault's name; `find` and its like give the first rule that strikes."""

    def __init__(self, faults: Faults, rng: random.Random, since: float, seed: int) -> None:
        self._rng = rng
        self._seed = seed
        self._by_name: dict[str, list[Trigger[Rule]]] = {
            name: [Trigger(rule, rng, since, seed) for rule in rules]
            for name in faults.__struct_fields__
            if isinstance(rules := getattr(faults, name), tuple) and rules
        }

    def changed(self, before: Faults, after: Faults, now: float) -> Triggers:
        """Build the triggers of other faults; those whose rules are the same as before go on as they are."""
        triggers = Triggers(after, self._rng, now, self._seed)
        for name in triggers._by_name:
            if name in self._by_name and getattr(before, name) == getattr(after, name):
                triggers._by_name[name] = self._by_name[name]
        return triggers

    def __contains__(self, name: object) -> bool:
        """Whether any rule of this fault is declared, so that a caller may skip a loop over devices."""
        return name in self._by_name

    def on_call(self, kind: type[R], name: str, verb: str, endpoint: Endpoint, now: float) -> R | None:
        """Find the rule of a fault that strikes this call; `verb` is `post` or `get`."""
        for trigger in self._by_name.get(name, ()):
            rule = trigger.rule
            if isinstance(rule, RequestRule) and rule.on not in ("any", verb):
                continue
            if trigger.strikes_call(endpoint, now) and isinstance(rule, kind):
                return rule
        return None

    def on_batch(
        self, kind: type[R], name: str, devices: Sequence[Device], endpoint: Endpoint, now: float
    ) -> R | None:
        """Find the rule of a fault that strikes this batch or the job it became."""
        for trigger in self._by_name.get(name, ()):
            if trigger.strikes_batch(devices, endpoint, now) and isinstance(trigger.rule, kind):
                return trigger.rule
        return None

    def on_device(self, kind: type[R], name: str, device: Device, endpoint: Endpoint, now: float) -> R | None:
        """Find the rule of a fault that strikes this device."""
        for trigger in self._by_name.get(name, ()):
            if trigger.strikes_device(device, endpoint, now) and isinstance(trigger.rule, kind):
                return trigger.rule
        return None

    def strikes(self) -> dict[str, int]:
        """How often each declared fault has struck since it was put in place."""
        return {
            name: sum(trigger.strikes for trigger in triggers) for name, triggers in self._by_name.items()
        }
