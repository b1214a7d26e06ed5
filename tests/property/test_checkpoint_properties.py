"""Checkpoint text: whatever goes in, what it covers comes out, and nothing that is damaged is believed."""

from __future__ import annotations

import base64
import random
import zlib
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from connector.core.assigned.job_slice import JobSlice
from connector.core.remembering import tokens
from connector.core.remembering.checkpoint import PREFIX, Checkpoint, decode, encode, surely_covers
from connector.model import Endpoint

REQUEST_IDS = st.one_of(
    st.uuids().map(str),
    st.uuids().map(lambda uuid: str(uuid).upper()),
    st.text(max_size=60),
    st.text(alphabet="0123456789abcdef-", min_size=36, max_size=36),
)


@st.composite
def states(draw: st.DrawFn, most: int = 600) -> tuple[int, bytes, list[JobSlice]]:
    """Draw a position, what is settled beyond it, and jobs that share the rest among them."""
    position = draw(st.integers(0, 2**62))
    runs = draw(st.lists(st.tuples(st.integers(0, 6), st.integers(1, most)), max_size=60))
    owners = [owner for owner, length in runs for _ in range(length)]
    flags = bytes(owner == 1 for owner in owners)
    jobs = [
        JobSlice(
            draw(REQUEST_IDS),
            draw(st.sampled_from(Endpoint)),
            draw(st.sampled_from(["", "ABCDE-12345", "ünïcode"])),
            draw(st.floats(0, 4e9)),
            tuple(position + at for at, each in enumerate(owners) if each == owner),
        )
        for owner in range(2, 7)
    ]
    return position, flags, draw(st.permutations(jobs))


def below(covers: int, position: int, flags: bytes, jobs: list[JobSlice]) -> Checkpoint:
    """Return what must be remembered of a state, of the offsets below `covers`."""
    slices = [
        JobSlice(
            job.request_id,
            job.endpoint,
            job.application,
            float(int(job.accepted_at)),
            tuple(offset for offset in job.offsets if offset < covers),
        )
        for job in jobs
    ]
    awaited = [part for job, part in zip(jobs, slices, strict=True) if not job.offsets]
    return Checkpoint(
        flags[: covers - position].rstrip(b"\0"),
        sorted((job for job in slices if job.offsets), key=lambda job: job.offsets[0]) + awaited,
    )


def end_of(position: int, flags: bytes, jobs: list[JobSlice]) -> int:
    return max([position + len(flags), *(job.offsets[-1] + 1 for job in jobs if job.offsets)])


@given(state=states())
def test_what_is_written_is_read_again(state: tuple[int, bytes, list[JobSlice]]) -> None:
    position, flags, jobs = state
    text, covers, complete = encode(position, flags, jobs, limit=100_000)
    assert complete
    assert covers == end_of(position, flags, jobs)
    read = decode(text, position) or Checkpoint(b"", [])
    assert read == below(covers, position, flags, jobs)


@given(state=states(most=40), limit=st.integers(0, 700), enough=st.integers(1, 60))
def test_what_does_not_fit_is_cut_at_an_offset_below_which_everything_is_remembered(
    state: tuple[int, bytes, list[JobSlice]], limit: int, enough: int
) -> None:
    position, flags, jobs = state
    with patch.dict(tokens.Tokens.__init__.__kwdefaults__, enough=enough):
        text, covers, complete = encode(position, flags, jobs, limit)
    assert len(text) <= limit
    assert text.isascii()
    assert text.isprintable()
    assert not set(text) & {'"', "'", "\\", " "}
    assert position <= covers <= end_of(position, flags, jobs)
    read = decode(text, position) or Checkpoint(b"", [])
    whole = below(covers, position, flags, jobs)
    carrying = [job for job in whole.jobs if job.offsets]
    awaited = whole.jobs[len(carrying) :]
    kept = read.jobs[len(carrying) :]
    assert (read.settled, read.jobs[: len(carrying)]) == (whole.settled, carrying)
    assert kept == awaited[: len(kept)]
    assert complete == (covers == end_of(position, flags, jobs) and kept == awaited)


@given(
    st.sampled_from((60, 100, 127, 160, 255, 511)),
    st.lists(st.sampled_from((1, 1, 1, 2, 2, 3, 4, 5, 7, 9, 12)), min_size=1, max_size=12),
    st.floats(0.1, 0.9),
    st.integers(0, 1 << 32),
)
def test_a_text_covers_at_least_what_letters_rely_on(
    limit: int, lengths: list[int], share: float, seed: int
) -> None:
    rng = random.Random(seed)
    settled = b"\0" + b"".join(
        bytes((rng.random() < share,)) * rng.choice(lengths) for _ in range(8 * limit + 200)
    )
    assert encode(1000, settled, (), limit).covers >= 1000 + surely_covers(limit)


@given(state=states(most=20), data=st.data())
def test_a_damaged_text_is_not_believed(
    state: tuple[int, bytes, list[JobSlice]], data: st.DataObject
) -> None:
    position, flags, jobs = state
    text = encode(position, flags, jobs).text
    if not text:
        return
    at = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.characters())
    damaged = data.draw(
        st.sampled_from([text[:at] + other + text[at + 1 :], text[:at], text[:at] + other + text[at:]])
    )
    if damaged != text:  # the last characters of base 85 can say the same in several ways
        assert decode(damaged, position) in (None, decode(text, position))
    assert decode(text, position + 1) is None


@given(
    text=st.one_of(
        st.text(), st.text().map("pwc1:".__add__), st.binary().map(lambda raw: "pwc1:" + raw.hex())
    )
)
def test_foreign_text_never_raises(text: str) -> None:
    assert decode(text, 0) is None


@given(body=st.binary(max_size=200))
def test_a_body_of_nonsense_under_a_right_sum_never_raises(body: bytes) -> None:
    text = PREFIX + base64.b85encode(zlib.crc32(body, zlib.crc32(b"7")).to_bytes(4, "big") + body).decode()
    assert isinstance(decode(text, 7), Checkpoint | None)
