"""`python -m tests.acceptance.outage`: hours without the API or without any broker, under load.

--of api --minutes 90     it answers nothing but 503, while records keep coming until the buffer is full
--of broker --minutes 90  the only broker is frozen and killed, and started again at the end

Prints what the process took meanwhile. Fails where it grew, talked too much or did not go on by itself, and
where the reckoning of every record and every device is wrong at the end. Without the API it has to keep its
place in the group and to submit no device twice. Without a broker nobody keeps a place for longer than the
session: librdkafka gives it up. Then it has to join anew once, and may submit twice what a crash may cost.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from connector.core.limits import Limits
from tests.acceptance.processes import Connector, wait_for
from tests.acceptance.workload import FAULTS, Workload, mixed
from tests.acceptance.world import World, seconds_until, settled, world
from tests.broker import Broker
from tests.kafka.client import Kafka

GROWTH = 10.0
"""MiB of resident memory that may be taken between the first quarter of an outage and its end."""
TALK = 60
"""Log lines that an hour may take, and as many at the outage's beginning."""
BACK = 150.0
"""Seconds within which it goes on: the longest pause of any probe, and the group's return."""


SENT_WITHIN = 0.3
"""Seconds within which requests to a frozen broker have left the connector."""


class Look(NamedTuple):
    """The process at one moment of an outage."""

    seconds: float
    rss: float
    """MiB."""
    lines: int
    lives: bool


class Price(NamedTuple):
    """What an outage may cost."""

    rebalances: int
    twice: int


FREE = Price(rebalances=0, twice=0)
"""It stays in the group."""
BATCH = 50
"""Devices of a batch where the broker goes."""
ANEW = Price(rebalances=2, twice=Limits().max_in_flight * BATCH)
"""Its partitions are lost and assigned, once; what no commit has recorded is a batch a submission at most."""


class Outage(NamedTuple):
    """What an outage did to the process."""

    looks: list[Look]
    back: float
    """Seconds from its end until something was settled."""
    rebalances: float
    """Assignments, revocations and losses from before it until all was committed."""
    stayed: bool
    """Whether the group's only member is the same one then, by the id that the group gave it."""
    twice: int
    """Devices submitted again although an earlier submission had come through."""
    overlapping: int
    """Times that a device was in two unfinished jobs."""
    price: Price
    """What it may cost."""

    @property
    def growth(self) -> float:
        """MiB from the end of its first quarter to its end."""
        return self.looks[-1].rss - self.looks[len(self.looks) // 4].rss

    @property
    def lines(self) -> int:
        return self.looks[-1].lines - self.looks[0].lines

    def broken(self) -> list[str]:
        """What should not have been."""
        hours = (self.looks[-1].seconds - self.looks[0].seconds) / 3600
        found = [
            (self.growth > GROWTH, f"grew by {self.growth:.1f} MiB"),
            (self.lines > TALK * (1 + hours), f"{self.lines} log lines in {hours:.1f} hours"),
            (not all(look.lives for look in self.looks), "was not alive all the time"),
            (self.rebalances > self.price.rebalances, "too many rebalances"),
            (not self.stayed and not self.price.rebalances, "lost its place in the group"),
            (self.twice > self.price.twice, f"more than {self.price.twice} devices submitted twice"),
            (self.overlapping > 0, f"{self.overlapping} devices in two jobs at once"),
        ]
        return [what for is_so, what in found if is_so]


def outage(
    here: World,
    work: Workload,
    away: Callable[[], None],
    again: Callable[[], None],
    seconds: float,
    *,
    meanwhile: bool,
    price: Price,
) -> Outage:
    """Have a connector lose something under load for so long; the last tenth of the records come after it.

    `meanwhile`: most records come while it is away, which fills the buffer; otherwise before it.
    """
    first = len(work.records) // 10
    last = len(work.records) - first
    here.produce(work, 0, first if meanwhile else last)
    connector = here.run()
    wait_for(lambda: settled(connector) > first // 2, 60, "progress")
    rebalances, members = connector.metric("rebalances_total"), here.kafka.members(here.group)
    away()
    if meanwhile:
        here.produce(work, first, last)
    looks = [*_looks(connector, seconds)]
    again()
    before = settled(connector)
    back = seconds_until(lambda: settled(connector) > before, BACK, "progress")
    here.produce(work, last)
    here.wait_settled(300)  # the group takes commits of members only
    rebalances = connector.metric("rebalances_total") - rebalances
    stayed = here.kafka.members(here.group) == members
    here.finish(work)
    return Outage(looks, back, rebalances, stayed, here.twice(), here.in_two_jobs(), price)


def _looks(connector: Connector, seconds: float) -> Iterator[Look]:
    began = time.monotonic()
    every = min(30.0, seconds / 20)
    while (passed := time.monotonic() - began) < seconds:
        status = Path(f"/proc/{connector.process.pid}/status").read_text().split()
        rss = int(status[status.index("VmRSS:") + 1]) / 1024
        answer = connector.get("/livez")
        lives = answer is not None and answer.status_code == 200
        yield Look(passed, rss, _lines(connector), lives)
        time.sleep(every)


def _lines(connector: Connector) -> int:
    """How many log lines there are, but for the summaries that somebody has asked for."""
    return sum(b'"event": "summary"' not in line for line in connector.log.read_bytes().splitlines())


@contextmanager
def _surroundings(folder: Path) -> Iterator[tuple[Broker, World]]:
    """A broker of its own and time-outs as they are by default: what counts is what users have."""
    broker = Broker(folder / "broker")
    broker.start()
    try:
        with world(folder, Kafka(broker.bootstrap), faults={**FAULTS, "latency": {"seconds": 0.3}}) as here:
            here.settings["kafka.properties"] = ""
            yield broker, here
    finally:
        broker.stop()


def of_the_api(folder: Path, seconds: float, events: int) -> Outage:
    """Every answer is 503 for so long."""
    with _surroundings(folder) as (_broker, here):
        work = mixed(events, events // 10, seed=40, skew=0.2)
        down, up = (lambda rule=rule: here.api.faults(outage=rule) for rule in ([{"on": "any"}], None))
        return outage(here, work, down, up, seconds, meanwhile=True, price=FREE)


def of_the_broker(folder: Path, seconds: float, events: int) -> Outage:
    """The only broker is gone for so long: frozen first, so that requests are on their way when it dies."""
    with _surroundings(folder) as (broker, here):
        here.settings["batch.max_devices"] = str(BATCH)
        work = mixed(events, events // 10, seed=41, skew=0.2)

        def die() -> None:
            broker.freeze()
            time.sleep(SENT_WITHIN)
            broker.kill()

        return outage(here, work, die, broker.start, seconds, meanwhile=False, price=ANEW)


KINDS = {"api": of_the_api, "broker": of_the_broker}


def main() -> int:
    """Print the table of one outage; 1 where something was not as it should be."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--of", choices=KINDS, required=True)
    parser.add_argument("--minutes", type=float, default=90)
    parser.add_argument("--events", type=int, default=200_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="outage-") as folder:
        seen = KINDS[given.of](Path(folder), given.minutes * 60, given.events)
    step = max(1, len(seen.looks) // 20)
    rows = [f"{look.seconds / 60:8.1f} {look.rss:8.1f} {look.lines:8}" for look in seen.looks[::step]]
    sys.stdout.write("\n".join([" minutes      MiB    lines", *rows, ""]))
    sys.stdout.write(
        f"growth {seen.growth:.1f} MiB, {seen.lines} lines, went on after {seen.back:.1f} s, "
        f"{seen.rebalances:.0f} rebalances, {'stayed in the group' if seen.stayed else 'joined it anew'}, "
        f"{seen.twice} devices submitted twice; "
        f"{', '.join(seen.broken()) or 'nothing broken'}\n"
    )
    return 1 if seen.broken() else 0


if __name__ == "__main__":
    sys.exit(main())
