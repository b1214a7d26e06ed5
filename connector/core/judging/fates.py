"""What becomes of one event after an answer: the fates that `decision` gives, carried out.

Given: those fates, and requests that came to nothing. Gives: events settled, queued again, taken apart, or
owed a letter. What goes again as a batch, `judged`, `unjudged` and `posted` queue themselves. Reads no
report: `verdicts` does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable
from typing import NamedTuple

from connector.answers import Refused
from connector.core.backoff import Backoff
from connector.core.batching.batch import Batch
from connector.core.batching.dispatch import Dispatch
from connector.core.holding_back.brake import Counted
from connector.core.judging.decision import Context, Fate, decide
from connector.core.judging.registered import Registered
from connector.core.leaving import Leaving
from connector.core.limits import Limits
from connector.core.past.history import History
from connector.core.queueing.coalesce import contributors, take_apart
from connector.core.queueing.lanes import Lanes
from connector.core.reading.event import TO_ITS_LETTER, Event
from connector.core.reasons import TRAITS
from connector.core.settling.holds import Hold
from connector.core.settling.ledger import Ledger
from connector.core.settling.owed import Owed
from connector.core.tally import Tally
from connector.model import Endpoint, Letter, Reason, Rejection


class Fates:
    """Carries out what becomes of events: settles them, has them sent again, or owes their letters."""

    def __init__(
        self,
        limits: Limits,
        random: Callable[[], float],
        backoff: Backoff,
        lanes: Lanes,
        leaving: Leaving,
        ledger: Ledger,
        dispatch: Dispatch,
        tally: Tally,
    ) -> None:
        self._limits = limits
        self._random = random
        self._lanes = lanes
        self._leaving = leaving
        self._ledger = ledger
        self._dispatch = dispatch
        self._tally = tally
        self._backoff = backoff
        self.registered = Registered()

    # -- a device's verdict ----------------------------------------------------------------------

    def confirm(self, good: Collection[Event], endpoint: Endpoint, now: float) -> int:
        """Devices were confirmed: settle their events; return how many records that are."""
        confirmed = self._ledger.confirm(good)
        if endpoint is Endpoint.REGISTRATIONS:
            self.registered.confirmed(good, now)
        else:
            self.registered.found(good, now)
        return confirmed

    def carry_out(
        self,
        fate: Fate,
        event: Event,
        rejection: Rejection,
        sent_at: float,
        now: float,
        again: Callable[[Event], None],
    ) -> Counted:
        """Do with the event what was decided after an attempt in vain that was sent at `sent_at`.

        `again` queues it, and is called only if it goes again. Return what the brake is to know.
        """
        event.count_attempt(sent_at)
        self._tally.refused_tags += rejection.refused_tag_count
        self._count_bad_verdict(fate, event)
        match fate:
            case Fate.NOT_YET | Fate.AGAIN | Fate.ONCE_MORE:
                self._tally.retried[event.endpoint] += 1
                self._tally.resubmitted[event.endpoint] += rejection.reason is Reason.NO_VERDICT
                again(event)
            case Fate.TAKE_APART:
                self._take_apart(event, rejection.reason)
            case Fate.REFUSED:
                if rejection.reason is Reason.DEVICE_NOT_FOUND:
                    self.registered.given_up(event, now)
                self.owe(event, rejection, now, Hold(event, last_chance=_last_chance_after(rejection.reason)))
                return Counted(1, 1, event.first_attempt)
        return Counted()

    def _count_bad_verdict(self, fate: Fate, event: Event) -> None:
        if fate is Fate.ONCE_MORE:
            event.last_chance, event.bad_verdicts = False, self._limits.max_attempts - 1
        elif fate is not Fate.NOT_YET:
            event.bad_verdicts += 1

    def _take_apart(self, event: Event, reason: Reason) -> None:
        """A merged update was refused: send its parts again, in order; or the one that is still ours.

        One attempt is enough for each if the update had all of its own, and not for what is in its values.
        """
        self._tally.split_batches += 1
        traits = TRAITS[reason]
        one_by_one = not traits.of_values
        used_up = event.bad_verdicts >= self._limits.max_attempts or (event.last_chance and traits.retryable)
        parts = take_apart(event, self._limits.max_bytes, one_by_one=one_by_one)
        for part in parts:
            part.take_attempts_of(event)
            part.bad_verdicts, part.last_chance = 0, one_by_one and used_up
        self._lanes.replace(event, parts)
        self._dispatch.requeue_first(parts[:1])

    # -- a request came to nothing ---------------------------------------------------------------

    def give_back(self, batch: Batch, now: float) -> None:
        """The request was never sent: queue its devices as if it had not been planned."""
        events = self._leaving.still_ours(batch.events, now)
        if batch.hunt is None and batch.history == History():
            self._dispatch.requeue_first(events)
        elif events:
            batch.events = events
            self._dispatch.send_exact(batch)
        else:
            self._dispatch.end_hunt(batch)

    def refused_single(self, batch: Batch, answer: Refused, now: float) -> Counted:
        """The API won't take this device, alone in its request.

        If it doesn't say so in words of its own, it may be a gateway that stumbled: the device is tried as
        often as after a bad verdict.
        """
        wholly_ours = is_wholly_ours(batch.events[0])
        ours = self._leaving.still_ours(batch.events, now)
        if not ours:
            return Counted()
        (event,) = ours
        reason = Reason.TOO_LARGE if answer.too_large else Reason.REFUSED_BY_API
        rejection = Rejection(reason, answer.message, http_status=answer.http_status)
        context = Context(
            self._limits.max_attempts, wholly_ours=wholly_ours, in_words=not answer.without_words
        )
        fate = decide(event, rejection, context)
        if fate is Fate.REFUSED and answer.too_large:
            self._dispatch.size.blameless(batch.history.size_before)
        counted = self.carry_out(
            fate, event, rejection, batch.sent_at, now, lambda event: self._try_again(event, batch, now)
        )
        began = math.inf if batch.hunt is None else batch.hunt.began
        return counted._replace(since=min(counted.since, began), at_once=True) if counted.events else counted

    def _try_again(self, event: Event, like: Batch, now: float) -> None:
        due = now + self._backoff.delay(event.bad_verdicts, self._random())
        self._dispatch.queue_at(self._dispatch.new_batch(like, [event]), due)

    # -- letters ---------------------------------------------------------------------------------

    def owe(self, event: Event, rejection: Rejection, now: float, hold: Hold) -> None:
        """An event is refused for good: owe its letter, and hold its lanes until that is written."""
        if event.record is None:
            raise RuntimeError("an event without its record cannot be dead-lettered")
        letter = Letter(
            event.record,
            rejection,
            event.attempts,
            event.first_attempt,
            event.last_attempt,
            event.hwid,
            event.user_id,
            event.push_token,
        )
        hold.event.bound_to = TO_ITS_LETTER
        self._ledger.owe(Owed(letter, event.assignment, event.endpoint, event.size, now, hold))

    def release_held(self, freed: Iterable[Hold]) -> None:
        """Letters were written, or are no longer ours to write: release the lanes that were held for them."""
        for hold in freed:
            self._leaving.release([hold.event], last_chance=hold.last_chance)


class Means(NamedTuple):
    """The components that `Judged` and `Unjudged` carry out their decisions with."""

    limits: Limits
    random: Callable[[], float]
    backoff: Backoff
    """Delays between two attempts at one device."""
    leaving: Leaving
    dispatch: Dispatch
    fates: Fates
    tally: Tally


def is_wholly_ours(event: Event) -> bool:
    """Whether all that it stands for is ours, so that what is said of what was sent is said of it alone."""
    return all(each.assignment.live for each in contributors(event))


def _last_chance_after(reason: Reason) -> Collection[Endpoint]:
    """Return to which endpoints the events behind one that is refused for this have one attempt only.

    Not a registration where the device was not found: it may be just what that lacked.
    """
    if not TRAITS[reason].retryable:
        return ()
    return (Endpoint.TAGS,) if reason is Reason.DEVICE_NOT_FOUND else tuple(Endpoint)
