"""Pools with `bridge: legacy`: existing workers, with their handshake and their habits.

The worker is tests/lib/legacy_server.py, which knows no option and no descriptor but
those that existing servers know.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import stat
from pathlib import Path
from typing import Any

import grpc
import pytest
from client import Client, request
from harness import ROOT, Daemon, World, metric, wait_until
from runtime_kit import (
    INSTANCE,
    RunDaemon,
    at_least,
    config,
    wait_metric,
    worker_pids,
)
from snakepit_bridge._generated import bridge_pb2, bridge_pb2_grpc, pool_pb2_grpc

SERVER = str(ROOT / "tests" / "lib" / "legacy_server.py")
BOTH = pytest.mark.parametrize("server", ["sync", "aio"])


def legacy(*env: str, **pool: Any) -> dict[str, Any]:
    defaults: dict[str, Any] = {
        "workers": 1,
        "bridge": "legacy",
        "script": SERVER,
        "adapter": "of.an.existing.Tree",
        "pythonpath": [],
        "env": list(env),
    }
    return config(**{**defaults, **pool})


def host_address(daemon: Daemon) -> str:
    line = daemon.wait_log(msg="listening for legacy workers")
    return str(line["address"])


def wait_gone(daemon: Daemon, timeout_s: float = 2) -> None:
    wait_until(lambda: not daemon.processes(), timeout_s, "the end of all")


class TestServing:
    @BOTH
    def test_runs_what_it_is_asked_and_calls_its_host(
        self, run_daemon: RunDaemon, client: Client, world: World, server: str
    ) -> None:
        daemon = run_daemon(legacy(f"LEGACY_SERVER={server}"))
        daemon.wait_ready(1)
        answer = client.call("default", "echo", text="a b", n=[1, None])
        assert answer == {
            "pid": worker_pids(world)[0],
            "text": "a b",
            "n": [1, None],
        }
        assert client.call("default", "ask_host") == {"tools": 0, "code": "NOT_FOUND"}
        chunks = list(client.stream("default", "count", to=3))
        assert len(chunks) >= 3
        daemon.process.send_signal(signal.SIGTERM)
        assert daemon.process.wait(10) == 0
        left = {path.name for path in world.directory.iterdir()}
        assert left == {daemon.config.name, daemon.log.name}

    def test_is_started_as_existing_servers_expect(
        self, run_daemon: RunDaemon, client: Client, world: World
    ) -> None:
        world.env["SNAKEPIT_PROCESS_GROUP"] = "1"
        world.env["SNAKEPIT_BEAT_LIBRARY"] = "/of/another"
        world.env["PYTHONPATH"] = "/of/the/user"
        daemon = run_daemon(
            legacy(
                profile="thread",
                threads_per_worker=3,
                heartbeat={"timeout_ms": 4321, "dependent": False},
            )
        )
        daemon.wait_ready(1)
        seen = client.call("default", "surroundings")
        options, env = seen["options"], seen["environment"]
        assert options["adapter"] == "of.an.existing.Tree"
        assert options["elixir_address"] == host_address(daemon)
        assert options["snakepit_instance_name"] == INSTANCE
        assert options["snakepit_instance_token"].startswith(options["snakepit_run_id"])
        assert options["max_workers"] == 3
        assert json.loads(env["SNAKEPIT_HEARTBEAT_CONFIG"]) == {
            "enabled": False,
            "interval_ms": 2000,
            "timeout_ms": 4321,
            "max_missed_heartbeats": 3,
            "initial_delay_ms": 0,
            "dependent": False,
        }
        assert env["SNAKEPIT_GRPC_ADDRESS"] == options["elixir_address"]
        assert env["PYTHONUNBUFFERED"] == "1"
        assert "SNAKEPIT_PROCESS_GROUP" not in env
        assert "SNAKEPIT_BEAT_LIBRARY" not in env
        path = env["PYTHONPATH"].split(":")
        assert path[-1] == "/of/the/user"
        assert str(ROOT / "priv" / "python") not in path
        assert seen["group"] == worker_pids(world)[0]
        assert [fd for fd in seen["descriptors"] if fd < 10] == [1, 2]
        ready = Path(env["SNAKEPIT_READY_FILE"])
        assert ready.parent == world.directory / f"{INSTANCE}.d"
        assert stat.S_IMODE(ready.parent.stat().st_mode) == 0o700
        assert len(ready.stem) == 32

    def test_the_loopback_port_serves_the_bridge_and_no_more(
        self, run_daemon: RunDaemon
    ) -> None:
        daemon = run_daemon(legacy())
        daemon.wait_ready(1)
        with grpc.insecure_channel(host_address(daemon)) as channel:
            bridge = bridge_pb2_grpc.BridgeServiceStub(channel)
            assert bridge.Ping(bridge_pb2.PingRequest(message="?"), timeout=5)
            with pytest.raises(grpc.RpcError) as caught:
                pool_pb2_grpc.PoolStub(channel).Execute(
                    request("default", "echo"), timeout=5
                )
            assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED

    def test_without_such_a_pool_there_is_no_port(self, run_daemon: RunDaemon) -> None:
        daemon = run_daemon(config(workers=1))
        daemon.wait_ready(1)
        sockets = Path(f"/proc/{daemon.pid}/net/tcp").read_text()
        inodes = {line.split()[9] for line in sockets.splitlines()[1:]}
        held = set()
        for fd in Path(f"/proc/{daemon.pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                held.add(os.readlink(fd).removeprefix("socket:[").removesuffix("]"))
        assert not inodes & held

    def test_the_runtimes_own_server_can_do_it_too(
        self, run_daemon: RunDaemon, client: Client
    ) -> None:
        own = config(workers=1, bridge="legacy")
        run_daemon(own).wait_ready(1)
        assert client.call("default", "echo", a=1)["a"] == 1


class TestStarting:
    @pytest.mark.parametrize(
        "env",
        [
            "LEGACY_NOISE=1",
            "LEGACY_EARLY_S=0.7",
            "LEGACY_READY=\nport\n0\n99999\n 12 34\n-1",
            "LEGACY_SLOWLY=1",
        ],
        ids=["noisy", "accepts late", "wrong at first", "partial at first"],
    )
    def test_odd_habits_do_not_matter(
        self, run_daemon: RunDaemon, client: Client, env: str
    ) -> None:
        daemon = run_daemon(legacy(env))
        daemon.wait_ready(1)
        assert client.call("default", "echo", a=1)["a"] == 1
        assert not daemon.log_lines(msg="worker ended")

    def test_a_slow_host_is_waited_for(
        self, run_daemon: RunDaemon, client: Client
    ) -> None:
        daemon = run_daemon(legacy())
        worker = wait_until(lambda: legacy_worker(daemon), 5, "a worker")
        assert worker
        os.kill(daemon.pid, signal.SIGSTOP)
        try:
            # It asks its host, which accepts in the kernel and says nothing.
            wait_until(lambda: host_connections(worker, daemon), 10, "a connection")
        finally:
            os.kill(daemon.pid, signal.SIGCONT)
        daemon.wait_ready(1)
        assert client.call("default", "echo", a=1)["a"] == 1
        assert not daemon.log_lines(msg="worker ended")

    def test_a_file_that_never_holds_a_port_is_a_failed_start(
        self, run_daemon: RunDaemon, world: World, tmp_path: Path
    ) -> None:
        script = tmp_path / "mute.py"
        script.write_text(
            "import os, time\n"
            "open(os.environ['SNAKEPIT_READY_FILE'], 'w').write('soon')\n"
            "time.sleep(600)\n"
        )
        daemon = run_daemon(
            legacy(script=str(script), startup={"boot_timeout_ms": 700})
        )
        failures = "snakepit.worker.start_failures"
        wait_metric(world, failures, at_least(1), reason="boot_timeout")
        daemon.wait_log(msg="a worker's ready file holds no port, waiting for one")


def legacy_worker(daemon: Daemon) -> int | None:
    found = [pid for pid, line in daemon.processes().items() if SERVER in line]
    return found[0] if found else None


def host_connections(pid: int, daemon: Daemon) -> int:
    """Count the connections of a process to its host."""
    port = f":{int(host_address(daemon).rpartition(':')[2]):04X}"
    tables = [Path(f"/proc/{pid}/net/{name}") for name in ("tcp", "tcp6")]
    rows = [row for table in tables for row in table.read_text().splitlines()[1:]]
    mine = {
        os.readlink(fd).removeprefix("socket:[").removesuffix("]")
        for fd in Path(f"/proc/{pid}/fd").iterdir()
    }
    return sum(row.split()[2].endswith(port) and row.split()[9] in mine for row in rows)


class TestEnding:
    def test_one_that_leaves_by_itself_with_0_is_replaced(
        self, run_daemon: RunDaemon, client: Client, world: World
    ) -> None:
        run_daemon(legacy()).wait_ready(1)
        first = worker_pids(world)[0]
        with pytest.raises(grpc.RpcError):
            client.call("default", "leave", status=0)
        wait_until(
            lambda: worker_pids(world).get(0, first) != first, 10, "a replacement"
        )
        assert metric(world.inspect(INSTANCE), "snakepit.worker.exits", reason="clean")

    def test_one_that_is_slow_to_leave_is_given_its_time(
        self, run_daemon: RunDaemon
    ) -> None:
        daemon = run_daemon(legacy("LEGACY_STOP_S=3"))
        daemon.wait_ready(1)
        daemon.process.send_signal(signal.SIGTERM)
        assert daemon.process.wait(15) == 0
        (end,) = daemon.log_lines(msg="worker ended")
        assert (end["reason"], end["status"]) == ("shutdown", 0)
        assert not daemon.log_lines(to="killing")

    @pytest.mark.parametrize("how", ["stopped", "killed"])
    def test_one_that_would_leave_its_group_late_takes_its_child_along(
        self, run_daemon: RunDaemon, how: str
    ) -> None:
        daemon = run_daemon(legacy("LEGACY_SETSID_S=0.2"))
        daemon.wait_ready(1)
        assert [line for line in daemon.processes().values() if "sleep" in line]
        if how == "killed":
            daemon.kill()
        else:
            daemon.process.send_signal(signal.SIGTERM)
            assert daemon.process.wait(10) == 0
        wait_gone(daemon)

    def test_misses_alone_decide(self, run_daemon: RunDaemon, world: World) -> None:
        fast = {
            "enabled": True,
            "ping_interval_ms": 200,
            "timeout_ms": 500,
            "jitter_ms": 0,
        }
        run_daemon(legacy(heartbeat=fast)).wait_ready(1)
        wait_metric(world, "snakepit.heartbeat.pongs", at_least(3))
        victim = worker_pids(world)[0]
        os.kill(victim, signal.SIGSTOP)
        wait_until(
            lambda: worker_pids(world).get(0, victim) != victim, 10, "a replacement"
        )
        report = world.inspect(INSTANCE)
        assert metric(report, "snakepit.worker.exits", reason="heartbeat") == 1
