"""Unsettled offsets of one partition in one assignment -> the position that is safe to commit.

Given: the offsets that were read, and which of them are settled. Gives: the lowest unsettled
one, and what is settled beyond it. Knows nothing of records, jobs or Kafka.

The one invariant: an offset below `safe()` is settled. One byte an offset says whether it is;
`bytearray.find` from the last answer gives the next one, so all questions are amortised O(1).
Offsets that were never delivered (compaction, transaction markers, aborted transactions) are
settled. A gap longer than `LONG_GAP` takes no memory: the map goes on behind it in a new part.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from operator import or_

LONG_GAP = 65_536
"""Missing offsets from which a gap is left out of the map; a shorter one is filled, 9 bytes each."""

WINDOW_LIMIT = 1_048_576
"""Offsets from the lowest unsettled one that `window()` describes, and that reading and submitting may get
ahead of a stuck one. They take 9 MB, and some 2 ms of each commit."""

_TRIM_AT_LEAST = 4_096
"""Least settled offsets at the front of the map that are worth trimming."""


class Offsets:
    """What is settled in one partition since it was assigned at `start`.

    `settled[i] == 1` says that offset `start + i` was settled before this assignment (the
    checkpoint remembered it). Such an offset is settled from the start, read or not.
    """

    __slots__ = (
        *("_firsts", "_flags", "_known", "_known_from", "_low", "_open", "_starts", "_times"),
        *("_worth_until", "next"),
    )

    next: int
    """The offset expected next: after the highest one received."""

    def __init__(self, start: int, settled: bytes = b"") -> None:
        self.next = start
        self._known = settled
        self._known_from = start
        self._worth_until = start + len(settled)
        """Beyond it nothing is settled but gaps and records that ask for nothing."""
        # The map: for each offset a flag, 1 if settled, and a timestamp. Long gaps divide it into parts:
        # part p begins with offset _starts[p] at index _firsts[p] (negative where its front is trimmed).
        self._flags = bytearray()
        self._times = array("q")
        self._starts = [start]
        self._firsts = [0]
        self._low = 0
        """An index below which everything is settled."""
        self._open = 0
        """How many offsets in the map are unsettled."""

    def received(self, offsets: Sequence[int], timestamps: Sequence[int]) -> None:
        """Note what was read: ascending offsets and their timestamps (milliseconds).

        An offset between `next` and the last one that isn't listed doesn't exist: settled.
        Offsets below `next` were read before and are ignored.
        """
        if len(offsets) != len(timestamps):
            raise ValueError("as many timestamps as offsets are needed")
        if offsets and offsets[0] < self.next:
            unread = bisect_left(offsets, self.next)
            offsets, timestamps = offsets[unread:], timestamps[unread:]
        if not offsets:
            return
        missing = offsets[-1] + 1 - self.next - len(offsets)
        if missing == 0:
            self._append(bytes(len(offsets)), timestamps)
        elif missing < LONG_GAP:
            self._append_spread(offsets, timestamps)
        else:
            self._append_pieces(offsets, timestamps)

    def ended(self, end: int) -> None:
        """Nothing in [next, end) exists: the partition's end was reached at `end`."""
        missing = end - self.next
        if missing >= LONG_GAP:
            if self._firsts[-1] == len(self._flags):  # an empty part needn't stay
                del self._starts[-1], self._firsts[-1]
            self._starts.append(end)
            self._firsts.append(len(self._flags))
            self.next = end
        elif missing > 0:
            self._append(b"\1" * missing, array("q", bytes(8 * missing)))

    def is_settled(self, offset: int) -> bool:
        """Whether this offset is settled; of one that wasn't read yet, whether it was by an earlier owner."""
        if offset >= self.next:
            known = offset - self._known_from
            return known < len(self._known) and self._known[known] == 1
        index = self._index(offset)
        return index is None or self._flags[index] == 1

    def settle(self, offsets: Iterable[int], *, skipped: bool = False) -> None:
        """Mark as settled, for the first time or again. Raises LookupError for an offset not yet received.

        `skipped`: their records ask for nothing, so that it costs nothing to read them again.
        """
        offsets = list(offsets)
        if not offsets:
            return
        low, high = min(offsets), max(offsets)
        if high >= self.next:
            raise LookupError(f"offset {high} isn't received yet, {self.next} is next")
        if not skipped:
            self._worth_until = max(self._worth_until, high + 1)
        if len(self._starts) > 1:
            indexes = [index for index in map(self._index, offsets) if index is not None]
            shift = 0
        else:
            indexes = offsets
            shift = self._starts[0] - self._firsts[0]
            if low < shift:  # trimmed long ago; a negative index would hit another offset
                indexes = [offset for offset in offsets if offset >= shift]
            elif high - low < len(offsets) and offsets == list(range(low, high + 1)):
                self._settle_run(low - shift, len(offsets))
                return
        flags = self._flags
        still_open = self._open
        for offset in indexes:
            index = offset - shift
            if not flags[index]:
                flags[index] = 1
                still_open -= 1
        self._open = still_open

    def _settle_run(self, start: int, length: int) -> None:
        """Settle offsets without a gap: what most jobs carry of a partition."""
        end = start + length
        self._open -= self._flags.count(0, start, end)
        self._flags[start:end] = b"\1" * length

    def unsettle(self, offsets: Iterable[int]) -> None:
        """Count as unsettled again: a transaction was aborted, its dead letters aren't written after all.

        Raises LookupError, and changes nothing, for an offset that isn't in the map: it was
        committed or never received.
        """
        indexes = []
        for offset in offsets:
            index = self._index(offset) if offset < self.next else None
            if index is None:
                raise LookupError(f"offset {offset} can't be unsettled: committed, or never received")
            indexes.append(index)
        for index in indexes:
            if self._flags[index]:
                self._flags[index] = 0
                self._open += 1
                self._low = min(self._low, index)

    def safe(self) -> int:
        """Return the lowest unsettled offset; `next` when all is settled."""
        low = self._lowest()
        if low == len(self._flags):
            return self.next
        part = bisect_right(self._firsts, low) - 1
        return self._starts[part] + low - self._firsts[part]

    def committed(self, position: int) -> None:
        """Forget what lies below a committed position, but never an unsettled offset."""
        if position - self._starts[0] + self._firsts[0] < _TRIM_AT_LEAST:
            return
        dead = min(self._index_from(position), self._lowest())
        if dead < max(_TRIM_AT_LEAST, len(self._flags) // 2):
            return
        del self._flags[:dead]
        del self._times[:dead]
        self._low -= dead
        self._firsts = [first - dead for first in self._firsts]
        ended = max(0, bisect_right(self._firsts, 0) - 1)
        del self._starts[:ended], self._firsts[:ended]

    def window(self, most: int | None = None) -> bytes:
        """Return which offsets from `safe()` on are settled: a byte each, 1 if it is, without trailing zeros.

        At most `most` offsets, `WINDOW_LIMIT` by default. Includes what the checkpoint knew of offsets that
        aren't read again yet.
        """
        most = WINDOW_LIMIT if most is None else most
        low = self._lowest()
        first = max(0, bisect_right(self._firsts, low) - 1)
        pieces: list[bytes | bytearray] = [self._flags[low : min(self._part_end(first), low + most)]]
        length = len(pieces[0])
        for part in range(first + 1, len(self._starts)):
            if length >= most:
                break
            gap = self._starts[part] - self._offset_after(part - 1)
            pieces.append(b"\1" * min(gap, most))
            pieces.append(self._flags[self._firsts[part] : self._part_end(part)])
            length += len(pieces[-2]) + len(pieces[-1])
        pieces.append(self._unread_known())
        return b"".join(pieces)[:most].rstrip(b"\0")

    def worth_remembering(self) -> bytes:
        """Return the window up to the last offset that was settled for more than asking for nothing.

        Whoever reads on from `safe()` finds the gaps and the skipped records behind that by itself. There may
        be many, far ahead of all jobs: to encode them takes 30 us an event where three in four are
        tombstones.
        """
        return self.window(max(0, min(WINDOW_LIMIT, self._worth_until - self.safe())))

    def settled_beyond(self) -> int:
        """Return how many offsets above `safe()` are settled, gaps included."""
        return self.next - self.safe() - self._open + self._unread_known().count(1)

    def unsettled(self) -> int:
        """Return how many offsets are unsettled; for checks of the books."""
        return self._open

    def oldest_timestamp(self) -> int | None:
        """Return the timestamp (ms) of the record at `safe()`, None if nothing is unsettled."""
        low = self._lowest()
        return self._times[low] if low < len(self._times) else None

    def _lowest(self) -> int:
        """Return the index of the lowest unsettled offset, the map's length when there is none."""
        low = self._flags.find(0, self._low) if self._open else -1
        self._low = low if low >= 0 else len(self._flags)
        return self._low

    def _part_end(self, part: int) -> int:
        return self._firsts[part + 1] if part + 1 < len(self._firsts) else len(self._flags)

    def _offset_after(self, part: int) -> int:
        """Return the first offset behind a part."""
        return self._starts[part] + self._part_end(part) - self._firsts[part]

    def _index_from(self, offset: int) -> int:
        """Return the index of the first offset in the map that isn't below `offset`."""
        part = max(0, bisect_right(self._starts, offset) - 1)
        return max(0, min(self._firsts[part] + offset - self._starts[part], self._part_end(part)))

    def _index(self, offset: int) -> int | None:
        """Return the index of an offset below `next`; None for one in a long gap or trimmed."""
        part = max(0, bisect_right(self._starts, offset) - 1)
        index = self._firsts[part] + offset - self._starts[part]
        return index if 0 <= index < self._part_end(part) else None

    def _unread_known(self) -> bytes:
        """Return what the checkpoint knew of offsets from `next` on."""
        return self._known[self.next - self._known_from :] if self._known else b""

    def _append(self, flags: bytes | bytearray, timestamps: Iterable[int]) -> None:
        """Put the flags of [next, next + len(flags)) into the map."""
        if self._known:
            known = self._unread_known()[: len(flags)]
            if known:
                flags = bytes(map(or_, flags, known)) + flags[len(known) :]
            else:
                self._known = b""
        self._flags += flags
        self._times.extend(timestamps)
        self._open += flags.count(0)
        self.next += len(flags)

    def _append_spread(self, offsets: Sequence[int], timestamps: Sequence[int]) -> None:
        """Append offsets with gaps between them that are filled."""
        length = offsets[-1] + 1 - self.next
        flags = bytearray(b"\1") * length
        times = array("q", bytes(8 * length))
        base = self.next
        for offset, timestamp in zip(offsets, timestamps, strict=True):
            flags[offset - base] = 0
            times[offset - base] = timestamp
        self._append(flags, times)

    def _append_pieces(self, offsets: Sequence[int], timestamps: Sequence[int]) -> None:
        """Append offsets among which there may be a gap too long to be filled."""
        begin = 0
        previous = self.next - 1
        for at, offset in enumerate(offsets):
            if offset - previous > LONG_GAP:
                if at > begin:
                    self._append_spread(offsets[begin:at], timestamps[begin:at])
                self.ended(offset)
                begin = at
            previous = offset
        self._append_spread(offsets[begin:], timestamps[begin:])
