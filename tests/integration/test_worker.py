"""What reaches an adapter from the client, through the runtime and its worker."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from client import Client, request
from harness import Daemon, World, wait_until
from runtime_kit import RunDaemon, assert_books_balance, config


@pytest.fixture
def daemon(run_daemon: RunDaemon, tmp_path: Path) -> Daemon:
    """Start one worker, whose adapter leaves its notes in tmp_path."""
    started = run_daemon(
        config(
            adapter="worker_adapter.WorkerAdapter",
            workers=1,
            env=[f"TEST_NOTES={tmp_path}"],
        )
    )
    started.wait_ready(1)
    return started


@pytest.fixture
def notes(daemon: Daemon, tmp_path: Path) -> Path:
    """Give the folder of the notes."""
    del daemon
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
    # gRPC rounds what is left up to tenths of a second each time it sends it on.
    assert 8 < client.call("default", "time_left", timeout_s=12) <= 12.2
    call = client.future("default", "until_cancelled")
    wait_until((notes / "began").exists, 10, "the tool runs")
    call.cancel()
    wait_until((notes / "ended").exists, 10, "the tool has seen it")


def test_a_host_without_tools_says_so_and_takes_those_of_the_adapter(
    client: Client, daemon: Daemon
) -> None:
    message = request("default", "ask_host", name="absent")
    message.session_id = "s-1"
    told = json.loads(client.pool.Execute(message, timeout=20).result_json)
    assert told == [[], "HOST_TOOL_NOT_FOUND"]
    assert not daemon.log_lines(level="warning")


def test_eight_threads_do_eight_calls_in_the_time_of_one(
    run_daemon: RunDaemon, client: Client
) -> None:
    run_daemon(config(workers=1, profile="thread", threads_per_worker=8)).wait_ready(1)
    began = time.monotonic()
    calls = [client.future("default", "sleep", seconds=1.0) for _ in range(8)]
    assert all(call.result().WhichOneof("outcome") != "error" for call in calls)
    assert time.monotonic() - began < 6  # one after the other they would take 8
