"""What becomes of each event.

Given: verdicts, and requests that came to nothing. Gives: events settled, queued again, taken apart, or
owed a letter. Reads no report: `verdicts` does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Container, Iterable
from enum import Enum, auto

import msgspec

from connector.answers import Refused
from connector.core.backoff import Backoff
from connector.core.batching.batch import Batch
from connector.core.batching.dispatch import Dispatch
from connector.core.batching.history import History
from connector.core.following.job import Job
from connector.core.holding_back.brake import Counted
from connector.core.judging.registered import Registered
from connector.core.judging.verdicts import RETRYABLE, Judgement
from connector.core.leaving import Leaving
from connector.core.limits import Limits
from connector.core.queueing.coalesce import contributors, take_apart
from connector.core.queueing.lanes import Lanes
from connector.core.reading.event import TO_ITS_LETTER, Event
from connector.core.settling.holds import Hold
from connector.core.settling.ledger import Ledger
from connector.core.tally import Tally
from connector.model import Endpoint, Letter, Reason, Rejection


class Fate(Enum):
    """What becomes of an event whose device was not confirmed."""

    NOT_OURS = auto()
    """Its partition is another owner's now."""
    NOT_YET = auto()
    """Its device was registered a moment ago, and may be found before long: it goes again."""
    AGAIN = auto()
    """The same, but that uses up one of its attempts."""
    APART = auto()
    """It is a merged update, whose parts were queued."""
    REFUSED = auto()
    """Its letter is owed."""


class Fates:
    """Carries out verdicts: settles events, has them sent again, or owes their letters."""

    def __init__(
        self,
        limits: Limits,
        random: Callable[[], float],
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
        self._backoff = Backoff(limits.retry_base, limits.retry_ceiling)
        self._registered = Registered()

    # -- a job ended -----------------------------------------------------------------------------

    def conclude(self, job: Job, judgement: Judgement, now: float, *, users_singly: bool) -> Counted:
        """The job is Completed: carry out each device's own verdict.

        `users_singly`: rows of users can't be told by their places (`Places.mislead`).
        """
        rejections = judgement.rejections
        good = job.events
        if rejections:
            good = [event for index, event in enumerate(job.events) if index not in rejections]
        confirmed = self._ledger.confirm(good)
        if job.endpoint is Endpoint.REGISTRATIONS:
            self._registered.confirmed(good, now)
        else:
            self._registered.found(good, now)
        if job.adopted:
            for event in [each for each in good if each.blocked]:
                self._leaving.withdraw(event, now)
        self._leaving.release(good)
        unclear = self._unclear(job, judgement)
        if unclear:
            events = [job.events[index] for index in sorted(unclear)]
            self._send_in_parts(events, job, now, users_singly=users_singly)
        refused = self._rejected(job, judgement, unclear, now)
        since = min([event.first_attempt for event in refused], default=math.inf)
        return Counted(confirmed + len(refused), len(refused), since)

    def _rejected(self, job: Job, judgement: Judgement, unclear: Container[int], now: float) -> list[Event]:
        """Carry out bad verdicts; return the events that were refused for good."""
        jitter = self._random()  # one for all: what goes again goes together
        refused: list[Event] = []
        silent: list[Event] = []
        for index, rejection in judgement.rejections.items():
            if index in unclear:
                continue
            told = msgspec.structs.replace(rejection, request_id=job.request_id)
            fate, event = self.not_confirmed(job.events[index], told, job, now)
            if fate is Fate.REFUSED:
                refused.append(event)
            elif fate is Fate.NOT_YET:
                self._try_again(event, event.attempts, now, jitter)
            elif fate is Fate.AGAIN and index in judgement.without_row:
                silent.append(event)
            elif fate is Fate.AGAIN:
                self._try_again(event, event.bad_verdicts, now, jitter)
        if silent:
            # By themselves: reports may have room for a few devices only, and any batch that these joined
            # would have too many again.
            due = now + self._backoff.delay(max(event.bad_verdicts for event in silent), jitter)
            batch = self._dispatch.new_batch(job, silent)
            batch.history.apart = True
            self._dispatch.queue_at(batch, due)
        return refused

    def _unclear(self, job: Job, judgement: Judgement) -> Collection[int]:
        """Return the devices, by index, that have no row here but may have one in a smaller report.

        Nor is silence ever the last verdict on a device while others have rows: first it is sent alone.
        """
        if judgement.cut_off(job.events):
            return judgement.without_row
        if len(job.events) == 1:
            return ()
        unclear = judgement.perhaps_judged(job.events)
        if len(judgement.without_row) < len(job.events):
            unclear |= {index for index in judgement.without_row if self._is_last(job.events[index])}
        return unclear

    def _send_in_parts(self, unclear: list[Event], job: Job, now: float, *, users_singly: bool) -> None:
        """Send unclear devices once more, in halves, until they are so few that their rows can be told apart.

        After an adopted job all at once: the order of that wasn't known, but the order of the next one is.
        Users whose rows can't be told by their places go in requests of their own.
        """
        events = self._leaving.still_ours(unclear, now)
        if not events:
            return
        self._tally.resubmitted[job.endpoint] += len(events)
        self._tally.split_batches += 1
        for event in events:
            event.count_attempt(job.sent_at)
        together = [event for event in events if event.hwid or not users_singly]
        whole = self._dispatch.new_batch(job, together)
        parts = [
            self._dispatch.new_batch(job, [event]) for event in events if users_singly and not event.hwid
        ]
        parts += (whole,) if job.adopted else self._dispatch.halve(whole)
        for part in parts:
            if part.events:
                self._dispatch.send_whole(part)

    # -- a request came to nothing ---------------------------------------------------------------

    def give_back(self, batch: Batch, now: float) -> None:
        """The request was never sent: queue its devices as if it had not been planned."""
        events = self._leaving.still_ours(batch.events, now)
        if batch.hunt is None and batch.history == History():
            self._dispatch.requeue_first(events)
        elif events:
            batch.events = events
            self._dispatch.send_whole(batch)
        else:
            self._dispatch.end_hunt(batch)

    def refused_single(self, batch: Batch, answer: Refused, now: float) -> Counted:
        """The API won't take this device, alone in its request.

        If it doesn't say so in words of its own, it may be a gateway that stumbled: the device is tried as
        often as after a bad verdict.
        """
        whole = all_ours(batch.events[0])
        ours = self._leaving.still_ours(batch.events, now)
        if not ours:
            return Counted()
        (event,) = ours
        event.count_attempt(batch.sent_at)
        event.bad_verdicts += answer.without_words
        spent = event.last_chance or event.bad_verdicts >= self._limits.max_attempts
        if answer.without_words and not (answer.too_large or spent):
            due = now + self._backoff.delay(event.bad_verdicts, self._random())
            self._tally.retried[event.endpoint] += 1
            self._dispatch.queue_at(self._dispatch.new_batch(batch, [event]), due)
            return Counted()
        if event.merged is not None or not whole:
            self._take_apart(event, one_by_one=False)
            return Counted()
        if answer.too_large:
            self._dispatch.size.blameless(batch.history.size_before)
        reason = Reason.TOO_LARGE if answer.too_large else Reason.REFUSED_BY_API
        rejection = Rejection(reason, answer.message, http_status=answer.http_status)
        self.owe(event, rejection, now, Hold(event))
        began = math.inf if batch.hunt is None else batch.hunt.began
        return Counted(1, 1, min(event.first_attempt, began))

    # -- one event -------------------------------------------------------------------------------

    def not_confirmed(
        self, event: Event, rejection: Rejection, job: Job, now: float, *, for_good: bool = False
    ) -> tuple[Fate, Event]:
        """A device's verdict is bad: decide, and take a merged update apart or owe the letter.

        Return what becomes of the event, and what of it is ours; the caller sends again what goes again.
        `for_good`: it is useless to try again, whatever the reason.
        """
        whole = all_ours(event)
        ours = self._leaving.still_ours([event], now)
        if not ours:
            return Fate.NOT_OURS, event
        (event,) = ours
        not_yet = rejection.reason is Reason.DEVICE_NOT_FOUND and self._registered.lately(event, now)
        event.bad_verdicts += not not_yet
        event.count_attempt(job.sent_at)
        self._tally.refused_tags += rejection.refused
        if not for_good and (not_yet or self._may_help(event, rejection, job)):
            self._tally.retried[event.endpoint] += 1
            self._tally.resubmitted[event.endpoint] += rejection.reason is Reason.NO_VERDICT
            return Fate.NOT_YET if not_yet else Fate.AGAIN, event
        if event.merged is not None or not whole:
            self._take_apart(event, one_by_one=rejection.reason is not Reason.TAG_REFUSED)
            return Fate.APART, event
        if rejection.reason is Reason.DEVICE_NOT_FOUND:
            self._registered.given_up(event, now)
        self.owe(event, rejection, now, Hold(event, last_chance=RETRYABLE[rejection.reason]))
        return Fate.REFUSED, event

    def _try_again(self, event: Event, times: int, now: float, jitter: float) -> None:
        self._dispatch.queue_at(event, now + self._backoff.delay(times, jitter))

    def _may_help(self, event: Event, rejection: Rejection, job: Job) -> bool:
        """Whether it may help to try this device once more.

        An adopted job may have carried more updates of it than are known here, even of other partitions:
        after a refusal those that are known go once more by themselves, whatever the limit.
        """
        spent = event.last_chance or event.bad_verdicts >= self._limits.max_attempts
        return job.adopted or (RETRYABLE[rejection.reason] and not spent)

    def _is_last(self, event: Event) -> bool:
        """Whether one more bad verdict would be the last."""
        return event.last_chance or event.bad_verdicts + 1 >= self._limits.max_attempts

    def _take_apart(self, event: Event, *, one_by_one: bool) -> None:
        """A merged update was refused: send its parts again, in order; or the one that is still ours."""
        self._tally.split_batches += 1
        parts = take_apart(event, self._limits.max_bytes, one_by_one=one_by_one)
        for part in parts:
            part.take_attempts_of(event)
            part.bad_verdicts, part.last_chance = 0, one_by_one
        self._lanes.replace(event, parts)
        self._dispatch.requeue_first(parts[:1])

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
        self._ledger.owe(letter, event.home, event.size, event.endpoint, now, hold)

    def release_held(self, freed: Iterable[Hold]) -> None:
        """Letters were written, or are no longer ours to write: release the lanes that were held for them."""
        for hold in freed:
            self._leaving.release([hold.event], last_chance=hold.last_chance)


def all_ours(event: Event) -> bool:
    """Whether all that it stands for is ours, so that what is said of what was sent is said of it alone."""
    return all(each.home.live for each in contributors(event))
