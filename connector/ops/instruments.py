"""Counters, gauges and histograms that take whole lists: nothing is called once per record.

`prometheus_client`'s own cost about 1 us an observation and add a `_created` series to each. These keep
plain figures and turn into that library's metric families at a scrape. Labels are given by position.
All of it runs on the event loop, as scrapes do, so there is nothing to lock.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.samples import Exemplar

Labels = tuple[str, ...]
_UNITS = ("seconds", "bytes")


class Instrument:
    """A metric family: its name, help text and label names, and the label values known from the start."""

    kind = ""
    """Its type, as Prometheus calls it."""

    def __init__(self, name: str, text: str, labels: Labels = (), known: Iterable[Labels] = ()) -> None:
        self.name = name
        self.text = text
        self.labels = labels
        self.known = [()] if not labels else list(known)
        self.unit = next((unit for unit in _UNITS if name.endswith("_" + unit)), "")

    def check(self, values: Labels) -> None:
        """Refuse a wrong number of label values: a mistake in the caller."""
        if len(values) != len(self.labels):
            raise ValueError(f"{self.name} has the labels {self.labels}, not {values}")


class Counter(Instrument):
    """Only grows. The name ends in `_total`."""

    kind = "counter"

    def __init__(self, name: str, text: str, labels: Labels = (), known: Iterable[Labels] = ()) -> None:
        super().__init__(name, text, labels, known)
        self.values: dict[Labels, int] = dict.fromkeys(self.known, 0)

    def add(self, count: int, *labels: str) -> None:
        """Count that many more."""
        if labels not in self.values:
            self.check(labels)
            self.values[labels] = 0
        self.values[labels] += count

    def family(self) -> CounterMetricFamily:
        """Return what is exported."""
        family = CounterMetricFamily(self.name, self.text, labels=self.labels)
        for labels, value in self.values.items():
            family.add_metric(labels, value)
        return family


class Gauge(Instrument):
    """Goes up and down. A label combination that isn't set any more is not exported any more."""

    kind = "gauge"

    def __init__(self, name: str, text: str, labels: Labels = (), known: Iterable[Labels] = ()) -> None:
        super().__init__(name, text, labels, known)
        self.values: dict[Labels, float] = {}

    def set(self, value: float, *labels: str) -> None:
        """Show this value from now on."""
        self.check(labels)
        self.values[labels] = value

    def reset(self) -> None:
        """Forget all; what is known from the start is 0."""
        self.values = dict.fromkeys(self.known, 0.0)

    def family(self) -> GaugeMetricFamily:
        """Return what is exported."""
        family = GaugeMetricFamily(self.name, self.text, labels=self.labels, unit=self.unit)
        for labels, value in self.values.items():
            family.add_metric(labels, value)
        return family


class Distribution:
    """One series of a histogram: how many values fell at or below each bound, and their sum."""

    __slots__ = ("bounds", "counts", "exemplars", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        """Per bucket, not cumulative; the last one is above all bounds."""
        self.total = 0.0
        self.exemplars: dict[int, Exemplar] = {}
        """The latest of each bucket that has one."""

    def observe(self, value: float, count: int = 1) -> None:
        """Count a value that occurred `count` times."""
        self.counts[bisect_left(self.bounds, value)] += count
        self.total += value * count

    def observe_ms_since(self, now: float, timestamps: Sequence[int]) -> None:
        """Count the ages of timestamps (milliseconds since the epoch) at `now` (seconds since the epoch).

        A timestamp in the future has the age 0: clocks of producers differ. No age is ever worked
        out: the bounds are turned into timestamps instead, and those nearly sorted already.
        """
        now_ms = now * 1000
        ordered = sorted(timestamps)
        count = len(ordered)
        # An age is at most `bound` where the timestamp is at least `now - bound`.
        reached = [count - bisect_left(ordered, now_ms - bound * 1000) for bound in self.bounds]
        self._spread(reached, count)
        past = bisect_right(ordered, now_ms)
        self.total += (past * now_ms - sum(ordered[:past])) / 1000

    def exemplify(self, value: float, trace_id: str, now: float) -> None:
        """Show this trace beside the bucket of a value that was taken in: how it came about."""
        self.exemplars[bisect_left(self.bounds, value)] = Exemplar({"trace_id": trace_id}, value, now)

    def _spread(self, reached: list[int], count: int) -> None:
        before = 0
        for bucket, upto in enumerate([*reached, count]):
            self.counts[bucket] += upto - before
            before = upto


class Histogram(Instrument):
    """Distributions of seconds by label."""

    kind = "histogram"

    def __init__(
        self, name: str, text: str, labels: Labels, known: Iterable[Labels], bounds: Sequence[float]
    ) -> None:
        super().__init__(name, text, labels, known)
        self.bounds = tuple(bounds)
        self.series = {each: Distribution(self.bounds) for each in self.known}
        self._names = [*(str(float(bound)) for bound in self.bounds), "+Inf"]

    def at(self, *labels: str) -> Distribution:
        """Return the distribution of these labels."""
        found = self.series.get(labels)
        if found is None:
            self.check(labels)
            found = self.series[labels] = Distribution(self.bounds)
        return found

    def family(self) -> HistogramMetricFamily:
        """Return what is exported. Exemplars leave in the OpenMetrics format only."""
        family = HistogramMetricFamily(self.name, self.text, labels=self.labels, unit=self.unit)
        for labels, series in self.series.items():
            plain = zip(self._names, accumulate(series.counts), strict=True)
            shown = series.exemplars
            family.add_metric(
                labels,
                [
                    (name, count, shown[bucket]) if bucket in shown else (name, count)
                    for bucket, (name, count) in enumerate(plain)
                ],
                series.total,
            )
        return family
