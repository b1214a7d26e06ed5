"""Whether topics are set up so that dead letters and take-overs work: what `check` says of their settings.

Given: the settings of each topic, as the brokers tell them; empty where this user may not ask for them
(DESCRIBE_CONFIGS), which nobody needs to. Gives: a warning for each that will cost something one day.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from connector.finding import Finding, Grade

SIZE, RETENTION, CLEANUP = "max.message.bytes", "retention.ms", "cleanup.policy"
CODEC, NO_CODEC = "compression.type", "uncompressed"

Told = Mapping[str, str]
"""A topic's settings by name."""


def warnings(dead: str, topics: Mapping[str, Told]) -> Iterator[Finding]:
    """Yield what is wrong with the settings by name of these topics, of which `dead` takes the letters."""
    sources = {topic: settings for topic, settings in topics.items() if topic != dead}
    letters = topics.get(dead, {})
    yield from _room(dead, letters, sources)
    yield from _compacted(dead, letters, sources)
    yield from _retention(dead, letters, sources)


def _room(
    dead: str, letters: Mapping[str, str], sources: Mapping[str, Mapping[str, str]]
) -> Iterator[Finding]:
    room = int(letters.get(SIZE, 0))
    larger = [topic for topic, settings in sources.items() if room and int(settings.get(SIZE, 0)) > room]
    if larger:
        yield Finding(
            "room for dead letters",
            Grade.WARNING,
            f"{SIZE} of {dead} is {room}, of {', '.join(larger)} more",
            "raise it above the sources': a letter is its record and 1 to 2 KiB of headers",
        )
    packed = [topic for topic, settings in sources.items() if settings.get(CODEC, NO_CODEC) != NO_CODEC]
    if letters.get(CODEC) == NO_CODEC and packed:
        yield Finding(
            "compression of dead letters",
            Grade.WARNING,
            f"{CODEC} of {dead} is {NO_CODEC}, of {', '.join(packed)} it is not",
            f"set it to producer: {SIZE} counts bytes as they are stored, and a letter of a record that "
            "was compressed would be many times as large",
        )


def _compacted(dead: str, letters: Told, sources: Mapping[str, Told]) -> Iterator[Finding]:
    if _is_compacted(letters):
        yield Finding(
            f"compaction of {dead}",
            Grade.WARNING,
            f"{CLEANUP} is {letters[CLEANUP]}",
            "set it to delete: letters of one key replace each other, and those without a key are refused",
        )
    for topic, settings in sources.items():
        if _is_compacted(settings):
            yield Finding(
                f"compaction of {topic}",
                Grade.WARNING,
                f"{CLEANUP} is {settings[CLEANUP]}",
                "set it to delete: a take-over reads the records of unfinished jobs again",
            )


def _is_compacted(settings: Told) -> bool:
    return "compact" in settings.get(CLEANUP, "")


def _retention(dead: str, letters: Told, sources: Mapping[str, Told]) -> Iterator[Finding]:
    kept = _kept(letters)
    longer = [topic for topic, settings in sources.items() if RETENTION in letters and _kept(settings) > kept]
    if longer:
        yield Finding(
            "retention of dead letters",
            Grade.WARNING,
            f"{RETENTION} of {dead} is {letters[RETENTION]}, of {', '.join(longer)} more",
            "set it to -1: a letter that is deleted can't be replayed any more",
        )


def _kept(settings: Told) -> float:
    """Return for how many milliseconds records are kept; 0 where nobody told."""
    kept = int(settings.get(RETENTION, 0))
    return math.inf if kept < 0 else kept
