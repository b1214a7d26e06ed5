"""The panels of the Grafana dashboard: what each asks, and how it is read.

The top row answers "is it well?"; below, in the order of the way of a record: flow, stages, API, Kafka.
Resources come last.
"""

from __future__ import annotations

from typing import NamedTuple

OF = 'namespace=~"$namespace", job=~"$job"'
"""What every query selects by."""
ON_TOPIC = f'{OF}, topic=~"$topic"'


def _m(name: str, of: str = OF, **labels: str) -> str:
    """Select a metric of ours; a label's value that begins with `~` is a regular expression."""
    chosen = [
        of,
        *(
            f'{label}=~"{value[1:]}"' if value[0] == "~" else f'{label}="{value}"'
            for label, value in labels.items()
        ),
    ]
    return f"pushwoosh_connector_{name}{{{', '.join(chosen)}}}"


def _rate(name: str, of: str = OF, **labels: str) -> str:
    return f"rate({_m(name, of, **labels)}[$__rate_interval])"


class Panel(NamedTuple):
    """A panel: queries by legend; `words` name values.

    `limits` are (value, colour) to paint a tile from: green from 0, red where there is no value at all.
    """

    title: str
    text: str
    unit: str
    queries: dict[str, str]
    limits: tuple[tuple[float, str], ...] = ()
    stacked: bool = False
    words: tuple[tuple[int, str], ...] = ()


_SETTLED = f"sum({_rate('events_settled_total')})"
_DEAD = f"sum({_rate('events_settled_total', outcome='dead_letter')})"

WELL = [
    Panel(
        "Confirmed a second",
        "Records that the API confirmed for their device.",
        "cps",
        {"confirmed": f"sum({_rate('events_settled_total', outcome='confirmed')})"},
    ),
    Panel(
        "Backlog",
        "Records not settled: lag less what is settled beyond the committed offset.",
        "short",
        {"backlog": f"sum({_m('backlog_records', of=ON_TOPIC)})"},
        ((100_000, "orange"), (1_000_000, "red")),
    ),
    Panel(
        "Oldest unsettled",
        "Age of the oldest record that was read and is not settled.",
        "s",
        {"oldest": f"max({_m('oldest_unsettled_seconds', of=ON_TOPIC)})"},
        ((300, "orange"), (1800, "red")),
    ),
    Panel(
        "Refused",
        "Share of settled records that went to the dead-letter topic.",
        "percentunit",
        # Nothing settled is nothing refused, as long as there is a connector that settles nothing.
        {"refused": f"{_DEAD} / ({_SETTLED} > 0) or 0 * {_SETTLED}"},
        ((0.001, "orange"), (0.02, "red")),
    ),
    Panel(
        "Halted",
        "Nothing is submitted, or Kafka refuses something, until a person mends it or resumes; why is below.",
        "short",
        # The trouble first: it is exported only meanwhile, `halted` always.
        {"halted": f"max({_m('kafka_trouble')}) or max({_m('halted')})"},
        ((1, "red"),),
        words=((0, "no"), (1, "HALTED")),
    ),
    Panel(
        "Instances",
        "Instances that answer Prometheus.",
        "short",
        {"up": f"sum(up{{{OF}}})"},
        ((0, "red"), (1, "green")),
    ),
]

ROWS = {
    "Flow": [
        Panel(
            "Records",
            "What comes in, and what becomes of it.",
            "cps",
            {
                "read": f"sum({_rate('records_consumed_total', of=ON_TOPIC)})",
                "{{outcome}}": f"sum by (outcome) ({_rate('events_settled_total')})",
            },
        ),
        Panel(
            "Backlog by topic",
            "Records not settled.",
            "short",
            {"{{topic}}": f"sum by (topic) ({_m('backlog_records', of=ON_TOPIC)})"},
        ),
        Panel(
            "Oldest unsettled by partition",
            "One line far above the others: that partition is stuck.",
            "s",
            {
                "{{topic}}/{{partition}}": "max by (topic, partition) "
                f"({_m('oldest_unsettled_seconds', of=ON_TOPIC)})"
            },
        ),
        Panel(
            "Dead letters by reason",
            "Records written to the dead-letter topic.",
            "cps",
            {"{{reason}}": f"sum by (reason) ({_rate('dead_letters_total')})"},
            stacked=True,
        ),
        Panel(
            "Merged, superseded, tried again, sent again",
            "Sent again: an earlier request may have applied it already.",
            "cps",
            {
                "merged": f"sum({_rate('events_coalesced_total')})",
                "superseded": f"sum({_rate('events_settled_total', outcome='superseded')})",
                "tried again": f"sum({_rate('events_retried_total')})",
                "sent again": f"sum({_rate('devices_resubmitted_total')})",
            },
        ),
        Panel(
            "Halts and closed gates",
            "1 while it lasts. Held back: by limits.devices_per_second or limits.requests_per_second. "
            "Waits for checkpoints: they have no room for more jobs (deploy/CHECKPOINT.md).",
            "short",
            {
                "halted: {{cause}}": f"max by (cause) ({_m('halted')})",
                "application halted: {{application}}": f"max by (application) ({_m('application_halted')})",
                "gate closed": f"1 - min({_m('gate_open')})",
                "held back": f"max({_m('held_back')})",
                "waits for checkpoints": f"max({_m('waiting_for_checkpoint_events')} > bool 0)",
            },
        ),
    ],
    "Stages": [
        Panel(
            "Time to confirmation",
            "From the record's timestamp until it is settled. The objective: 99 % within 300 s.",
            "s",
            {
                f"{share:.0%}": f"histogram_quantile({share}, sum by (le) "
                f"({_rate('confirmation_latency_seconds_bucket')}))"
                for share in (0.5, 0.95, 0.99)
            },
        ),
        Panel(
            "Mean time by stage",
            "queue: first in its lane to POST. job: POST's reply to its end. commit: one offset commit.",
            "s",
            {
                "{{stage}}": f"sum by (stage) ({_rate('stage_seconds_sum')}) "
                f"/ (sum by (stage) ({_rate('stage_seconds_count')}) > 0)"
            },
        ),
        Panel(
            "Jobs in flight",
            "Level with the limit: the API's job latency is what bounds the flow. "
            "A limit below jobs.max_in_flight: the API is overloaded.",
            "short",
            {
                "{{endpoint}}": f"sum by (endpoint) ({_m('jobs_in_flight')})",
                "limit": f"sum({_m('jobs_limit')})",
            },
        ),
        Panel(
            "Jobs by outcome",
            "adopted: taken over from an earlier owner. resubmitted: sent again.",
            "cps",
            {"{{outcome}}": f"sum by (outcome) ({_rate('jobs_total')})"},
        ),
    ],
    "API": [
        Panel(
            "Calls by code",
            "none: no reply came.",
            "reqps",
            {"{{method}} {{code}}": f"sum by (method, code) ({_rate('http_requests_total')})"},
        ),
        Panel(
            "Time of a call (95 %)",
            "From request to reply or failure.",
            "s",
            {
                "{{method}}": "histogram_quantile(0.95, sum by (le, method) "
                f"({_rate('http_request_duration_seconds_bucket')}))"
            },
        ),
        Panel(
            "Devices in a request",
            "Much below batch.max_devices under a backlog: batches don't fill.",
            "short",
            {
                "devices": f"sum({_rate('devices_submitted_total')}) "
                f"/ (sum({_rate('http_requests_total', method='POST', code='~2..')}) > 0)"
            },
        ),
        Panel(
            "Gate closed, by cause",
            "How often calls had to wait because the API was down or overloaded.",
            "cps",
            {"{{cause}}": f"sum by (cause) ({_rate('gate_closures_total')})"},
        ),
    ],
    "Kafka": [
        Panel(
            "Kafka trouble by cause",
            "1 while Kafka refuses or lacks something, or a decoder can't work; empty where all is well.",
            "short",
            {"{{cause}}": f"max by (cause) ({_m('kafka_trouble')})"},
        ),
        Panel(
            "Consumer lag",
            "What other tools show: the backlog and what is settled but not yet committed.",
            "short",
            {"{{topic}}": f"sum by (topic) ({_m('consumer_lag_records', of=ON_TOPIC)})"},
        ),
        Panel(
            "Rebalances and pauses",
            "Partitions that changed hands, and partitions paused because the buffer was full.",
            "short",
            {
                "rebalances": f"sum(increase({_m('rebalances_total')}[$__rate_interval]))",
                "pauses": f"sum(increase({_m('pauses_total')}[$__rate_interval]))",
            },
        ),
        Panel(
            "Failures",
            "Commits and dead letters that could not be written; they are tried again.",
            "short",
            {
                "commits": f"sum(increase({_m('commit_failures_total')}[$__rate_interval]))",
                "dead letters": f"sum(increase({_m('dead_letter_write_failures_total')}[$__rate_interval]))",
                "records lost": f"sum(increase({_m('records_lost_total')}[$__rate_interval]))",
            },
        ),
        Panel(
            "Broker round trip",
            "Mean round trip to the slowest broker.",
            "s",
            {"{{instance}}": f"max by (instance) ({_m('broker_round_trip_seconds')})"},
        ),
    ],
    "Resources": [
        Panel(
            "CPU",
            "Cores. One is the limit of the event loop; the rest is librdkafka's threads.",
            "short",
            {"{{instance}}": f"rate(process_cpu_seconds_total{{{OF}}}[$__rate_interval])"},
        ),
        Panel(
            "Memory",
            "Resident set.",
            "bytes",
            {"{{instance}}": f"process_resident_memory_bytes{{{OF}}}"},
        ),
        Panel(
            "Buffered events",
            "Up to buffer.max_events each.",
            "short",
            {"{{instance}}": f"sum by (instance) ({_m('buffered_events')})"},
        ),
        Panel(
            "Buffered bytes",
            "Up to buffer.max_bytes each.",
            "bytes",
            {"{{instance}}": f"sum by (instance) ({_m('buffered_bytes')})"},
        ),
    ],
}

ANNOTATIONS = {
    "Restarts": ("blue", f"time() - process_start_time_seconds{{{OF}}} < 60", "{{instance}}"),
    "Halts": ("red", f"max by (cause) ({_m('halted')}) == 1", "{{cause}}"),
}
"""Colour, query and text by name."""
