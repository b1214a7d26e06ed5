"""The sandbox's figures: what it received and did, and what a correct client would not have done."""

from __future__ import annotations

from collections import Counter

import msgspec

from connector.sandbox.ledger import Violations


class Stats(msgspec.Struct, kw_only=True):
    """Everything since the start or the last reset.

    `replies` counts by call and HTTP status, such as `post 200`; `post cut` never arrived.
    `devices_received` counts the devices of accepted POSTs, `devices_by_application` each application's;
    `verdicts` those of Completed jobs by their true status. `jobs` counts those that were accepted, by what
    has become of them; `lost` and `orphaned` ones are in the others too. `submitted_again` and
    `submitted_twice` are `Submissions.again` and `.needless` (not counted in light mode). `operator_missing`
    counts tag changes without `list_operator`. `strikes` counts each fault since it was put in place.
    """

    posts: int
    gets: int
    replies: dict[str, int]
    devices_received: int
    devices_by_application: dict[str, int]
    devices_known: int
    jobs: dict[str, int]
    most_jobs_unfinished: int
    verdicts: dict[str, int]
    submitted_again: int
    submitted_twice: int
    operator_missing: int
    violations: Violations
    strikes: dict[str, int]


class Tally:
    """The plain counts among them, as they grow."""

    def __init__(self) -> None:
        self.posts = 0
        self.gets = 0
        self.replies: Counter[str] = Counter()
        self.received: Counter[str] = Counter()
        """Devices of accepted POSTs by application."""
        self.operator_missing = 0
        self.jobs: Counter[str] = Counter()
        self.unfinished = 0
        self.most_unfinished = 0
        self.verdicts: Counter[str] = Counter()

    def begun(self, *, lost: bool, orphan: bool) -> None:
        self.jobs["accepted"] += 1
        self.jobs["lost"] += lost
        self.jobs["orphaned"] += orphan
        self.unfinished += 1
        self.most_unfinished = max(self.most_unfinished, self.unfinished)

    def ended(self, end: str) -> None:
        self.jobs[end] += 1
        self.unfinished -= 1
