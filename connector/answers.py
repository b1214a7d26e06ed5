"""What the API can answer to one HTTP call. A leaf beside the nouns of `model.py`.

`pushwoosh/wire.py` makes these of replies, `pushwoosh/client.py` and `running/sending.py` where there is
none; `core/posted.py` and `core/polled.py` act on them.
"""

from __future__ import annotations

from enum import StrEnum
from http import HTTPStatus

import msgspec

from connector.model import Cause


class Row(msgspec.Struct, gc=False):
    """One device of a detailed report (API contract): identifiers, status and per-tag answers."""

    hwid: str | None = None
    user_id: str | None = None
    push_token: str | None = None
    status: str = ""
    tags: dict[str, str] | None = None


class JobState(StrEnum):
    """What a job's status word means here: anything but the two ends is unfinished."""

    UNFINISHED = "unfinished"
    COMPLETED = "completed"
    FAILED = "failed"


class GateCause(StrEnum):
    """Why the API counts as down, in a word: the metric label `cause` of a closed gate."""

    NO_REPLY = "no_reply"
    TOO_MANY_REQUESTS = "too_many_requests"
    SERVER_ERROR = "server_error"
    DENIED = "denied"
    """This request alone, as others were answered: else it is a halt."""
    UNREADABLE_REPLY = "unreadable_reply"


class Accepted(msgspec.Struct, frozen=True):
    """The POST made a job."""

    request_id: str


class Refused(msgspec.Struct, frozen=True):
    """The API won't take this batch (400, 413, 422, or a 2xx that says so and names no job)."""

    message: str
    http_status: int
    without_words: bool = False
    """Whether the reply is no JSON object: perhaps a gateway's page, and not what the API says."""

    @property
    def too_large(self) -> bool:
        """Whether it is for its size (RFC 9110, 413)."""
        return self.http_status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class Unavailable(msgspec.Struct, frozen=True):
    """The API is down or overloaded: no connection, a time-out, 429, 5xx, an unreadable reply.

    `http_status` is 0 where no reply came. `meant` is the status that the reply's envelope or wording
    implies; 0 if it is `http_status`. `retry_after` is in seconds. `maybe_accepted` is true where the request
    may have reached the API: sending it again may apply it twice.
    """

    message: str
    http_status: int = 0
    retry_after: float | None = None
    maybe_accepted: bool = False
    meant: int = 0

    @property
    def cause(self) -> GateCause:
        """Why, in a word."""
        status = self.meant or self.http_status
        if status == 0:
            return GateCause.NO_REPLY
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            return GateCause.TOO_MANY_REQUESTS
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            return GateCause.DENIED
        server_error = status >= HTTPStatus.INTERNAL_SERVER_ERROR
        return GateCause.SERVER_ERROR if server_error else GateCause.UNREADABLE_REPLY

    @property
    def overloaded(self) -> bool:
        """Whether the API asks for fewer requests (RFC 6585, 429; RFC 9110, 503)."""
        status = self.meant or self.http_status
        return status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)


class Unsent(msgspec.Struct, frozen=True):
    """The request never left: at the last moment it turned out that this process may not send it any more."""

    message: str


class Denied(msgspec.Struct, frozen=True):
    """Nothing will work until a person fixes it: credentials, application or address.

    `http_status` is 0 where nobody was asked: the application isn't configured.
    `by_words`: only the message says so; it may be about a device that is named like what it seems to blame.
    `of_job`: the report of a job says so: the job has ended, and to poll it was not denied.
    """

    cause: Cause
    message: str
    http_status: int
    by_words: bool = False
    of_job: bool = False

    def as_unavailable(self) -> Unavailable:
        """Return what it is where others have just been told otherwise: the API's failure, not a person's."""
        return Unavailable(self.message, self.http_status)


class JobUnknown(msgspec.Struct, frozen=True):
    """The GET's request_id means nothing to the API (400, 404, 410, 422, or a 2xx that blames it)."""

    message: str
    http_status: int


class JobReport(msgspec.Struct, frozen=True):
    """A job's status. `progress` is percent, -1 where none was given; `rows` is None without details.

    `word` is the status as the API wrote it. The API's counters are not carried: its own
    published example contradicts them.
    """

    state: JobState
    word: str
    progress: int = -1
    rows: list[Row] | None = None
    message: str = ""
    overloaded: bool = False
    """It Failed, and says nothing but that the API has no time for it: its devices are not to blame."""


PostAnswer = Accepted | Refused | Unavailable | Denied | Unsent
PollAnswer = JobReport | JobUnknown | Unavailable | Denied
