"""What a row of a report says of its device, in the API's words.

Given: a row. Gives: why its device isn't confirmed, or None where it is.
"""

from __future__ import annotations

from itertools import islice

import msgspec

from connector.answers import Row
from connector.model import MOST_TEXT_BYTES, Reason, Rejection

_TAGS_NAMED = 5
"""Refused tags that a rejection's sentence names; `refused_tags` has as many as there is room for."""

WORD_LENGTH = 200
"""Characters of the API's words that a rejection's sentence repeats."""

_SEPARATORS = str.maketrans("", "", " _-")


def rejection_in(row: Row, job_status: str) -> Rejection | None:
    """Return what a row says of its device, None for a good one.

    Status words count without case, `not_found` and `notfound` as `not found`. Any other word
    than the contract's three is no verdict, `ok` and `success` too: nobody has said what they mean.
    """
    reason = _reason_of(row.status)
    refused = {} if row.tags is None else {tag: said for tag, said in row.tags.items() if not _is_ok(said)}
    if reason is None:
        if not refused:
            return None
        reason, detail = Reason.TAG_REFUSED, f"refused tags: {_in_words(refused)}"
    elif reason is Reason.DEVICE_FAILED:
        detail = f"failed; refused tags: {_in_words(refused)}" if refused else "failed: no reason was given"
    elif reason is Reason.DEVICE_NOT_FOUND:
        detail = "the API knows no such device"
    elif row.status.strip():
        detail = f"unknown status of the device: {row.status[:WORD_LENGTH]!r}"
    else:
        detail = "the device's row has no status"
    return Rejection(
        reason,
        detail,
        job_status=job_status,
        device_status=row.status,
        refused_tags=_as_json(refused),
        refused_tag_count=len(refused),
    )


def _reason_of(status: str) -> Reason | None:
    """Return what a row's word means: None for `done`."""
    word = status.strip().lower()
    if word == "done":
        return None
    if word == "failed":
        return Reason.DEVICE_FAILED
    return Reason.DEVICE_NOT_FOUND if word.translate(_SEPARATORS) == "notfound" else Reason.NO_VERDICT


def _is_ok(answer: str) -> bool:
    return answer == "ok" or answer.strip().lower() == "ok"


def _as_json(refused: dict[str, str]) -> str:
    """Return the refused tags; if there is no room for all, answers are cut, and some tags left out."""
    if not refused:
        return ""
    text = msgspec.json.encode(refused)
    if len(text) > MOST_TEXT_BYTES:
        kept: dict[str, str] = {}
        room = MOST_TEXT_BYTES - len("{}")
        for tag, said in refused.items():
            size = len(msgspec.json.encode({tag: said[:WORD_LENGTH]})) - len("{}") + len(",")
            if size <= room:
                kept[tag] = said[:WORD_LENGTH]
                room -= size
        text = msgspec.json.encode(kept)
    return text.decode()


def _in_words(refused: dict[str, str]) -> str:
    first = islice(refused.items(), _TAGS_NAMED)
    named = [f"{tag[:WORD_LENGTH]}: {answer[:WORD_LENGTH]}" for tag, answer in first]
    more = len(refused) - len(named)
    return "; ".join(named) + (f"; and {more} more" if more > 0 else "")
