"""What becomes of a batch that the API won't take: the spoilt device is hunted, a large one halved."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from connector.answers import PostAnswer, Refused, Row, Unavailable
from connector.core.batching.batch import Batch, HuntState
from connector.core.holding_back.brake import Counted
from connector.model import Endpoint, Reason
from tests.strength import in_full
from tests.unit.core.builders import P0, completed, devices, registration, tags
from tests.unit.core.driving import REFUSED, refusing
from tests.unit.core.verdicts import merged, reading

TOO_LARGE = Refused("request entity too large", 413)
# -- a spoilt device in a batch ---------------------------------------------------------------------


@pytest.mark.parametrize("count", [2, 3, 10, 37, 1000])
def test_one_spoilt_device_costs_few_requests_wherever_it_stands(count: int) -> None:
    worst = worst_posts = 0
    places = range(count) if count < 1000 else [*range(0, 1000, 23 if in_full() else 111), 499, 500, 998]
    for bad in places:
        drive = reading(*devices(range(count)), max_devices=1000)
        drive.run(refusing(bad))
        assert drive.letters == [(P0, bad, "refused_by_api")]
        assert drive.position() == count
        assert drive.at_rest()
        worst = max(worst, drive.posts + drive.gets - 2)
        worst_posts = max(worst_posts, drive.posts - 1)
    assert worst <= 2 * math.ceil(math.log2(count)) + 2 <= 22
    assert worst_posts <= math.ceil(math.log2(count)) + 2


@pytest.mark.parametrize("bad", [(0, 1), (0, 999), (499, 500), (3, 400, 800), tuple(range(0, 1000, 100))])
def test_several_spoilt_devices_cost_as_many_hunts(bad: tuple[int, ...]) -> None:
    drive = reading(*devices(range(1000)), max_devices=1000)
    drive.run(refusing(*bad))
    assert sorted(drive.written) == sorted(bad)
    assert drive.position() == 1000
    assert drive.posts <= 1 + len(bad) * (math.ceil(math.log2(1000)) + 2)
    assert drive.at_rest()


def test_where_every_tenth_device_is_spoilt_hunts_go_on_side_by_side_and_cost_less_each() -> None:
    drive = reading(*devices(range(1000)), max_devices=1000)
    bad = range(3, 1000, 10)
    drive.run(refusing(*bad))
    assert sorted(drive.written) == [*bad]
    assert drive.position() == 1000
    assert drive.posts <= 7 * len(bad)
    assert drive.at_rest()


def test_a_batch_of_nothing_but_spoilt_devices_ends_with_a_letter_each() -> None:
    drive = reading(*devices(range(20)), max_devices=20)
    drive.run(refusing(*range(20)))
    assert sorted(drive.written) == [*range(20)]
    assert drive.position() == 20
    assert drive.at_rest()


def test_other_devices_proceed_while_a_spoilt_one_is_hunted() -> None:
    drive = reading(*devices(range(8)), max_devices=8, linger=0.0)
    drive.let_many_go()
    drive.wait_for(lambda: bool(drive.submits))
    drive.posted(drive.submits[0], REFUSED)
    drive.read(*devices(range(8, 16)))
    drive.plan()
    assert [8, 9, 10, 11, 12, 13, 14, 15] in drive.sent


def test_a_device_s_later_event_waits_until_its_spoilt_one_is_found() -> None:
    drive = reading(*devices(range(8)), max_devices=8)
    drive.run(refusing(5), seconds=0.6)
    drive.read(registration(8, "d5"), registration(9, "d6", push_token="U"))
    drive.run(refusing(5))
    assert drive.written == [5]
    assert drive.position() == 10


def test_a_hunt_goes_on_after_the_api_was_down() -> None:
    answers: list[PostAnswer | None] = []

    def flaky(batch: Batch) -> PostAnswer | None:
        answers.append(None)

        return Unavailable("down") if len(answers) % 3 == 2 else refusing(17)(batch)

    drive = reading(*devices(range(64)), max_devices=64)
    drive.run(flaky)
    assert drive.written == [17]
    assert drive.position() == 64
    assert drive.at_rest()


def test_what_is_refused_alone_is_dead_lettered_with_the_api_s_words() -> None:
    drive = reading(*devices(range(1)))
    drive.wait_for(lambda: bool(drive.submits))
    sent_at = drive.now
    drive.later(0.5)
    drive.posted(drive.submits[0], Refused("wrong platform", 422))
    drive.plan()
    assert drive.commit is not None
    (letter,) = drive.commit.letters
    assert (letter.rejection.reason, letter.rejection.detail) == (Reason.REFUSED_BY_API, "wrong platform")
    assert letter.rejection.http_status == 422
    assert letter.attempts == 1
    assert letter.first_attempt == letter.last_attempt == sent_at
    assert (letter.hwid, letter.user_id, letter.push_token) == ("d0", None, None)


# -- too large --------------------------------------------------------------------------------------


def by_size(most: int) -> Callable[[Batch], PostAnswer | None]:
    return lambda batch: TOO_LARGE if sum(len(event.row) for event in batch.events) > most else None


def test_a_batch_that_is_too_large_goes_in_halves_and_later_ones_are_smaller() -> None:
    drive = reading(*devices(range(200)), max_devices=100)
    drive.run(by_size(2000))
    assert drive.position() == 200
    assert drive.letters == []
    refusals = drive.posts
    drive.read(*devices(range(200, 400)))
    posts: list[Batch] = []

    def watch(batch: Batch) -> PostAnswer | None:
        posts.append(batch)
        return by_size(2000)(batch)

    drive.run(watch)
    assert drive.position() == 400
    assert not any(by_size(2000)(batch) for batch in posts)
    assert drive.posts - refusals == len(posts)
    assert [notice.level for notice in drive.engine.notices][:1] == ["warning"]


def test_one_device_that_is_refused_as_too_large_does_not_make_later_batches_small() -> None:
    drive = reading(*devices(range(128)), max_devices=64)
    drive.run(lambda batch: TOO_LARGE if any(event.hwid == "d5" for event in batch.events) else None)
    assert drive.written == [5]
    before = drive.posts
    drive.read(*devices(range(128, 128 + 640)))
    drive.run()
    assert drive.posts - before == 10


def test_batches_grow_again_once_the_api_takes_larger_ones() -> None:
    drive = reading(*devices(range(100)), max_devices=100)
    drive.run(by_size(1000))
    sent: list[int] = []

    def watch(batch: Batch) -> None:
        sent.append(len(batch.events))

    drive.read(*devices(range(100, 7_000)))
    drive.run(watch)
    assert drive.position() == 7_000
    assert sent[0] < 40
    assert max(sent) == 100


def test_a_device_that_is_too_large_by_itself_is_dead_lettered_as_that() -> None:
    large = tags(5, "large", values={"a": "x" * 3000})
    drive = reading(*devices(range(5)), large, *devices(range(6, 10)))
    drive.run(by_size(2000))
    assert drive.letters == [(P0, 5, "too_large")]
    assert drive.position() == 10


def test_a_hunt_in_which_a_half_is_too_large_still_finds_the_spoilt_device() -> None:
    refuse, limit = refusing(40), by_size(1500)
    drive = reading(*devices(range(100)), max_devices=100)
    first: list[int] = []

    def post(batch: Batch) -> PostAnswer | None:
        first.append(1)
        return REFUSED if len(first) == 1 else limit(batch) or refuse(batch)

    drive.run(post)
    assert drive.written == [40]
    assert drive.position() == 100
    assert drive.at_rest()


# -- a refusal that may not be the API's ------------------------------------------------------------


PAGE = Refused("<html>Bad Request</html>", 400, without_words=True)


@pytest.mark.parametrize("pages", [1, 2])
def test_a_page_now_and_then_instead_of_the_apis_words_refuses_nobody(pages: int) -> None:
    drive = reading(tags(0, "A"), max_attempts=3)
    left = [PAGE] * pages
    drive.run(lambda _: left.pop() if left else None)
    assert (drive.letters, drive.position(), drive.posts) == ([], 1, pages + 1)
    assert drive.at_rest()


def test_a_device_that_always_meets_a_page_is_given_up_like_one_with_bad_verdicts() -> None:
    drive = reading(*devices(range(8)), max_devices=8, max_attempts=3)
    drive.run(lambda batch: PAGE if any(event.offset == 5 for event in batch.events) else None)
    assert drive.letters == [(P0, 5, "refused_by_api")]
    assert drive.written_letters[0].attempts == 3
    assert drive.position() == 8
    assert drive.at_rest()


def test_a_page_that_says_too_large_is_believed_at_once() -> None:
    drive = reading(tags(0, "A"))
    drive.run(lambda _: Refused("<html>Too Large</html>", 413, without_words=True))
    assert drive.letters == [(P0, 0, "too_large")]
    assert drive.posts == 1


def test_attempts_that_cost_nothing_are_none_of_those_with_a_page() -> None:
    drive = reading(registration(0, "A"), tags(1, "A"), max_attempts=3)
    left = [None, None, None, None, PAGE]
    said = [completed(Row("A", status="not found"))] * 3
    drive.run(
        lambda _: left.pop(0) if left else None,
        lambda job: said.pop() if said and job.endpoint is Endpoint.TAGS else None,
    )
    assert (drive.letters, drive.position(), left, said) == ([], 2, [], [])


# -- what else a device that is refused alone tells -------------------------------------------------


def test_the_brake_is_told_when_the_batch_was_sent_that_the_refused_device_was_in() -> None:
    drive = reading(*devices(range(1)))
    drive.wait_for(lambda: bool(drive.submits))
    (batch,) = drive.submitted()
    batch.hunt = HuntState(began=drive.now - 5)
    counted = drive.engine.components.fates.refused_single(batch, REFUSED, drive.now)
    assert counted == Counted(1, 1, drive.now - 5, at_once=True)


@pytest.mark.parametrize("updates", [1, 3])
def test_only_a_single_update_that_is_too_large_takes_the_blame_of_what_it_was_in(updates: int) -> None:
    drive = merged(updates)
    drive.wait_for(lambda: bool(drive.submits))
    (batch,) = drive.submitted()
    size = drive.engine.components.dispatch.size
    batch.history.size_before = size.refused(4096)
    drive.engine.components.fates.refused_single(batch, TOO_LARGE, drive.now)
    assert size.reduced == (updates > 1)
