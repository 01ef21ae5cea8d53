"""Sessions: whose worker runs their requests, and what becomes of them."""

from __future__ import annotations

import json
import os
import signal
from typing import Any

import grpc
import pytest
from client import Client, ToolError, request
from harness import World, metric
from runtime_kit import (
    INSTANCE,
    RunDaemon,
    at_least,
    config,
    wait_books,
    wait_metric,
    worker_pids,
)
from snakepit_bridge._generated import bridge_pb2, bridge_pb2_grpc
from test_requests import failing


def in_session(session: str, tool: str, **arguments: Any) -> Any:
    message = request("default", tool, **arguments)
    message.session_id = session
    return message


def run(client: Client, session: str, tool: str, **arguments: Any) -> Any:
    response = client.pool.Execute(in_session(session, tool, **arguments), timeout=10)
    return json.loads(response.result_json)


def pid_of(client: Client, session: str) -> int:
    return int(run(client, session, "echo")["pid"])


def affinity(world: World, result: str) -> float:
    return metric(world.inspect(INSTANCE), "snakepit.session.affinity", result=result)


class TestHint:
    def test_a_session_stays_with_its_worker_while_that_is_free(
        self, run_daemon: RunDaemon, client: Client, world: World
    ) -> None:
        run_daemon(config(workers=3)).wait_ready(3)
        owners = {name: pid_of(client, name) for name in ("a", "b", "c")}
        gate = world.directory / "gate"
        busy = client.pool.Execute.future(in_session("a", "wait_for", path=str(gate)))
        wait_books(world, active=1)
        assert pid_of(client, "a") != owners["a"]
        gate.touch()
        assert json.loads(busy.result().result_json) == owners["a"]
        for name in ("b", "c"):
            assert pid_of(client, name) == pid_of(client, name)
        assert affinity(world, "bound") == 3
        assert affinity(world, "rebound") >= 1
        assert affinity(world, "hit") >= 3

    def test_a_session_finds_another_worker_when_its_own_dies(
        self, run_daemon: RunDaemon, client: Client, world: World
    ) -> None:
        run_daemon(config(workers=2)).wait_ready(2)
        owner = pid_of(client, "a")
        os.kill(owner, signal.SIGKILL)
        wait_metric(world, "snakepit.worker.exits", at_least(1))
        assert pid_of(client, "a") != owner
        assert affinity(world, "rebound") == 1


class TestStrict:
    def test_a_session_waits_for_its_worker_and_ends_with_it(
        self, run_daemon: RunDaemon, client: Client, world: World
    ) -> None:
        run_daemon(config(workers=2, affinity="strict_queue")).wait_ready(2)
        owner = pid_of(client, "a")
        gate = world.directory / "gate"
        busy = client.pool.Execute.future(in_session("a", "wait_for", path=str(gate)))
        wait_books(world, active=1)
        waits = client.pool.Execute.future(in_session("a", "echo"))
        wait_books(world, queued=1)
        assert pid_of(client, "") != owner  # held up by nobody
        gate.touch()
        assert json.loads(busy.result().result_json) == owner
        assert json.loads(waits.result().result_json)["pid"] == owner
        os.kill(owner, signal.SIGKILL)
        wait_metric(world, "snakepit.worker.exits", at_least(1))
        with failing("session_lost", grpc.StatusCode.ABORTED):
            pid_of(client, "a")
        assert pid_of(client, "a") == pid_of(client, "a")
        assert affinity(world, "lost") == 1

    def test_a_session_of_a_busy_worker_can_fail_at_once(
        self, run_daemon: RunDaemon, client: Client, world: World
    ) -> None:
        run_daemon(config(workers=2, affinity="strict_fail_fast")).wait_ready(2)
        owner = pid_of(client, "a")
        gate = world.directory / "gate"
        busy = client.pool.Execute.future(in_session("a", "wait_for", path=str(gate)))
        wait_books(world, active=1)
        with failing("session_busy", grpc.StatusCode.UNAVAILABLE):
            pid_of(client, "a")
        assert pid_of(client, "b") != owner
        gate.touch()
        assert json.loads(busy.result().result_json) == owner
        assert pid_of(client, "a") == owner


class TestBridge:
    def test_sessions_by_the_bridge_begin_and_end_on_both_sides(
        self, run_daemon: RunDaemon, client: Client, world: World
    ) -> None:
        run_daemon(config(workers=1, sessions={"ttl_s": 1})).wait_ready(1)
        bridge = bridge_pb2_grpc.BridgeServiceStub(client.channel)
        started = bridge.InitializeSession(
            bridge_pb2.InitializeSessionRequest(
                session_id="s", metadata={"user": "ann"}
            ),
            timeout=5,
        )
        assert started.success
        run(client, "s", "echo")
        info = bridge.GetSession(
            bridge_pb2.GetSessionRequest(session_id="s"), timeout=5
        )
        assert dict(info.metadata) == {"user": "ann"}
        ended = bridge.CleanupSession(
            bridge_pb2.CleanupSessionRequest(session_id="s"), timeout=5
        )
        assert (ended.success, ended.resources_cleaned) == (True, 1)
        with failing("session_not_found", grpc.StatusCode.NOT_FOUND):
            bridge.GetSession(bridge_pb2.GetSessionRequest(session_id="s"), timeout=5)
        run(client, "short", "echo")
        created = metric(world.inspect(INSTANCE), "snakepit.sessions.created")
        assert created == 2
        wait_metric(world, "snakepit.session.active", lambda open_now: open_now == 0)

    def test_a_host_without_tools_says_so(
        self, run_daemon: RunDaemon, client: Client
    ) -> None:
        run_daemon(config(workers=1)).wait_ready(1)
        bridge = bridge_pb2_grpc.BridgeServiceStub(client.channel)
        offered = bridge.GetExposedElixirTools(
            bridge_pb2.GetExposedElixirToolsRequest(session_id="s"), timeout=5
        )
        assert not offered.tools
        with failing("host_tool_not_found", grpc.StatusCode.NOT_FOUND):
            bridge.ExecuteElixirTool(
                bridge_pb2.ExecuteElixirToolRequest(session_id="s", tool_name="x"),
                timeout=5,
            )
        with pytest.raises(ToolError, match=r"HostToolNotFoundError.*'x'"):
            client.call("default", "call_host", tool_name="x")


def test_the_workers_of_a_pool_know_their_sessions(
    run_daemon: RunDaemon, client: Client, world: World
) -> None:
    """A worker registers its tools for a session; the host counts them."""
    run_daemon(config(workers=1)).wait_ready(1)
    assert run(client, "s", "echo")["pid"] == worker_pids(world)[0]
    bridge = bridge_pb2_grpc.BridgeServiceStub(client.channel)
    info = bridge.GetSession(bridge_pb2.GetSessionRequest(session_id="s"), timeout=5)
    assert info.tool_count > 5
