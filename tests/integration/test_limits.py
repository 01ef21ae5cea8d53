"""What one call may carry: messages and metadata, and the words of a refusal."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from client import Client, request
from harness import World, wait_until
from runtime_kit import (
    INSTANCE,
    RunDaemon,
    assert_books_balance,
    config,
    rss_kib,
    wait_books,
)

MIB = 1 << 20
EXHAUSTED = grpc.StatusCode.RESOURCE_EXHAUSTED


def limited(**limits: int) -> dict[str, Any]:
    return {**config(workers=1), "limits": limits}


def refusal(call: Any) -> grpc.RpcError:
    with pytest.raises(grpc.RpcError) as caught:
        call()
    assert caught.value.code() is EXHAUSTED
    return caught.value


def test_a_message_beyond_the_limit_is_refused_with_the_limit_in_words(
    run_daemon: RunDaemon, client: Client, world: World
) -> None:
    run_daemon(limited(max_message_mb=1)).wait_ready(1)
    error = refusal(lambda: client.call("default", "echo", text="x" * 2 * MIB))
    assert str(MIB) in str(error.details())
    error = refusal(lambda: client.call("default", "big", size=2 * MIB))
    assert str(MIB) in str(error.details())
    # The worker, and the connection, have nothing to do with it.
    assert len(client.call("default", "big", size=MIB // 2)) == MIB // 2
    assert_books_balance(wait_books(world, active=0, ok=1))


def test_metadata_beyond_the_limit_is_refused_and_below_it_is_not(
    run_daemon: RunDaemon, client: Client, world: World
) -> None:
    run_daemon(limited(max_metadata_kb=20)).wait_ready(1)

    def call(by: Client, key: str, size: int) -> None:
        by.pool.Execute(
            request("default", "echo"), metadata=[(key, "k=" + "v" * size)], timeout=20
        )

    call(client, "x-pad", 1)  # the limit holds from when the client has heard of it
    call(client, "x-pad", 18 << 10)
    for _ in range(10):  # what is passed on to the worker arrives there as well
        call(client, "baggage", 12 << 10)
    error = refusal(lambda: call(client, "x-pad", 22 << 10))
    assert "metadata" in str(error.details())
    # gRPC may close the connection on which it came, but no other.
    other = Client(world.directory, INSTANCE)
    call(other, "x-pad", 1)
    other.close()


@pytest.mark.heavy
def test_a_limit_above_the_default_reaches_the_workers(
    run_daemon: RunDaemon, client: Client
) -> None:
    run_daemon(limited(max_message_mb=104)).wait_ready(1)
    assert len(client.call("default", "big", timeout_s=60, size=102 * MIB)) == 102 * MIB


def heaps(pid: int) -> int:
    """Count what glibc's allocator has: each but the first begins at 64 MiB's grid."""
    lines = Path(f"/proc/{pid}/maps").read_text().splitlines()
    starts = [int(line.split("-")[0], 16) for line in lines if " rw-p " in line]
    return 1 + sum(start % (64 * MIB) == 0 for start in starts)


@pytest.mark.heavy  # they have an allocator of their own
def test_the_runtime_has_a_heap_for_each_loop_however_many_threads(
    run_daemon: RunDaemon, client: Client
) -> None:
    daemon = run_daemon(config(workers=2))
    daemon.wait_ready(2)
    with ThreadPoolExecutor(16) as callers:
        calls = [
            callers.submit(client.call, "default", "big", size=MIB // 8)
            for _ in range(64)
        ]
    assert all(len(call.result()) == MIB // 8 for call in calls)
    assert len(list(Path(f"/proc/{daemon.pid}/task").iterdir())) > 4
    loops = min((os.cpu_count() or 1) // 8, 4)
    assert heaps(daemon.pid) <= 1 + loops


@pytest.mark.heavy
def test_memory_of_large_messages_is_given_back(
    run_daemon: RunDaemon, client: Client
) -> None:
    daemon = run_daemon(config(workers=2))
    daemon.wait_ready(2)
    client.call("default", "echo", text="x")
    before = rss_kib(daemon.pid)

    def grown() -> bool:
        with ThreadPoolExecutor(8) as callers:
            for _ in range(16):
                callers.submit(client.call, "default", "echo", text="x" * MIB)
        return rss_kib(daemon.pid) > before + 16 * 1024

    wait_until(grown, 20, "memory in use")
    wait_until(lambda: rss_kib(daemon.pid) < before + 10 * 1024, 30, "given back")
