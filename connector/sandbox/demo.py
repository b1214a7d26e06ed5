"""`pushwoosh-connector demo`: Kafka, API and connector on this machine, a crash, a take-over, a reckoning.

Kafka is librdkafka's mock cluster inside this process; the sandbox and two connectors, one after the
other, are processes of their own, started as a user would. Nothing listens beyond loopback.

The embedded Kafka drops offsets that are sent to a transaction, so dead letters are written at least
once here: a kill between a letter and its commit can write it twice. With a broker, exactly once is the
default.
"""

from __future__ import annotations

import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn, TypeVar

from rich.console import Console

from connector.core.tally import RecordOutcome
from connector.model import Position
from connector.sandbox import demo_kafka
from connector.sandbox.broker import MEMBER_PROPERTIES, PARTITIONS, EmbeddedKafka
from connector.sandbox.demo_account import Account, Crash, Evidence, jobs_in, reckon
from connector.sandbox.demo_children import Api, Child, DemoError, Instance, await_true
from connector.sandbox.demo_events import FAULTS, story
from connector.sandbox.demo_view import Figures, Rate, Screen

Owned = TypeVar("Owned", bound=Child)

EVENTS = 30_000
DEVICES = 4_000
RATE = 2_500.0
"""Events a second."""
CRASH_AT = 0.4
"""Share of the events that is settled when the first connector is killed."""
TOPIC, DEAD_LETTERS, GROUP = "events", "dead-letters", "demo"
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
WAIT_LIMIT = 100.0
"""Seconds after which the demo gives up on a step: all of it takes about 25."""
LOOK_EVERY = 0.1
"""Seconds between two looks at what goes on."""

CONFIG = f"""\
[kafka]
bootstrap_servers = "{{bootstrap}}"
group_id = "{GROUP}"
mixed_topics = ["{TOPIC}"]
dead_letter_topic = "{DEAD_LETTERS}"
dead_letter_delivery = "at_least_once"

[kafka.properties]
{{properties}}

[pushwoosh]
url = "{{url}}"
application = "DEMO1-DEMO1"
token = "demo"

[batch]
linger = "100ms"
max_devices = 200

[admin]
host = "127.0.0.1"
port = 0
"""


def run(events: int = EVENTS) -> int:
    """Run it. Return 0 if everything agrees, 1 if not; Ctrl-C leaves nothing running."""
    console = Console()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    try:
        with ExitStack() as cleanup:
            stage = _Stage(console, cleanup, events)
            with stage.screen:
                account, crash = _Play(stage).run()
    except DemoError as error:
        console.print(str(error), markup=False, highlight=False, soft_wrap=True)
        return 1
    stage.screen.conclude(account, crash)
    return 0 if account.agrees else 1


def _leave(number: int, _frame: FrameType | None) -> NoReturn:
    """Leave by way of every clean-up."""
    raise SystemExit(128 + number)


@contextmanager
def _signals_later() -> Iterator[None]:
    """Let signals wait: one that comes between the start of a child and its clean-up would leave it behind.

    They are not blocked, which the child would inherit.
    """
    waiting: list[int] = []
    before = {
        number: signal.signal(number, lambda number, _frame: waiting.append(number)) for number in _SIGNALS
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for each in waiting:
            signal.raise_signal(each)


class _Stage:
    """What stands before the connectors come: Kafka, the API, the events. All of it is ended by `cleanup`."""

    def __init__(self, console: Console, cleanup: ExitStack, events: int) -> None:
        self._cleanup = cleanup
        self._folder = Path(cleanup.enter_context(tempfile.TemporaryDirectory(prefix="pushwoosh-demo-")))
        self._config = self._folder / "connector.toml"
        self.story = story(events, DEVICES, seed=7)
        self.kafka = cleanup.enter_context(EmbeddedKafka())
        self.kafka.create_topics([TOPIC, DEAD_LETTERS])
        self.api = self._owned(lambda: Api(self._folder, FAULTS))
        properties = "\n".join(f'{name} = "{value}"' for name, value in MEMBER_PROPERTIES.items())
        self._config.write_text(
            CONFIG.format(bootstrap=self.kafka.bootstrap, url=self.api.url, properties=properties)
        )
        self.screen = Screen(console)
        self.screen.say(
            f"Kafka on {self.kafka.bootstrap}, a double of the Audience API on {self.api.url}: "
            f"{events:,} events for {DEVICES:,} devices, some of which will be refused."
        )

    def instance(self, name: str) -> Instance:
        """Start a connector."""
        return self._owned(lambda: Instance(self._folder, name, self._config))

    def writer(self) -> demo_kafka.Writer:
        return demo_kafka.Writer(self.kafka.bootstrap, TOPIC, self.story.events, RATE)

    def positions(self) -> dict[int, Position]:
        return demo_kafka.committed(self.kafka.bootstrap, GROUP, TOPIC)

    def _owned(self, start: Callable[[], Owned]) -> Owned:
        with _signals_later():
            child = start()
            self._cleanup.callback(child.kill)
        child.await_start()
        return child


class _Play:
    """What happens: events flow, the first connector is killed, the second one finishes the work."""

    def __init__(self, stage: _Stage) -> None:
        self._stage = stage
        self._writer = stage.writer()
        self._rate = Rate()
        self._before: dict[str, Any] = {}
        """The first connector's last status."""
        self._read_before = 0

    def run(self) -> tuple[Account, Crash]:
        stage = self._stage
        first = stage.instance("first connector")
        enough = CRASH_AT * len(stage.story.events)
        self._follow(first, lambda now: sum(now.settled.values()) >= enough)
        again = stage.api.stats()["submitted_twice"]
        self._read_before = first.count("records_consumed_total")
        self._before = first.status()
        first.kill()
        killed = time.monotonic()
        at_crash = stage.positions()
        stage.screen.say(f"kill -9 {first.pid}: the first connector is gone. A second one takes over.")
        second = stage.instance("second connector")
        self._follow(second, lambda now: now.backlog is not None)
        taken_over = time.monotonic() - killed
        self._follow(second, lambda now: self._writer.done and now.backlog == 0)
        await_true(self._all_committed, WAIT_LIMIT, "everything is committed")
        status, adopted = second.status(), second.count("jobs_total", outcome="adopted")
        _stop(second)
        stats = stage.api.stats()
        crash = Crash(
            jobs=jobs_in(at_crash),
            adopted=adopted,
            taken_over=taken_over,
            again=stats["submitted_twice"] - again,
            received=stats["devices_received"],
        )
        return reckon(self._evidence(at_crash, status, stats)), crash

    def _evidence(
        self, at_crash: dict[int, Position], status: dict[str, Any], stats: dict[str, Any]
    ) -> Evidence:
        stage = self._stage
        return Evidence(
            topic=TOPIC,
            written=self._writer.written,
            ends=stage.kafka.end_offsets(TOPIC),
            at_crash=at_crash,
            at_end=stage.positions(),
            first=self._before["settled"],
            second=status["settled"],
            letters=demo_kafka.letters(stage.kafka.bootstrap, DEAD_LETTERS),
            expected_tags=stage.story.tags,
            found_tags=stage.api.tags(),
            overlapping=stats["violations"]["overlapping"],
        )

    def _follow(self, connector: Instance, until: Callable[[Figures], bool]) -> None:
        """Go on producing and showing until the figures say so. Raises `DemoError` if it takes too long."""
        deadline = time.monotonic() + WAIT_LIMIT
        while True:
            self._writer.step()
            figures = self._figures(connector)
            self._stage.screen.show(figures)
            if until(figures):
                return
            if not connector.running or time.monotonic() > deadline:
                raise DemoError(f"the {connector.name} is not getting on:\n{connector.tail()}")
            time.sleep(LOOK_EVERY)

    def _figures(self, connector: Instance) -> Figures:
        """Add what this connector says of itself to what the one before it had done."""
        status = connector.status()
        settled = _sum(self._before.get("settled"), status.get("settled"))
        known = [place["backlog"] for place in status.get("partitions", [])]
        whole = len(known) == PARTITIONS and None not in known
        return Figures(
            connector=connector.name,
            state=status.get("state", "starting"),
            produced=len(self._writer.written),
            total=len(self._stage.story.events),
            records_in=self._read_before + connector.count("records_consumed_total"),
            settled=settled,
            confirmed_per_second=self._rate.of(settled.get(RecordOutcome.CONFIRMED, 0)),
            jobs=sum(status.get("jobs_in_flight", {}).values()),
            backlog=sum(known) if whole else None,
            dead_letters=_sum(self._before.get("dead_letters"), status.get("dead_letters")),
        )

    def _all_committed(self) -> bool:
        ends = self._stage.kafka.end_offsets(TOPIC)
        return all(position.offset == ends[number] for number, position in self._stage.positions().items())


def _sum(before: dict[str, int] | None, now: dict[str, int] | None) -> dict[str, int]:
    return dict(Counter(before or {}) + Counter(now or {}))


def _stop(connector: Instance) -> None:
    code = connector.stop()
    if code != 0:
        raise DemoError(f"the {connector.name} ended with {code}:\n{connector.tail()}")
