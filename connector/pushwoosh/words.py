"""What the API says in words: where a reply keeps its message, and whom that message blames.

Error bodies are unpublished. The shapes here are those of sibling endpoints, and the words that
tell wrong credentials from bad data are guesses broad enough for their wordings; a guess that
says "credentials" stops the flow, which loses nothing, so it may err on that side.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import msgspec

from connector.model import Cause
from connector.values import without_secret

_SHOWN = 200
"""Characters of a message that are kept."""
_LOOKED_AT = 20_000
"""Characters of a message or bytes of a body that are looked at."""

_MISSING = (
    r"(?:not\s+(?:be\s+)?found|unknown|un?recogni[sz]ed|no\s+such|not\s+exist|n['\u2019]t\s+exist|deleted|disabled"
    r"|(?:can(?:no|['\u2019])t|could\s*n[o'\u2019]t|unable\s+to)\s+find|blocked|archived)"
)
_WRONG = (
    r"(?:invalid|not\s+valid|wrong|bad|incorrect|mismatch\w*|expired|revoked|missing|empty|denied|required)"
)
_APPLICATION = r"\b(?:application|app[\s_-]?(?:code|id))(?:[\s_-]?(?:code|id))?\b(?!/)"
_CREDENTIAL = (
    r"\b(?:(?:api|access|auth|security|bearer)?[\s_-]*token|(?:api|access)[\s_-]?key|credentials?"
    r"|auth(?:entication|ori[sz]ation)?(?:[\s_-]?(?:header|key))?)\b"
)
_AFTER = r"[^.;!?\n]{0,40}?\b"
"""What may be between a thing and its blame after it: forty characters of the same clause at most."""
_BEFORE = r"\s+(?:[\w'\"]+\s+){0,2}?"
"""What may be between a blame and the thing after it: two words at most."""


def _pattern(*alternatives: str) -> re.Pattern[str]:
    return re.compile("|".join(alternatives), re.IGNORECASE)


_BLAMES_APPLICATION = _pattern(
    rf"{_APPLICATION}{_AFTER}(?:{_MISSING}|{_WRONG})",
    rf"\b(?:{_MISSING}|{_WRONG}){_BEFORE}{_APPLICATION}",
)
_BLAMES_CREDENTIALS = _pattern(
    r"\bunauthori[sz]ed\b|\bunauthenticated\b|\bnot\s+(?:auth(?:ori[sz]ed|enticated)|permitted)\b|\bforbidden\b",
    r"\baccess\b[^.;\n]{0,30}\bdenied\b|\bauth(?:entication|ori[sz]ation)?\s+(?:failed|failure|error)\b",
    r"\bpermissions?\b[^.;\n]{0,30}\b(?:denied|required|missing|insufficient)\b",
    r"(?:n['\u2019]t|\b(?:no|not|insufficient|lacks?|missing|without|needs?|requires?))\b[^.;\n]{0,30}\bpermissions?\b",
)
_BLAMES_A_CREDENTIAL = _pattern(
    rf"{_CREDENTIAL}{_AFTER}(?:{_MISSING}|{_WRONG})\b",
    rf"\b(?:{_MISSING}|{_WRONG}|no){_BEFORE}{_CREDENTIAL}",
)
_BLAMES_AN_ACCOUNT = _pattern(  # ours: a device may have a push subscription, a user an account
    r"(?:^\W*(?:(?:the|this|api)\s+)?account|\byour\s+(?:account|subscription|licen[cs]e|trial))"
    r"(?:\s+(?:is|was|has|been))*\s+"
    r"(?:expired|suspended|blocked|disabled|deactivated|inactive|closed|terminated|not\s+active)\b"
)
_ABOUT_A_DEVICE = _pattern(r"\bdevices?\[\d+\]", r"\bhwid\b")
_ABOUT_TAGS = _pattern(r"\btags?\b")
_NOT_A_CREDENTIAL = _pattern(r"\b(?:push|device|fcm|apns|unexpected)[\s_-]*tokens?\b|\bpushtokens?\b")
_ABOUT_SYNTAX = _pattern(r"\bjson\b|\bpars(?:e|ing)\b|\bsyntax\b|\b(?:byte|position|column|offset)\s+\d")
_JOB = r"\b(?:request|job|task|operation|report|resource|entity|id)(?:[\s_-]?id)?\b"
_KNOWS_NO_JOB = _pattern(
    rf"{_JOB}{_AFTER}(?:{_MISSING}|expired)",
    rf"\b(?:{_MISSING}|no){_BEFORE}{_JOB}",
    r"\b(?:request|job|task)[\s_-]?id\b[^.;!?\n]{0,40}?\b(?:invalid|wrong|incorrect)",
    r"\b(?:invalid|wrong|incorrect)\s+(?:request|job|task)[\s_-]?id\b",
    rf"^\W*(?:{_MISSING}|expired|(?:invalid|bad|wrong)\s+request)\W*$",
)
_TOO_MUCH = _pattern(
    r"\btoo\s+many\s+(?:concurrent\s+)?(?:requests|jobs|batches)\b|\brate[\s_-]?limit|\bthrottl(?:ed|ing)\b",
    r"\bqueue\b.{0,20}\bfull\b|\b(?:quota|capacity)\b.{0,20}\b(?:reached|exceeded|exhausted)\b",
    r"\bconcurrent\b.{0,20}\blimit|\blimit\b.{0,20}\bconcurrent\b",
)
_NOT_NOW = _pattern(r"\b(?:re)?try\b|\b(?:unavailable|overloaded|busy|maintenance)\b")
_WORD = re.compile(r"[^\W_]+")
_WAITING = re.compile(
    r"\d+(?:m?s)?|a|again|after|allowed|and|api|are|at|backend|batch(?:es)?|been|being|busy|capacity|concurrent|currently"
    r"|down|error|exceeded|exhausted|few|for|full|gateway|has|have|hit|in|is|it|jobs?|later|limit(?:ed|ing|s)?"
    r"|maintenance|many|max(?:imum)?|minutes?|moment|now|number|of|overloaded|pending|please|progress|queued?|quota|rate"
    r"|ratelimit|reached|requests?|retry|running|second|seconds|sending|sent|server|service|shortly|slow|soon|system"
    r"|temporarily|the|this|throttled|throttling|too|try|unavailable|under|unfinished|upstream|was|were|while|you|your",
    re.IGNORECASE,
)
"""All the words of a message that does nothing but ask to wait."""


def asks_to_wait(message: str) -> HTTPStatus | None:
    """Return what a message amounts to: 429, it is too much; 503, the API isn't there for now; else None.

    It must say nothing but that: a refusal may quote a device or a tag with such words in its name.
    """
    too_much = _TOO_MUCH.search(message) is not None
    if (too_much or _NOT_NOW.search(message)) and all(map(_WAITING.fullmatch, _WORD.findall(message))):
        return HTTPStatus.TOO_MANY_REQUESTS if too_much else HTTPStatus.SERVICE_UNAVAILABLE
    return None


def blame(message: str) -> Cause | None:
    """Tell whether a message blames the credentials or the application: the cause of a `Denied`, or None."""
    if _BLAMES_APPLICATION.search(message) and not _ABOUT_TAGS.search(message):
        return Cause.UNKNOWN_APPLICATION
    plain = _NOT_A_CREDENTIAL.sub(" ", message)
    if _ABOUT_SYNTAX.search(plain):
        return None
    if _BLAMES_CREDENTIALS.search(plain):
        return Cause.UNAUTHORIZED
    if _ABOUT_TAGS.search(plain) or _ABOUT_A_DEVICE.search(plain):
        return None
    blamed = _BLAMES_A_CREDENTIAL.search(plain) or _BLAMES_AN_ACCOUNT.search(plain)
    return Cause.UNAUTHORIZED if blamed else None


def knows_no_job(message: str) -> bool:
    """Tell whether the answer to a GET says that there is no such job."""
    return _KNOWS_NO_JOB.search(message) is not None


def message_in(reply: dict[str, Any]) -> str:
    """Find the message of a reply: `message`, `error.message`, `error`, `status_message`; else empty."""
    error = reply.get("error")
    inner = error.get("message") if isinstance(error, dict) else error
    for found in (reply.get("message"), inner, reply.get("status_message")):
        if isinstance(found, str) and found.strip():
            return found[:_LOOKED_AT]
        if found and not isinstance(found, (str, bool, int, float)):
            return text_of(found)[:_LOOKED_AT]
    return ""


def raw_text(body: bytes) -> str:
    """Read a body that is no JSON object, as well as it can be read."""
    return body[:_LOOKED_AT].decode("utf-8", "replace")


def text_of(value: Any) -> str:
    """Write a value of an odd type as text: strings as they are, the rest as JSON."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def shown(message: str, status: int, secrets: Sequence[str] = ()) -> str:
    """Make a message fit to be shown: one line, 200 characters, no secret; the status's own name if empty."""
    for secret in secrets:
        message = without_secret(message, secret, "***")
    line = " ".join("".join(c if c.isprintable() else " " for c in message[: 5 * _SHOWN]).split())
    if len(line) > _SHOWN:
        line = line[: _SHOWN - 3] + "..."
    if line:
        return line
    try:
        return f"HTTP {status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"HTTP {status}"
