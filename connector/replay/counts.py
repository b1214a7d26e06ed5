"""How many letters there are: by reason, source topic and time."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from connector.replay.letter import DeadLetter

_HOURS_UP_TO = 48
"""Hours between the oldest and the newest letter up to which times are counted by the hour, not the day."""
UNKNOWN = "?"
_EPOCH = datetime.fromtimestamp(0, UTC)
_LAST_HOUR = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // timedelta(hours=1)
"""Hours from the epoch to the end of the calendar. A topic takes any time if it is told to, and microseconds
where milliseconds are meant are the usual mistake."""


@dataclass(slots=True)
class Group:
    """Letters of one reason and source topic; times are ms since the epoch, 0 where none is known."""

    letters: int = 0
    oldest: int = 0
    newest: int = 0

    def add(self, timestamp: int) -> None:
        self.letters += 1
        if timestamp:
            self.oldest = min(self.oldest or timestamp, timestamp)
            self.newest = max(self.newest, timestamp)


@dataclass(slots=True)
class Shown:
    """A letter that is shown by itself: the newest ones are."""

    letter: DeadLetter
    device: str
    application: str
    replayed: bool


@dataclass(slots=True)
class Counts:
    """What `list` tells; filled one letter at a time. At most `most` letters are kept whole."""

    most: int
    letters: int = 0
    replayed: int = 0
    copies: int = 0
    """Letters whose id another one has too: `at_least_once` may write one twice."""
    groups: dict[tuple[str, str], Group] = field(default_factory=dict)
    applications: Counter[str] = field(default_factory=Counter)
    """Letters by the code of the application that they are for; `UNKNOWN` for those that can't be read."""
    _hours: Counter[int] = field(default_factory=Counter)
    groups_of: Counter[str] = field(default_factory=Counter)
    """Letters by the consumer group that wrote them."""
    of_other_groups: Counter[str] = field(default_factory=Counter)
    """How many are not counted because of that."""
    _ids: set[tuple[str, str]] = field(default_factory=set)
    _newest: list[tuple[int, int, Shown]] = field(default_factory=list)

    def add(self, letter: DeadLetter, device: str, application: str, *, replayed: bool) -> None:
        self.letters += 1
        self.replayed += replayed
        if letter.id:
            self.copies += letter.name in self._ids
            self._ids.add(letter.name)
        self.groups_of[letter.group] += 1
        topic = letter.source.topic if letter.source else UNKNOWN
        self.groups.setdefault((letter.reason or UNKNOWN, topic), Group()).add(letter.timestamp)
        self.applications[application or UNKNOWN] += 1
        self._hours[letter.timestamp // 3_600_000] += 1
        if self.most:
            put = heapq.heappush if len(self._newest) < self.most else heapq.heappushpop
            put(self._newest, (letter.timestamp, self.letters, Shown(letter, device, application, replayed)))

    @property
    def newest(self) -> list[Shown]:
        """The newest letters, newest first."""
        return [each for _, _, each in sorted(self._newest, reverse=True, key=lambda item: item[:2])]

    def by_group(self) -> list[tuple[str, str, Group]]:
        """Reason, source topic and figures, the most letters first."""
        found = [(*names, group) for names, group in self.groups.items()]
        return sorted(found, key=lambda each: (-each[2].letters, each[0], each[1]))

    def by_time(self) -> list[tuple[str, int]]:
        """Letters by the hour, or by the day where they are spread over more than two; oldest first."""
        hours = [hour for hour in self._hours if 0 < hour <= _LAST_HOUR]
        by_hour = not hours or max(hours) - min(hours) <= _HOURS_UP_TO
        found: Counter[str] = Counter()
        for hour, count in sorted(self._hours.items()):
            found[_period(hour, by_hour=by_hour)] += count
        return list(found.items())

    def plain(self) -> Mapping[str, Any]:
        """Everything as JSON-ready values."""
        return {
            "letters": self.letters,
            "replayed": self.replayed,
            "copies": self.copies,
            "by_reason_and_topic": [
                {
                    "reason": reason,
                    "topic": topic,
                    "letters": group.letters,
                    "oldest": written(group.oldest) or None,
                    "newest": written(group.newest) or None,
                }
                for reason, topic, group in self.by_group()
            ],
            "by_group": dict(self.groups_of.most_common()),
            "of_other_groups": dict(self.of_other_groups.most_common()),
            "by_application": dict(self.applications.most_common()),
            "by_time": [{"from": name, "letters": count} for name, count in self.by_time()],
            "newest": [
                {
                    "id": one.letter.id,
                    "at": f"{one.letter.place.topic}/{one.letter.place.partition}/{one.letter.offset}",
                    "time": written(one.letter.timestamp) or None,
                    "group": one.letter.group,
                    "reason": one.letter.reason,
                    "device": one.device,
                    "application": one.application or None,
                    "detail": one.letter.detail,
                    "replayed": one.replayed,
                }
                for one in self.newest
            ],
        }


def _period(hour: int, *, by_hour: bool) -> str:
    if not hour:
        return "no time"
    if hour > _LAST_HOUR:
        return "beyond the calendar"
    start = _EPOCH + timedelta(hours=hour)
    return start.strftime("%Y-%m-%d %H:00" if by_hour else "%Y-%m-%d")


def written(timestamp: int) -> str:
    """Write ms since the epoch as a time in UTC, to the second; empty for none."""
    if not timestamp:
        return ""
    try:
        moment = _EPOCH + timedelta(milliseconds=timestamp)
    except OverflowError:
        return f"{timestamp} ms"
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
