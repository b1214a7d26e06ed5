"""The simulated broker: a consumer group, its committed offsets, and transactions on them.

What was verified on a real broker is modelled: a member may commit for any partition, but what it sent in
an old generation is refused; of two commits the later one in the log wins, even where it is lower, and a
transaction's offsets have their place where they were sent, not where it was committed; while a
transaction with offsets is open, nobody can read the committed offsets of its partitions. A coordinator
that skips the markers of the group's partition, because that has no leader just then, calls a transaction
complete whose offsets are not: the next one of the same producer that has offsets ends it, as it ends itself.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Protocol

from connector.model import Letter, Position, TopicPartition
from tests.simulation.loop import VirtualLoop

SESSION_TIMEOUT = 4.0
TRANSACTION_TIMEOUT = 10.0


class Client(Protocol):
    """A member's process, as the group's coordinator reaches it."""

    name: str

    @property
    def owning_since(self) -> float:
        """Since when it has owned something, and could commit; infinite if it does not."""

    def told(self, what: str, partitions: Sequence[TopicPartition]) -> None:
        """`assign`, `revoke` or `lost`: to be served at its next fetch."""


@dataclass(slots=True, eq=False)
class Member:
    """One membership: a process that is expelled and joins again has another one."""

    client: Client
    number: int
    generation: int = 0
    """The last that it was counted in. A group does not go on without a member that is handing over."""
    alive: bool = True


@dataclass(slots=True, eq=False)
class Proof:
    """Group metadata of a consumer: who asks, and of which generation."""

    member: Member
    generation: int


@dataclass(slots=True, eq=False)
class Transaction:
    """Letters and offsets that become visible together."""

    slot: str
    began: float
    letters: list[Letter] = field(default_factory=list)
    offsets: dict[TopicPartition, tuple[int, Position]] = field(default_factory=dict)
    state: str = "open"
    member: Member | None = None


class Witness(Protocol):
    """Whoever checks that promises are kept."""

    def commits(self, member: Member, positions: Mapping[TopicPartition, Position]) -> None: ...
    def committed(self, member: Member, positions: Mapping[TopicPartition, Position]) -> None: ...
    def lettered(self, letters: Sequence[Letter], *, surely: bool) -> None: ...
    def undone(self, partitions: Iterable[TopicPartition]) -> None: ...
    def said(self, *words: object) -> None: ...


class Broker:
    """State only; whoever calls it brings the delays."""

    def __init__(
        self, loop: VirtualLoop, rng: random.Random, partitions: Sequence[TopicPartition], witness: Witness
    ) -> None:
        self._loop = loop
        self._rng = rng
        self._witness = witness
        self._sequence = count(1)
        self._numbers = count(1)
        self.members: list[Member] = []
        self.generation = 0
        self.owners: dict[TopicPartition, Member | None] = dict.fromkeys(partitions)
        self._targets: dict[TopicPartition, Member] = {}
        self._asked: set[TopicPartition] = set()
        self._leaving: set[Member] = set()
        self.offsets: dict[TopicPartition, tuple[int, Position]] = {}
        """(place in the log, what is committed)."""
        self._open: dict[str, Transaction] = {}
        self._incomplete: dict[str, list[Transaction]] = {}
        """By the producer: what was committed without markers for its offsets."""
        self.topic_exists = True
        self.max_metadata = 4095
        self.before_give: Callable[[Member, TopicPartition], None] = lambda _member, _partition: None

    # -- the group -----------------------------------------------------------------------------

    def join(self, client: Client) -> Member:
        member = Member(client, next(self._numbers))
        self.members.append(member)
        self.rebalance()
        return member

    def leaves(self, member: Member) -> None:
        """It is about to, and hands over what it owns before it does."""
        self._leaving.add(member)

    def leave(self, member: Member, why: str) -> None:
        """It left, or its session timed out: its partitions go to others at once."""
        self._leaving.discard(member)
        if member not in self.members:
            return
        self._witness.said(member.client.name, "out of the group:", why)
        self.members.remove(member)
        member.alive = False
        for partition, owner in self.owners.items():
            if owner is member:
                self.owners[partition] = None
                self._asked.discard(partition)
        self.rebalance()

    def rebalance(self) -> None:
        """Choose anew who is to own what: cooperatively, only what moves is revoked."""
        self.generation += 1
        handing_over = {*self._leaving, *(self.owners[partition] for partition in self._asked)}
        for member in self.members:
            if member not in handing_over:
                member.generation = self.generation
        if not self.members:
            self._targets.clear()
            return
        places = list(self.owners)
        self._rng.shuffle(places)
        for index, partition in enumerate(places):
            self._targets[partition] = self.members[index % len(self.members)]
        for partition in self.owners:
            owner = self.owners[partition]
            if owner is None:
                self._give(partition)
            elif owner is not self._targets[partition] and partition not in self._asked:
                self._asked.add(partition)
                owner.client.told("revoke", [partition])

    def released(self, member: Member, partitions: Sequence[TopicPartition]) -> None:
        """The owner has let go."""
        for partition in partitions:
            if self.owners[partition] is member:
                self._asked.discard(partition)
                self.owners[partition] = None
                if self.members:
                    self._give(partition)
        # A new owner is only there once the old one has joined anew: what it sent before comes too late.
        member.generation = self.generation

    def _give(self, partition: TopicPartition) -> None:
        member = self._targets[partition]
        self.owners[partition] = member
        member.client.told("assign", [partition])

    def proof(self, member: Member) -> Proof:
        """A member that is connected learns of a new generation in the background."""
        return Proof(member, member.generation)

    @staticmethod
    def _proves(proof: Proof) -> bool:
        return proof.member.alive and proof.generation == proof.member.generation

    # -- plain commits -------------------------------------------------------------------------

    def commit(self, proof: Proof, positions: Mapping[TopicPartition, Position]) -> str:
        """Take positions; return why not, or nothing."""
        if not self._proves(proof):
            return "fenced"
        if any(len(position.metadata) > self.max_metadata for position in positions.values()):
            return "too_large"
        for partition, position in positions.items():
            self.offsets[partition] = (next(self._sequence), position)
        self._witness.commits(proof.member, positions)
        self._witness.committed(proof.member, positions)
        return ""

    def committed(self, partition: TopicPartition) -> Position | None:
        """What is committed, None for nothing. Ask `stable` first."""
        found = self.offsets.get(partition)
        return found[1] if found else None

    def stable(self, partition: TopicPartition) -> bool:
        """Whether no transaction that is open, or has no markers, has offsets of this partition."""
        unended = [*self._open.values(), *self.incomplete]
        return not any(partition in transaction.offsets for transaction in unended)

    @property
    def incomplete(self) -> list[Transaction]:
        """Transactions without markers, which keep offsets back."""
        return [each for some in self._incomplete.values() for each in some]

    # -- transactions --------------------------------------------------------------------------

    def opened(self, slot: str) -> None:
        """A producer of this transactional id began: what its predecessor left open is aborted."""
        before = self._open.get(slot)
        if before is not None:
            self.abort(before)

    def begin(self, slot: str) -> Transaction:
        self.opened(slot)
        transaction = self._open[slot] = Transaction(slot, self._loop.time())
        self._loop.call_later(TRANSACTION_TIMEOUT, self.abort, transaction)
        return transaction

    def send_offsets(
        self,
        transaction: Transaction,
        proof: Proof,
        positions: Mapping[TopicPartition, Position],
        *,
        for_good: bool = True,
    ) -> str:
        """Add offsets to a transaction; return why not, or nothing. Not `for_good`: it will be aborted."""
        if transaction.state != "open":
            return "producer"
        if not self._proves(proof):
            return "group"
        if any(len(position.metadata) > self.max_metadata for position in positions.values()):
            return "metadata_too_large"
        transaction.member = proof.member
        if for_good:
            self._witness.commits(proof.member, positions)
        for partition, position in positions.items():
            transaction.offsets[partition] = (next(self._sequence), position)
        return ""

    def commit_transaction(self, transaction: Transaction, *, complete: bool = True) -> bool:
        """Make it visible, its offsets only if it is `complete`; False if it was aborted meanwhile."""
        if transaction.state != "open":
            return transaction.state == "committed"
        transaction.state = "committed"
        del self._open[transaction.slot]
        self._witness.lettered(transaction.letters, surely=complete)
        if not complete:
            self._incomplete.setdefault(transaction.slot, []).append(transaction)
        elif transaction.offsets:
            for each in (*self._incomplete.pop(transaction.slot, ()), transaction):
                self._appear(each)
        return True

    def _appear(self, transaction: Transaction) -> None:
        """Its offsets are committed, but for those that have been committed anew since they were sent."""
        newer = {
            partition: found
            for partition, found in transaction.offsets.items()
            if found[0] > self.offsets.get(partition, (0, None))[0]
        }
        self.offsets.update(newer)
        if newer and transaction.member is not None:
            positions = {partition: position for partition, (_, position) in newer.items()}
            self._witness.committed(transaction.member, positions)

    def abort(self, transaction: Transaction) -> None:
        """Nothing of it was ever there; nor, if it has offsets, of those before it that have no markers."""
        if transaction.state == "open":
            transaction.state = "aborted"
            del self._open[transaction.slot]
            if transaction.offsets:
                for each in self._incomplete.pop(transaction.slot, ()):
                    self._witness.undone(each.offsets)
