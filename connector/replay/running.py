"""`replay`: the dry run, and the sending in batches that can be interrupted between any two."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence

from connector.options import Failed
from connector.replay import reporting, showing
from connector.replay.choosing import Standing
from connector.replay.failed import Interrupted
from connector.replay.reading import running_members
from connector.replay.replaying import Ready, Replay, Wish
from connector.replay.reporting import Result
from connector.replay.sending import SourceSender
from connector.replay.stopping import MOST_AT_ONCE, RateLimit, Stop
from connector.replay.submitting import Submission
from connector.replay.watching import Watching
from connector.settings import Settings

_INTERRUPTED = "interrupted: run the same command again to go on"


def replay_letters(settings: Settings, wish: Wish, *, as_json: bool) -> int:
    """Replay, or say what a replay would do. Returns the exit code."""
    result = Result()
    with (
        Stop() as stop,
        Watching("reaching Kafka") as watching,
        Replay(settings, wish, stop, watching) as replay,
    ):
        try:
            run = _Run(settings, replay, result, stop, watching)
            run.prepare()
        except Interrupted:
            raise Failed("interrupted while reading: nothing was sent") from None
        if not as_json:
            watching.pause()
            reporting.show_plan(replay, result)
        if wish.execute:
            run.send()
        watching.pause()
        if as_json:
            showing.show_json_rows(
                reporting.plain(replay, result), "letters", reporting.plain_letters(replay)
            )
        else:
            reporting.show_result(replay, result)
        if result.stopped:
            raise Failed(result.stopped)
        return 0 if result.good(replay) else 1


class _Run:
    """The run from its first look to its last batch."""

    def __init__(
        self, settings: Settings, replay: Replay, result: Result, stop: Stop, watching: Watching
    ) -> None:
        self._settings = settings
        self._replay = replay
        self._result = result
        self._stop = stop
        self._watching = watching
        self._sender: SourceSender | None = None

    def prepare(self) -> None:
        """Decide. The producer comes first: it ends what a killed run left open and readers wait for."""
        replay = self._replay
        if replay.wish.execute and replay.wish.target == "source":
            self._sender = SourceSender(self._settings.kafka, replay.desk.reader, replay.since.partitions)
            self._sender.open()
        replay.prepare()
        if replay.desk.doubt:
            sys.stderr.write(f"what was sent again isn't known: {replay.desk.doubt}\n")
        counts = replay.selection.counts()
        self._result.to_send = len(replay.selection.in_order())
        self._result.meant = self._result.to_send + sum(counts.values())

    def send(self) -> None:
        """Send all that is ready; what stops it is in the result."""
        began = time.monotonic()
        self._watching.step("sending", self._result.to_send)
        try:
            if self._replay.wish.target == "api":
                self._submit()
            else:
                self._send_to_source(began)
        except Interrupted:
            self._result.stopped = _INTERRUPTED
        except Failed as failed:
            self._result.stopped = (
                f"{failed}\nwhat was sent is remembered: run the same command again to go on"
            )
        self._result.seconds = time.monotonic() - began

    def _submit(self) -> None:
        """Have the API confirm them; a bar of confirmed ones is kept meanwhile."""
        members = running_members(self._settings.kafka)
        if members:
            who = "1 member" if members == 1 else f"{members} members"
            sys.stderr.write(
                f"group {self._settings.kafka.group_id} is at work ({who}): a device with a new "
                "event may be in two jobs at once; stop it meanwhile, or use --to source\n"
            )
        submission = Submission(self._settings, self._replay, self._stop, self._watching.reached)
        try:
            asyncio.run(submission.run())
        finally:
            self._result.sent = submission.confirmed
            self._result.unknown = submission.without_verdict

    def _send_to_source(self, began: float) -> None:
        limit = RateLimit(self._replay.wish.rate, MOST_AT_ONCE)
        while batch := self._replay.next_batch(limit.at_once):
            self._send_batch(batch)
            self._watching.reached(self._result.sent)
            if self._result.sent < self._result.to_send:
                self._stop.wait(limit.wait(self._result.sent, time.monotonic() - began))

    def _send_batch(self, batch: Sequence[Ready]) -> None:
        """Send a batch; where the topic refuses it, its halves, until those refused are alone."""
        if self._sender is None:
            raise RuntimeError("nobody opened the producer")
        progress = self._replay.progress
        spots = [spot for each in batch for spot in each.candidate.spots if not progress.is_done(spot)]
        progress.done(spots)
        sent = False
        try:
            refused = self._sender.send(batch, progress.positions({place for place, _ in spots}))
            sent = not refused
        finally:
            if not sent:
                progress.undo(spots)
        if sent:
            self._result.sent += len(batch)
            for each in batch:
                each.candidate.standing = Standing.SENT
        elif len(batch) == 1:
            batch[0].candidate.stay(Standing.REFUSED, f"the source topic refuses it: {refused[0]}")
            progress.refused(spots, "source")
            self._sender.send((), progress.positions({place for place, _ in spots}))
        else:
            middle = len(batch) // 2
            self._send_batch(batch[:middle])
            self._send_batch(batch[middle:])
