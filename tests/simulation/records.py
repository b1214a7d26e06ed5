"""The simulated log: partitions with gaps and markers, and the events in them.

A family is a handful of devices of one application that share identifiers. All its events are in one
partition of the main topic, so their order is defined. Where they are `spread`, some are in other partitions:
these set tags of their own, one for each partition, so that no order between partitions matters. Where there
are several applications, a family may go by the identifiers of another one's: those are other devices. Every
event says in its tags which record it is, so that a row of a request can be traced back whatever it was
merged with: the tag `#topic/partition/offset`, and with `set` the value of `last`.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import msgspec

from connector.model import Content, TopicPartition
from tests.simulation.partition_log import PartitionLog
from tests.simulation.spoilers import SPOILING, Spoilers

Id = tuple[str, int, int]
"""Topic, partition and offset of a record."""
MAIN, SIDE = "m", "r"
"""The mixed topic, and one with registrations of the same devices."""
CONTENTS = {MAIN: Content.MIXED, SIDE: Content.REGISTRATIONS}
DEFAULT = "app"
"""The application of events that name none."""
TOKENS = {DEFAULT: "token", "app-2": "token 2", "app-3": "token 3"}
"""Of each application that is configured."""


@dataclass(slots=True, eq=False)
class LogRecord:
    """A record as the consumer delivers it, and what the test knows about it."""

    id: Id
    raw: bytes | None
    kind: str
    """`event`, `tombstone` or `bad` (nothing can be read in it)."""
    plain: dict[str, Any] = field(default_factory=dict)
    created: float = 0.0
    gone: bool = False
    """Whether the log does not have it any more: retention or compaction took it."""

    def topic(self) -> str:
        return self.id[0]

    def partition(self) -> int:
        return self.id[1]

    def offset(self) -> int:
        return self.id[2]

    def timestamp(self) -> tuple[int, int]:
        return 1, int(self.created * 1000)

    def key(self) -> bytes | None:
        return None

    def value(self) -> bytes | None:
        return self.raw

    def headers(self) -> list[tuple[str, bytes | None]] | None:
        return None

    @property
    def tags(self) -> dict[str, Any]:
        tags: dict[str, Any] = self.plain.get("tags") or {}
        return tags

    @property
    def names(self) -> list[str]:
        """The identities that it names, one for each lane."""
        return names_of(self.plain, application_of(self.plain))

    @property
    def overwrites(self) -> bool:
        """Whether it is a `set`, whose values replace those of earlier ones."""
        return self.plain.get("type") == "tags" and self.plain.get("list_operator") in (None, "set")


def names_of(plain: dict[str, Any], application: str) -> list[str]:
    """The identities in a device of a request or an event: of one application each."""
    return [
        f"{application}:{name}={plain[name]}" for name in ("hwid", "user_id", "push_token") if plain.get(name)
    ]


def application_of(plain: dict[str, Any]) -> str:
    """The application that an event is for."""
    return str(plain.get("application") or DEFAULT)


def label(record: Id) -> str:
    """A record's id in a tag's name or value."""
    return f"{record[0]}/{record[1]}/{record[2]}"


def read_label(text: str) -> Id:
    """The reverse of `label`."""
    topic, partition, offset = text.split("/")
    return topic, int(partition), int(offset)


def records_in(tags: dict[str, Any] | None) -> list[Id]:
    """The records whose values are in a row's tags."""
    found = {read_label(name[1:]) for name in tags or {} if name.startswith("#")}
    for name in _LABELLED & (tags or {}).keys():
        found.add(read_label(cast(dict[str, str], tags)[name]))
    return sorted(found)


_LABELLED = {"last", "k0", "k1", "forbidden", "kind", "side", "token", *(f"far{n}" for n in range(4))}
"""Tags whose value says which record it is from."""


_KINDS = (("good", 60), ("bad", 9), ("moody", 7), ("ghost", 7), ("shaky", 12), ("poison", 12))
"""What devices are like: failed, failed each other time, not found, not found twice, spoiling every batch."""


class Logs:
    """All partitions, and the dice that fill them."""

    def __init__(
        self,
        rng: random.Random,
        partitions: int,
        families: int,
        applications: Sequence[str],
        *,
        side: bool,
        spread: bool,
        calm: bool,
        spoilers: Spoilers,
    ) -> None:
        self._rng = rng
        self._spoilers = spoilers
        self._calm = calm
        self._spread = spread
        self._applications = [rng.choice(applications) for _ in range(families)]
        """Of each family."""
        self.partitions = {
            part: PartitionLog(part, end=rng.choice((0, 0, 7)))
            for part in _partitions(partitions, rng.randint(1, 2) if side else 0)
        }
        self._mains = [part for part in self.partitions if part.topic == MAIN]
        self._sides = [part for part in self.partitions if part.topic == SIDE]
        self._named: list[int] = []
        """By whose number the devices of each family are named: its own, or its namesake's."""
        self._families: list[list[dict[str, Any]]] = []
        for number in range(families):
            self._named.append(self._namesake(number))
            own = self._named[number] == number
            self._families.append(self._family(number) if own else self._families[self._named[number]])
        self.records: dict[Id, LogRecord] = {}

    def _namesake(self, number: int) -> int:
        """A family of another application by whose identifiers this one goes; itself for none."""
        mine = self._applications[number]
        taken = {self._named[each] for each in range(number) if self._applications[each] == mine}
        others = sorted({*self._named} - taken)
        return self._rng.choice(others) if others and self._rng.random() < 0.5 else number

    def _family(self, number: int) -> list[dict[str, Any]]:
        """The ways in which events name the devices of a family."""
        kinds = [kind for kind, weight in _KINDS for _ in range(weight)]
        first = f"{self._rng.choice(kinds)}-{number}a"
        second = f"{self._rng.choice(kinds)}-{number}b"
        if self._spoilers.one_more():
            second = f"{SPOILING}{number}b"
        user, token = f"good-u{number}", f"good-t{number}"
        ways = [{"hwid": first}] * 6 + [{"hwid": second}] * 2 + [{"user_id": user}]
        if self._rng.random() < 0.4:
            ways.append({"hwid": first, "user_id": user})
            if not (self._sides or self._spread):  # whose a token is depends on the registrations' order
                ways.append({"push_token": token})
        return ways

    def append(self, now: float, count: int) -> list[TopicPartition]:
        """Write this many records, with gaps between them; return which partitions grew."""
        grown = set()
        for _ in range(count):
            number = self._rng.randrange(len(self._families))
            side = bool(self._sides) and self._rng.random() < 0.15
            places = self._sides if side else self._mains
            near = places[number % len(places)]
            far = self._spread and not side and self._rng.random() < 0.4
            log = self.partitions[self._rng.choice(places) if far else near]
            if self._rng.random() < 0.06:
                log.end += self._rng.choice((1, 1, 3, 40))
            identifier = (log.partition.topic, log.partition.partition, log.end)
            record = self._record(identifier, number, now, side=side, far=log.partition != near)
            log.write(record)
            self.records[record.id] = record
            grown.add(log.partition)
        for part in self.partitions:
            if self._rng.random() < 0.1:
                self.partitions[part].end += 1  # a transaction's marker
                grown.add(part)
        return sorted(grown)

    def _record(self, identifier: Id, number: int, now: float, *, side: bool, far: bool) -> LogRecord:
        dice = self._rng.random()
        if dice < 0.04:
            return LogRecord(identifier, None, "tombstone", created=now)
        if dice < 0.07 and not self._calm:
            raw = self._rng.choice((b"{", b"\xff", b'{"type":"tags","hwid":""}', b'{"type":"x"}', b"[1]"))
            return LogRecord(identifier, raw, "bad", created=now)
        if side or dice < 0.2:
            plain = self._registration(identifier, number, side=side, far=far)
        elif far:
            plain = self._far_change(identifier, number)
        else:
            plain = self._change(identifier, number)
        application = self._applications[number]
        if application != DEFAULT or dice > 0.9:
            plain["application"] = application
        return LogRecord(identifier, msgspec.json.encode(plain), "event", plain, created=now)

    def _registration(self, identifier: Id, number: int, *, side: bool, far: bool) -> dict[str, Any]:
        name = "side" if side else _far(identifier) if far else "kind"
        tags = {name: label(identifier), "#" + label(identifier): 1}
        hwid = next(way["hwid"] for way in self._families[number] if "hwid" in way)
        return {
            "type": "registration",
            "hwid": hwid,
            "push_token": f"good-{'s' if side else name if far else 't'}{self._named[number]}",
            "platform": 1,
            "tags": tags,
        }

    def _far_change(self, identifier: Id, number: int) -> dict[str, Any]:
        named = self._rng.choice(self._families[number])
        tags: dict[str, Any] = {_far(identifier): label(identifier)}
        if self._rng.random() < 0.7:
            tags["#" + label(identifier)] = 1
        return {"type": "tags", **named, "list_operator": "set", "tags": tags}

    def _change(self, identifier: Id, number: int) -> dict[str, Any]:
        rng = self._rng
        tags: dict[str, Any] = {}
        named = rng.choice(self._families[number])
        if "push_token" in named:  # an alias of a device with a hwid: what both change has no order
            tags = {"token": label(identifier)}
            return {"type": "tags", **named, "list_operator": "set", "tags": tags}
        operator = rng.choice((None, "set", "set", "set", "set", "append", "remove"))
        if operator in ("append", "remove"):
            if rng.random() < 0.2:
                tags["bare"] = "b"
            else:
                tags["list"] = [f"x{rng.randrange(4)}"]
            tags["#" + label(identifier)] = [label(identifier)]
        else:
            tags["last"] = label(identifier)
            if rng.random() < 0.7:
                tags["#" + label(identifier)] = 1
            if rng.random() < 0.3:
                tags[f"k{rng.randrange(2)}"] = label(identifier)
            if rng.random() < 0.06:
                tags["forbidden"] = label(identifier)
        plain = {"type": "tags", **named, "tags": tags}
        return plain if operator is None else {**plain, "list_operator": operator}

    def __iter__(self) -> Iterator[PartitionLog]:
        return iter(self.partitions.values())


def _far(record: Id) -> str:
    """The tag of a device's events in a partition where the rest of them are not."""
    return f"far{record[1]}"


def _partitions(mains: int, sides: int) -> list[TopicPartition]:
    return [TopicPartition(MAIN, n) for n in range(mains)] + [TopicPartition(SIDE, n) for n in range(sides)]
