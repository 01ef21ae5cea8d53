"""O24: what is sent over OTLP is, translated, what snakepit-prometheus serves.

The rules are those of the Collector and of Prometheus, applied here to each metric of a
segment, to its values and labels.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from otlp import LABELS, OWN, Collector, attributes_of, chosen, metrics_of, points_of
from readers import Exporter, Labels, Samples, Segment

UNITS = {"s": "seconds", "By": "bytes"}


def translated(name: str, unit: str, data: str, *, monotonic: bool) -> str:
    """Return the name of Prometheus by the rules of the translation."""
    words = [word for word in re.split("[^a-zA-Z0-9]+", name) if word]
    suffix = UNITS.get(re.sub(r"\{.*\}", "", unit), "")
    if suffix and suffix not in words:
        words.append(suffix)
    if monotonic:
        words = [word for word in words if word != "total"] + ["total"]
    if unit == "1" and data == "gauge":
        words = [word for word in words if word != "ratio"] + ["ratio"]
    return "_".join(words)


def name_of(metric: Any) -> str:
    data = metric.WhichOneof("data")
    monotonic = data == "sum" and metric.sum.is_monotonic
    return translated(metric.name, metric.unit, data, monotonic=monotonic)


def labels_of(point: Any) -> Labels:
    pairs = (
        (LABELS.get(key, key.removeprefix("snakepit.")), str(value))
        for key, value in attributes_of(point)
    )
    return tuple(sorted(pairs))


def samples_of(request: Any) -> Samples:
    """Return what a Collector that translates would serve."""
    samples: Samples = {}
    for metric in metrics_of(request):
        name = name_of(metric)
        for point in points_of(metric):
            labels = labels_of(point)
            if metric.WhichOneof("data") != "histogram":
                samples[name, labels] = float(chosen(point, "value"))
                continue
            samples[f"{name}_count", labels] = point.count
            samples[f"{name}_sum", labels] = point.sum
            below = 0
            for bound, count in zip(
                [*point.explicit_bounds, math.inf], point.bucket_counts
            ):
                below += count
                le = "+Inf" if bound == math.inf else str(float(bound))
                samples[f"{name}_bucket", tuple(sorted((*labels, ("le", le))))] = below
    return samples


@pytest.fixture
def segment(tmp_path: Path) -> Iterator[Segment]:
    segment = Segment(tmp_path, "test", "2", "3", "2", "hostile")
    for _ in range(3):
        segment.tell("step")
    yield segment
    segment.close()


@pytest.fixture
def request_of_all(segment: Segment) -> Iterator[Any]:
    collector = Collector(segment.path, "diag")
    yield collector.collect()
    collector.close()


@pytest.fixture
def page(segment: Segment, tmp_path: Path) -> Iterator[Samples]:
    options = ("-n", str(segment.path), "--collector.diag")
    exporter = Exporter(tmp_path / "exporter.log", *options)
    yield exporter.samples()
    exporter.stop()


def test_o24_names_labels_and_values_are_those_of_the_page(
    request_of_all: Any, page: Samples
) -> None:
    ours = samples_of(request_of_all)
    served = {key: value for key, value in page.items() if key[0] not in OWN}
    assert len(page) > len(served) > 500
    assert {name for name, _ in ours} == {name for name, _ in served}
    assert ours.keys() == served.keys()
    # Monotonic times move by as much as two readings of a clock lie apart.
    assert ours == pytest.approx(served, rel=1e-9)


def test_o24_attributes_do_not_merge_when_they_are_escaped(request_of_all: Any) -> None:
    for metric in metrics_of(request_of_all):
        for point in points_of(metric):
            keys = [attr.key for attr in point.attributes]
            assert len({re.sub("[^a-zA-Z0-9_]", "_", key) for key in keys}) == len(keys)
