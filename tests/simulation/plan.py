"""What a seed chooses before anything happens: sizes, limits, and which kinds of trouble there will be."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from connector.core.limits import Limits
from tests.simulation.records import DEFAULT, TOKENS


@dataclass(slots=True)
class Trouble:
    """Chances, each at its own kind of moment; all 0 once the faults cease."""

    crash: float = 0.0
    commit_refused: float = 0.0
    commit_lost: float = 0.0
    unanswered: float = 0.0
    """Of a commit in a hand-over: it has no answer for a while."""
    aborted: float = 0.0
    outcome_unknown: float = 0.0
    incomplete: float = 0.0
    no_connection: float = 0.0
    post_arrives_late: float = 0.0
    undecoded: float = 0.0


@dataclass(slots=True)
class Plan:
    """One seed's world. `style` is `calm` (orderly hand-overs only), `api`, `kafka` or `all`."""

    style: str
    instances: int
    partitions: int
    families: int
    side: bool
    records: int
    chaos: float
    """Seconds that trouble lasts."""
    pace: float
    """Average seconds between two things that happen to the world."""
    slowness: float
    """Average seconds that a step of input or output takes."""
    fetch: int
    exactly_once: bool
    limits: Limits
    max_metadata: int
    outage: float = 0.0
    """Seconds that the API is down altogether, longer than a job may take: 0 for never."""
    skew: float = 0.0
    """Seconds that the clock of a process may go before or behind the world's."""
    jump: float = 0.0
    """Seconds that the wall clock of a process may be put forward or back by while it runs."""
    applications: Sequence[str] = (DEFAULT,)
    mistaken: str = ""
    """The application whose token is wrong until all else is well; empty for none."""
    spread: bool = False
    """Whether some events of a device are in other partitions than the rest, without order between them."""
    late_turns: float = 0.0
    """Average seconds that the next plan may come late by, as in a process that is busy."""
    freezes: bool = False
    """Whether processes may stand still for longer than their sessions last."""
    lull: bool = False
    """Whether all is well for a while in the middle, without anything that could end a standstill."""
    spoiler: str = ""
    """What some devices do to each job that they are in; empty for nothing."""
    retention: bool = False
    """Whether records disappear from the log, read or not."""
    trouble: Trouble = field(default_factory=Trouble)

    @property
    def forgetful(self) -> bool:
        """Whether the checkpoint is too small to remember all."""
        return min(self.max_metadata, self.limits.max_metadata) < 1000

    @property
    def roomy(self) -> bool:
        """Whether all events that wait for something have room, and leave room to others.

        No partition is paused while less than half of the buffer is full.
        """
        return not self.forgetful and self.limits.max_events >= 2 * self.records

    @property
    def most_spoilers(self) -> int:
        """How many devices may be like that. Several look like an outage, or an API that is slow for all."""
        return {"": 0, "unreadable": 1, "endless": 1}.get(self.spoiler, self.families)

    @property
    def spoiler_slows(self) -> int:
        """How many times longer a partition may stand still: each event of a spoiler takes its turn.

        Where its jobs never end, or can't be read, each of them takes the deadline twice or more.
        """
        return {"": 1, "unreadable": 40, "endless": 40}.get(self.spoiler, 4)

    @property
    def kafka(self) -> bool:
        return self.style in ("kafka", "all")

    @property
    def api(self) -> bool:
        return self.style in ("api", "all")


def plan(rng: random.Random) -> Plan:
    """Choose."""
    style = rng.choice(("calm", "calm", "api", "api", "kafka", "kafka", "all", "all", "all", "all"))
    small = style != "calm" and rng.random() < 0.12
    metadata = rng.choice((0, 60, 100, 160)) if small else 4095
    chosen = Plan(
        style=style,
        instances=rng.choice((1, 1, 2, 2, 3, 3, 4, 5)),
        partitions=rng.randint(1, 4),
        families=rng.randint(2, 7),
        side=rng.random() < 0.25,
        records=rng.choice((15, 30, 45, 70, 110)),
        chaos=rng.choice((4.0, 10.0, 20.0)),
        pace=rng.choice((0.3, 1.0, 3.0)),
        slowness=rng.choice((0.001, 0.01, 0.05)),
        fetch=rng.choice((1, 5, 30, 500)),
        exactly_once=rng.random() < 0.88,
        limits=_limits(rng, style, metadata),
        max_metadata=metadata if small and rng.random() < 0.5 else 4095,
    )
    chosen.trouble = _trouble(rng, chosen)
    if chosen.api and rng.random() < 0.12:
        chosen.outage = chosen.limits.deadline * rng.uniform(1.2, 2.0)
    if rng.random() < 0.15:
        chosen.skew = rng.choice((0.5, 5.0, 20.0))
    if rng.random() < 0.15:
        chosen.jump = rng.choice((180.0, 7200.0))
    if rng.random() < 0.2:
        chosen.applications = tuple(TOKENS)[: rng.choice((2, 3))]
        if style != "calm" and rng.random() < 0.6:
            chosen.mistaken = rng.choice(chosen.applications)
    _be_adverse(rng, chosen)
    if chosen.kafka and rng.random() < 0.15:
        _crowd(rng, chosen)
    return chosen


def choose_spoiler(rng: random.Random, chosen: Plan) -> None:
    """Choose, by dice of its own: worlds without one are as they were before there were any."""
    if chosen.style != "calm" and rng.random() < 0.2:
        chosen.spoiler = rng.choice(("silent", "endless", "failing", "unreadable"))
        chosen.limits = replace(chosen.limits, deadline=90.0, max_resubmissions=1)
        if chosen.most_spoilers == 1:  # else it might be in several jobs at once, one for each partition
            chosen.applications, chosen.mistaken, chosen.spread = (DEFAULT,), "", False


def choose_retention(rng: random.Random, chosen: Plan) -> None:
    """Choose, by dice of its own, too. No device is in two partitions: an awaited job holds up only one."""
    if chosen.style != "calm" and not (chosen.spread or chosen.side) and rng.random() < 0.25:
        chosen.retention = True


def _be_adverse(rng: random.Random, chosen: Plan) -> None:
    """Choose what makes things meet that seldom do."""
    if rng.random() < 0.2:
        chosen.spread = True
        chosen.partitions = max(2, chosen.partitions)
    if rng.random() < 0.3:
        chosen.late_turns = rng.choice((0.01, 0.1, 0.5))
    chosen.freezes = chosen.kafka and rng.random() < 0.3
    chosen.lull = not chosen.mistaken and rng.random() < 0.2


def _crowd(rng: random.Random, chosen: Plan) -> None:
    """Few devices in partitions that keep moving, and slow plans: what is adopted displaces what waits."""
    chosen.spread, chosen.families, chosen.partitions = True, rng.choice((1, 2)), 4
    chosen.instances = 2
    chosen.records, chosen.chaos, chosen.pace = 110, 20.0, 0.15
    chosen.slowness = 0.05
    chosen.late_turns = 0.5
    chosen.fetch = rng.choice((1, 5))
    chosen.limits = replace(
        chosen.limits, max_devices=rng.choice((2, 5)), linger=0.5, max_bytes=1 << 20, max_events=1000
    )


def _limits(rng: random.Random, style: str, metadata: int) -> Limits:
    braked = style == "all" and rng.random() < 0.15
    return Limits(
        max_devices=rng.choice((1, 2, 3, 5, 12)),
        max_bytes=rng.choice((300, 1000, 1 << 20)),
        linger=rng.choice((0.0, 0.05, 0.5)),
        max_in_flight=rng.choice((1, 2, 4, 8, 16)),
        deadline=rng.choice((90.0, 200.0)),
        retry_base=rng.choice((0.2, 1.0)),
        retry_ceiling=5.0,
        poll_ceiling=10.0,
        probe_interval=rng.choice((0.5, 5.0)),
        brake_share=0.5 if braked else 0.0,
        brake_window=15,
        max_events=rng.choice((5, 20, 1000)),
        max_metadata=metadata or 4095,
    )


def _trouble(rng: random.Random, chosen: Plan) -> Trouble:
    trouble = Trouble()
    if chosen.kafka:
        trouble.crash = rng.choice((0.0, 0.001, 0.004))
        trouble.commit_refused = rng.choice((0.0, 0.0, 0.1))
        trouble.commit_lost = rng.choice((0.0, 0.0, 0.1))
        trouble.aborted = rng.choice((0.0, 0.1, 0.3))
        trouble.outcome_unknown = rng.choice((0.0, 0.0, 0.2))
        trouble.undecoded = rng.choice((0.0, 0.0, 0.0, 0.1))
        trouble.post_arrives_late = rng.choice((0.0, 0.0, 0.01))
        trouble.incomplete = 0.3 if rng.random() < 0.12 else 0.0
        trouble.unanswered = rng.choice((0.0, 0.3))
    if chosen.api:
        trouble.no_connection = rng.choice((0.0, 0.0, 0.1))
    return trouble
