"""The simulated dead-letter producer: what `DeadLetters` is to `Consuming`, without Kafka."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, cast

from connector.kafka.letters.unwritable import Fenced, LettersUnwritable
from connector.model import Letter, Position, TopicPartition
from tests.simulation.broker import TRANSACTION_TIMEOUT, Proof, Transaction
from tests.simulation.records import LogRecord

if TYPE_CHECKING:
    from tests.simulation.instance import Instance

UNKNOWN_FOR = 3.0
"""Seconds at most that a commit's outcome stays unknown."""


class SimulatedLetters:
    """Writes go on in a thread of their own, as the real ones: whoever cancels a write does not stop it."""

    def __init__(self, instance: Instance, *, exactly_once: bool) -> None:
        self._instance = instance
        self._world = instance.world
        self._broker = instance.world.broker
        self._turn = asyncio.Lock()
        self.commits_positions = exactly_once
        self.doubtful = False
        self._last: Mapping[TopicPartition, Position] = {}
        """What the transaction that may be incomplete has carried."""

    @property
    def doubtful_partitions(self) -> set[TopicPartition]:
        return set(self._last) if self.doubtful else set()

    async def start(self) -> None:
        """The producer of this transactional id is opened: its predecessor's transaction is aborted."""
        if self.commits_positions:
            self._broker.opened(self._instance.slot)

    def let_go(self, partitions: Collection[TopicPartition]) -> None:
        """Nothing is told of refused letters here."""

    async def close(self) -> None:
        """Let a running write end."""
        async with self._turn:
            pass

    async def write(
        self, letters: Sequence[Letter], positions: Mapping[TopicPartition, Position], metadata: object
    ) -> None:
        work = asyncio.get_running_loop().create_task(self._outcome(letters, positions, metadata))
        failure = await asyncio.shield(work)
        if failure is not None:
            raise failure

    async def _outcome(
        self, letters: Sequence[Letter], positions: Mapping[TopicPartition, Position], metadata: object
    ) -> Exception | None:
        try:
            await self._in_turn(letters, positions, metadata)
        except (LettersUnwritable, Fenced) as failure:
            return failure
        return None

    async def _in_turn(
        self, letters: Sequence[Letter], positions: Mapping[TopicPartition, Position], metadata: object
    ) -> None:
        async with self._turn:
            nap = self._instance.nap
            await nap("letters go")
            if letters and not self._broker.topic_exists:
                raise LettersUnwritable("topic_missing", "simulated")
            if self.commits_positions:
                transaction = self._broker.begin(self._instance.slot)
                try:
                    await self._in_transaction(transaction, letters, positions, cast(Proof, metadata))
                except (LettersUnwritable, Fenced):
                    self._broker.abort(transaction)
                    raise
            else:
                await self._one_by_one(letters)

    async def _in_transaction(
        self,
        transaction: Transaction,
        letters: Sequence[Letter],
        positions: Mapping[TopicPartition, Position],
        proof: Proof,
    ) -> None:
        nap, world = self._instance.nap, self._world
        transaction.letters = list(letters)
        await nap("letters are produced")
        self._refuse(letters)
        if world.chance(world.trouble.aborted):
            world.said(self._instance.name, "transaction aborted")
            raise LettersUnwritable("unavailable", "simulated")
        why = self._broker.send_offsets(transaction, proof, positions)
        world.said(self._instance.name, "offsets in transaction", why or "taken")
        if why == "metadata_too_large":
            raise LettersUnwritable("metadata_too_large", why)
        if why:
            raise self._shut_out(transaction, why)
        await nap("transaction's commit goes")
        if world.chance(world.trouble.aborted):
            raise LettersUnwritable("unavailable", "aborted at its end")
        lost_request = world.chance(world.trouble.outcome_unknown)
        if lost_request:  # it is asked again until the coordinator says what became of it
            await asyncio.sleep(world.rng.random() * UNKNOWN_FOR)
        complete = not world.chance(world.trouble.incomplete)
        if not self._broker.commit_transaction(transaction, complete=complete):
            raise self._shut_out(transaction, "producer")
        world.said(self._instance.name, "letters written", [letter.record.offset() for letter in letters])
        # A connection was lost right after it: that much is to be seen of missing markers.
        self.doubtful, self._last = not complete or world.chance(world.trouble.aborted), positions
        self._instance.source.poke()  # a real fetch returns soon and has it seen
        if not complete:
            world.said(self._instance.name, "has no markers for", [*positions])
            if world.chance(0.3):  # the group's coordinator moves, too, and loses sight of a member
                world.happenings.expel(self._instance)
        await nap("transaction was committed")
        if world.chance(world.trouble.outcome_unknown):
            await asyncio.sleep(world.rng.random() * UNKNOWN_FOR)

    async def undo(self, metadata: object) -> None:
        """Abort one that touches what the last one has left behind, if that keeps it back."""
        self._world.oracle.undoes(self._instance, self.doubtful_partitions)
        async with self._turn:
            await self._instance.nap("is it complete?")
            found = {partition: self._broker.committed(partition) for partition in self._last}
            ahead = [self._last[p].offset - (at.offset if at else -1) for p, at in found.items()]
            if min(ahead) < 0 or not any(ahead):  # as `Doubt.incomplete` asks
                raise LettersUnwritable("unavailable", "it is complete")
            transaction = self._broker.begin(self._instance.slot)
            why = self._broker.send_offsets(transaction, cast(Proof, metadata), self._last, for_good=False)
            await self._instance.nap("an abort goes")
            self._broker.abort(transaction)
            self._world.said(self._instance.name, "undoes its last transaction:", why or "done")
            if why:
                raise self._shut_out(transaction, why)
            self.doubtful = False

    def _shut_out(self, transaction: Transaction, why: str) -> LettersUnwritable | Fenced:
        """Say by whom, as the real one does: what took too long was aborted by the coordinator."""
        if why != "producer":
            return Fenced("group", why)
        if self._world.loop.time() - transaction.began >= TRANSACTION_TIMEOUT:
            return LettersUnwritable("unavailable", "the transaction took too long and was aborted")
        return Fenced("producer", why)

    async def _one_by_one(self, letters: Sequence[Letter]) -> None:
        """At least once: some may be in the topic when it fails."""
        self._refuse(letters)
        for letter in letters:
            await self._instance.nap("letter goes")
            self._world.oracle.lettered([letter])
            if self._world.chance(self._world.trouble.aborted):
                raise LettersUnwritable("unavailable", "some were written")

    def _refuse(self, letters: Sequence[Letter]) -> None:
        """Refuse those letters that the topic won't take as they are, for a time."""
        refused = {
            index: "simulated"
            for index, letter in enumerate(letters)
            if cast(LogRecord, letter.record).id in self._world.unwritable
        }
        if refused:
            self._world.said(self._instance.name, "letters refused", refused)
            raise LettersUnwritable("letters", "simulated", refused)
