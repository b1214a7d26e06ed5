"""The whole job through each way into Kafka, with the least rights: checked, run, reconciled."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable

import pytest

from tests.acceptance.processes import PYTHON
from tests.acceptance.workload import mixed
from tests.acceptance.world import World
from tests.integration.security.conftest import rights_of
from tests.kafka.guarded import DOORS, Guarded

pytestmark = pytest.mark.broker


@pytest.mark.parametrize("door", DOORS)
def test_the_whole_job_is_done_through_each_door(
    guarded: Guarded, behind: Callable[..., World], door: str
) -> None:
    here = behind(door)
    guarded.grant(*rights_of(here).values())
    work = mixed(500, 200, seed=70)
    here.produce(work)

    connector = here.run("--until-end")

    assert connector.wait(40) == 0, connector.tail()
    assert connector.lines("kafka") == []
    here.reconcile(work)
    assert work.refused, "no letter was written"


def test_check_shows_that_all_is_in_order_and_no_secret(
    guarded: Guarded, behind: Callable[..., World]
) -> None:
    here = behind("SCRAM-SHA-512 over TLS")
    guarded.grant(*rights_of(here).values())
    environ = {key: value for key, value in os.environ.items() if not key.startswith("CONNECTOR_")}
    environ |= {f"CONNECTOR_{key.upper().replace('.', '_')}": value for key, value in here.settings.items()}

    done = subprocess.run(
        [*PYTHON, "check"], env=environ, capture_output=True, text=True, check=False, timeout=60
    )

    assert done.returncode == 0, done.stdout
    assert "problem" not in done.stdout
    assert "reached over sasl_ssl" in done.stdout
    assert "hush" not in done.stdout + done.stderr
