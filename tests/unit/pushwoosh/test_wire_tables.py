"""The tables in the docstring of `wire`, held to the code: every status, with each kind of body."""

import re
from collections.abc import Callable, Collection
from functools import cache
from typing import NamedTuple

import pytest

from connector.answers import Denied, PollAnswer, PostAnswer, Unavailable
from connector.pushwoosh import wire
from tests.unit.pushwoosh.replies import poll, post

BLAMES = "a message that blames credentials or application"
MESSAGE = "2xx with a message"
TO_WAIT = "a message that says nothing but to wait"
ABOUT_A_JOB = "2xx about a job"
OTHER = ("any other status", "any other 2xx")
STATUSES = range(100, 701)
CAUSES = ("unauthorized", "unknown_application", "wrong_url")

POSTED: list[tuple[object, set[str]]] = [
    (b"", set()),
    (b"<html>welcome</html>", set()),
    ({"request_id": "r"}, {"2xx with a `request_id`"}),
    ({"message": "unauthorized"}, {BLAMES, MESSAGE}),
    ({"message": "too many devices"}, {MESSAGE}),
    ({"message": "too many requests"}, {MESSAGE, TO_WAIT}),
]
"""Bodies of replies to a POST, and the phrases of the table that fit them."""
POLLED: list[tuple[object, set[str]]] = [
    (b"", set()),
    (b"<html>welcome</html>", set()),
    ({"message": "unauthorized"}, {BLAMES}),
    ({"message": "internal error"}, set()),
    ({"message": "too many requests"}, {TO_WAIT}),
    ({"message": "request not found"}, {"2xx with a message that there is no such job"}),
    ({"request_id": "r", "status": "Pending"}, {ABOUT_A_JOB}),
    ({"request_id": "r", "status": "Completed", "message": "unauthorized"}, {ABOUT_A_JOB, BLAMES}),
    (
        {"request_id": "r", "status": "Failed", "message": "unauthorized"},
        {"2xx about a job that isn't completed, with " + BLAMES, ABOUT_A_JOB, BLAMES},
    ),
]


class Rule(NamedTuple):
    """A row: the reply that it is about, and what it promises, as the words in backquotes."""

    reply: str
    answer: str
    promises: frozenset[str]

    def fits(self, status: int, phrases: Collection[str]) -> bool:
        if self.reply.startswith("2xx") or self.reply == OTHER[1]:
            return 200 <= status < 300 and self.reply in {*phrases, OTHER[1]}
        if self.reply[0].isdigit():
            return any(_names(each, status) for each in self.reply.split(", "))
        return self.reply in {*phrases, OTHER[0]}


@cache
def _names(word: str, status: int) -> bool:
    match = re.fullmatch(r"(\d)xx|(\d+)( and above)?", word)
    assert match is not None, word
    hundred, number, above = match.groups()
    if hundred:
        return status // 100 == int(hundred)
    return status >= int(number) if above else status == int(number)


def _tables() -> list[list[Rule]]:
    assert wire.__doc__ is not None
    _, *tables = wire.__doc__.split("| reply | answer |\n|---|---|\n")
    return [[_rule(line) for line in table.split("\n\n")[0].splitlines()] for table in tables]


def _rule(line: str) -> Rule:
    reply, answer = (cell.strip() for cell in line.strip("|").split(" | "))
    kind, *promises = re.findall(r"`(\w+)`", answer)
    return Rule(reply.split(":")[0], kind, frozenset(promises))


POST, GET = _tables()


def _seen(answer: PostAnswer | PollAnswer) -> tuple[str, frozenset[str]]:
    """What the answer is, in the words of the tables."""
    promises = set()
    if isinstance(answer, Unavailable) and answer.maybe_accepted:
        promises.add("maybe_accepted")
    if isinstance(answer, Denied):
        promises |= {"by_words"} if answer.by_words else {answer.cause}
    return type(answer).__name__, frozenset(promises)


@pytest.mark.parametrize(
    ("table", "read", "body", "phrases"),
    [
        *((POST, post, body, phrases) for body, phrases in POSTED),
        *((GET, poll, body, phrases) for body, phrases in POLLED),
    ],
)
def test_each_status_is_answered_as_the_first_row_that_fits_says(
    table: list[Rule], read: Callable[[int, object], PostAnswer | PollAnswer], body: object, phrases: set[str]
) -> None:
    for status in STATUSES:
        rule = next(rule for rule in table if rule.fits(status, phrases))
        kind, promises = _seen(read(status, body))
        if not rule.promises:
            promises -= {*CAUSES}
        assert (kind, promises) == (rule.answer, rule.promises), f"{status}: {rule.reply}"


@pytest.mark.parametrize(("table", "bodies"), [(POST, POSTED), (GET, POLLED)])
def test_every_row_of_the_tables_is_the_first_that_fits_some_reply(
    table: list[Rule], bodies: list[tuple[object, set[str]]]
) -> None:
    met = {
        next(rule for rule in table if rule.fits(status, phrases))
        for status in STATUSES
        for _, phrases in bodies
    }
    assert met == {*table}


def test_an_envelope_counts_as_the_text_below_the_tables_says() -> None:
    perhaps = ("Unavailable", frozenset({"maybe_accepted"}))
    for inner in range(400, 600):
        body = {"status_code": inner}
        posted, polled = _seen(post(inner, b"")), _seen(poll(inner, b""))
        other = next(rule for rule in POST if rule.fits(inner, ())).reply == OTHER[0]
        assert _seen(post(200, body)) == (perhaps if other or "wrong_url" in posted[1] else posted), inner
        assert _seen(poll(200, body)) == polled, inner
        person = "unauthorized" in posted[1]
        if person or (posted[0] == "Unavailable" and not other):
            assert (_seen(post(400, body)), _seen(poll(400, body))) == (posted, polled), inner
        else:
            assert (_seen(post(400, body))[0], _seen(poll(400, body))[0]) == ("Refused", "JobUnknown"), inner
