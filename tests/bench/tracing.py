"""What tracing costs for each event: `python -m tests.bench.tracing`. No broker, no network: 5 s.

Records with a `traceparent`, as librdkafka hands them out (of its own mock cluster), through the decoder and
the engine to their verdicts, in batches of 1,000; the API is a function that says yes. Each round does so
once without tracing and once with it, on fresh records, because headers are unpacked once only. CPU time of
all threads: spans are encoded as for a collector, and then dropped.
"""

# ruff: noqa: T201 -- what it prints is what it is for

from __future__ import annotations

import gc
import json
import os
import statistics
import time
from collections.abc import Sequence
from typing import Any

from confluent_kafka import Consumer, Message, Producer
from confluent_kafka import TopicPartition as Place
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from connector.answers import PollAnswer, PostAnswer
from connector.core.actions import Poll, Submit
from connector.core.limits import Limits
from connector.core.reading.decode import Interpreter
from connector.model import Content, TopicPartition
from connector.sandbox.broker import EmbeddedKafka
from connector.tracing.spans import Spans
from connector.tracing.watch import Observer
from tests.unit.core.builders import all_done
from tests.unit.core.driving import Drive

EVENTS = 20_000
ROUNDS = 7


class _Encoded(SpanExporter):
    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        encode_spans(spans).SerializeToString()
        return SpanExportResult.SUCCESS


class _Watched(Drive):
    """Tells an observer what `connector.running.sending` tells it."""

    observer = Observer()

    def posted(self, submit: Submit, answer: PostAnswer | None = None) -> PostAnswer:
        self.observer.submitting(submit.batch)
        given = super().posted(submit, answer)
        self.observer.posted(submit.batch, given)
        return given

    def polled(self, poll: Poll, answer: PollAnswer | None = None, *, seconds: float = 0.0) -> None:
        report = all_done(poll.job.events) if answer is None else answer
        self.observer.judging(poll.job, report, detailed=poll.detailed, seconds=seconds)
        super().polled(poll, report, seconds=seconds)
        self.observer.judged(poll.job, report)


def _produce(bootstrap: str, topic: str) -> None:
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 5})
    for n in range(EVENTS):
        value = {
            "hwid": f"{n:032x}",
            "list_operator": "set",
            "tags": {"plan": "pro", "visits": n, "city": "Riga"},
        }
        parent = f"00-{os.urandom(16).hex()}-{os.urandom(8).hex()}-01"
        headers: list[tuple[str, str | bytes | None]] = [("traceparent", parent), ("source", b"app")]
        producer.produce(topic, json.dumps(value), partition=0, headers=headers)
        producer.poll(0)
    producer.flush(30)


def _fetch(bootstrap: str, topic: str) -> list[Message]:
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "bench", "enable.auto.commit": False})
    consumer.assign([Place(topic, 0, 0)])
    found: list[Message] = []
    while len(found) < EVENTS:
        found += consumer.consume(EVENTS, 1.0)
    consumer.close()
    return found


def _cost(messages: Sequence[Any], *, traced: bool) -> float:
    """Return microseconds of CPU for each event."""
    drive = _Watched(Limits(linger=0.0, brake_share=0.0))
    drive.let_many_go()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(_Encoded()))
    if traced:
        drive.observer = Spans(provider, drive.engine, group="bench", api="https://api.example.com")
    where = TopicPartition(messages[0].topic(), 0)
    drive.assign(where)
    interpreter = Interpreter(Content.TAGS)
    gc.collect()
    began = time.process_time()
    for start in range(0, len(messages), 2000):
        part = messages[start : start + 2000]
        drive.engine.received(where, part, interpreter.read(part), drive.now)
        drive.run()
        drive.observer.examples()
        drive.engine.take_tally()
    provider.force_flush()
    spent = time.process_time() - began
    assert drive.position(where) == EVENTS
    provider.shutdown()
    return spent / EVENTS * 1e6


def main() -> None:
    """Print the medians and their ratio."""
    with EmbeddedKafka() as kafka:
        kafka.create_topics(["events"])
        _produce(kafka.bootstrap, "events")
        off, on = [], []
        for _ in range(ROUNDS):
            off.append(_cost(_fetch(kafka.bootstrap, "events"), traced=False))
            on.append(_cost(_fetch(kafka.bootstrap, "events"), traced=True))
    without, with_it = statistics.median(off), statistics.median(on)
    print(f"off {without:.2f} us/event ({min(off):.2f} to {max(off):.2f})")
    print(f"on  {with_it:.2f} us/event ({min(on):.2f} to {max(on):.2f}), a ratio of {with_it / without:.2f}")


if __name__ == "__main__":
    main()
