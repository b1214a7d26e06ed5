"""Counters, gauges and histograms count as the client library's own would."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from prometheus_client import Histogram as OneByOne

from connector.ops.instruments import Counter, Distribution, Gauge, Histogram

BOUNDS = (0.1, 0.5, 1.0, 5.0)
seconds = st.floats(min_value=0, max_value=10) | st.sampled_from(BOUNDS)


def reference(values: list[float]) -> list[float]:
    """What prometheus_client makes of the same values, cumulative."""
    registry = CollectorRegistry()
    histogram = OneByOne("h", "h", buckets=BOUNDS, registry=registry)
    for value in values:
        histogram.observe(value)
    found: list[Any] = [registry.get_sample_value("h_bucket", {"le": str(b)}) for b in BOUNDS]
    return [*found, registry.get_sample_value("h_count")]


def cumulative(series: Distribution) -> list[int]:
    return [sum(series.counts[: i + 1]) for i in range(len(series.counts))]


@given(st.lists(st.tuples(seconds, st.integers(1, 5))))
def test_a_value_that_occurred_n_times_counts_n_times(values: list[tuple[float, int]]) -> None:
    series = Distribution(BOUNDS)
    for value, count in values:
        series.observe(value, count)
    one_by_one = [value for value, count in values for _ in range(count)]
    assert cumulative(series) == reference(one_by_one)
    assert series.total == pytest.approx(sum(one_by_one))


@given(st.lists(st.integers(-3_000, 8_000)))
def test_ages_of_timestamps_are_counted_like_the_ages_themselves(ages_ms: list[int]) -> None:
    now_ms = 1_790_000_000_000
    series = Distribution(BOUNDS)
    series.observe_ms_since(now_ms / 1000, [now_ms - age for age in ages_ms])
    ages = [max(0, age) / 1000 for age in ages_ms]
    assert cumulative(series) == reference(ages)
    assert series.total == pytest.approx(sum(ages), abs=1e-3)


def test_known_label_values_are_exported_before_anything_happened() -> None:
    counter = Counter("a_total", "A.", ("cause",), [("x",), ("y",)])
    histogram = Histogram("h_seconds", "H.", ("stage",), [("queue",)], BOUNDS)
    assert {sample.labels["cause"]: sample.value for sample in counter.family().samples} == {"x": 0, "y": 0}
    assert [s.value for s in histogram.family().samples if s.name == "h_seconds_count"] == [0]


def test_a_wrong_number_of_labels_is_refused() -> None:
    counter = Counter("a_total", "A.", ("cause",))
    gauge = Gauge("g", "G.", ("cause",))
    histogram = Histogram("h_seconds", "H.", ("stage",), [], BOUNDS)
    with pytest.raises(ValueError, match="a_total has the labels"):
        counter.add(1)
    with pytest.raises(ValueError, match="g has the labels"):
        gauge.set(1, "x", "y")
    with pytest.raises(ValueError, match="h_seconds has the labels"):
        histogram.at()


def test_a_gauge_that_was_reset_exports_only_what_is_set_again() -> None:
    gauge = Gauge("g", "G.", ("partition",))
    gauge.set(1, "0")
    gauge.set(1, "1")
    gauge.reset()
    gauge.set(2, "1")
    assert [(sample.labels, sample.value) for sample in gauge.family().samples] == [({"partition": "1"}, 2)]


def test_a_bucket_shows_the_latest_trace_of_a_value_that_fell_into_it() -> None:
    histogram = Histogram("h_seconds", "H.", (), [()], BOUNDS)
    series = histogram.at()
    for value, trace_id in ((0.3, "a"), (0.5, "b"), (9.0, "c")):
        series.observe(value)
        series.exemplify(value, trace_id, 1_790_000_000.0)
    shown = {
        sample.labels["le"]: (sample.exemplar.labels, sample.exemplar.value)
        for sample in histogram.family().samples
        if sample.exemplar is not None
    }
    assert shown == {"0.5": ({"trace_id": "b"}, 0.5), "+Inf": ({"trace_id": "c"}, 9.0)}
