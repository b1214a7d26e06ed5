"""What `list` and `show` do. Each returns the exit code."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections import Counter
from collections.abc import Callable, Iterator

from connector.core.reading.event import Decoded
from connector.interpreting import Interpreting
from connector.options import FAULT, WRONG_USE, Failed
from connector.replay import showing
from connector.replay.counts import Counts
from connector.replay.desk import Desk
from connector.replay.failed import WrongUse
from connector.replay.filters import Filters, Unmatched, identifiers
from connector.replay.letter import DeadLetter
from connector.replay.outcomes import code_of, outcome_of
from connector.replay.watching import Watching
from connector.settings import Settings


def failing(work: Callable[[], int]) -> int:
    """Do it; what went wrong goes to standard error in one sentence."""
    # librdkafka's own lines: what matters in them is in the sentence.
    logging.getLogger("connector").addHandler(logging.NullHandler())
    try:
        return work()
    except (Failed, WrongUse) as failed:
        sys.stdout.flush()
        sys.stderr.write(f"{failed}\n")
        return FAULT if isinstance(failed, Failed) else WRONG_USE


def list_letters(settings: Settings, filters: Filters, *, limit: int, as_json: bool) -> int:
    """Count letters by reason, topic and time, and show the newest."""
    counts = Counts(limit)
    unmatched = Unmatched(filters, settings.kafka.contents)
    with _every_letter(settings, decoded=filters.need_events) as (desk, letters):
        for letter, outcome, replayed in letters:
            if not filters.pass_group(letter):
                counts.of_other_groups[letter.group] += 1
                continue
            unmatched.saw(letter)
            if filters.pass_headers(letter) and filters.pass_event(letter, outcome):
                device = next(iter(identifiers(letter, outcome)), "")
                counts.add(letter, device, code_of(outcome, settings), replayed=replayed)
    unmatched.check()
    if as_json:
        showing.show_json({"topic": desk.topic, **counts.plain()})
    else:
        several = len(counts.groups_of) > 1
        by_application = bool(settings.applications)
        showing.show_counts(counts, desk.topic, by_application=by_application, by_group=several)
    return 0


def show_letter(settings: Settings, name: str, filters: Filters, *, as_json: bool) -> int:
    """Show one letter whole: the last written of those with this id."""
    others: Counter[str] = Counter()
    found: list[tuple[DeadLetter, Decoded, bool]] = []
    with _every_letter(settings, decoded=False) as (desk, letters):
        for letter, outcome, replayed in letters:
            at = f"{'/'.join(map(str, letter.place))}/{letter.offset}"
            if name in (letter.id, at):
                if filters.pass_group(letter):
                    found.append((letter, outcome, replayed))
                else:
                    others[letter.group] += 1
    if not found:
        elsewhere = f" ({showing.of_other_groups(others)})" if others else ""
        raise Failed(f"{desk.topic} has no letter {name}{elsewhere}; `dead-letters list` shows ids")
    letter, outcome, replayed = max(found, key=lambda one: one[0].offset)
    if as_json:
        plain = showing.letter_plain(letter, outcome, copies=len(found), replayed=replayed)
        showing.show_json({**plain, "application": code_of(outcome, settings) or None})
    else:
        code = code_of(outcome, settings) if settings.applications else ""
        showing.show_letter(letter, outcome, code, copies=len(found), replayed=replayed)
    return 0


@contextlib.contextmanager
def _every_letter(
    settings: Settings, *, decoded: bool
) -> Iterator[tuple[Desk, Iterator[tuple[DeadLetter, Decoded, bool]]]]:
    """Open the topic and read each letter: with what it is now, and whether it was sent again.

    `decoded`: it is of no use where the decoder can't work.
    """
    interpreting = Interpreting(settings, needed=decoded)
    with Watching("reading letters") as watching, Desk(settings, lambda: None) as desk:
        progress = desk.open(strict=False)
        if desk.doubt:
            sys.stderr.write(f"what was sent again isn't known: {desk.doubt}\n")
        watching.total(desk.total)

        def letters() -> Iterator[tuple[DeadLetter, Decoded, bool]]:
            for letter in desk.letters():
                watching.reached(desk.read_so_far)
                replayed = progress.is_done((letter.place, letter.offset))
                yield letter, outcome_of(letter, interpreting), replayed

        yield desk, letters()
        if interpreting.doubt:
            watching.pause()
            sys.stderr.write(f"how letters read today isn't known: {interpreting.doubt}\n")
