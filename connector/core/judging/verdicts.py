"""Report of a job that has ended -> why a device of it is not confirmed.

Given: what was sent, in order, and the job's report. Gives: a rejection for each device that
the API didn't confirm; nothing for the others. A device is confirmed only by a row of its own
that says `done` and refuses no tag: counters are never looked at, and silence is not success.

How a row finds its device: `row_owners`. Where several rows find one device, the worst counts, unless one of
them may be of another device (`_in_doubt`). Rows that may be of several devices are a verdict where whichever
is whose makes no difference: all that may be of a device say the same, and one of them surely is its own.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from connector.answers import JobReport, JobState, Row
from connector.core.judging.row_owners import (
    Contested,
    Named,
    SentDevice,
    contradicts,
    owners_by_name,
    owners_by_place,
    shuffled,
    uneven,
)
from connector.core.judging.row_words import WORD_LENGTH, rejection_in
from connector.core.reasons import TRAITS
from connector.model import Reason, Rejection


class Judgement(NamedTuple):
    """What a report says of the devices that were sent."""

    rejections: dict[int, Rejection]
    """Why a device isn't confirmed, by its index. Empty: every device is confirmed. `request_id` and
    `http_status` are empty: the caller knows them."""
    without_verdict: frozenset[int] = frozenset()
    """Indexes of the devices without a row, or with one that is no verdict or may be another's, where the
    report has rows."""
    strangers: int = 0
    """Rows that match no device sent, as far as can be told; those with one hwid count once."""
    uneven: bool = False
    """Whether rows of users can't be theirs, one each (`row_owners.uneven`)."""
    shuffled: bool = False
    """Whether rows are in another order than the devices were sent in (`row_owners.shuffled`)."""

    def perhaps_judged(self, sent: Sequence[SentDevice]) -> set[int]:
        """Return the devices without a row whose row may be among those that can't be told apart.

        Rows name hwids. A device that was sent by another identifier is known by its place only, and that
        only while no other device of the request has no row or more than one. In a smaller request it may be.
        """
        return {index for index in self.without_verdict if not sent[index].hwid}

    def cut_off(self, sent: Sequence[SentDevice]) -> bool:
        """Tell whether the report may have been cut off: it has rows, and no more than it leaves out.

        There may be a limit to the rows of one report, nobody says. Of fewer devices it would have all.
        """
        return 0 < len(sent) - len(self.without_verdict) <= len(self.without_verdict)

    def says_nothing(self, sent: Sequence[SentDevice]) -> bool:
        """Tell whether it has no verdict on any device, nor one that may be of any."""
        return self.missing(sent) >= len(sent)

    def missing(self, sent: Sequence[SentDevice]) -> int:
        """Count the devices without a verdict, less those whose row may be a stranger's."""
        silent = sum(one.reason is Reason.NO_VERDICT for one in self.rejections.values())
        placeless = len(self.perhaps_judged(sent))
        return silent - placeless + max(0, placeless - self.strangers)


def judge(sent: Sequence[SentDevice], report: JobReport, *, by_place: bool = True) -> Judgement:
    """Return what the report says of the devices that were sent.

    `by_place`: `sent` is the whole request in its order, so that a row without identifiers can be told by
    its place.
    """
    if report.state is not JobState.COMPLETED or report.rows is None:
        return Judgement(dict.fromkeys(range(len(sent)), of_the_job(report)))
    not_plainly_good = _not_plainly_good(sent, report.rows)
    if not_plainly_good is None:
        return _row_by_row(sent, report.rows, report.word, by_place=by_place)
    verdicts = {index: rejection_in(report.rows[index], report.word) for index in not_plainly_good}
    rejections = {index: verdict for index, verdict in verdicts.items() if verdict is not None}
    return Judgement(rejections, _silent(rejections))


def of_the_job(report: JobReport) -> Rejection:
    """Return what a report that judges no device says of all of them."""
    words = f": {report.message[:WORD_LENGTH]}" if report.message else ""
    if report.state is JobState.FAILED:
        return Rejection(Reason.JOB_FAILED, f"the job failed{words}", job_status=report.word)
    return Rejection(
        Reason.NO_VERDICT, "the report of the job has no rows of devices", job_status=report.word
    )


def _not_plainly_good(sent: Sequence[SentDevice], rows: list[Row]) -> list[int] | None:
    """Return which rows are not good to the letter, if each names the device at its position: 0.08 us a row.

    None where that is not so, or not plain to see: the thorough way decides. Rows that say the same of
    their tags share one dictionary.
    """
    if len(sent) != len(rows):
        return None
    not_plainly_good: list[int] = []
    tags: dict[str, str] | None = None
    good, of_users = True, False
    for index, (device, row) in enumerate(zip(sent, rows, strict=True)):
        hwid = row.hwid
        if hwid:
            if hwid != device.hwid:
                return None
        elif row.user_id and row.user_id == device.user_id:
            of_users = True
        else:
            return None
        if row.tags is not tags:
            tags = row.tags
            good = not tags or all(answer == "ok" for answer in tags.values())
        if row.status != "done" or not good:
            not_plainly_good.append(index)
    if not_plainly_good and len({row.hwid for row in rows if row.hwid}) < len(rows):
        return None  # a user's rows, or one device's: which row is whose takes a closer look
    if of_users and any(row.hwid and (row.user_id or row.push_token) for row in rows):
        return None  # the row of a device sent by its hwid may be that of a user sent beside it
    return not_plainly_good


def _row_by_row(sent: Sequence[SentDevice], rows: list[Row], job_status: str, *, by_place: bool) -> Judgement:
    named = owners_by_name(sent, rows)
    owners = owners_by_place(sent, rows, named.owners) if by_place else named.owners
    found = _found(sent, rows, owners, named, job_status)
    in_any_case = {row.hwid.casefold() for row in rows if row.hwid} if len(found) < len(sent) else set()
    verdicts = {
        index: found[index] if index in found else _silence(sent[index], in_any_case, job_status)
        for index in range(len(sent))
    }
    rejections = {index: verdict for index, verdict in verdicts.items() if verdict is not None}
    strangers = len({row.hwid or at for at, row in enumerate(rows) if owners[at] is None})
    silent = _silent(rejections)
    return Judgement(rejections, silent, strangers, uneven(sent, rows, named.owners), shuffled(named.owners))


def _found(
    sent: Sequence[SentDevice], rows: list[Row], owners: list[int | None], named: Named, job_status: str
) -> dict[int, Rejection | None]:
    """Return what rows say of the devices that have any: the worst, where none may be another's."""
    found: dict[int, Rejection | None] = {}
    differing: set[int] = set()
    for position, (row, index) in enumerate(zip(rows, owners, strict=True)):
        if index is None or position in named.unclear:
            continue
        verdict = rejection_in(row, job_status)
        known = found.setdefault(index, verdict)
        if known is not verdict:
            if row.hwid and (known is None or verdict is None):
                differing.add(index)
            if known is None or (verdict is not None and _is_worse(verdict, known)):
                found[index] = verdict
    doubtful = _in_doubt(sent, found, differing)
    doubt = Rejection(Reason.NO_VERDICT, "a row of it may be another device's", job_status=job_status)
    found.update(dict.fromkeys(doubtful, doubt))
    if named.contested:
        nobodys = [row for row, index in zip(rows, owners, strict=True) if index is None]
        for index, said in _said_by_contested(found, rows, named.contested, doubt):
            differs = _another_may_differ(sent[index], said, nobodys, job_status)
            verdict = doubt if differs else said
            known = found.setdefault(index, verdict)
            if verdict is not None and (known is None or _is_worse(verdict, known)):
                found[index] = verdict
    return found


def _said_by_contested(
    found: Collection[int], rows: list[Row], contested: list[Contested], doubt: Rejection
) -> list[tuple[int, Rejection | None]]:
    """Return what rows say that may be of several: `doubt` unless all that fit a device say the same."""
    having = {*found, *(at for group in contested for at in group.fitting if group.surely_has_one(at))}
    said: list[tuple[int, Rejection | None]] = []
    for group in contested:
        for index, positions in group.fitting.items():
            first, *others = [rejection_in(rows[at], doubt.job_status) for at in positions] or [doubt]
            alike = all(other == first for other in others)
            may_have_none = index not in having if first is None else not group.surely_has_one(index)
            said.append((index, doubt if may_have_none or not alike else first))
    return said


def _another_may_differ(
    device: SentDevice, verdict: Rejection | None, nobodys: list[Row], job_status: str
) -> bool:
    """Tell whether a row of nobody's may be that of another device of this user's, and says otherwise."""
    return not device.hwid and any(
        not contradicts(row, device) and rejection_in(row, job_status) != verdict for row in nobodys
    )


def _in_doubt(sent: Sequence[SentDevice], found: Collection[int], differing: Collection[int]) -> list[int]:
    """Return the devices of whose rows, some good and some bad, one may be another's.

    Rows of those that weren't sent by hwid may name nothing but a hwid, perhaps one that was sent, too.
    """
    if not differing or all(device.hwid or at in found for at, device in enumerate(sent)):
        return []
    return [index for index in differing if sent[index].hwid]


def _silent(rejections: Mapping[int, Rejection]) -> frozenset[int]:
    return frozenset(at for at, rejection in rejections.items() if rejection.reason is Reason.NO_VERDICT)


def _silence(device: SentDevice, in_any_case: set[str], job_status: str) -> Rejection:
    """Return what it means that no row is of this device. Identifiers that differ in case are two devices."""
    words = "the report has no row of this device"
    if device.hwid and device.hwid.casefold() in in_any_case:
        words += ", but one whose hwid differs from it in case"
    return Rejection(Reason.NO_VERDICT, words, job_status=job_status)


def _is_worse(one: Rejection, other: Rejection) -> bool:
    return TRAITS[one.reason].badness > TRAITS[other.reason].badness
