"""What is to be done next, and when to ask again if nothing happens before.

Given: the components. Gives: actions, each under way from then on: POSTs, GETs, at most one commit,
partitions to pause and to resume.
"""

from __future__ import annotations

from connector.core.actions import Action, Commit, Pause, Poll, Resume, Submit
from connector.core.batching.bounds import Bounds, OneRequest
from connector.core.components import Components
from connector.core.following.job import Job
from connector.core.holding_back.halts import May
from connector.core.tally import Stage
from connector.model import Route

AFTER_WITNESS = 1.0
"""Seconds from a witness's poll to that of the job for which it was polled: by then the witness was answered,
or nothing is."""


class Planning:
    """Plans the next actions. What is planned counts as under way in the components at once."""

    def __init__(self, components: Components) -> None:
        self._limits = components.limits
        self._tally = components.tally
        self._lanes = components.lanes
        self._ledger = components.ledger
        self._exposure = components.exposure
        self._reach = components.reach
        self._dispatch = components.dispatch
        self._tracking = components.tracking
        self._halts = components.halts
        self._gate = components.gate
        self._outages = components.outages
        self._adoption = components.adoption
        self._pressure = components.pressure
        self._concurrency = components.concurrency
        self._pace = components.pace
        self._orders = components.orders
        self._got_last = False
        """Whether the last request was a GET."""

    def plan(self, now: float) -> list[Action]:
        """Return what is to be done now. Each action is under way from here on and must be reported back."""
        actions: list[Action] = []
        self._adoption.note_progress(now)
        self._dispatch.wake(now, trials=self._gate.closed_until is not None)
        permits = self._gate.permits(now)
        if self._posts_first(now):
            permits = self._post(permits, now, actions)
            self._poll(permits, now, actions)
        else:
            permits = self._poll(permits, now, actions)
            self._post(permits, now, actions)
        self._concurrency.planned(len(self._dispatch.posting) + self._tracking.working)
        commit = self._commit(now)
        if commit is not None:
            actions.append(commit)
        pause, resume = self._pressure.change(self._ledger.assignments.values())
        if pause:
            assignments = [self._ledger.assignments[each] for each in pause]
            # Those at their end have nothing more to be fetched.
            self._tally.partitions_paused += sum(not each.at_end for each in assignments)
            actions.append(Pause(pause))
        if resume:
            actions.append(Resume(resume))
        return actions

    def _posts_first(self, now: float) -> bool:
        """Whether it is a POST's turn. GETs go first otherwise: what ends makes room.

        Under a limit they take turns, or jobs that never end would use all of it. A closed gate
        is tried by a POST every third time, and every second time where each GET failed before.
        """
        if self._gate.closed_until is None:
            return self._got_last and not self._pace.unlimited
        others = self._gate.failures % 2 == 0 and not self._tracking.has_spotless(now)
        return others or self._gate.turn_of_others

    def _post(self, permits: int, now: float, actions: list[Action]) -> int:
        """Add the POSTs that may go to `actions`; return how many permits are left."""
        while permits > 0 and (routes := self._routes(now)):
            most = permits if len(routes) == 1 else 1  # of several, each batch may change whose turn it is
            sent = next((sent for route in routes if (sent := self._submit(route, most, now, actions))), 0)
            if not sent:
                break
            permits -= sent
        return permits

    def _poll(self, permits: int, now: float, actions: list[Action]) -> int:
        """Add the GETs that are due to `actions`; return how many permits are left.

        As the trial of a closed gate a GET risks nothing.
        """
        while permits > 0 and self._pace.get_at() <= now:
            if self._gate.closed_until is None:
                jobs = self._tracking.due(now, permits if self._pace.unlimited else 1)
            else:
                jobs = self._tracking.trial(now)
            if not jobs:
                break
            for due in jobs:
                job = self._give_way_to_witness(due, now)
                job.polls.sent()
                self._gate.trial_started(now)
                self._pace.polled(now)
                self._got_last = True
                actions.append(Poll(job, detailed=not job.polls.without_details))
            permits -= len(jobs)
        return permits

    def _give_way_to_witness(self, job: Job, now: float) -> Job:
        """Return the job, or an ended one that tells whether it alone fails: then that goes first."""
        witness = self._outages.call_witness(job, now)
        if witness is None:
            return job
        self._tracking.poll_at(job, now + AFTER_WITNESS)
        return witness

    def flush(self, now: float) -> Commit | None:
        """Return a commit of all that can be committed, without waiting for more."""
        return self._commit(now, at_once=True)

    def _commit(self, now: float, *, at_once: bool = False) -> Commit | None:
        commit = self._ledger.plan(now, letters_wait=self._halts.letters_wait, at_once=at_once)
        if commit is not None:
            for partition in commit.positions:
                assignment = self._ledger.assignments[partition]
                if assignment.room is not None:
                    for batch in self._dispatch.posting.values():
                        self._reach.reserve(assignment, batch.events)
                if waiting := self._dispatch.waiting_for_checkpoint(assignment):
                    self._dispatch.take_back(assignment, self._reach.ready(assignment, waiting))
        return commit

    def _routes(self, now: float) -> list[Route]:
        """Return the routes with something to send, none while nothing may be."""
        if not self._orders.may_submit or self._adoption.recalling(now):
            return []
        routes = self._dispatch.routes(queued_first=self._gate.turn_of_others)
        # Mostly there are none: then nobody need count slots.
        return routes if routes and self._slots(now) > 0 else []

    def _slots(self, now: float) -> int:
        """Return how many batches may go: what the API, a crash and, where requests hang, memory can bear."""
        posting, unrecorded = len(self._dispatch.posting), self._ledger.unrecorded
        hanging = sum(at <= now for at in self._patient_until())
        limit = self._concurrency.limit
        by_jobs = limit - posting - self._tracking.occupying(limit)
        by_exposure = self._exposure.allowed - (posting - hanging) - unrecorded
        if not hanging:
            return min(by_jobs, by_exposure)
        return min(by_jobs, by_exposure, self._limits.max_unrecorded - posting - unrecorded)

    def _patient_until(self) -> list[float]:
        """Return from when on each request under way hangs: it holds up no other any more."""
        posting = self._dispatch.posting
        if not posting:
            return []
        patience = self._exposure.patience
        return [batch.sent_at + patience for batch in posting.values()]

    def _submit(self, route: Route, permits: int, now: float, actions: list[Action]) -> int:
        sent = 0
        bounded = any(each.bounded for each in self._ledger.assignments.values())
        stepped_back = self._lanes.step_back if self._lanes.overtaken else None
        only = self._outages.trial(self._limits.max_devices)
        while sent < permits and self._slots(now) > 0 and self._pace.post_at() <= now:
            allowed = self._may_submit(route.application, now)
            if allowed is May.NO:
                break
            if allowed is May.PROBE and only is None:
                only = OneRequest(self._limits.max_devices, untried_first=True)
            within = self._reach.within if bounded else None
            batch = self._dispatch.take_next(route, now, Bounds(within, stepped_back, only))
            if batch is None:
                break
            batch.sent_at = now
            batch.probe = allowed is May.PROBE
            if batch.probe:
                self._halts.probe_sent(route.application, now)
            self._gate.trial_started(now)
            self._pace.posted(len(batch.events), now)
            self._got_last = False
            self._dispatch.went(batch)
            if batch.ready_at:
                self._tally.stages.append((Stage.QUEUE, now - batch.ready_at, len(batch.events)))
            actions.append(Submit(batch))
            sent += 1
        return sent

    @property
    def supplied(self) -> bool:
        """Whether as much is ready as all jobs together may carry."""
        return self._dispatch.queued >= self._limits.max_in_flight * self._limits.max_devices

    def held_back(self, now: float) -> bool:
        """Whether a batch that could go waits for the limits of requests and devices alone."""
        return (
            self._pace.post_at() > now
            and self._gate.permits(now) > 0
            and any(
                (due := self._dispatch.due_at(route)) is not None
                and due <= now
                and self._may_submit(route.application, now) is May.YES
                for route in self._routes(now)
            )
        )

    def _may_submit(self, application: str, now: float) -> May:
        return self._halts.may_submit(application, self._tracking.jobs.values(), now)

    def wake_at(self, now: float) -> float | None:
        """Return when `plan` should be called if nothing happens before; None: not at all."""
        poll = self._tracking.wake_at()
        requests = [
            None if poll is None else max(poll, self._pace.get_at()),
            *(self._due_at(route, now) for route in self._routes(now)),
        ]
        request = min([time for time in requests if time is not None], default=None)
        if request is not None and self._gate.closed_until is not None:
            trial = self._gate.wake_at()
            request = None if trial is None else max(request, trial)
        commit = self._ledger.wake_at(letters_wait=self._halts.letters_wait)
        hanging = min([at for at in self._patient_until() if at > now], default=None)
        adopting = self._adoption.patient_until() if self._adoption.recalling(now) else None
        times = (request, hanging, adopting, self._dispatch.next_later(), commit)
        return min([time for time in times if time is not None], default=None)

    def _due_at(self, route: Route, now: float) -> float | None:
        """Return when a batch of this route may go, None if only a fact can change that."""
        due = self._dispatch.due_at(route)
        if due is None:
            return None
        due = max(due, self._pace.post_at())
        if self._may_submit(route.application, now) is not May.NO:
            return due
        probe_at = self._halts.probe_at(route.application)
        return None if probe_at is None or probe_at <= now else max(due, probe_at)
