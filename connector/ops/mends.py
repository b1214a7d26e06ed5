"""What a person can do about a halt, in words: of settings, signals and commands.

Given: a halt, or its cause and application. Gives: the words for the log, `/readyz`, the status and commands.
"""

from __future__ import annotations

from connector.core.holding_back.halts import Halt
from connector.model import Cause

MENDS = {
    Cause.UNAUTHORIZED: "check pushwoosh.token (or the file of pushwoosh.token_file) and that it may use "
    "this application; a changed file is read at once",
    Cause.UNKNOWN_APPLICATION: "check pushwoosh.application: the API does not know it",
    Cause.WRONG_URL: "check pushwoosh.url: what answers there is not the Audience API",
    Cause.BRAKE: "mend the cause, then restart: they are sent once more; or send SIGHUP (call `release` "
    "inside another program): they become dead letters, and it goes on",
    Cause.PAUSED: "POST /resume, or restart, to go on",
}
"""What to do about each cause. `Cause.DATA_LOSS` brings its own words."""

_MENDS_OF_ANOTHER = {
    Cause.UNAUTHORIZED: "check the token of [applications.{code}] (or the file of its token_file) and that "
    "it is this application's; a changed file is read at once",
    Cause.UNKNOWN_APPLICATION: "check the code in [applications.{code}]: the API does not know it",
}
"""What to do where another application's settings are wrong, and not those of the default one."""


def mend_of(cause: Cause, application: str = "") -> str:
    """Say what to do about a cause; `application` is whose settings are wrong, empty for the default one."""
    if application and cause in _MENDS_OF_ANOTHER:
        return _MENDS_OF_ANOTHER[cause].format(code=application)
    return MENDS.get(cause, "see the message")


def mend_for(halt: Halt) -> str:
    """Say what to do about a halt: what whoever halted says or, if that is nothing, what the cause does."""
    return halt.mend or mend_of(halt.cause, halt.application)
