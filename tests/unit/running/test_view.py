"""What probes, gauges and the status page are told."""

from __future__ import annotations

from typing import Any, cast

import pytest
import structlog
from prometheus_client import CollectorRegistry

from connector.answers import Accepted, Denied, Unavailable
from connector.core.engine import Engine
from connector.core.holding_back.proofs import Where
from connector.kafka.group.source import Source
from connector.kafka.troubles import Trouble
from connector.model import Cause, Content
from connector.ops.metrics import Metrics
from connector.ops.status import Snapshot, State
from connector.ops.watch import Heartbeat, RecentErrors
from connector.pulse import Clock, Pulse
from connector.running.incidents import Incidents
from connector.running.view import View
from tests.settings import with_environment
from tests.unit.core.builders import P0, P1, UNDECODABLE, devices, limits, record, start
from tests.unit.fakes import FakeSource

DENIED = Denied(Cause.UNAUTHORIZED, "no such token", 401)


class Desk:
    """A view of an engine and a consumer that a test sets up."""

    def __init__(self, **bounds: Any) -> None:
        chosen = limits(**{"linger": 0.0, "max_devices": 2, **bounds})
        self.pulse = Pulse(Engine(chosen, lambda: 0.5), Clock())
        self.engine = self.pulse.engine
        self.source = FakeSource()
        self.incidents = Incidents(self.pulse, structlog.get_logger(), lambda _: None)
        self.errors = RecentErrors()
        self.heartbeat = Heartbeat(self.pulse.clock, 60.0)
        self.view = View(
            with_environment(),
            self.pulse,
            cast("Source", self.source),
            self.incidents,
            Metrics(CollectorRegistry(), {"events": Content.TAGS}),
            self.heartbeat,
            self.errors,
            lambda: False,
        )

    @property
    def now(self) -> float:
        return self.pulse.clock()

    def with_records(self, count: int) -> Desk:
        self.engine.assigned(start())
        events = devices(range(count))
        records = [event.record for event in events if event.record is not None]
        self.engine.received(P0, records, events, self.now)
        return self

    def let_batches_go(self) -> None:
        """Have more than one batch go before the first commit."""
        for _ in range(3):
            self.engine.components.exposure.recorded([1.0])
        self.engine.components.exposure.ended(1.0)

    def with_a_job(self) -> Desk:
        self.with_records(3).let_batches_go()
        self.engine.plan(self.now)
        first = next(iter(self.engine.components.dispatch.posting.values()))
        self.engine.posted(first, Accepted("0123456789abcdef"), self.now)
        return self

    def state(self) -> State:
        return self.view.snapshot().state


def test_every_field_of_a_snapshot_is_filled(monkeypatch: pytest.MonkeyPatch) -> None:
    set_by_the_view: set[str] = set()

    class Noted(Snapshot):
        def __setattr__(self, field: str, value: object) -> None:
            set_by_the_view.add(field)
            super().__setattr__(field, value)

    monkeypatch.setattr("connector.running.view.Snapshot", Noted)
    Desk().view.snapshot()
    assert set_by_the_view == set(Snapshot.__struct_fields__)


def test_an_instance_at_rest_runs_and_is_ready() -> None:
    desk = Desk()
    assert desk.state() is State.RUNNING
    assert desk.view.ready().ok
    assert desk.view.live().ok


def test_before_it_has_joined_it_starts_and_is_not_ready() -> None:
    desk = Desk()
    desk.source.joined = False
    assert desk.state() is State.STARTING
    assert not desk.view.ready().ok


def test_what_there_is_in_kafka_is_not_known_outside_the_group_nor_without_a_broker() -> None:
    desk = Desk()
    assert not desk.view.status().out_of_sight
    desk.incidents.tell(Trouble("topic_missing", "events", "is missing", "create it", blocking=True))
    assert not desk.view.status().out_of_sight
    desk.incidents.tell(Trouble("unreachable", "", "all brokers are down", "look", blocking=True))
    assert desk.view.status().out_of_sight
    desk = Desk()
    desk.source.joined = False
    assert desk.view.status().out_of_sight


def test_an_instance_that_stops_is_not_ready() -> None:
    desk = Desk()
    desk.engine.stop()
    assert desk.state() is State.STOPPING
    assert "stopping" in desk.view.ready().reason


def test_a_halt_of_an_application_says_what_to_do_and_about_which() -> None:
    desk = Desk()
    desk.engine.components.halts.denied("APP", DENIED, Where.POST, desk.now, desk.now)
    (halt,) = desk.view.snapshot().halts
    assert (halt.cause, halt.message, halt.subject) == ("unauthorized", "no such token", "APP")
    assert "[applications.APP]" in halt.mend
    assert desk.state() is State.HALTED
    assert "halted (unauthorized): APP: no such token" in desk.view.ready().reason


def test_a_halt_of_the_default_application_is_told_by_its_code() -> None:
    desk = Desk()
    desk.engine.components.halts.denied("", DENIED, Where.POST, desk.now, desk.now)
    (halt,) = desk.view.snapshot().halts
    (code,) = desk.view.snapshot().applications
    assert code == "AAAAA-BBBBB"
    assert (halt.subject, halt.mend[:22]) == ("AAAAA-BBBBB", "check pushwoosh.token ")
    assert "halted (unauthorized): AAAAA-BBBBB: no such token" in desk.view.ready().reason


def test_a_halt_of_the_whole_is_told_before_those_of_applications() -> None:
    desk = Desk()
    desk.engine.components.halts.denied("APP", DENIED, Where.POST, desk.now, desk.now)
    desk.engine.halt(Cause.BRAKE, "too many refused", desk.now)
    assert [halt.cause for halt in desk.view.snapshot().halts] == ["brake", "unauthorized"]


def test_a_trouble_that_blocks_makes_it_not_ready_and_one_that_does_not_is_only_shown() -> None:
    desk = Desk()
    desk.incidents.tell(Trouble("letter_refused", "dead", "refused", "look", blocking=False))
    assert desk.view.ready().ok
    assert desk.state() is State.RUNNING
    desk.incidents.tell(Trouble("topic_missing", "dead", "is missing", "create it", blocking=True))
    assert desk.state() is State.HALTED
    assert "create it" in desk.view.ready().reason
    assert [(each.cause, each.subject) for each in desk.view.snapshot().troubles] == [
        ("letter_refused", "dead"),
        ("topic_missing", "dead"),
    ]
    assert all(each.since <= desk.now for each in desk.view.snapshot().troubles)


def test_a_closed_gate_is_shown_with_its_cause_and_leaves_it_ready() -> None:
    desk = Desk().with_records(1)
    desk.engine.plan(desk.now)
    (batch,) = desk.engine.components.dispatch.posting.values()
    desk.engine.posted(batch, Unavailable("slow down", 429, retry_after=50.0), desk.now)
    gate = desk.view.snapshot().gate
    assert gate is not None
    assert (gate.cause, gate.message) == ("too_many_requests", "slow down")
    assert gate.since == desk.engine.components.gate.closing.closed_at > 0
    assert 40 < gate.seconds_left <= 50
    assert desk.state() is State.GATE_CLOSED
    assert desk.view.ready().ok


def test_a_pause_is_a_state_of_its_own_which_leaves_it_ready() -> None:
    desk = Desk()
    desk.engine.pause("10.0.0.3", desk.now)
    assert desk.state() is State.PAUSED
    (halt,) = desk.view.snapshot().halts
    assert (halt.cause, halt.message) == ("paused", "paused by 10.0.0.3")
    assert halt.since <= desk.now
    assert desk.view.ready().ok
    desk.engine.halt(Cause.BRAKE, "too many refused", desk.now)
    assert desk.state() is State.HALTED
    assert not desk.view.ready().ok
    assert desk.view.ready().reason.endswith("; paused by 10.0.0.3")


def test_a_pause_is_shown_among_the_halts_of_the_whole_in_the_order_in_which_they_began() -> None:
    desk = Desk()
    desk.engine.halt(Cause.BRAKE, "too many refused", desk.now - 3)
    desk.engine.components.halts.denied("APP", DENIED, Where.POST, desk.now - 3, desk.now - 3)
    desk.engine.pause("10.0.0.3", desk.now - 2)
    desk.engine.halt(Cause.DATA_LOSS, "gone", desk.now - 1)
    shown = [halt.cause for halt in desk.view.snapshot().halts]
    assert shown == ["brake", "paused", "data_loss", "unauthorized"]


def test_the_limit_of_jobs_is_the_one_that_holds_now() -> None:
    desk = Desk()
    before = desk.view.snapshot().jobs_limit
    assert before == desk.engine.components.concurrency.limit
    desk.engine.components.concurrency.overloaded(desk.now)
    assert desk.view.snapshot().jobs_limit < before


def test_what_the_limits_of_the_flow_hold_back_is_shown() -> None:
    desk = Desk(max_devices=1, devices_per_second=0.01).with_records(2)
    desk.let_batches_go()
    assert not desk.view.snapshot().held_back
    desk.engine.plan(desk.now)
    assert desk.view.snapshot().held_back


def test_what_waits_for_room_in_a_checkpoint_is_counted() -> None:
    desk = Desk().with_records(3)
    assert desk.view.snapshot().waiting_for_checkpoint == 0
    assignment = desk.engine.assignments[P0]
    desk.engine.components.dispatch._waiting_for_checkpoint[assignment] += devices([8, 9])
    assert desk.view.snapshot().waiting_for_checkpoint == 2


def test_partitions_show_position_end_backlog_and_age() -> None:
    desk = Desk().with_records(3)
    desk.engine.assigned(start(7, partition=P1))
    desk.source.ends = {P0: 10}
    desk.source.log_ends = {P0: 12}
    first, second = desk.view.snapshot().partitions
    assert (first.topic, first.partition, first.position, first.end) == ("events", 0, 0, 10)
    assert first.backlog == 10
    assert first.lag == 12
    assert first.buffered == 3
    assert first.oldest_unsettled_seconds > 1_000_000, "the records' time stamps are of 2023"
    assert (second.position, second.end, second.backlog, second.lag) == (7, None, None, None)
    assert second.oldest_unsettled_seconds == 0


def test_what_is_settled_out_of_order_is_no_backlog() -> None:
    desk = Desk().with_records(3)
    desk.engine.assignments[P0].offsets.settle([1, 2])
    desk.source.ends = {P0: 10}
    (shown,) = desk.view.snapshot().partitions
    assert (shown.backlog, shown.lag) == (8, 10)


def test_requests_under_way_count_as_jobs_in_flight() -> None:
    desk = Desk().with_a_job()
    assert desk.view.snapshot().jobs_in_flight == {"bulkSetTags": 2}
    assert desk.view.snapshot().buffered_events == 3
    assert desk.view.snapshot().buffered_bytes > 100


def test_the_status_names_jobs_by_a_part_of_their_request_id_alone() -> None:
    status = Desk().with_a_job().view.status()
    (job,) = status.jobs
    assert job.request == "01234567…"
    assert (job.devices, job.adopted, job.polls) == (2, False, 0)
    assert job.age >= 0


def test_the_status_has_the_settings_without_the_token() -> None:
    desk = Desk()
    status = desk.view.status()
    assert status.group == "pushwoosh-connector"
    assert status.max_buffered_events == 100_000
    assert "hush-token" not in str(status)
    assert status.uptime >= 0


def test_the_status_shows_what_went_wrong_lately() -> None:
    desk = Desk()
    desk.errors.add(desk.now, "the API is down: refused")
    assert [error.what for error in desk.view.status().errors] == ["the API is down: refused"]


def test_letters_that_are_owed_count_as_buffered() -> None:
    desk = Desk()
    desk.engine.assigned(start())
    desk.engine.received(P0, [record(0, "odd")], [UNDECODABLE], desk.now)
    assert desk.view.snapshot().buffered_events == 1


def test_a_letter_that_is_being_written_is_backlog_until_it_is_in_the_topic() -> None:
    desk = Desk()
    desk.engine.assigned(start())
    desk.source.ends = {P0: 1}
    desk.engine.received(P0, [record(0, "odd")], [UNDECODABLE], desk.now)
    shown = []
    for step in (lambda: desk.engine.plan(desk.now), lambda: desk.engine.committed(desk.now)):
        step()
        (partition,) = desk.view.snapshot().partitions
        shown.append((partition.backlog, partition.oldest_unsettled_seconds > 1_000_000))
    assert shown == [(1, True), (0, False)]
