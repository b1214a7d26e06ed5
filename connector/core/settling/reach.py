"""How much a commit's metadata can remember, and which events may be submitted because of that.

Given: a partition as it is. Gives: its position with the checkpoint, for the next commit; and those events
that a later checkpoint will have room for. A job that no checkpoint remembers would be submitted again, after
a crash as well as after an orderly stop.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter

from connector.core.assigned.assignment import Assignment
from connector.core.assigned.offsets import WINDOW_LIMIT
from connector.core.limits import Limits
from connector.core.queueing.coalesce import contributors
from connector.core.reading.event import Event
from connector.core.remembering import checkpoint
from connector.model import Position

AMPLE_SHARE = 0.3
"""Share of the limit up to which there is room for anything submitted until the next commit."""
FULL_SHARE = 0.95
"""Share of the limit that jobs may fill; the rest is for what becomes of their records."""
JOB_TAKES = 25.0
"""Characters of a checkpoint that a job takes whose request_id is as long as a UUID."""
DIGIT_TAKES = 0.65
"""Characters of a checkpoint that each further digit takes where request_ids are longer than a UUID."""
RUN_TAKES = 0.85
"""Characters of a checkpoint that each run of a job's offsets takes: 0.3 to 1.0 in the middle, 1.4 at the
most (deploy/CHECKPOINT.md)."""
SMALL_DIVISOR = 6
"""A batch smaller than `max_devices` divided by this waits until the checkpoint has room: a text full of the
request_ids of tiny jobs would hold hardly any devices. It goes anyway where nothing else would make room."""
SMALL_WAITS_FROM_JOBS = 2
"""Unfinished jobs in a partition from which so small a batch (`SMALL_DIVISOR`) waits for room; one may be
stuck."""
_UUID = 36
_offset = attrgetter("offset")


class Reach:
    """Keeps account of the room in checkpoints: for each partition the broker's limit, as far as known."""

    def __init__(self, limits: Limits) -> None:
        self._max_devices = limits.max_devices
        self._limit = limits.max_metadata
        self.sure = checkpoint.surely_covers(self._limit)
        """Offsets from the lowest unsettled one that any checkpoint remembers."""

    def position(self, assignment: Assignment) -> Position:
        """Return what may be committed for a partition now."""
        return Position(assignment.offsets.safe(), self._encoded(assignment).text)

    def position_and_bounds(self, assignment: Assignment) -> Position:
        """Return what may be committed now, and bound by it what may be submitted until the next commit."""
        safe = assignment.offsets.safe()
        encoded = self._encoded(assignment)
        if not encoded.complete:
            assignment.submit_below, assignment.room = max(encoded.covers, safe + self._max_devices), 0.0
        else:
            near = assignment.offsets.next - safe < WINDOW_LIMIT // 2
            assignment.submit_below = None if near else safe + WINDOW_LIMIT
            size = len(encoded.text)
            assignment.room = None if size <= AMPLE_SHARE * self._limit else FULL_SHARE * self._limit - size
        return Position(safe, encoded.text)

    def reserve(self, assignment: Assignment, on_their_way: Sequence[Event]) -> None:
        """Reserve room for requests under way, which may become jobs that the last position doesn't know."""
        mine = sorted((event for event in on_their_way if event.assignment is assignment), key=_offset)
        runs = sum(_runs(mine)) + sum(_elsewhere(event)[assignment] for event in on_their_way if event.merged)
        if runs and assignment.room is not None:
            assignment.room -= _room_of_a_job(assignment) + RUN_TAKES * runs

    def within(self, events: list[Event]) -> list[Event]:
        """Return the events that a checkpoint will have room for, and take that room."""
        bounded: defaultdict[Assignment, list[Event]] = defaultdict(list)
        for event in events:
            if event.assignment.live and event.assignment.bounded:
                bounded[event.assignment].append(event)
        must_wait: set[int] = set()
        for assignment, mine in bounded.items():
            mine.sort(key=_offset)
            must_wait.update(map(id, mine[self._take(assignment, mine) :]))
        within = [event for event in events if id(event) not in must_wait] if must_wait else events
        for event in within:
            if event.merged is not None:
                _occupy_elsewhere(event)
        return within

    def ready(self, assignment: Assignment, waiting: Iterable[Event]) -> list[Event]:
        """Return the events, of those that wait, that may be within reach by now, lowest offsets first."""
        if assignment.awaited:
            return []
        ready = [event for event in sorted(waiting, key=_offset) if not self._too_far(assignment, event)]
        if assignment.room is not None:
            del ready[self._max_devices :]
        return ready

    def _take(self, assignment: Assignment, events: Sequence[Event]) -> int:
        """Return how many of these, in order, may become a job of their own, and take the room for them.

        None rather than a few, once `SMALL_WAITS_FROM_JOBS` are unfinished. Where none is, a few of the
        lowest go whether there is room or not: nothing else would make any.
        """
        if assignment.awaited:
            return 0
        if assignment.room is None:
            return sum(not self._too_far(assignment, event) for event in events)
        room = assignment.room - _room_of_a_job(assignment)
        few = max(1, self._max_devices // SMALL_DIVISOR)
        in_any_case = 0 if assignment.slices else few
        lowest = assignment.offsets.safe() + self._max_devices
        count = 0
        for event, runs in zip(events, _runs(events), strict=True):
            fits = RUN_TAKES * runs <= room and not self._too_far(assignment, event)
            if not fits and (count >= in_any_case or event.offset >= lowest):
                break
            room -= RUN_TAKES * runs
            count += 1
        if len(assignment.slices) >= SMALL_WAITS_FROM_JOBS and count < min(few, len(events)):
            return 0
        if count:
            assignment.room = room
        return count

    def _too_far(self, assignment: Assignment, event: Event) -> bool:
        return assignment.submit_below is not None and event.offset >= assignment.submit_below

    def shorten(self) -> None:
        """Halve the limit."""
        self._limit = max(0, self._limit // 2)
        self.sure = checkpoint.surely_covers(self._limit)

    def _encoded(self, assignment: Assignment) -> checkpoint.Encoded:
        """Encode the checkpoint. If not all fits, it forgets jobs before letters that were written.

        To submit a job again does less harm. It forgets as few as that takes, the largest first.
        """
        safe, window = assignment.offsets.safe(), assignment.offsets.worth_remembering()
        jobs = assignment.jobs_to_remember()
        encoded = checkpoint.encode(safe, window, jobs, self._limit)
        letters_until = min(assignment.letters_until, safe + WINDOW_LIMIT)
        if encoded.complete or encoded.covers >= letters_until:
            return encoded
        jobs.sort(key=lambda job: len(job.offsets), reverse=True)
        too_few, forgotten = 0, len(jobs)
        encoded = checkpoint.encode(safe, window, (), self._limit)
        while forgotten - too_few > 1:
            middle = (too_few + forgotten) // 2
            fewer = checkpoint.encode(safe, window, jobs[middle:], self._limit)
            if fewer.complete or fewer.covers >= letters_until:
                forgotten, encoded = middle, fewer
            else:
                too_few = middle
        return encoded._replace(complete=False)


def _runs(events: Iterable[Event]) -> Iterator[int]:
    """Return how many runs of offsets each event begins, after those before it."""
    last = -1
    for event in events:
        yield int(event.offset != last + 1) if event.merged is None else len(contributors(event))
        last = event.offset


def _elsewhere(event: Event) -> Counter[Assignment]:
    """Count the records of a merged update by their partitions, but for that of the first."""
    return Counter(
        each.assignment
        for each in contributors(event)
        if each.assignment is not event.assignment and each.assignment.live
    )


def _occupy_elsewhere(event: Event) -> None:
    """Take the room for a merged update's records in other partitions than that of its first.

    It goes all the same: if they have none, their own events wait the longer.
    """
    for assignment, runs in _elsewhere(event).items():
        if assignment.room is not None:
            assignment.room -= RUN_TAKES * runs


def _room_of_a_job(assignment: Assignment) -> float:
    """Return the characters of one more job, by the request_ids that the API gives."""
    longest = max((len(job.request_id) for job in assignment.slices.values()), default=_UUID)
    return JOB_TAKES + DIGIT_TAKES * max(0, longest - _UUID)
