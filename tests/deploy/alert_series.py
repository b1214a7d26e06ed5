"""What a scrape may bring of a connector, a sample a minute: at work, idle, catching up.

Series are written as promtool reads them: `1x20` is 21 times 1, `0+6x20` grows by 6, `_x20` is nothing.
"""

from __future__ import annotations


def series(name: str, instance: str = "a", **labels: str) -> str:
    """Write a series as it is scraped in Kubernetes."""
    everything = {"namespace": "n", "job": "pushwoosh-connector", "instance": instance, **labels}
    return name + "{" + ", ".join(f'{key}="{value}"' for key, value in everything.items()) + "}"


def own(name: str, **labels: str) -> str:
    return series(f"pushwoosh_connector_{name}", **labels)


UP = series("up")
HALTED = own("halted", cause="unauthorized")
PAUSED = own("halted", cause="paused")
GATE = own("gate_open")
BACKLOG = own("backlog_records", topic="t", partition="0")
COMMITTED = own("committed_offset", topic="t", partition="0")
OLDEST = own("oldest_unsettled_seconds", topic="t", partition="0")
CONFIRMED = own("events_settled_total", endpoint="bulkSetTags", outcome="confirmed")
DEAD = own("events_settled_total", endpoint="bulkSetTags", outcome="dead_letter")
REFUSED = own("dead_letters_total", reason="tag_refused")
IN_TIME = own("confirmation_latency_seconds_bucket", endpoint="bulkSetTags", le="300.0")
SETTLED = own("confirmation_latency_seconds_count", endpoint="bulkSetTags")
CALLS = own("http_requests_total", endpoint="bulkSetTags", method="POST", code="200")
FAILED_CALLS = own("http_requests_total", endpoint="bulkSetTags", method="POST", code="503")
COMMITS = own("commit_failures_total")
LETTERS = own("dead_letter_write_failures_total")
REBALANCES = own("rebalances_total")
LOST = own("records_lost_total", topic="t")
GONE = own("kafka_trouble", cause="data_loss")
HALTED_BY_LOSS = own("halted", cause="data_loss")
TROUBLE = own("kafka_trouble", cause="topic_authorization")

BUSY = {
    UP: "1x",
    HALTED: "0x",
    PAUSED: "0x",
    GATE: "1x",
    BACKLOG: "500x",
    COMMITTED: "0+6000x",
    OLDEST: "30x",
    CONFIRMED: "0+6000x",
    DEAD: "0+6x",
    REFUSED: "0+6x",
    IN_TIME: "0+6000x",
    SETTLED: "0+6000x",
    CALLS: "0+60x",
    FAILED_CALLS: "0+1x",
    COMMITS: "0x",
    LETTERS: "0x",
    REBALANCES: "3x",
    LOST: "0x",
}
IDLE = {**dict.fromkeys(BUSY, "0x"), UP: "1x", GATE: "1x", REBALANCES: "3x"}


def of_another(*names: str) -> list[str]:
    """Give series of a second instance, where BUSY has those of the first."""
    return [name.replace('instance="a"', 'instance="b"') for name in names]


def of_backfill(what: dict[str, str]) -> dict[str, str]:
    """Give the same of a backfill, which is another job."""
    return {
        name.replace('"pushwoosh-connector"', '"pushwoosh-connector-backfill"'): values
        for name, values in what.items()
    }


OTHER_BACKLOG, OTHER_CONFIRMED, OTHER_GATE = of_another(BACKLOG, CONFIRMED, GATE)
NEXT_BACKLOG, NEXT_COMMITTED, NEXT_OLDEST = (
    name.replace('partition="0"', 'partition="1"') for name in (BACKLOG, COMMITTED, OLDEST)
)
CATCHING_UP = {
    DEAD: "0x",
    REFUSED: "0x",
    # An outage of an hour, and two hours of settling three times what comes in.
    BACKLOG: "500x20 500+6000x60 354500-6000x59 500x",
    OLDEST: "30x20 30+60x60 3600-30x119 30x",
    CONFIRMED: "0+6000x20 120000x60 120000+12000x60 846000+6000x",
    SETTLED: "0+6000x20 120000x60 120000+12000x60 846000+6000x",
    IN_TIME: "0+6000x20 120000x120 126000+6000x",
    COMMITTED: "0+6000x20 120000x60 120000+12000x60 846000+6000x",
}
