"""The rules of the sandbox's faults: when one strikes, and what it does. `faults` has them all, by name."""

from __future__ import annotations

import random
import re
from typing import Annotated, Literal

import msgspec

from connector.model import Endpoint

Share = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
Seconds = Annotated[float, msgspec.Meta(ge=0.0)]
Count = Annotated[int, msgspec.Meta(ge=1)]


class Declared(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """What all of this file's structs share: immutable, and strict about names."""


class Latency(Declared, frozen=True):
    """How long a job takes from its POST to its end, in seconds.

    `constant` is always `seconds`; `exponential` has that mean; `uniform` lies between half
    and one and a half of it.
    """

    seconds: Seconds = 0.0
    distribution: Literal["constant", "exponential", "uniform"] = "constant"

    def draw(self, rng: random.Random) -> float:
        if not self.seconds or self.distribution == "constant":
            return self.seconds
        if self.distribution == "exponential":
            return rng.expovariate(1.0 / self.seconds)
        return rng.uniform(0.5, 1.5) * self.seconds


class Rule(Declared, frozen=True):
    """When a fault strikes. All that is given must hold.

    `share` is the probability of one strike, `next` how often it strikes at most; `after` and
    `until` are seconds since the faults were put in place.
    """

    share: Share = 1.0
    next: Count | None = None
    after: Seconds = 0.0
    until: Seconds | None = None
    endpoint: Endpoint | None = None


class DeviceRule(Rule, frozen=True):
    """A rule about devices: `prefix` or `regex` match any of a device's identifiers; without both, all do.

    With `steady`, `share` is a share of devices and always hits the same ones; else each
    attempt is drawn anew. With `first`, only that many of a device's first attempts are hit; those of
    one name in several applications count together.
    """

    prefix: str | None = None
    regex: str | None = None
    steady: bool = False
    first: Count | None = None

    def __post_init__(self) -> None:
        if self.regex is not None:
            try:
                re.compile(self.regex)
            except re.error as error:
                raise ValueError(f"regex {self.regex!r} is none: {error}") from error

    @property
    def about_devices(self) -> bool:
        """Whether it asks which device it is: a rule about a whole batch or job need not."""
        return self.steady or self.first is not None or self.prefix is not None or self.regex is not None


class RequestRule(Rule, frozen=True):
    """A rule about one HTTP call, POST or GET."""

    on: Literal["post", "get", "any"] = "any"


class Outage(RequestRule, frozen=True):
    """The API or a gateway before it is down: 503 as JSON, or 502 as text or HTML, or `status`."""

    form: Literal["json", "text", "html"] = "json"
    status: Annotated[int, msgspec.Meta(ge=500, le=599)] | None = None


class RateLimit(RequestRule, frozen=True):
    """429. `Retry-After` comes as seconds, as an HTTP date, or not at all."""

    retry_after: Literal["seconds", "date", "none"] = "seconds"
    seconds: Seconds = 1.0


class Unauthorized(RequestRule, frozen=True):
    """The credentials are refused with 401 (or 403), though they are right. Real GETs send none.

    200: inside of an envelope, as siblings of the API answer.
    """

    on: Literal["post", "get", "any"] = "post"
    status: Literal[200, 401, 403] = 401


class UnknownApplication(RequestRule, frozen=True):
    """400 `application not found`, though it exists."""

    on: Literal["post", "get", "any"] = "post"


class OddReply(RequestRule, frozen=True, kw_only=True):
    """A reply that says neither yes nor a clear no.

    `invalid_request`: the published message with 200. `envelope_210`: HTTP 200 around a
    `status_code` of 210. `gateway`: 400 with `code`, `message`, `details`. `nested_error`: 400 with
    `error.message`. `redirect`: 302. `html`: a page with 200. `empty`: 200 without a body.
    """

    form: Literal["invalid_request", "envelope_210", "gateway", "nested_error", "redirect", "html", "empty"]


class Slow(RequestRule, frozen=True):
    """The reply is held back for `seconds`; what it does is done at once."""

    seconds: Seconds = 1.0


class ReplyLost(RequestRule, frozen=True):
    """The call is carried out, then the connection is closed without a byte of reply."""


class Reset(RequestRule, frozen=True):
    """The call is carried out, then the connection is reset in the middle of the reply."""


class SizeLimit(Rule, frozen=True):
    """More devices or bytes than this is 413, or `status`."""

    max_devices: Count | None = None
    max_bytes: Count | None = None
    status: Literal[400, 413, 422] = 413


class BatchRefused(DeviceRule, frozen=True):
    """One such device and the whole batch is refused, without naming it; with 5xx it is not even that."""

    status: Literal[400, 422, 500, 502, 503] = 400


class JobLost(DeviceRule, frozen=True):
    """The job is forgotten after its POST: nobody knows its request_id.

    `applied`: it takes effect all the same.
    """

    applied: bool = False


class JobUnreadable(DeviceRule, frozen=True):
    """Each GET of the job is answered with `status` while there are such rules; it takes effect."""

    status: Literal[500, 502, 503] = 500


class JobStuck(DeviceRule, frozen=True):
    """The job never finishes and takes no effect; its progress stops at `progress`."""

    progress: Annotated[int, msgspec.Meta(ge=0, le=100)] = 99


class JobFailed(DeviceRule, frozen=True):
    """The job ends as Failed, with `message`; `unauthorized` and `application not found` are the known ones.

    `applied`: its devices were changed all the same, which nobody is told.
    """

    message: str = ""
    applied: bool = False


class TagRefused(DeviceRule, frozen=True):
    """The device is `done`, but its tags named here (none named: all) are not: each gets `answer`."""

    tags: tuple[str, ...] = ()
    answer: str = "tag not found"


class RowMissing(DeviceRule, frozen=True):
    """The device has no row in the report. `applied`: it was changed all the same."""

    applied: bool = True


class RowDuplicated(DeviceRule, frozen=True):
    """The device has two rows; with `contradicting`, the second one says `failed`."""

    contradicting: bool = False


class RowsUnnamed(DeviceRule, frozen=True):
    """Rows carry no identifiers, only their position. With `keep_hwid`, those sent by hwid keep it."""

    keep_hwid: bool = False


class RowsForeign(DeviceRule, frozen=True):
    """The report has `rows` rows more, about devices that were never in the job."""

    rows: Count = 1


class RowsLate(DeviceRule, frozen=True):
    """All rows but the first `rows` are in the report `seconds` after the job is Completed, not before.

    With a `status` they are there, and have that one until then.
    """

    seconds: Seconds = 1.0
    rows: Annotated[int, msgspec.Meta(ge=0)] = 0
    status: str | None = None


class RowsAtMost(DeviceRule, frozen=True):
    """The report has the first `rows` rows and never more."""

    rows: Count = 1


class StatusWords(Rule, frozen=True):
    """The words that a job's status is told in."""

    unfinished: str = "in-progress"
    completed: str = "completed"
    failed: str = "failed"


class Counters(Rule, frozen=True, kw_only=True):
    """Counters as strings, or as lies: every device counted as a success."""

    form: Literal["strings", "lying"]
