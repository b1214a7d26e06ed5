"""The simulated way to the API: the sandbox's Audience behind requests that take time and get lost."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from connector.answers import PollAnswer, PostAnswer, Unavailable, Unsent
from connector.model import Endpoint
from connector.pushwoosh.wire import read_poll, read_post
from connector.sandbox.audience import Audience, Options
from connector.sandbox.faults import Faults, faults_from
from connector.sandbox.jobs import Job
from connector.sandbox.outcomes import Row, Workshop
from connector.sandbox.replies import Reply
from connector.sandbox.triggers import Triggers
from tests.simulation.records import DEFAULT, TOKENS
from tests.simulation.spoilers import SPOILED

if TYPE_CHECKING:
    from tests.simulation.instance import Instance

TAGS = Endpoint.TAGS.value
ALWAYS: dict[str, Any] = {
    "device_failed": [{"prefix": "bad-"}, {"prefix": "moody-", "share": 0.5}],
    "device_not_found": [{"prefix": "ghost-"}, {"prefix": "shaky-", "first": 2}],
    "batch_refused": [{"prefix": "poison-"}],
    "tag_refused": [{"tags": ["forbidden"]}],
}
"""What is the matter with devices and tags, from the first to the last day."""


def quiet(seconds: float, spoiler: str) -> Faults:
    """Nothing goes wrong but what is wrong with devices and tags themselves."""
    latency = {"seconds": seconds, "distribution": "exponential"}
    return faults_from({"latency": latency, **ALWAYS, **SPOILED[spoiler]})


def calm(seconds: float) -> Faults:
    """Nothing goes wrong at all."""
    return faults_from({"latency": {"seconds": seconds, "distribution": "uniform"}})


def random_faults(rng: random.Random, now_until: float, spoiler: str) -> Faults:
    """A bad time of the API: some faults, each for a while. `now_until`: seconds that it lasts at most."""
    plain: dict[str, Any] = {
        "latency": {
            "seconds": rng.choice((0.0, 0.05, 0.3, 1.0, 4.0)),
            "distribution": rng.choice(("constant", "exponential", "uniform")),
        },
        "unknown_job_status": rng.choice((400, 404)),
        **ALWAYS,
        **SPOILED[spoiler],
    }
    names = rng.sample(sorted(_FAULTS), rng.choice((0, 1, 1, 2, 3)))
    if spoiler == "unreadable":  # a job that was so for a while would be so for ever
        names = [name for name in names if name != "job_unreadable"]
    for name in names:
        rule = _FAULTS[name](rng)
        rule.setdefault("until", round(rng.uniform(0.2, now_until), 3))
        plain[name] = [rule, *plain.get(name, ())]
    if "rows_unnamed" in plain:  # rows known by their place alone, moved unseen: nobody could tell
        for name in ("rows_shuffled", "rows_foreign", "row_missing", "row_duplicated", "rows_at_most"):
            plain.pop(name, None)
    if plain.keys() & {
        "rows_at_most",
        "rows_late",
    }:  # nobody's rows, or one's twice, may take the place of any
        for name in ("rows_foreign", "row_duplicated"):
            plain.pop(name, None)
    if "row_missing" in plain:  # a foreign row in its place may name, by a hwid, whom we know by a user_id
        plain.pop("rows_foreign", None)
    return faults_from(plain)


def no_answers(rng: random.Random, spoiler: str) -> Faults:
    """Nothing answers as it should, for as long as these faults are in place."""
    down = {"form": rng.choice(("json", "text", "html")), "share": 1.0, "on": "any"}
    return faults_from({"outage": [down], **ALWAYS, **SPOILED[spoiler]})


def _share(rng: random.Random) -> float:
    return rng.choice((0.1, 0.3, 0.6))


_FAULTS: dict[str, Callable[[random.Random], dict[str, Any]]] = {
    "outage": lambda rng: {
        "form": rng.choice(("json", "text", "html")),
        "share": rng.choice((0.3, 1.0)),
        "on": rng.choice(("any", "post", "get")),
    },
    "rate_limit": lambda rng: {
        "share": _share(rng),
        "retry_after": rng.choice(("seconds", "date", "none")),
        "seconds": rng.choice((0.5, 3.0)),
    },
    "unauthorized": lambda rng: {
        "on": rng.choice(("any", "post", "get")),
        "status": rng.choice((200, 401, 403)),
    },
    "unknown_application": lambda rng: {"on": rng.choice(("any", "post"))},
    "odd_reply": lambda rng: {
        "form": rng.choice(("redirect", "html", "empty")),
        "share": _share(rng),
    },
    "reply_lost": lambda rng: {"share": _share(rng), "on": rng.choice(("any", "post"))},
    "reset": lambda rng: {"share": _share(rng)},
    "slow": lambda rng: {"share": _share(rng), "seconds": rng.choice((0.5, 2.0, 12.0))},
    "size_limit": lambda rng: {"max_devices": rng.choice((1, 2, 4))},
    "batch_refused": lambda rng: {"share": 0.3, "steady": True, "status": rng.choice((400, 422, 500))},
    "job_lost": lambda rng: {"share": _share(rng), "applied": rng.random() < 0.5},
    "job_unreadable": lambda rng: {"share": 0.2, "status": rng.choice((500, 503))},
    "job_stuck": lambda rng: {"share": 0.2, "progress": rng.choice((0, 50, 100))},
    "job_failed": lambda rng: {
        "share": _share(rng),
        "message": rng.choice(
            ("", "internal error", "unauthorized", "application not found", "busy, retry later")
        ),
        "applied": rng.random() < 0.5,
    },
    "device_failed": lambda _rng: {"share": 0.1},
    "device_not_found": lambda _rng: {"share": 0.3},
    "tag_refused": lambda _rng: {"share": 0.2},
    "row_missing": lambda rng: {"share": 0.3, "applied": rng.random() < 0.5},
    "row_duplicated": lambda rng: {"share": 0.3, "contradicting": rng.random() < 0.3},
    "rows_shuffled": lambda _rng: {},
    "rows_unnamed": lambda rng: {"share": 0.5, "keep_hwid": rng.random() < 0.5},
    "rows_foreign": lambda rng: {"rows": rng.choice((1, 3))},
    "rows_late": lambda rng: {
        "share": _share(rng),
        "seconds": rng.choice((0.3, 2.0, 8.0)),
        "rows": rng.choice((0, 0, 1)),
        "status": rng.choice((None, None, "pending", "")),
    },
    "rows_at_most": lambda rng: {"rows": rng.choice((1, 2, 5))},
    "status_words": lambda rng: {"unfinished": rng.choice(("in-progress", "queued", ""))},
    "counters": lambda rng: {"form": rng.choice(("strings", "lying"))},
}


class _Watched(Workshop):
    """A workshop that says what each job's report tells, before rows are shuffled or lose their names."""

    told: Callable[[Job, list[Row]], None]

    def _disguise(self, job: Job, rows: list[Row], triggers: Triggers, now: float) -> tuple[list[Row], bool]:
        self.told(job, rows)
        return super()._disguise(job, rows, triggers, now)


class WatchedAudience(Audience):
    """The double, with an eye on what it really does with each job."""

    def __init__(
        self,
        rng: random.Random,
        faults: Faults,
        now: float,
        told: Callable[[Job, list[Row]], None],
        ended: Callable[[Job], None],
    ) -> None:
        self._told = told
        self._ended = ended
        # Where nothing else is sent and the API has forgotten every ended job, nothing tells one that can't
        # be read from an outage: it waits for the next event, for which these worlds have none.
        options = Options(journal=True, application=DEFAULT, retention=1e9)
        super().__init__(rng, options, faults, now)
        self.mistake("")

    def reset(self, now: float) -> None:
        super().reset(now)
        workshop = _Watched(self.devices, None, self.journal, self._rng)
        workshop.told = self._told
        self._workshop = workshop

    def _end(self, job: Job, now: float) -> None:
        super()._end(job, now)
        self._ended(job)

    def stand_still(self, seconds: float, now: float) -> None:
        """Work on nothing for so long: jobs that are unfinished end that much later."""
        self.advance(now)
        for _, _, job in self._jobs._due:
            job.due += seconds
        self._jobs._due = [(due + seconds, number, job) for due, number, job in self._jobs._due]

    def mistake(self, application: str) -> None:
        """Take another token for this application than the one that is configured; empty: the right ones."""
        tokens: dict[str, str | None] = {**TOKENS, **({application: "another"} if application else {})}
        self.mistaken = application
        self.options = msgspec.structs.replace(self.options, token=tokens.pop(DEFAULT), applications=tokens)

    def newest(self) -> Job:
        """The job that was accepted last."""
        return max((entry[2] for entry in self._jobs._due), key=lambda job: job.number)


class SimulatedClient:
    """What `AudienceClient` is to `Sending`. Requests that are on their way arrive even after a crash."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._world = instance.world

    async def post(
        self, endpoint: Endpoint, body: bytes, *, may_go: Callable[[], bool], **_: object
    ) -> PostAnswer:
        world, instance = self._world, self._instance
        if not may_go():
            return Unsent("it is not to be sent any more")
        assignments = world.oracle.assignments(instance)
        known = {job.request_id for job in instance.engine.components.tracking.jobs.values()}
        member, thaws = instance.source.member, instance.thaws
        await instance.nap("post goes")
        if instance.thaws != thaws:  # it was not written yet
            if not may_go():
                return Unsent("it is not to be sent any more")
            assignments = world.oracle.assignments(instance)
        world.oracle.sends(instance)
        if member is None or not member.alive:
            assignments = {}  # expelled while its request was on the way: nobody could know
        if world.chance(world.trouble.no_connection):
            return Unavailable("no connection")
        if world.chance(world.trouble.post_arrives_late):
            self._arrive_late(endpoint, body)

        reply = world.audience.post(endpoint, body, world.loop.time())
        world.oracle.posted(instance, body, reply, assignments, known)
        await self._way_back(reply)
        if reply.cut:
            return Unavailable("the reply was lost", maybe_accepted=True)
        answer = read_post(reply.status, reply.body, reply.headers.get("retry-after"), instance.clock.wall())
        world.said(instance.name, "POST", answer)
        return answer

    def _arrive_late(self, endpoint: Endpoint, body: bytes) -> None:
        """The process dies now, and its request arrives all the same."""
        world, instance = self._world, self._instance

        def arrive() -> None:
            reply = world.audience.post(endpoint, body, world.loop.time())
            world.oracle.posted(instance, body, reply, {}, set())

        world.loop.call_later(world.rng.random(), arrive)
        instance.crash("its POST arrives late")
        raise asyncio.CancelledError

    async def poll(self, endpoint: Endpoint, request_id: str, *, detailed: bool, **_: object) -> PollAnswer:
        world = self._world
        await self._instance.nap("poll goes")
        if world.chance(world.trouble.no_connection):
            return Unavailable("no connection")
        reply = world.audience.get(endpoint, request_id, detailed, world.loop.time())
        await self._way_back(reply)
        if reply.cut:
            return Unavailable("the reply was lost")
        wall = self._instance.clock.wall()
        retry_after = reply.headers.get("retry-after")
        answer = read_poll(reply.status, reply.body, retry_after, wall, request_id=request_id)
        world.oracle.polled(request_id, answer)
        world.said(self._instance.name, "GET", request_id[:4], answer)
        return answer

    async def _way_back(self, reply: Reply) -> None:
        if reply.delay:
            await asyncio.sleep(reply.delay)
        await self._instance.nap("reply comes back")
