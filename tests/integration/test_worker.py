"""What reaches an adapter from the client, through the runtime and its worker."""

from __future__ import annotations

from pathlib import Path

import pytest
from client import Client
from harness import World, wait_until
from runtime_kit import RunDaemon, assert_books_balance, config


@pytest.fixture
def notes(run_daemon: RunDaemon, tmp_path: Path) -> Path:
    """Start one worker; gives the folder of its adapter's notes."""
    settings = config(
        adapter="worker_adapter.WorkerAdapter",
        workers=1,
        env=[f"TEST_NOTES={tmp_path}"],
    )
    run_daemon(settings).wait_ready(1)
    return tmp_path


@pytest.mark.parametrize(
    ("tool", "arguments"), [("endless", {"size": 1 << 18}), ("silent", {})]
)
def test_a_cancelled_stream_ends_its_generator(
    client: Client, world: World, notes: Path, tool: str, arguments: dict[str, int]
) -> None:
    stream = client.stream("default", tool, **arguments)
    next(stream)
    assert not (notes / "ended").exists()
    stream.cancel()
    wait_until((notes / "ended").exists, 10, "the generator is closed")
    assert client.call("default", "time_left", timeout_s=10) > 5
    assert_books_balance(world.inspect("it"))


def test_a_client_that_goes_away_ends_its_generator(
    client: Client, notes: Path
) -> None:
    stream = client.stream("default", "silent")
    next(stream)
    client.close()
    wait_until((notes / "ended").exists, 10, "the generator is closed")


def test_a_slow_client_stops_the_generator(client: Client, notes: Path) -> None:
    stream = client.stream("default", "endless", size=1 << 18)
    next(stream)
    sizes: list[int] = []

    def stands_still() -> bool:
        sizes.append((notes / "made").stat().st_size)
        return len(sizes) > 20 and sizes[-1] == sizes[-20]

    wait_until(stands_still, 20, "the generator waits for its reader")
    assert sizes[-1] < 200
    next(stream)
    stream.cancel()
    wait_until((notes / "ended").exists, 10, "the generator is closed")


def test_a_tool_sees_the_clients_deadline_and_its_leaving(
    client: Client, notes: Path
) -> None:
    assert 8 < client.call("default", "time_left", timeout_s=12) < 12
    call = client.future("default", "until_cancelled")
    wait_until((notes / "began").exists, 10, "the tool runs")
    call.cancel()
    wait_until((notes / "ended").exists, 10, "the tool has seen it")
