"""What `replay` tells: what goes, what stays and why, and what came of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rich.text import Text

from connector.replay import showing
from connector.replay.choosing import EXPLAINED, Standing
from connector.replay.counts import written
from connector.replay.replaying import Replay
from connector.replay.since import Looked
from connector.terminal import harmless

_SHOWN = 20
"""Letters that stay and are shown one by one."""


@dataclass(slots=True)
class Result:
    """How a run went. `stopped` says why it ended before everything was sent."""

    meant: int = 0
    to_send: int = 0
    sent: int = 0
    unknown: int = 0
    """At the API or perhaps so, without a verdict when the run ended."""
    seconds: float = 0.0
    stopped: str = ""

    def good(self, replay: Replay) -> bool:
        """Whether all went that should."""
        counts = replay.selection.counts()
        return not (self.stopped or counts.keys() & {Standing.REFUSED, Standing.NO_TOPIC, Standing.GONE})


def show_plan(replay: Replay, result: Result) -> None:
    """Print what would be sent, and what stays."""
    out = showing.console()
    selection = replay.selection
    target = "the API" if replay.wish.target == "api" else "their source topics"
    out.print(
        Text(
            f"{replay.desk.topic}: {showing.count(result.meant)} meant, {result.to_send:,} to go to {target}"
        )
    )
    if selection.of_other_groups:
        out.print(Text(harmless(showing.of_other_groups(selection.of_other_groups))))
    _show_looked(replay.since.looked)
    groups = Counter(
        (each.letter.source.topic if each.letter.source else "", each.letter.reason)
        for each in selection.in_order()
    )
    if groups:
        made = showing.table("source topic", "reason", "letters", numbers=("letters",))
        for (topic, reason), count in sorted(groups.items()):
            made.add_row(*showing.cells(topic, reason, count))
        out.print()
        out.print(made)
    if replay.wish.target == "source":
        unread = sum(bool(each.unread) for each in selection.in_order())
        if unread:
            out.print(
                Text(f"\n{unread:,} of them can't be read by this configuration: they will be refused again")
            )
    _show_staying(replay)


def _show_looked(looked: Mapping[str, Looked]) -> None:
    """Print where newer events were looked for."""
    for topic, one in sorted(looked.items()):
        since = f"from {written(one.since)} on" if one.since else "from the letters on"
        partitions = f"{one.partitions:,} partition{'' if one.partitions == 1 else 's'}"
        records = f"{one.records:,} record{'' if one.records == 1 else 's'}"
        showing.console().print(Text(f"looked for newer events in {topic}: {partitions} {since}, {records}"))


def _show_staying(replay: Replay) -> None:
    """Print what isn't sent, by reason, and the letters that are worth a look."""
    out = showing.console()
    counts = replay.selection.counts()
    if not counts:
        return
    out.print(Text("\nnot sent:"))
    for standing, count in counts.items():
        out.print(Text(f"  {count:>7,}  {EXPLAINED[standing]}"))
    staying = list(replay.selection.staying())
    if staying:
        made = showing.table("id", "reason", "device", "why it isn't sent")
        for one in staying[:_SHOWN]:
            device, why = showing.short(one.device), showing.short(one.why)
            made.add_row(*showing.cells(one.letter.id, one.letter.reason, device, why))
        out.print()
        out.print(made)
        if len(staying) > _SHOWN:
            out.print(Text(f"and {len(staying) - _SHOWN:,} more; --json has all"))


def show_result(replay: Replay, result: Result) -> None:
    """Print how it went."""
    out = showing.console()
    if not result.to_send:
        out.print(Text("\nnothing to send"))
        return
    if not replay.wish.execute:
        out.print(Text("\ndry run: nothing was sent; add --yes to send"))
        return
    if sum(replay.selection.counts().values()) + result.to_send > result.meant:
        _show_staying(replay)  # more than in the plan
    what = "confirmed" if replay.wish.target == "api" else "sent"
    line = f"\n{what} {result.sent:,} of {result.to_send:,} in {result.seconds:.1f} s"
    out.print(Text(line))
    if result.unknown:
        out.print(
            Text(f"{result.unknown:,} have no verdict: they may be at the API and will be submitted again")
        )
    if replay.progress.forgets:
        out.print(
            Text(
                "which letters were sent is more than the group's metadata can hold: replay the oldest ones "
                "first, so that less has to be remembered"
            )
        )


def plain(replay: Replay, result: Result) -> dict[str, Any]:
    """Return everything but the letters as JSON-ready values."""
    return {
        "topic": replay.desk.topic,
        "target": replay.wish.target,
        "executed": replay.wish.execute,
        "of_other_groups": dict(replay.selection.of_other_groups.most_common()),
        "meant": result.meant,
        "to_send": result.to_send,
        "sent": result.sent,
        "without_verdict": result.unknown,
        "stopped": result.stopped or None,
        "looked_at": [
            {
                "topic": topic,
                "partitions": one.partitions,
                "since": written(one.since) or None,
                "records": one.records,
            }
            for topic, one in sorted(replay.since.looked.items())
        ],
        "not_sent": {str(standing): count for standing, count in replay.selection.counts().items()},
    }


def plain_letters(replay: Replay) -> Iterator[dict[str, Any]]:
    """Return each letter as JSON-ready values: one at a time, there may be many."""
    for standing in Standing:
        for one in replay.selection.in_order(standing):
            yield {
                "id": one.letter.id,
                "group": one.letter.group,
                "reason": one.letter.reason,
                "device": one.device,
                "fate": str(one.standing),
                "why": one.why,
            }
