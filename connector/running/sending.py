"""Carries out the engine's requests to the API: one task each, the answer goes back as a fact."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine
from typing import Any

from connector.answers import Denied, PostAnswer, Unavailable
from connector.core.actions import Poll, Submit
from connector.core.assigned.assignment import Assignment
from connector.core.batching.batch import Batch
from connector.credentials import Credentials
from connector.model import Cause, Endpoint
from connector.pulse import Pulse, fault
from connector.pushwoosh.client import AudienceClient
from connector.pushwoosh.wire import request_body
from connector.settings import Pushwoosh
from connector.tracing.watch import Observer


class Sending:
    """Makes the calls to the API, all at once, and reports each answer to the engine."""

    def __init__(
        self,
        pulse: Pulse,
        client: AudienceClient,
        settings: Pushwoosh,
        credentials: Credentials,
        observer: Observer | None = None,
        *,
        may_still_send: Callable[[], bool] = lambda: True,
    ) -> None:
        """`may_still_send` tells whether this process may still send what it decided a moment ago."""
        self._pulse = pulse
        self._client = client
        self._settings = settings
        self._credentials = credentials
        self._observer = observer or Observer()
        self._may_still_send = may_still_send
        self._tasks: set[asyncio.Task[None]] = set()
        self.failure = ""
        """Why this process can't go on, once that is so: an answer could not be taken in."""

    def submit(self, action: Submit) -> None:
        """POST a batch."""
        self._start(self._submit(action))

    def poll(self, action: Poll) -> None:
        """GET a job's status."""
        self._start(self._poll(action))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self.failure = f"an answer of the API: {fault(error)}"
        self._pulse.ring()

    async def _submit(self, action: Submit) -> None:
        batch = action.batch
        self._observer.submitting(batch)
        try:
            answer = await self._post(batch)
        except Exception as error:  # noqa: BLE001 -- whatever it is, the batch must come back
            answer = Unavailable(f"{type(error).__name__}: {error}", maybe_accepted=True)
        self._pulse.engine.posted(batch, answer, self._pulse.clock())
        self._observer.posted(batch, answer)

    async def _post(self, batch: Batch) -> PostAnswer:
        token = self._credentials.token(batch.application)
        if token is None:  # adopted from before the configuration changed: no other token will do
            return Denied(
                Cause.UNKNOWN_APPLICATION, f"[applications.{batch.application}] isn't configured any more", 0
            )
        body = request_body(
            self._settings.code_of(batch.application),
            token,
            batch.rows(),
            self._settings.create_missing_tags if batch.endpoint is Endpoint.TAGS else None,
        )
        assignments = batch.assignments()
        return await self._client.post(
            batch.endpoint, body, application=batch.application, may_go=lambda: self._may_go(assignments)
        )

    def _may_go(self, assignments: Collection[Assignment]) -> bool:
        """Whether a batch may still be written to its connection.

        Not once one of its partitions is another owner's: this process may have stood still since the batch
        was planned. Nor when a partition was assigned meanwhile: a job adopted with it may hold the same
        device.
        """
        pulse = self._pulse
        ours = self._may_still_send() and all(each.live for each in assignments)
        return ours and not pulse.engine.recalling(pulse.clock())

    async def _poll(self, action: Poll) -> None:
        job = action.job
        polled_at = self._pulse.clock()
        try:
            answer = await self._client.poll(
                job.endpoint, job.request_id, detailed=action.detailed, application=job.application
            )
        except Exception as error:  # noqa: BLE001 -- whatever it is, the job must be polled again
            answer = Unavailable(f"{type(error).__name__}: {error}")
        now = self._pulse.clock()
        self._observer.judging(job, answer, detailed=action.detailed, seconds=now - polled_at)
        self._pulse.engine.polled(job, answer, polled_at, now)
        self._observer.judged(job, answer)

    async def close(self) -> None:
        """Cancel what is under way and close the connections."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._client.close()
