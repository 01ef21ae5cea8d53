"""D05: telemetry is off until it is asked for, and what is asked for is seen."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path
from typing import Any

import pytest
from client import Client
from harness import Daemon, World, metric, wait_until
from runtime_kit import INSTANCE, RunDaemon, config, free_port

PING_MS = 100
EXPORT = 0x400  # SNP_SPAN_FLAGS_EXPORT
READERS = {"snakepit-prometheus", "snakepit-statsd", "snakepit-otlp"}
SDK_THREAD = "OtelBatchSpanRecordProcessor"


def looking(**more: Any) -> dict[str, Any]:
    """Make the configuration of one worker that looks at itself."""
    return {**config(adapter="looking_adapter.LookingAdapter", workers=1), **more}


def everything_on() -> dict[str, Any]:
    return looking(
        readers={
            "prometheus": {"enabled": True, "listen": f"127.0.0.1:{free_port()}"},
            "statsd": {"enabled": True, "address": f"127.0.0.1:{free_port()}"},
            "otlp": {"enabled": True, "endpoint": f"http://127.0.0.1:{free_port()}"},
        },
        telemetry={
            "traces": {"enabled": True},
            "python": {"otel": True},
            "events": {"enabled": True},
        },
        heartbeat={"enabled": True, "ping_interval_ms": PING_MS},
    )


def without_telemetry(world: World) -> None:
    for name in [name for name in world.env if name.startswith("OTEL_")]:
        del world.env[name]


def inet_sockets(pids: list[int]) -> set[str]:
    """Addresses of the sockets of TCP and UDP that these processes hold."""
    held = set()
    for pid in pids:
        with contextlib.suppress(OSError):  # one that is ending
            for fd in Path(f"/proc/{pid}/fd").iterdir():
                with contextlib.suppress(OSError):
                    held.add(os.readlink(fd))
    found = set()
    for table in ("tcp", "tcp6", "udp", "udp6"):
        for row in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = row.split()
            if f"socket:[{fields[9]}]" in held:
                found.add(f"{table} {fields[1]}")
    return found


def programs(daemon: Daemon) -> set[str]:
    words = " ".join(daemon.processes().values())
    return set(re.findall(r"snakepit-(?:prometheus|statsd|otlp)", words))


def heartbeats(world: World) -> int:
    """How often the runtime has beaten to its segment: the clock of these tests."""
    beats: int = world.inspect(INSTANCE)["writer"]["heartbeat_seq"]
    return beats


def test_a_runtime_of_nothing_but_pools_has_no_telemetry(
    run_daemon: RunDaemon, client: Client, world: World
) -> None:
    without_telemetry(world)
    daemon = run_daemon(looking(heartbeat={"ping_interval_ms": PING_MS}))
    daemon.wait_ready(1)
    before = heartbeats(world)

    packages = client.call("default", "packages")
    threads = client.call("default", "threads", correlation_id="d-5")
    wait_until(lambda: heartbeats(world) >= before + 2, 10, "time to ping in")

    assert inet_sockets(list(daemon.processes())) == set()
    assert programs(daemon) == set()
    assert "grpc" in packages
    assert "opentelemetry" not in packages
    assert not any(name.startswith("Otel") for name in threads)
    report = world.inspect(INSTANCE)
    assert metric(report, "snakepit.heartbeat.pings") == 0
    result = world.run("snakepit-inspect", "-n", INSTANCE, "--json", "--spans")
    flags = [int(flag) for flag in re.findall(r'"flags":\s*(\d+)', result.stdout)]
    assert flags
    assert not any(flag & EXPORT for flag in flags)


def test_what_is_asked_for_is_seen_by_the_same_looks(
    run_daemon: RunDaemon, client: Client, world: World
) -> None:
    """The looks of the test above are not blind."""
    pytest.importorskip("opentelemetry.sdk")
    without_telemetry(world)
    daemon = run_daemon(everything_on())
    daemon.wait_ready(1)

    assert "opentelemetry" in client.call("default", "packages")
    assert SDK_THREAD in client.call("default", "threads")
    wait_until(lambda: programs(daemon) == READERS, 10, "all readers")
    wait_until(lambda: inet_sockets(list(daemon.processes())), 10, "a listener")
    wait_until(
        lambda: metric(world.inspect(INSTANCE), "snakepit.heartbeat.pings"), 10, "pings"
    )
