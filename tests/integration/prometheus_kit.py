"""What the tests of snakepit-prometheus share: a segment, exporters, certificates."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from readers import BUILD, ROOT, Exporter, Samples, Segment

PROGRAM = str(BUILD / "bin/snakepit-prometheus")
Start = Callable[..., Exporter]


@pytest.fixture
def segment(tmp_path: Path) -> Iterator[Segment]:
    segment = Segment(tmp_path)
    yield segment
    segment.close()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start exporters that end with the test, and end well."""
    exporters: list[Exporter] = []

    def run(*options: str, address: str = "127.0.0.1:0") -> Exporter:
        log = tmp_path / f"exporter{len(exporters)}.log"
        exporters.append(Exporter(log, *options, address=address))
        return exporters[-1]

    yield run
    for exporter in exporters:
        assert exporter.stop() == 0, exporter.log.read_text()


@pytest.fixture(scope="module")
def certs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make certificates, see tests/lib/make-certs."""
    folder = tmp_path_factory.mktemp("certs")
    subprocess.run([str(ROOT / "tests/lib/make-certs"), str(folder)], check=True)
    return folder


def value(samples: Samples, name: str, **labels: str) -> float:
    return samples[name, tuple(sorted(labels.items()))]


def refused(*options: str, env: dict[str, str] | None = None) -> tuple[int, str]:
    """Start it with what it must not take: its status and what it says."""
    done = subprocess.run(
        [PROGRAM, *options],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        env=env,
    )
    return done.returncode, done.stderr
