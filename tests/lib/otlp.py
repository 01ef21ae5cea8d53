"""Requests of OTLP, read with the official messages and held to the data model.

`Collector` runs tests/lib/otlp_collect.c: what snakepit-otlp would send of the metrics
of a segment, when told to. `Receiver` knows what must hold of every request, and of one
after another.
"""

from __future__ import annotations

import dataclasses
import math
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Union

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.unknown_fields import UnknownFieldSet
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.metrics.v1 import metrics_pb2
from segments import BUILD, DEADLINE_S, ROOT

DELTA = metrics_pb2.AGGREGATION_TEMPORALITY_DELTA
CUMULATIVE = metrics_pb2.AGGREGATION_TEMPORALITY_CUMULATIVE
GONE = metrics_pb2.DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK
Attributes = tuple[tuple[str, Any], ...]
Key = tuple[str, Attributes]
# As docs/metrics.md says; other attributes only lose their prefix.
LABELS = {
    "snakepit.pool.name": "pool",
    "rpc.method": "method",
    "snakepit.worker.slot": "worker",
    "snakepit.worker.id": "worker_id",
    "process.pid": "pid",
    "snakepit.adapter": "adapter",
    "process.runtime.version": "python_version",
}
# What the exporter adds to what is in the segment.
OWN = set(
    re.findall(
        'OWN\\([A-Z_]+, "([a-z_]+)"', (ROOT / "reader/prometheus/own.def").read_text()
    )
)


class Collector:
    """Collects from a segment, and ends with the test."""

    def __init__(self, path: Path, *options: str) -> None:
        self.process = subprocess.Popen(
            [str(BUILD / "tests/otlp_collect"), str(path), *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def _line(self, command: str) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(command.encode() + b"\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().decode()

    def collect(self, command: str = "collect") -> ExportMetricsServiceRequest | None:
        assert self.process.stdout is not None
        size = int(self._line(command))
        if size == 0:
            return None
        return ExportMetricsServiceRequest.FromString(self.process.stdout.read(size))

    def attach_again(self) -> None:
        assert self._line("again") == "ok\n"

    def acknowledge(self) -> None:
        assert self._line("ack") == "ok\n"

    def close(self) -> None:
        self.process.communicate(timeout=DEADLINE_S)
        assert self.process.returncode == 0


# ---- reading -------------------------------------------------------------------------


def chosen(message: Any, oneof: str) -> Any:
    """Return the member of a oneof that is there."""
    return getattr(message, message.WhichOneof(oneof))


def attributes_of(point: Any) -> Attributes:
    pairs = {attr.key: chosen(attr.value, "value") for attr in point.attributes}
    assert len(pairs) == len(point.attributes), "an attribute is there twice"
    return tuple(sorted(pairs.items()))


def metrics_of(request: ExportMetricsServiceRequest) -> Iterator[metrics_pb2.Metric]:
    for resource in request.resource_metrics:
        for scope in resource.scope_metrics:
            yield from scope.metrics


def points_of(metric: metrics_pb2.Metric) -> list[Any]:
    return list(chosen(metric, "data").data_points)


Value = Union[float, tuple[Any, ...]]


def value_of(point: Any) -> Value:
    """Return the number, or all numbers of a histogram."""
    if isinstance(point, metrics_pb2.NumberDataPoint):
        return float(chosen(point, "value"))
    if isinstance(point, metrics_pb2.HistogramDataPoint):
        return (point.count, point.sum, *point.bucket_counts)
    at = point.positive.offset
    buckets = {at + i: n for i, n in enumerate(point.positive.bucket_counts) if n}
    return (point.count, point.sum, point.zero_count, *sorted(buckets.items()))


# ---- what must hold ------------------------------------------------------------------


def check_no_unknown_fields(message: Any) -> None:
    assert len(UnknownFieldSet(message)) == 0, message
    for field, value in message.ListFields():
        if field.cpp_type != FieldDescriptor.CPPTYPE_MESSAGE:
            continue
        for child in [value] if hasattr(value, "ListFields") else value:
            check_no_unknown_fields(child)


def check_number(point: metrics_pb2.NumberDataPoint) -> None:
    gone = bool(point.flags & GONE)
    assert (point.WhichOneof("value") is None) == gone
    if not gone:
        assert math.isfinite(chosen(point, "value"))


def check_exemplars(point: Any) -> None:
    for exemplar in point.exemplars:
        assert point.start_time_unix_nano < exemplar.time_unix_nano
        assert exemplar.time_unix_nano <= point.time_unix_nano
        assert len(exemplar.trace_id) == 16
        assert len(exemplar.span_id) == 8
        assert exemplar.WhichOneof("value") == "as_double"


def check_histogram(point: metrics_pb2.HistogramDataPoint) -> None:
    bounds = list(point.explicit_bounds)
    assert bounds == sorted(set(bounds))
    assert math.inf not in bounds
    assert len(point.bucket_counts) == len(bounds) + 1
    assert sum(point.bucket_counts) == point.count
    assert point.HasField("sum")
    assert point.sum >= 0
    assert point.count > 0 or point.sum == 0
    check_exemplars(point)
    edges = [-math.inf, *bounds, math.inf]
    for exemplar in point.exemplars:
        at = next(i for i, edge in enumerate(edges) if exemplar.as_double <= edge) - 1
        assert point.bucket_counts[at] > 0, "an exemplar of an empty bucket"


def check_exponential(point: metrics_pb2.ExponentialHistogramDataPoint) -> None:
    buckets = point.positive.bucket_counts
    assert len(point.negative.bucket_counts) == 0
    assert len(buckets) <= 160
    assert point.zero_count + sum(buckets) == point.count
    assert not buckets or (buckets[0] and buckets[-1]), "empty buckets at an end"
    assert point.HasField("sum")
    assert point.count > 0 or point.sum == 0
    assert -4 <= point.scale <= 20
    assert 0 < point.zero_threshold < 1e-3
    check_exemplars(point)


CHECKS: dict[type, Callable[[Any], None]] = {
    metrics_pb2.NumberDataPoint: check_number,
    metrics_pb2.HistogramDataPoint: check_histogram,
    metrics_pb2.ExponentialHistogramDataPoint: check_exponential,
}


@dataclasses.dataclass
class Stream:
    """What was received of one series."""

    start: int
    time: int
    count: float  # the value, or the number of observations
    total: float = 0.0  # of delta points


def count_of(point: Any) -> float:
    value = value_of(point)
    return float(value[0]) if isinstance(value, tuple) else value


@dataclasses.dataclass
class Receiver:
    """Accepts requests and holds each against the ones before."""

    limit: int = 2000
    streams: dict[Key, Stream] = dataclasses.field(default_factory=dict)
    kinds: dict[str, tuple[Any, ...]] = dataclasses.field(default_factory=dict)
    points: int = 0

    def check(self, request: ExportMetricsServiceRequest) -> None:
        """Check what must hold of a request by itself."""
        check_no_unknown_fields(request)
        assert len(request.resource_metrics) == 1
        for resource in request.resource_metrics:
            assert resource.scope_metrics, "an empty envelope"
            for scope in resource.scope_metrics:
                assert scope.metrics, "an empty envelope"
                assert scope.scope.name
                assert scope.scope.version
        names = [metric.name.lower() for metric in metrics_of(request)]
        assert len(names) == len(set(names)), "a name is there twice"
        for metric in metrics_of(request):
            self.check_metric(metric)

    def check_metric(self, metric: metrics_pb2.Metric) -> None:
        data = metric.WhichOneof("data")
        points = points_of(metric)
        assert points, f"{metric.name} is empty"
        assert len(points) <= self.limit
        assert len({attributes_of(point) for point in points}) == len(points)
        if data != "gauge":
            body = chosen(metric, "data")
            assert body.aggregation_temporality in (DELTA, CUMULATIVE)
        for point in points:
            CHECKS[type(point)](point)
            assert point.time_unix_nano > 0
            if data == "gauge":
                assert point.start_time_unix_nano == 0
            else:
                assert 0 < point.start_time_unix_nano < point.time_unix_nano
            if data == "sum" and metric.sum.is_monotonic:
                assert count_of(point) >= 0

    def accept(self, request: ExportMetricsServiceRequest) -> None:
        """Check what must hold after the requests before, which were received."""
        self.check(request)
        for metric in metrics_of(request):
            data = metric.WhichOneof("data")
            body = chosen(metric, "data")
            kind = (data, metric.unit, getattr(body, "aggregation_temporality", 0))
            assert self.kinds.setdefault(metric.name, kind) == kind
            for point in points_of(metric):
                self.points += 1
                self.accept_point(metric, point)

    def accept_point(self, metric: metrics_pb2.Metric, point: Any) -> None:
        data = metric.WhichOneof("data")
        key = metric.name, attributes_of(point)
        before = self.streams.get(key)
        start, time = point.start_time_unix_nano, point.time_unix_nano
        if point.flags & GONE:
            assert before, f"{key} ends and has never been there"
            del self.streams[key]
            return
        now = Stream(start, time, count_of(point))
        self.streams[key] = now
        if data == "gauge":
            return
        delta = chosen(metric, "data").aggregation_temporality == DELTA
        if delta:
            now.total = now.count
        if not before:
            return
        assert time > before.time, f"{key} goes back in time"
        if delta:
            assert start == before.time, f"{key}: a gap or an overlap"
            now.total += before.total
        elif start == before.start:
            if data != "sum" or metric.sum.is_monotonic:
                assert now.count >= before.count, f"{key} shrinks"
        else:
            assert start >= before.time, f"{key} begins again in the past"
