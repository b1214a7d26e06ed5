"""What the API does to the connector: outages, lost replies, credentials, refusals."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.acceptance.processes import Connector, wait_for
from tests.acceptance.proxy import proxy
from tests.acceptance.workload import FAULTS, Change, Workload, mixed
from tests.acceptance.world import World, seconds_until, settled, world
from tests.kafka.client import Kafka

pytestmark = pytest.mark.broker

QUIET = 2.0
"""Seconds in which nothing must happen."""
UNREADABLE = ("undecodable", "invalid_event")
"""Why a record can't be read."""
ODD = {**FAULTS, "latency": {"seconds": 0.2}}


def _goes_on(connector: Connector, limit: float = 40) -> float:
    """Seconds until something more is settled."""
    before = settled(connector)
    return seconds_until(lambda: settled(connector) > before, limit, "progress")


def _stands_still(connector: Connector, seconds: float) -> None:
    """Fail if anything is settled meanwhile."""
    before = settled(connector)
    time.sleep(seconds)
    assert settled(connector) == before


def _unreadable(connector: Connector) -> float:
    """Letters of what can't be read: it needs no API."""
    return sum(connector.metric("dead_letters_total", reason=reason) for reason in UNREADABLE)


def _reads_all(connector: Connector, work: Workload) -> None:
    """Wait until each record is read, or dead-lettered if it can't be. Without the API no more can happen."""
    expected = sum(reason in UNREADABLE for reason in work.refused.values())
    wait_for(lambda: _unreadable(connector) == expected, 40, "a letter of each record that can't be read")
    wait_for(lambda: connector.metric("records_consumed_total") == len(work.records), 40, "the last record")


@pytest.mark.timeout(240)
def test_an_outage_and_a_slow_api_are_waited_for_and_cost_nothing(kafka: Kafka, tmp_path: Path) -> None:
    """Down for a minute, then slow."""
    work = mixed(20_000, 20_000, seed=20, skew=0.2)
    with world(tmp_path, kafka, faults=ODD) as here:
        here.settings["batch.max_devices"] = "200"
        here.produce(work, 0, 10_000)
        connector = here.run()
        wait_for(lambda: settled(connector) > 1000, 40, "progress")
        here.api.faults(outage=[{"on": "any"}])
        wait_for(lambda: connector.metric("gate_open") == 0, 20, "the closed gate")
        here.produce(work, 10_000)
        _reads_all(connector, work)
        letters = connector.metric("dead_letters_total")
        _stands_still(connector, 59)
        assert connector.metric("dead_letters_total") == letters
        assert connector.ready(), "a closed gate opens by itself: the pod is not to blame"
        assert connector.status()["state"] == "gate_closed"
        here.api.faults(outage=None, slow=[{"on": "any", "seconds": 1.0}])
        back = _goes_on(connector)
        here.api.faults(slow=None)
        here.finish(work)
        here.show(seconds_to_go_on=round(back, 2), lines=len(connector.lines("the API is down")))
        assert here.twice() == 0
        assert 1 <= len(connector.lines("the API is down")) <= 3


def test_refused_connections_are_waited_for_and_cost_nothing(kafka: Kafka, tmp_path: Path) -> None:
    work = mixed(20_000, 20_000, seed=21, skew=0.2)
    with world(tmp_path, kafka, faults=ODD) as here, proxy(here.api.port) as between:
        here.settings |= {"pushwoosh.url": between.url, "batch.max_devices": "200"}
        between.refuse()
        here.produce(work)
        connector = here.run()
        wait_for(lambda: connector.metric("gate_open") == 0, 40, "the closed gate")
        _reads_all(connector, work)
        _stands_still(connector, QUIET)
        assert connector.metric("dead_letters_total") == _unreadable(connector), "nothing else needs no API"
        between.listen()
        back = _goes_on(connector)
        here.finish(work)
        here.show(seconds_to_go_on=round(back, 2))
        assert here.twice() == 0


def test_a_proxy_that_cuts_connections_costs_what_is_counted_and_loses_nothing(
    kafka: Kafka, tmp_path: Path
) -> None:
    """A reply that is lost in between is known to nobody: its devices go again, and are counted."""
    work = mixed(20_000, 40_000, seed=22, skew=0.0, operators="set")
    with world(tmp_path, kafka, faults=ODD) as here, proxy(here.api.port) as between:
        here.settings |= {"pushwoosh.url": between.url, "batch.max_devices": "100"}
        between.cut_requests = between.cut_replies = 0.05
        here.produce(work)
        connector = here.run()
        wait_for(lambda: here.lag() < 2000 or between.replies_cut >= 30, 60, "some cuts")
        between.cut_requests = between.cut_replies = 0.0
        here.wait_settled()
        counted = connector.metric("devices_resubmitted_total")
        here.finish(work)
        cuts = f"{between.requests_cut}+{between.replies_cut}"
        here.show(counted_by_the_connector=int(counted), requests_and_replies_cut=cuts)
        assert between.replies_cut >= 5
        assert here.twice() <= counted


@pytest.mark.timeout(240)
def test_what_the_api_stumbles_over_each_time_holds_up_nothing_else(kafka: Kafka, tmp_path: Path) -> None:
    """Each POST with one device gets a 500, and each GET of one job: all others are settled meanwhile."""
    work = mixed(10_000, 10_000, seed=26, skew=0.2)
    first = len(work.records)
    for index, name in enumerate(("sick-one", "mute-one"), first):
        event = {"type": "tags", "hwid": name, "tags": {"plan": "pro"}}
        work.records.append((name.encode(), json.dumps(event).encode()))
        work.change(Change(index, name, "set", {"plan": "pro"}))
    faults = {
        **ODD,
        "batch_refused": [*FAULTS["batch_refused"], {"prefix": "sick-", "status": 500}],
        "job_unreadable": [{"prefix": "mute-", "next": 1}],
    }
    with world(tmp_path, kafka, faults=faults) as here:
        here.settings |= {"batch.max_devices": "100", "jobs.deadline": "10s"}
        here.produce(work, first)
        here.produce(work, 0, first)
        connector = here.run()
        wait_for(lambda: settled(connector) >= first + 1, 90, "all but the device that the API can't take")
        assert connector.metric("gate_open") == 1
        assert connector.ready()
        assert connector.lines("one job alone fails")
        assert connector.lines("one batch alone fails")
        (line,) = connector.lines("one device alone fails")
        assert line["first_record"].startswith(here.topic)
        here.api.faults(batch_refused=FAULTS["batch_refused"])
        here.finish(work)
        here.show()


def _halts(here: World, connector: Connector, cause: str) -> None:
    """Assert all that a halt must be: not ready, said once with what to mend, nothing submitted."""
    wait_for(lambda: connector.metric("halted", cause=cause) == 1, 40, "the halt")
    answer = connector.get("/readyz")
    assert answer is not None
    assert answer.status_code == 503
    assert cause in answer.text
    received = here.api.stats()["devices_received"]
    time.sleep(QUIET)
    assert here.api.stats()["devices_received"] == received
    halted = [line for line in connector.lines("halted") if line["cause"] == cause]
    assert len(halted) == 1
    assert halted[0]["mend"]
    assert halted[0]["level"] == "error"


def test_a_wrong_token_halts_and_a_rotated_one_goes_on_within_seconds(kafka: Kafka, tmp_path: Path) -> None:
    """The probe's interval is left at its default of 30 s: the new token must be tried at once."""
    work = mixed(10_000, 10_000, seed=23)
    token = tmp_path / "token"
    token.write_text("old\n")
    with world(tmp_path, kafka, "--token", "good", faults=ODD) as here:
        here.settings |= {"pushwoosh.token": "", "pushwoosh.token_file": str(token)}
        here.produce(work)
        connector = here.run()
        _halts(here, connector, "unauthorized")
        token.write_text("good\n")
        back = _goes_on(connector)
        wait_for(connector.ready, 10, "readiness")
        here.finish(work)
        here.show(seconds_after_rotation=round(back, 2))
        assert back < 5
        assert here.twice() == 0


def test_a_token_taken_away_while_jobs_run_halts_and_its_return_is_noticed(
    kafka: Kafka, tmp_path: Path
) -> None:
    work = mixed(20_000, 20_000, seed=24)
    with world(tmp_path, kafka, faults=ODD) as here:
        here.settings |= {"jobs.probe_interval": "500ms", "batch.max_devices": "200"}
        here.produce(work)
        connector = here.run()
        wait_for(lambda: settled(connector) > 1000, 40, "progress")
        here.api.faults(unauthorized=[{"on": "any"}])
        _halts(here, connector, "unauthorized")
        here.api.faults(unauthorized=None)
        back = _goes_on(connector)
        here.finish(work)
        here.show(seconds_to_go_on=round(back, 2))
        assert back < 5
        assert here.twice() == 0


def _at_once(here: World) -> None:
    here.api.faults(unknown_application=[{}])


def _in_a_job(here: World) -> None:
    here.api.faults(job_failed=[{"message": "application not found"}])


@pytest.mark.parametrize("denies", [_at_once, _in_a_job])
def test_an_unknown_application_halts_and_goes_on_once_it_is_known(
    kafka: Kafka, tmp_path: Path, denies: Callable[[World], None]
) -> None:
    work = mixed(10_000, 10_000, seed=25)
    with world(tmp_path, kafka, faults=ODD) as here:
        # A probe that makes a job is a submission, so between the probes of `_halts` there must be time.
        here.settings |= {"jobs.probe_interval": "5s", "batch.max_devices": "200"}
        denies(here)
        here.produce(work)
        connector = here.run()
        _halts(here, connector, "unknown_application")
        here.api.faults(unknown_application=None, job_failed=None)
        back = _goes_on(connector)
        here.finish(work)
        here.show(seconds_to_go_on=round(back, 2))
        assert back < 15, "a probe that was out, the next one after 5 s, and its job"
        assert here.twice() == 0


def test_the_brake_halts_before_the_topic_is_dead_lettered_and_sighup_goes_on(
    kafka: Kafka, tmp_path: Path
) -> None:
    work = mixed(10_000, 20_000, seed=26, odd=0.0, unreadable=0.0, spoilt=0.0, skew=0.0, operators="set")
    with world(tmp_path, kafka, faults={"tag_refused": [{}], "latency": {"seconds": 0.2}}) as here:
        here.settings |= {"brake.window": "500", "batch.max_devices": "100", "jobs.max_in_flight": "4"}
        here.produce(work)
        connector = here.run()
        _halts(here, connector, "brake")
        assert here.letters() == {} or len(here.letters()) <= 500 + 4 * 100
        here.api.faults(tag_refused=None)
        time.sleep(QUIET)
        assert connector.metric("halted", cause="brake") == 1, "only a person lets the brake go"
        connector.signal(signal.SIGHUP)
        back = _goes_on(connector)
        here.wait_settled()
        refused = here.letters()
        here.finish(work.without(refused, refused="tag_refused"))
        here.show(seconds_to_go_on=round(back, 2), refused=len(refused))
        assert 0 < len(refused) <= 500 + 4 * 100
