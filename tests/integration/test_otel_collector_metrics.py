"""O24 with a real Collector: its page for Prometheus is that of snakepit-prometheus.

Names and values are the same. Labels are called after the attributes there (the table
is in docs/metrics.md); `target_info`, `job`, `instance` and `otel_scope_*` are the
Collector's own, and what either program says of itself is its own, too.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from collector_kit import Collector, environment
from harness import BUILD, wait_until
from otlp import OWN
from readers import Exporter, Samples, Segment

ARRIVAL_S = 10


@pytest.fixture(params=["plain", "hostile"])
def segment(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Segment]:
    shape = ["2", "3", "2", "hostile"] if request.param == "hostile" else []
    segment = Segment(tmp_path, "test", *shape)
    for _ in range(3):
        segment.tell("step")
    segment.tell("freeze")  # nothing moves between two looks
    yield segment
    segment.close()


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[Collector]:
    collector = Collector(tmp_path)
    yield collector
    collector.stop()


def served(segment: Segment, log: Path) -> Samples:
    exporter = Exporter(log, "-n", str(segment.path))
    try:
        page = exporter.samples()
    finally:
        exporter.stop()
    return {key: value for key, value in page.items() if key[0] not in OWN}


def test_o24_a_collector_serves_the_same_page(
    segment: Segment, collector: Collector, tmp_path: Path
) -> None:
    subprocess.run(
        [
            BUILD / "bin/snakepit-otlp",
            f"--instance={segment.path}",
            f"--endpoint={collector.http}",
            "--once",
        ],
        env=environment(),
        check=True,
        timeout=60,
    )
    ours = served(segment, tmp_path / "exporter.log")
    assert len(ours) > 300
    theirs = wait_until(collector.samples, ARRIVAL_S, "the Collector's page")
    assert {name for name, _ in theirs} == {name for name, _ in ours}
    assert theirs.keys() == ours.keys()
    # Times that are kept monotonic move as far as two readings of a clock lie apart.
    assert theirs == pytest.approx(ours, rel=1e-9)
