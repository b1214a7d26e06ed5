"""Kafka's side of a process, joined: each part gets the others that it needs.

Given: how the consumer and the writer of dead letters are made. Gives: the parts. Does nothing itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from structlog.typing import FilteringBoundLogger

from connector.core.reading.decode import Interpreter
from connector.kafka.group.listener import Listener
from connector.kafka.group.source import Source
from connector.kafka.letters.dead_letters import DeadLetters
from connector.kafka.troubles import Trouble
from connector.pulse import Pulse
from connector.running.consuming import Consuming
from connector.running.ending import Ending
from connector.running.incidents import Incidents
from connector.running.membership import Membership
from connector.running.rebalancing import Rebalancing


class KafkaSide:
    """The parts. `source` makes the consumer for a listener, `letters` what tells of its troubles.

    `letters` also gets a way to ask whether there was no standstill since the group last knew this process.
    """

    def __init__(
        self,
        pulse: Pulse,
        interpreters: Mapping[str, Interpreter],
        log: FilteringBoundLogger,
        *,
        source: Callable[[Listener], Source],
        letters: Callable[[Callable[[Trouble], None], Callable[[], bool]], DeadLetters],
        until_end: bool,
        beat: Callable[[str], None],
        remember: Callable[[str], None],
    ) -> None:
        """`remember` gets the words of each trouble, for those who look later."""
        self.incidents = Incidents(pulse, log, remember)
        self.membership = Membership(pulse, log)
        self.rebalancing = Rebalancing(
            pulse,
            log,
            self.incidents,
            self.membership,
            consuming=lambda: self.consuming,
            ending=lambda: self.ending,
        )
        self.source = source(self.rebalancing)
        self.ending = Ending(pulse, self.source, log) if until_end else None
        self.consuming = Consuming(
            pulse,
            interpreters,
            log,
            source=self.source,
            letters=letters(self.incidents.tell, lambda: self.membership.may_still_send),
            membership=self.membership,
            ending=self.ending,
            tell=self.incidents.tell,
            beat=beat,
        )
