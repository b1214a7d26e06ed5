"""Checkpoint text: what fits, what is cut, what is refused."""

from __future__ import annotations

import random
import uuid

import pytest

from connector.core.assigned.job_slice import JobSlice
from connector.core.assigned.offsets import WINDOW_LIMIT
from connector.core.remembering import checkpoint
from connector.core.remembering.checkpoint import PREFIX, Checkpoint, decode, encode
from connector.model import Endpoint

START = 5_000_000_000
DICE = random.Random(1)


def a_uuid() -> str:
    return str(uuid.UUID(int=DICE.getrandbits(128), version=4))


def job(
    *offsets: int, request_id: str = "", endpoint: Endpoint = Endpoint.TAGS, application: str = ""
) -> JobSlice:
    placed = tuple(START + offset for offset in offsets)
    return JobSlice(request_id or a_uuid(), endpoint, application, 1_700_000_000.0, placed)


def read(text: str) -> Checkpoint:
    found = decode(text, START)
    assert found is not None
    return found


def test_nothing_to_remember_is_no_text() -> None:
    assert encode(START, b"", []) == ("", START, True)
    assert encode(START + 9, b"", [job(1, 2)]) == ("", START + 9, True)
    assert decode("", START) is None


def test_jobs_without_offsets_come_back_behind_the_others() -> None:
    awaited, other = job(endpoint=Endpoint.REGISTRATIONS, application="OTHER-APP"), job()
    alone, covers, complete = encode(START, b"", [awaited, other])
    assert (covers, complete) == (START, True)
    assert read(alone) == Checkpoint(b"", [awaited, other])
    carrying = job(0, 1)
    both = encode(START, b"\0\0\1", [awaited, carrying])
    assert both.complete
    assert read(both.text) == Checkpoint(b"\0\0\1", [carrying, awaited])


def test_jobs_without_offsets_that_do_not_fit_are_forgotten_and_that_is_known() -> None:
    ids = [str(DICE.getrandbits(900)) for _ in range(9)]
    some = encode(START, b"\0\1", [job(request_id=each) for each in ids], 1000)
    assert (some.covers, some.complete) == (START + 2, False)
    assert 0 < len(read(some.text).jobs) < 9
    assert encode(START, b"", [job(request_id=str(DICE.getrandbits(900)))], 100) == ("", START, False)


def test_jobs_and_settled_offsets_come_back() -> None:
    tags = job(0, 1, 2, 7)
    registrations = job(3, 6, endpoint=Endpoint.REGISTRATIONS, application="OTHER-APP")
    text, covers, _ = encode(START, bytes([0, 0, 0, 0, 1, 1]), [registrations, tags])
    assert covers == START + 8
    assert read(text) == Checkpoint(bytes([0, 0, 0, 0, 1, 1]), [tags, registrations])


def test_a_text_that_an_earlier_release_wrote_is_read() -> None:
    written = "pwc1:X?y2$0)XPrss;i82~Si=MN%z6P*6Al08b2$KA#&*SBwj49WR@H5C((?25N6&EipF|0000000000000mI0s;d80RsX"
    uuid_of_tags = "4f0c8f3e-9f1b-4c57-8c0b-6a1d2f9b7e10"
    assert read(written) == Checkpoint(
        bytes([0, 0, 0, 0, 1, 1]),
        [
            job(0, 1, 2, 7, request_id=uuid_of_tags),
            JobSlice("job-17", Endpoint.REGISTRATIONS, "OTHER-APP", 1_700_000_900.0, (START + 3, START + 6)),
        ],
    )


def test_seconds_are_kept_and_fractions_are_not() -> None:
    early = JobSlice("a", Endpoint.TAGS, "", 1_700_000_000.9, (START,))
    late = JobSlice("b", Endpoint.TAGS, "", 1_700_000_900.2, (START + 1,))
    never = JobSlice("c", Endpoint.TAGS, "", -3.0, (START + 2,))
    jobs = read(encode(START, b"", [early, late, never]).text).jobs
    assert [job.accepted_at for job in jobs] == [1_700_000_000.0, 1_700_000_900.0, 0.0]


@pytest.mark.parametrize(
    "request_id",
    [
        "0f8fad5b-d9cb-469f-a165-70867728950e",
        "0F8FAD5B-D9CB-469F-A165-70867728950E",
        "0f8fad5bd9cb469fa16570867728950e",
        "zf8fad5b-d9cb-469f-a165-70867728950e",
        "0f8fad5bd-9cb-469f-a165-70867728950e",
        "",
        "42",
        "x" * 300,
        "żółw \ud800 'quoted' \\",
    ],
)
def test_any_request_id_comes_back_to_the_letter(request_id: str) -> None:
    given = JobSlice(request_id, Endpoint.TAGS, "", 0.0, (START,))
    assert read(encode(START, b"", [given]).text).jobs == [given]


def test_a_uuid_takes_sixteen_bytes() -> None:
    one, two = (len(encode(START, b"", [job(at) for at in range(count)]).text) for count in (50, 100))
    assert (two - one) / 50 < 20 * 1.25


def test_an_offset_below_the_position_is_not_remembered() -> None:
    given = job(-2, -1, 0, 3)
    assert read(encode(START, b"", [given]).text).jobs[0].offsets == (START, START + 3)
    assert encode(START, b"", [job(-1)]).text == ""


def test_an_offset_that_is_settled_is_not_a_job_s_any_more() -> None:
    checkpoint = read(encode(START, bytes([0, 1, 0, 1]), [job(*range(6))]).text)
    assert checkpoint.settled == bytes([0, 1, 0, 1])
    assert checkpoint.jobs[0].offsets == tuple(START + at for at in (0, 2, 4, 5))


def test_what_is_cut_is_what_lies_highest() -> None:
    jobs = [job(*range(start, start + 10)) for start in range(0, 3_000, 10)]
    text, covers, complete = encode(START, b"", jobs)
    assert 4_000 < len(text) <= 4_095
    kept = read(text).jobs
    assert kept == jobs[: len(kept)]
    assert covers == START + 10 * len(kept)
    assert not complete
    assert 100 < len(kept) < 300


def test_a_request_id_that_never_fits_leaves_nothing_to_cover() -> None:
    noise = DICE.randbytes(4_000).hex()
    assert encode(START, b"", [job(0, request_id=noise)]) == ("", START, False)
    text, covers, _ = encode(START, b"\0\1\1", [job(5, request_id=noise)])
    assert covers == START + 5
    assert read(text) == Checkpoint(b"\0\1\1", [])


@pytest.mark.parametrize("limit", [-10, 0, 4, 12])
def test_a_limit_too_small_for_anything_gives_no_text(limit: int) -> None:
    assert encode(START, b"\1", [], limit) == ("", START, False)


def test_an_offset_a_billion_away_takes_no_memory() -> None:
    text, covers, _ = encode(START, b"\0\1", [job(2, 10**9)])
    assert covers == START + WINDOW_LIMIT
    assert read(text).jobs[0].offsets == (START + 2,)


def test_text_of_others_is_told_apart() -> None:
    text = encode(START, b"\1", []).text
    assert text.startswith(PREFIX)
    assert decode(text, START) is not None
    for other in ("", "hello", "pwc2:" + text[5:], text[:-1], text + "é"):
        assert decode(other, START) is None


def test_text_that_was_copied_to_another_offset_is_not_believed() -> None:
    text = encode(START, b"\0\1", [job(0)]).text
    assert decode(text, START) is not None
    assert decode(text, START - 1) is None


def stragglers(share: float, jobs: int = 16, size: int = 1_000) -> list[JobSlice]:
    """Return jobs of neighbours, of which a share is in another job instead."""
    offsets: list[list[int]] = [[] for _ in range(jobs)]
    for at in range(jobs * size):
        offsets[DICE.randrange(jobs) if DICE.random() < share else at // size].append(at)
    return [job(*each) for each in offsets]


def test_sixteen_jobs_of_a_thousand_neighbours_take_an_eighth_of_the_room() -> None:
    text, covers, _ = encode(START, b"", stragglers(0))
    assert covers == START + 16_000
    assert len(text) < 512


def test_sixteen_jobs_of_a_thousand_with_eight_percent_of_stragglers_fit() -> None:
    text, covers, _ = encode(START, b"", stragglers(0.08))
    assert covers == START + 16_000
    assert len(text) < 3_200


def test_a_job_stuck_below_a_hundred_thousand_settled_offsets_fits() -> None:
    stuck = sorted(DICE.sample(range(1_086), 1_000))
    flags = bytearray(b"\1") * 101_000
    for at in stuck:
        flags[at] = 0
    text, covers, _ = encode(START, bytes(flags), [job(*stuck)])
    assert covers == START + 101_000
    assert len(text) < 400


def test_every_second_offset_of_a_hundred_thousand_fits() -> None:
    flags = b"\0\1" * 50_000
    text, covers, _ = encode(START, flags, [])
    assert covers == START + 100_000
    assert len(text) < 400
    assert read(text).settled == flags


@pytest.mark.parametrize(("share", "least"), [(0.08, 60_000), (0.5, 25_000)])
def test_of_a_hundred_thousand_strewn_offsets_a_prefix_near_the_entropy_fits(
    share: float, least: int
) -> None:
    flags = bytes(DICE.random() > share for _ in range(100_000))
    text, covers, _ = encode(START, flags, [])
    assert least < covers - START
    assert len(text) > 4_000
    assert read(text).settled == flags[: covers - START].rstrip(b"\0")


def test_more_jobs_than_there_are_symbols_are_cut_and_it_is_said() -> None:
    jobs = [job(at, request_id=str(at)) for at in range(300)]
    text, covers, complete = encode(START, b"", jobs)
    assert not complete
    assert covers == START + 254
    assert len(read(text).jobs) == 254


def test_a_job_that_lies_wholly_beyond_the_window_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "WINDOW_LIMIT", 10)
    near, far = job(1, 9), job(10, 11)
    text, covers, complete = encode(START, b"", [near, far])
    assert (covers, complete) == (START + 10, False)
    assert read(text).jobs == [near]
