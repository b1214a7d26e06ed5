"""What a correct client avoids, counted: a device in two unfinished jobs, or sent again for nothing.

Identities are compared as they were sent: a registration has two (its hwid and its push
token), anything else those it names. A link that an earlier registration made is not
followed, because a client cannot know it. The same identity in two applications is two devices.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import msgspec

from connector.model import Endpoint
from connector.sandbox.contract import Device

_EXAMPLES = 20
_ENCODER = msgspec.json.Encoder()


class Violations(msgspec.Struct):
    """How often a device was accepted where it should have waited; each device of a request counts once.

    `overlapping`: it was in an unfinished job. `twice_in_one_job`: it was in the same request
    already. `unavoidable` is no violation: the unfinished job was one that its client cannot
    follow to its end (its reply or its request_id was lost, or it is stuck).
    """

    overlapping: int = 0
    twice_in_one_job: int = 0
    unavoidable: int = 0
    examples: list[str] = msgspec.field(default_factory=list)


def identities(device: Device) -> list[str]:
    """The names that make two requests be about one device, such as `hwid=A1`."""
    names = [] if device.hwid is None else ["hwid=" + device.hwid]
    if device.user_id is None and device.push_token is None:
        return names
    if device.user_id is not None:
        names.append("user_id=" + device.user_id)
    if device.push_token is not None:
        names.append("push_token=" + device.push_token)
    return names


class Unfinished:
    """Which identities are in unfinished jobs: those that a client can follow, and orphans, that it can't."""

    def __init__(self) -> None:
        self.violations = Violations()
        self._followed: defaultdict[str, dict[str, int]] = defaultdict(dict)
        self._orphaned: defaultdict[str, dict[str, int]] = defaultdict(dict)
        """By application: an identity, and in how many jobs it is."""

    def enter(self, application: str, devices: Sequence[Device], orphan: bool) -> list[str]:
        """Count the violations of a job that begins; returns its identities, for `leave`."""
        seen: set[str] = set()
        followed, orphaned = self._followed[application], self._orphaned[application]
        for device in devices:
            names = identities(device)
            if len(names) == 1 and names[0] not in seen and names[0] not in followed and not orphaned:
                seen.add(names[0])  # nearly always: a third of the time
                continue
            if not seen.isdisjoint(names):
                self.violations.twice_in_one_job += 1
                self._example("twice in one job", names)
            elif any(name in followed for name in names):
                self.violations.overlapping += 1
                self._example("in two unfinished jobs", names)
            elif any(name in orphaned for name in names):
                self.violations.unavoidable += 1
            seen.update(names)
        counts = orphaned if orphan else followed
        for name in seen:
            counts[name] = counts.get(name, 0) + 1
        return list(seen)

    def leave(self, application: str, names: Iterable[str], orphan: bool) -> None:
        """Take the identities of a job that has ended out again."""
        counts = (self._orphaned if orphan else self._followed)[application]
        for name in names:
            left = counts[name] - 1
            if left:
                counts[name] = left
            else:
                del counts[name]

    def _example(self, what: str, names: list[str]) -> None:
        if len(self.violations.examples) < _EXAMPLES:
            self.violations.examples.append(f"{what}: {', '.join(names)}")


class Submissions:
    """Which contents were accepted before: one device's whole entry, by hash.

    `again` counts every device accepted with a content accepted before; `needless` those of
    them whose earlier submission had neither failed nor been kept from its client. Two events
    that are equal in the source cannot be told from one that was sent twice: a test that reads
    these figures makes its contents unique. At most twice `generation` contents are
    remembered, the newest.
    """

    def __init__(self, generation: int = 1_000_000) -> None:
        self.again = 0
        self.needless = 0
        self._generation = generation
        self._excused: dict[int, bool] = {}
        self._older: dict[int, bool] = {}

    def enter(self, application: str, endpoint: Endpoint, devices: Iterable[Device]) -> list[int]:
        """Count the devices of a job that begins; returns the hashes of their contents, in order."""
        contents = [hash((application, endpoint, _ENCODER.encode(device))) for device in devices]
        for content in contents:
            excused = self._excused.get(content)
            if excused is None:
                excused = self._older.get(content)
            if excused is not None:
                self.again += 1
                self.needless += not excused
            self._excused[content] = False
        if len(self._excused) > self._generation:
            self._older, self._excused = self._excused, {}
        return contents

    def excuse(self, contents: Iterable[int]) -> None:
        """Say that these may come again: they failed, or their client was not told."""
        for content in contents:
            if content in self._excused:
                self._excused[content] = True
            elif content in self._older:
                self._older[content] = True
