"""Lives in which jobs are adopted with several partitions of the same devices, which come and go meanwhile.

What adopted records displaced, and an answer or a hand-over that comes before the next plan: nothing may be
sent twice at once, nothing may stand still.
"""

from __future__ import annotations

import random

from connector.answers import Refused, Unavailable
from connector.core.assigned.job_slice import JobSlice
from connector.core.reading.event import Event
from connector.core.remembering import checkpoint
from connector.model import Endpoint, Position, TopicPartition
from tests.strength import in_full
from tests.unit.core.builders import FAILED, NOW, P0, P1, limits, tags, unfinished
from tests.unit.core.driving import Drive

PARTITIONS = (P0, P1, TopicPartition(P0.topic, 2))
RECORDS = 12
"""In each partition."""
LIVES = 2000 if in_full() else 120


class Life:
    """An engine, and three partitions whose devices are the same."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        linger = self.random.choice((0.0, 0.5))
        self.drive = Drive(limits(max_devices=self.random.choice((2, 4, 10)), linger=linger), seed)
        devices = "abcdef"[: self.random.randrange(2, 7)]
        self._devices = {part: self.random.choices(devices, k=RECORDS) for part in PARTITIONS}
        operators = ("set", "set", "append")
        self._operators = {part: self.random.choices(operators, k=RECORDS) for part in PARTITIONS}
        self._stored = self._earlier_jobs()
        self._read: dict[TopicPartition, int] = {}
        self._away = [*PARTITIONS]
        self.random.shuffle(self._away)
        self._moves = 2
        """How often a partition may still go."""

    def _earlier_jobs(self) -> dict[TopicPartition, Position]:
        """What an earlier owner committed: two jobs, each device in one of them at most."""
        job_of: dict[str, str] = {}
        stored: dict[TopicPartition, Position] = {}
        for part, devices in self._devices.items():
            jobs: list[JobSlice] = []
            for name in ("R1", "R2"):
                picked = sorted(self.random.sample(range(7), self.random.randrange(3)))
                offsets = tuple(
                    at
                    for at in picked
                    if devices.index(devices[at]) == at and job_of.setdefault(devices[at], name) == name
                    if all(at not in job.offsets for job in jobs)
                )
                if offsets:
                    jobs.append(JobSlice(name, Endpoint.TAGS, "", NOW - 1, offsets))
            stored[part] = Position(0, checkpoint.encode(0, b"", jobs).text)
        return stored

    def _event(self, part: TopicPartition, offset: int) -> Event:
        device, operator = self._devices[part][offset], self._operators[part][offset]
        return tags(offset, device, operator, partition=part)

    def come(self) -> None:
        """A partition is assigned."""
        if self._away:
            part = self._away.pop()
            start = self._stored[part]
            self.drive.assign(part, start.offset, start.metadata)
            self._read[part] = start.offset

    def go(self) -> None:
        """A partition is revoked, or lost."""
        if not self._read or not self._moves:
            return
        self._moves -= 1
        part = self.random.choice(sorted(self._read))
        del self._read[part]
        if self.random.random() < 0.5:
            self._stored |= self.drive.engine.revoked([part], self.drive.now)
        else:
            self.drive.engine.lost([part], self.drive.now)
        self._away.insert(0, part)

    def read(self) -> None:
        """Some records of a partition come."""
        if self._read:
            self._read_on(self.random.choice(sorted(self._read)), self.random.randrange(1, 6))

    def _read_on(self, part: TopicPartition, most: int) -> None:
        before, until = self._read[part], min(RECORDS, self._read[part] + most)
        if until > before:
            events = [self._event(part, offset) for offset in range(before, until)]
            self.drive.read(*events, partition=part)
            self._read[part] = until

    def plan(self) -> None:
        """Some time passes, or none."""
        self.drive.later(self.random.choice((0.0, 0.2, 1.0)))
        self.drive.plan()

    def post(self) -> None:
        """A POST is answered."""
        if self.drive.submits:
            refused, down = Refused("x", 400, without_words=True), Unavailable("no")
            self.drive.posted(self.drive.submits[0], self.random.choice((None, None, refused, down)))

    def poll(self) -> None:
        """A GET is answered."""
        if self.drive.polls:
            answer = self.random.choices((None, unfinished(), FAILED), (6, 2, 2))[0]
            self.drive.polled(self.random.choice(self.drive.polls), answer)

    def commit(self) -> None:
        """A commit is made."""
        if self.drive.commit:
            positions = self.drive.commit.positions
            self._stored |= {part: at for part, at in positions.items() if part in self._read}
            self.drive.committed()

    def end(self) -> None:
        """All partitions are here, and are read to their end; everything is answered."""
        while self._away:
            self.come()
        for part in PARTITIONS:
            self._read_on(part, RECORDS)
            if self.random.random() < 0.5:
                self.drive.plan()
        for poll in list(self.drive.polls):  # and nothing is planned in between
            self.drive.polled(poll)
        self.drive.run()


def test_what_adopted_records_displace_is_sent_once_and_in_the_end_all_is_settled() -> None:
    for seed in range(LIVES):
        life = Life(seed)
        happenings = (life.come, life.read, life.plan, life.post, life.poll, life.commit, life.go)
        weights = (15, 40, 15, 10, 13, 4, 3)
        for happening in life.random.choices(happenings, weights, k=life.random.randrange(10, 60)):
            happening()
        life.end()
        assert life.drive.at_rest(), f"life {seed}"
        assert [life.drive.engine.assignments[part].offsets.safe() for part in PARTITIONS] == [RECORDS] * 3
