"""Which letters are meant: by reason, time, device, application and source topic."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime

from connector.core.reading.event import Decoded, Event
from connector.model import Reason
from connector.replay.failed import WrongUse
from connector.replay.letter import DeadLetter
from connector.values import parse_duration

_DAYS = re.compile(r"(\d+)\s*d")


@dataclass(frozen=True, slots=True)
class Filters:
    """Empty or None lets everything pass. Times are ms since the epoch; `until` itself is out.

    `applications` are named as in events: the default one is the empty text.
    """

    reasons: frozenset[str] = frozenset()
    topics: frozenset[str] = frozenset()
    device: str = ""
    since: int | None = None
    until: int | None = None
    applications: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    refused_since: int | None = None
    refused_until: int | None = None

    def pass_group(self, letter: DeadLetter) -> bool:
        """Tell whether it is of a group that is asked about: others share the topic, and are not ours."""
        return not self.groups or letter.group in self.groups

    @property
    def need_events(self) -> bool:
        """Whether letters have to be decoded to tell which are meant."""
        return bool(self.device or self.applications)

    def pass_headers(self, letter: DeadLetter) -> bool:
        """Judge by everything but what the record says."""
        if self.reasons and letter.reason not in self.reasons:
            return False
        if self.topics and (letter.source is None or letter.source.topic not in self.topics):
            return False
        if not _within(letter.timestamp, self.since, self.until):
            return False
        by_refusal = self.refused_since is not None or self.refused_until is not None
        return not by_refusal or (
            letter.refused > 0 and _within(letter.refused, self.refused_since, self.refused_until)
        )

    def pass_event(self, letter: DeadLetter, outcome: Decoded) -> bool:
        """Judge by what the record is read as: its application, any of its identifiers or the key."""
        if self.applications and not (
            isinstance(outcome, Event) and outcome.application in self.applications
        ):
            return False
        return not self.device or self.device in identifiers(letter, outcome)


def _within(moment: int, since: int | None, until: int | None) -> bool:
    return (since is None or moment >= since) and (until is None or moment < until)


class Unmatched:
    """Notices source topics that are asked for and that no letter is of."""

    def __init__(self, filters: Filters, configured: Collection[str]) -> None:
        self._filters = filters
        self._configured = configured
        self._seen: set[str] = set()

    def saw(self, letter: DeadLetter) -> None:
        """Note a letter of a group that is asked about."""
        if letter.source is not None:
            self._seen.add(letter.source.topic)

    def check(self) -> None:
        """Raise WrongUse for a topic that neither has letters nor is read: a mistyped one."""
        for topic in sorted(self._filters.topics - self._seen):
            if topic not in self._configured:
                there = f"there are letters of {', '.join(sorted(self._seen)) or 'no topic'}"
                raise WrongUse(f"--topic {topic}: no letter is of it, and it isn't configured; {there}")


def known_period(name: str, since: int | None, until: int | None) -> tuple[int | None, int | None]:
    """Check that there is something between. Raises ValueError."""
    if since is not None and until is not None and since >= until:
        raise ValueError(f"--{name}since is not before --{name}until: no letter can be meant")
    return since, until


def identifiers(letter: DeadLetter, outcome: Decoded) -> list[str]:
    """Return what names the device, best first; the key where nothing else can be read."""
    found: list[str | None] = []
    if isinstance(outcome, Event):
        found = [outcome.hwid, outcome.user_id, outcome.push_token]
    key = letter.record.key()
    if key is not None:
        found.append(key.decode("utf-8", "backslashreplace"))
    return [each for each in found if each]


def known_reasons(given: list[str]) -> frozenset[str]:
    """Check reasons by name. Raises ValueError."""
    known = [str(reason) for reason in Reason]
    for name in given:
        if name not in known:
            raise ValueError(f"--reason {name}: no such reason; there are {', '.join(known)}")
    return frozenset(given)


def known_applications(given: list[str], default: str, others: Collection[str]) -> frozenset[str]:
    """Check applications by their codes, and name them as events do. Raises ValueError."""
    for code in given:
        if code != default and code not in others:
            words = f"--application {code}: not configured; there are {', '.join((default, *others))}"
            raise ValueError(words)
    return frozenset("" if code == default else code for code in given)


def parse_time(option: str, text: str | None, now: float) -> int | None:
    """Read a date, a time, or how long ago, as ms since the epoch; without a zone it is UTC.

    Raises ValueError.
    """
    if text is None:
        return None
    days = _DAYS.fullmatch(text.strip())
    if days:
        return int((now - int(days[1]) * 86_400) * 1000)
    try:
        return int((now - parse_duration(text)) * 1000)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(
            f"{option} {text}: neither a time (2026-03-01, 2026-03-01T08:30, 2026-03-01T08:30+02:00) "
            "nor how long ago (90s, 30m, 2h, 7d)"
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp() * 1000)
