"""Fixtures: fresh protocol stubs, workers as real processes, and a host for them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Callable

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fake_host import FakeHost
    from worker_process import WorkerProcess

_ROOT = Path(__file__).resolve().parents[3]
_GENERATED = _ROOT / "priv/python/snakepit_bridge/_generated"


def _generate_stubs_if_stale() -> None:
    made = [path.stat().st_mtime for path in _GENERATED.glob("*_pb2*.py")]
    sources = [*_ROOT.glob("proto/*.proto"), _ROOT / "tools/gen-python-proto"]
    if not made or min(made) < max(path.stat().st_mtime for path in sources):
        subprocess.run([_ROOT / "tools/gen-python-proto"], check=True)


# Starting a worker forks; with fork support that would halt the host that runs in here.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")

# Before any test module is collected: they all import the package.
_generate_stubs_if_stale()


@pytest.fixture(scope="session")
def host() -> Iterator[FakeHost]:
    """Serve the host's side of the protocol, for workers to call back."""
    from fake_host import FakeHost  # noqa: PLC0415 - needs the stubs

    with FakeHost() as running:
        yield running


@pytest.fixture(scope="session")
def worker(
    host: FakeHost, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[WorkerProcess]:
    """Share one worker of the process profile among tests that leave it as it was."""
    from worker_process import WorkerProcess  # noqa: PLC0415

    with WorkerProcess(
        tmp_path_factory.mktemp("worker"),
        "adapters_for_tests.Tools",
        host_address=host.address,
    ) as running:
        running.wait_ready()
        yield running


@pytest.fixture(scope="session")
def threaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerProcess]:
    """Share one worker of the thread profile, with room for three calls."""
    from worker_process import WorkerProcess  # noqa: PLC0415

    with WorkerProcess(
        tmp_path_factory.mktemp("threaded"),
        "adapters_for_tests.ThreadedTools",
        max_workers=3,
    ) as running:
        running.wait_ready()
        yield running


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., WorkerProcess]]:
    """Start workers of a test's own; they end with the test."""
    from worker_process import WorkerProcess  # noqa: PLC0415

    started: list[WorkerProcess] = []

    def start_worker(
        adapter: str = "adapters_for_tests.Tools", **options: object
    ) -> WorkerProcess:
        folder = tmp_path / str(len(started))
        folder.mkdir()
        started.append(WorkerProcess(folder, adapter, **options))  # type: ignore[arg-type]
        return started[-1]

    yield start_worker
    for running in started:
        running.close()
