"""The components of the core, joined.

What `Partitions`, `Planning`, `Posted` and `Polled` decide by, and `overview` looks at. It decides nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from connector.core.backoff import Backoff
from connector.core.batching.dispatch import Dispatch
from connector.core.batching.hunt import Hunt
from connector.core.following.adoption import Adoption
from connector.core.following.tracking import Tracking
from connector.core.holding_back.belief import Belief
from connector.core.holding_back.brakes import Brakes
from connector.core.holding_back.concurrency import Concurrency
from connector.core.holding_back.halts import Halts
from connector.core.holding_back.orders import Orders
from connector.core.holding_back.outages import Outages
from connector.core.holding_back.pace import Pace
from connector.core.holding_back.proofs import Proofs
from connector.core.judging.fates import Fates, Means
from connector.core.judging.judged import Judged
from connector.core.judging.places import Places
from connector.core.judging.unjudged import Unjudged
from connector.core.leaving import Leaving
from connector.core.limits import Limits
from connector.core.notices import Notices
from connector.core.queueing.lanes import Lanes
from connector.core.settling.exposure import Exposure
from connector.core.settling.ledger import WRITE_AGAIN, Ledger
from connector.core.settling.owed import OwedLetters
from connector.core.settling.owed_words import described
from connector.core.settling.pressure import Pressure
from connector.core.settling.reach import Reach
from connector.core.tally import Tally


class Components:
    """One of each component. `random` gives numbers in [0, 1) for the jitter of delays."""

    def __init__(self, limits: Limits, random: Callable[[], float]) -> None:
        self.limits = limits
        self.tally = Tally()
        self.notices = Notices()
        self.orders = Orders(self.tally, self.notices)
        self.lanes = Lanes(limits.max_bytes)
        self.owed = OwedLetters(WRITE_AGAIN)
        self.exposure = Exposure(limits)
        self.reach = Reach(limits)
        self.ledger = Ledger(random, self.tally, self.owed, self.exposure, self.reach)
        self.dispatch = Dispatch(limits)
        self.hunt = Hunt(self.dispatch)
        self.tracking = Tracking(limits)
        self.proofs = Proofs()
        self.halts = Halts(limits, self.tally, self.notices, self.proofs)
        self.belief = Belief(self.proofs, self.halts)
        self.brakes = Brakes(
            limits,
            self.halts,
            lambda: described(self.ledger.all_owed),
            self.tracking.sent_between,
        )
        self.adoption = Adoption(self.lanes, self.tracking, self.dispatch, self.tally, self.notices)
        self.concurrency = Concurrency(limits)
        self.outages = Outages(random, self.tally, self.notices, self.tracking, self.concurrency)
        self.gate = self.outages.gate
        self.pace = Pace(limits.requests_per_second, limits.devices_per_second)
        self.pressure = Pressure(limits, self.reach)
        self.leaving = Leaving(limits.max_bytes, self.lanes, self.dispatch)
        self.places = Places()
        backoff = Backoff(limits.retry_base, limits.retry_ceiling)
        self.fates = Fates(
            limits, random, backoff, self.lanes, self.leaving, self.ledger, self.dispatch, self.tally
        )
        means = Means(limits, random, backoff, self.leaving, self.dispatch, self.fates, self.tally)
        self.judged, self.unjudged = Judged(means), Unjudged(means)
