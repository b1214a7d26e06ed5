"""One partition for as long as it is ours: plain state that others keep here. It decides nothing."""

from __future__ import annotations

import msgspec

from connector.core.assigned.job_slice import JobSlice
from connector.core.assigned.offsets import Offsets
from connector.model import Position, TopicPartition


class Assignment:
    """The state of one partition in one assignment. A new assignment of the same partition is a new object.

    Events point to theirs (`Event.assignment`): an answer that arrives after the partition was revoked
    finds `live` false and settles nothing.
    """

    __slots__ = (
        "adopted",
        "awaited",
        "bytes_held",
        "committed",
        "committed_version",
        "events_held",
        "known_until",
        "letters_until",
        "live",
        "offsets",
        "partition",
        "paused",
        "recall_until",
        "room",
        "slices",
        "start_committed",
        "submit_below",
        "until",
        "version",
    )

    def __init__(self, partition: TopicPartition, start: int, settled: bytes = b"") -> None:
        self.partition = partition
        self.offsets = Offsets(start, settled)
        self.live = True
        self.events_held = 0
        """Records in memory that are not settled, and their bytes."""
        self.bytes_held = 0
        self.adopted: dict[int, int] = {}
        """Offsets in jobs of an earlier owner, not read again yet: each with its job's serial number."""
        self.recall_until = start
        """Records of adopted jobs lie below this offset: nothing is submitted until they are read."""
        self.known_until = start + len(settled)
        """Below this offset records may have been settled before."""
        self.slices: dict[int, JobSlice] = {}
        """By the job's serial number, what of it lies here: what the checkpoint remembers."""
        self.awaited: set[int] = set()
        """Serial numbers of unfinished jobs with records that are gone, so that nobody knows their devices:
        until they have ended, nothing is submitted."""
        self.committed = Position(start, "")
        self.start_committed = True
        """Whether the group has committed where this assignment began, or anything since."""
        self.version = 0
        """Counts the changes that a commit should record (`changed`)."""
        self.committed_version = 0
        self.letters_until = start + len(settled)
        """Below this offset letters were written, by whichever owner: no checkpoint may forget them."""
        self.submit_below: int | None = None
        """From this offset on nothing is submitted: no checkpoint could remember it. None: no bound."""
        self.room: float | None = None
        """Characters of the checkpoint that are left for further jobs. None: plenty."""
        self.until: int | None = None
        """Records from this offset on are ignored (`--until-end`). None: none are."""
        self.paused = False

    @property
    def recalling(self) -> bool:
        """Whether records of adopted jobs are still to be read."""
        return self.live and self.offsets.next < self.recall_until

    @property
    def bounded(self) -> bool:
        """Whether the room in the checkpoint, or a job that is awaited, bounds what may be submitted."""
        return self.submit_below is not None or self.room is not None or bool(self.awaited)

    @property
    def dirty(self) -> bool:
        """Whether something has changed that the last commit does not record."""
        return self.version != self.committed_version

    @property
    def at_end(self) -> bool:
        """Whether everything below `until` has been taken in."""
        return self.until is not None and self.offsets.next >= self.until

    @property
    def done(self) -> bool:
        """Whether everything below `until` is settled and committed."""
        committed = self.until is not None and self.committed.offset >= self.until
        return committed and self.start_committed

    def changed(self) -> None:
        """Something has changed: the next commit is to record it."""
        self.version += 1

    def was_committed(self, position: Position, version: int) -> None:
        """A commit of this position was acknowledged, which records all up to that change."""
        self.committed, self.committed_version, self.start_committed = position, version, True

    def let_go(self) -> None:
        """The partition is no longer ours: answers that still arrive settle nothing."""
        self.live = False
        self.slices.clear()
        self.awaited.clear()

    def jobs_to_remember(self) -> list[JobSlice]:
        """Return what a checkpoint is to tell of the unfinished jobs; also that records of one are gone.

        That is known of a first record when the next one is read, and of others once all have been.
        """
        passed = self.offsets.safe()
        gone = [
            msgspec.structs.replace(part, offsets=())
            for serial, part in self.slices.items()
            if part.offsets and (serial in self.awaited or part.offsets[0] < passed)
        ]
        return [*self.slices.values(), *gone]

    def hold_memory(self, events: int, size: int) -> None:
        """Note that `events` more events, of `size` bytes together, are in memory."""
        self.events_held += events
        self.bytes_held += size

    def release_memory(self, events: int, size: int) -> None:
        """Note that `events` events, of `size` bytes together, are no longer in memory."""
        self.events_held -= events
        self.bytes_held -= size
