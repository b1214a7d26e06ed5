"""Whether a halt takes one job more to show that it is over, by the jobs that there are."""

from __future__ import annotations

import pytest

from connector.core.batching.batch import Batch
from connector.core.following.job import DENIED_ALONE, Job
from connector.core.holding_back.halts import PATIENCE_GROWTH, Halts, May
from connector.core.holding_back.proofs import Proofs, Where
from connector.core.notices import Notices
from connector.core.tally import Tally
from connector.model import Endpoint
from tests.unit.core.builders import NOW, limits
from tests.unit.core.halting import DENIED

INTERVAL = 30.0
DUE = NOW + INTERVAL


def halted(where: Where) -> Halts:
    """Halts of the default application, whose probe is due at `DUE`."""
    halts = Halts(limits(probe_interval=INTERVAL), Tally(), Notices(), Proofs())
    halts.denied("", DENIED, where, NOW, NOW)
    return halts


def job_of(
    application: str = "", *, denied: int = 0, failures: int = 0, probe_at: float | None = None
) -> Job:
    batch = Batch(1, Endpoint.TAGS, application, [], 0.0, probe=probe_at is not None)
    job = Job(1, "r", Endpoint.TAGS, application, [], NOW if probe_at is None else probe_at, batch)
    for _ in range(denied):
        job.polls.denied()
    job.suspicion.failures = failures
    return job


@pytest.mark.parametrize(
    ("where", "may"), [(Where.POST, May.PROBE), (Where.JOB, May.PROBE), (Where.GET, May.NO)]
)
def test_a_job_that_may_still_tell_is_enough_where_gets_are_denied(where: Where, may: May) -> None:
    assert halted(where).may_submit("", [job_of()], DUE) is may


@pytest.mark.parametrize(
    "job",
    [job_of(denied=DENIED_ALONE), job_of(failures=DENIED_ALONE), job_of("BBBBB")],
    ids=["denied", "failing", "another application's"],
)
def test_one_that_always_fails_or_is_of_another_application_tells_nothing(job: Job) -> None:
    halts = halted(Where.GET)
    assert halts.may_submit("", [job], DUE) is May.PROBE
    assert halts.may_submit("", [job, job_of()], DUE) is May.NO


@pytest.mark.parametrize("where", [Where.JOB, Where.GET])
def test_after_a_probe_that_showed_nothing_another_goes_later_each_time(where: Where) -> None:
    halts, jobs, at = halted(where), [job_of(denied=DENIED_ALONE)], DUE
    for probes in (1, 2, 3):
        jobs.append(job_of(denied=DENIED_ALONE, probe_at=at))
        wait = DENIED_ALONE * INTERVAL * PATIENCE_GROWTH**probes
        assert halts.may_submit("", jobs, at + wait - 0.1) is May.NO
        assert halts.may_submit("", jobs, at + wait) is May.PROBE
        at += wait


def test_the_probe_of_an_earlier_halt_puts_nothing_off() -> None:
    assert halted(Where.JOB).may_submit("", [job_of(probe_at=NOW - 1)], DUE) is May.PROBE
