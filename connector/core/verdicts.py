"""Report of a finished job -> why a device of it is not confirmed.

Given: what was sent, in order, and the job's report. Gives: a rejection for each device that
the API didn't confirm; nothing for the others. A device is confirmed only by a row of its own
that says `done` and refuses no tag: counters are never looked at, and silence is not success.

How a row finds its device (the API shows no row of a device sent by user_id or push_token):
by hwid, else user_id, else push_token; exactly, as identifiers are never changed. A row that
names none of ours belongs to the device sent at its position, if there are as many rows as
devices, no row that is named stands at another one's position, and the row's identifiers are
of kinds that this device wasn't sent with. Of a request of one device every such row is its own,
unless one names it.
Where several rows find one device, the worst counts.

By its place no row is told once reports have listed more devices than users, or fewer (`Judged.uneven`): a
user with two and one with none would make up for each other, and each row between them count for another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

import msgspec

from connector.answers import JobReport, JobState, Row
from connector.model import Reason, Rejection


class Sent(Protocol):
    """A device as it was sent: the identifiers that its request carried."""

    @property
    def hwid(self) -> str | None: ...
    @property
    def user_id(self) -> str | None: ...
    @property
    def push_token(self) -> str | None: ...


RETRYABLE: Mapping[Reason, bool] = {
    Reason.UNDECODABLE: False,
    Reason.INVALID_EVENT: False,
    Reason.TOO_LARGE: False,
    Reason.DEVICE_FAILED: False,
    Reason.DEVICE_NOT_FOUND: True,
    Reason.TAG_REFUSED: False,
    Reason.REFUSED_BY_API: False,
    Reason.NO_VERDICT: True,
    Reason.JOB_FAILED: True,
}
"""Whether sending the device again can help."""

_SILENCE = "the report has no row of this device"

BADNESS: Mapping[Reason, int] = {
    Reason.UNDECODABLE: 0,
    Reason.INVALID_EVENT: 0,
    Reason.TOO_LARGE: 0,
    Reason.REFUSED_BY_API: 0,
    Reason.JOB_FAILED: 0,
    Reason.DEVICE_NOT_FOUND: 1,
    Reason.NO_VERDICT: 2,
    Reason.TAG_REFUSED: 3,
    Reason.DEVICE_FAILED: 4,
}
"""What counts where rows of one device differ: that which trying again can't help comes first.

0: no row says that.
"""

_TAGS_NAMED = 5
"""Refused tags that a rejection's sentence names; `refused_tags` has them all."""

_WORD_LENGTH = 200
"""Characters of the API's words that a rejection's sentence repeats."""


class Judged(NamedTuple):
    """What a report says."""

    rejections: dict[int, Rejection]
    """Why a device isn't confirmed, by its index. Empty: every device is confirmed. `request_id` and
    `http_status` are empty: the caller knows them."""
    strangers: int = 0
    """Rows that are of nobody who was sent, as far as can be told; of one name one."""
    uneven: bool = False
    """Whether rows name more or fewer devices that nobody sent than were sent without a hwid: a user's rows
    are those of all devices that the user has, one, none or several."""

    @property
    def silent(self) -> int:
        """How many devices have no row."""
        return sum(
            one.reason is Reason.NO_VERDICT and not one.device_status for one in self.rejections.values()
        )

    def missing(self, sent: Sequence[Sent]) -> int:
        """Count the devices whose verdict the report hasn't, and no stranger's row may be."""
        without = [index for index, one in self.rejections.items() if one.reason is Reason.NO_VERDICT]
        placeless = sum(may_have_a_row(sent[index], self.rejections[index]) for index in without)
        return len(without) - placeless + max(0, placeless - self.strangers)


def judge(sent: Sequence[Sent], report: JobReport, *, by_position: bool = True) -> Judged:
    """Return what the report says of the devices that were sent.

    `by_position`: `sent` is the whole request in its order, so that a row without identifiers can be told by
    its place.
    """
    if report.state is not JobState.COMPLETED or report.rows is None:
        return Judged(dict.fromkeys(range(len(sent)), _of_the_job(report)))
    doubtful = _not_plainly_good(sent, report.rows)
    if doubtful is None:
        return _row_by_row(sent, report.rows, report.word, by_position=by_position)
    verdicts = {index: _of_a_row(report.rows[index], report.word) for index in doubtful}
    return Judged({index: verdict for index, verdict in verdicts.items() if verdict is not None})


def may_have_a_row(device: Sent, rejection: Rejection) -> bool:
    """Tell whether the device may have been judged in a row that can't be told from others' rows.

    Rows name hwids. A device that was sent by another identifier is known by its place only, and that
    only while no other device of the request has no row or more than one. In a smaller request it may be.
    """
    return not device.hwid and rejection.detail == _SILENCE


def cut_off(sent: Sequence[Sent], rejections: Mapping[int, Rejection]) -> bool:
    """Tell whether the report may have been cut off: it has rows, and no more than it leaves out.

    There may be a limit to the rows of one report, nobody says. Of fewer devices it would have all.
    """
    silent = sum(rejection.detail == _SILENCE for rejection in rejections.values())
    return 0 < len(sent) - silent <= silent


def is_silence(rejection: Rejection) -> bool:
    """Tell whether there was no row of the device."""
    return rejection.detail == _SILENCE


def _of_the_job(report: JobReport) -> Rejection:
    """Return what a report that judges no device says of all of them."""
    words = f": {report.message[:_WORD_LENGTH]}" if report.message else ""
    if report.state is JobState.FAILED:
        return Rejection(Reason.JOB_FAILED, f"the job failed{words}", job_status=report.word)
    if report.state is JobState.UNFINISHED:
        return Rejection(Reason.NO_VERDICT, f"the job isn't finished{words}", job_status=report.word)
    return Rejection(
        Reason.NO_VERDICT, "the report of the job has no rows of devices", job_status=report.word
    )


def _not_plainly_good(sent: Sequence[Sent], rows: list[Row]) -> list[int] | None:
    """Return which rows are not good to the letter, if each names the device at its position: 0.08 us a row.

    None where that is not so, or not plain to see: the thorough way decides. Rows that say the same of
    their tags share one dictionary.
    """
    if len(sent) != len(rows):
        return None
    doubtful: list[int] = []
    tags: dict[str, str] | None = None
    good = True
    for index, (device, row) in enumerate(zip(sent, rows, strict=True)):
        hwid = row.hwid
        if hwid:
            if hwid != device.hwid:
                return None
        elif not row.user_id or row.user_id != device.user_id:
            return None
        if row.tags is not tags:
            tags = row.tags
            good = not tags or all(answer == "ok" for answer in tags.values())
        if row.status != "done" or not good:
            doubtful.append(index)
    if doubtful and len({row.hwid for row in rows if row.hwid}) < len(rows):
        return None  # a user's rows, or one device's: which row is whose takes a closer look
    return doubtful


def _row_by_row(sent: Sequence[Sent], rows: list[Row], job_status: str, *, by_position: bool) -> Judged:
    named = _match(sent, rows)
    found = _by_place(sent, rows, named) if by_position else named
    verdicts: dict[int, Rejection | None] = {}
    for row, index in zip(rows, found, strict=True):
        if index is None:
            continue
        verdict = _of_a_row(row, job_status)
        known = verdicts.get(index)
        if known is None or (verdict is not None and _is_worse(verdict, known)):
            verdicts[index] = verdict
    silence = Rejection(Reason.NO_VERDICT, _SILENCE, job_status=job_status)
    rejections = {}
    for index in range(len(sent)):
        verdict = verdicts.get(index, silence)
        if verdict is not None:
            rejections[index] = verdict
    strangers = len({row.hwid or at for at, row in enumerate(rows) if found[at] is None})
    return Judged(rejections, strangers, _is_uneven(sent, rows, named))


def _is_worse(one: Rejection, other: Rejection) -> bool:
    return BADNESS.get(one.reason, 0) > BADNESS.get(other.reason, 0)


def _match(sent: Sequence[Sent], rows: list[Row]) -> list[int | None]:
    """Return for each row the index of the device that it names, None where it names none."""
    by_hwid: dict[str | None, int] = {device.hwid: at for at, device in enumerate(sent) if device.hwid}
    by_user_id: dict[str | None, int] = {
        device.user_id: at for at, device in enumerate(sent) if device.user_id
    }
    by_push_token: dict[str | None, int] = {
        device.push_token: at for at, device in enumerate(sent) if device.push_token
    }
    found: list[int | None] = []
    for row in rows:
        index = by_hwid.get(row.hwid)
        if index is None:
            index = by_user_id.get(row.user_id)
            if index is not None and row.hwid and sent[index].hwid:
                index = None  # the same user's other device
        if index is None:
            index = by_push_token.get(row.push_token)
        found.append(index)
    return found


def _by_place(sent: Sequence[Sent], rows: list[Row], named: list[int | None]) -> list[int | None]:
    """Return the same, and where a row names nobody, whom it may be told to be of by its place."""
    found = list(named)
    if len(sent) == 1 and all(index is None for index in named):
        return [None if _contradicts(row, sent[0]) else 0 for row in rows]
    in_order = all(index is None or index == position for position, index in enumerate(named))
    if len(rows) == len(sent) and in_order:
        for position, row in enumerate(rows):
            if found[position] is None and not _contradicts(row, sent[position]):
                found[position] = position
    return found


def _is_uneven(sent: Sequence[Sent], rows: list[Row], named: list[int | None]) -> bool:
    known = set(named)
    unnamed = sum(not device.hwid and at not in known for at, device in enumerate(sent))
    strangers = {row.hwid for row, index in zip(rows, named, strict=True) if index is None and row.hwid}
    return 0 < unnamed != len(strangers) > 0


def _contradicts(row: Row, device: Sent) -> bool:
    """Tell whether a row has an identifier of a kind that the device was sent with: it's another's row."""
    return bool(
        (row.hwid and device.hwid)
        or (row.user_id and device.user_id)
        or (row.push_token and device.push_token)
    )


def _of_a_row(row: Row, job_status: str) -> Rejection | None:
    """Return what a row says of its device, None for a good one.

    Status words count without case, `not_found` and `notfound` as `not found`. Any other word
    than the contract's three is no verdict, `ok` and `success` too: nobody has said what they mean.
    """
    reason = _reason_of(row.status)
    refused = {} if row.tags is None else {tag: said for tag, said in row.tags.items() if not _is_ok(said)}
    answers = msgspec.json.encode(refused).decode() if refused else ""
    if reason is None:
        if not refused:
            return None
        reason, detail = Reason.TAG_REFUSED, f"refused tags: {_in_words(refused)}"
    elif reason is Reason.DEVICE_FAILED:
        detail = f"failed; refused tags: {_in_words(refused)}" if refused else "failed: no reason was given"
    elif reason is Reason.DEVICE_NOT_FOUND:
        detail = "the API knows no such device"
    elif row.status.strip():
        detail = f"unknown status of the device: {row.status[:_WORD_LENGTH]!r}"
    else:
        detail = "the device's row has no status"
    return Rejection(reason, detail, job_status=job_status, device_status=row.status, refused_tags=answers)


def _reason_of(status: str) -> Reason | None:
    """Return what a row's word means: None for `done`."""
    word = status.strip().lower()
    if word == "done":
        return None
    if word == "failed":
        return Reason.DEVICE_FAILED
    return Reason.DEVICE_NOT_FOUND if word.translate(_SEPARATORS) == "notfound" else Reason.NO_VERDICT


_SEPARATORS = str.maketrans("", "", " _-")


def _is_ok(answer: str) -> bool:
    return answer == "ok" or answer.strip().lower() == "ok"


def _in_words(refused: dict[str, str]) -> str:
    named = [f"{tag}: {answer[:_WORD_LENGTH]}" for tag, answer in list(refused.items())[:_TAGS_NAMED]]
    more = len(refused) - len(named)
    return "; ".join(named) + (f"; and {more} more" if more > 0 else "")
