"""What operators ask of a running snakepitd: the control service and its commands."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from client import Client
from harness import ROOT, World, wait_until
from runtime_kit import INSTANCE, RunDaemon, config, free_port, wait_books, worker_pids

sys.path.insert(0, str(ROOT / "priv" / "python"))

from snakepit_bridge._generated import control_pb2, control_pb2_grpc

Cli = Callable[..., subprocess.CompletedProcess[str]]


class TestService:
    def test_it_is_served_on_unix_sockets_only(
        self, run_daemon: RunDaemon, world: World
    ) -> None:
        local = f"unix:{world.directory}/{INSTANCE}.sock"
        tcp = f"127.0.0.1:{free_port()}"
        run_daemon({**config(), "listen": [local, tcp]}).wait_ready(1)
        request = control_pb2.DrainRequest(pool="nope")
        for address, served in ((local, True), (tcp, False)):
            with grpc.insecure_channel(address) as channel:
                stub = control_pb2_grpc.ControlStub(channel)
                with pytest.raises(grpc.RpcError) as caught:
                    stub.Drain(request, timeout=5)
            code = caught.value.code()
            assert (code is not grpc.StatusCode.UNIMPLEMENTED) is served, address

    def test_bytes_that_are_no_request_are_an_invalid_argument(
        self, run_daemon: RunDaemon, client: Client
    ) -> None:
        run_daemon(config()).wait_ready(1)
        for verb in ("Drain", "Recycle", "Scale", "Reload"):
            method = f"/snakepit.control.v1.Control/{verb}"
            call = client.channel.unary_unary(method, lambda b: b, lambda b: b)
            with pytest.raises(grpc.RpcError) as caught:
                call(b"\xff\xff\xff", timeout=5)
            assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT

    def test_every_call_is_answered_also_by_a_runtime_that_stops(
        self, run_daemon: RunDaemon, client: Client
    ) -> None:
        daemon = run_daemon(config())
        daemon.wait_ready(2)
        stub = control_pb2_grpc.ControlStub(client.channel)
        requests = [control_pb2.DrainRequest(resume=i % 2 == 1) for i in range(200)]
        calls = [stub.Drain.future(request, timeout=10) for request in requests[:100]]
        assert [call.result().workers for call in calls] == [2] * 100
        calls = [stub.Drain.future(request, timeout=10) for request in requests]
        os.kill(daemon.pid, signal.SIGTERM)
        codes = {call.code() for call in calls}
        assert codes <= {
            grpc.StatusCode.OK,
            grpc.StatusCode.FAILED_PRECONDITION,
            grpc.StatusCode.UNAVAILABLE,
        }
        assert daemon.process.wait(10) == 0


class TestCommandLine:
    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["drain", "a", "b"], "drain: too many arguments at 'b'"),
            (
                ["drain", "--force"],
                "drain: unknown option '--force'; see 'snakepit drain --help'",
            ),
            (
                ["resume", "--wait"],
                "resume: unknown option '--wait'; see 'snakepit resume --help'",
            ),
            (["recycle", "a/x"], "recycle: 'x' is no number of a slot"),
            (["recycle", "/1"], "recycle: '/1' is no pool"),
            (["scale", "a"], "scale: needs a pool and a number of workers"),
            (["scale", "a", "-1"], "scale: unknown option '-1'"),
            (["scale", "a", "4294967296"], "scale: '4294967296' is no number of"),
            (["reload", "x"], "reload: too many arguments at 'x'"),
            (["drain", "--timeout", "soon"], "drain: --timeout 'soon' is not a"),
            (["drain", "--wait", "--address", "unix:/x"], "drain: --wait looks at"),
        ],
    )
    def test_wrong_usage_is_exit_code_2(
        self, cli: Cli, arguments: list[str], words: str
    ) -> None:
        result = cli(*arguments)
        assert result.returncode == 2, result.stderr
        assert words in result.stderr
        assert result.stderr.count("\n") == 1

    def test_without_a_runtime_it_is_exit_code_3(self, cli: Cli) -> None:
        for verb in (["drain"], ["resume"], ["recycle"], ["scale", "a", "1"]):
            result = cli(*verb)
            assert result.returncode == 3, result.stderr
            assert result.stderr.startswith(f"snakepit: {verb[0]}: no instance found")

    def test_an_address_is_asked_directly_but_not_over_tcp(
        self, cli: Cli, run_daemon: RunDaemon, world: World
    ) -> None:
        local = f"unix:{world.directory}/elsewhere.sock"
        tcp = f"127.0.0.1:{free_port()}"
        run_daemon({**config(), "listen": [local, tcp]}).wait_ready(1)
        assert cli("resume", "--address", local).returncode == 0
        result = cli("resume", "--address", tcp)
        assert result.returncode == 1
        assert "operators are heard on unix sockets only" in result.stderr

    def test_events_name_the_pool_they_are_about(
        self, cli: Cli, run_daemon: RunDaemon
    ) -> None:
        run_daemon(config()).wait_ready(1)
        for verb in (["drain"], ["reload"]):
            assert cli(*verb).returncode == 0
        lines = [line.split("  ")[2:] for line in cli("events").stdout.splitlines()]
        assert ["pool_drained by operator", "default", "operator"] in lines
        assert ["config_reloaded by operator"] in lines

    def test_reload_prints_what_happened(self, cli: Cli, run_daemon: RunDaemon) -> None:
        daemon = run_daemon(config())
        daemon.wait_ready(1)
        result = cli("reload")
        assert (result.returncode, result.stdout) == (0, "nothing has changed\n")
        answer = json.loads(cli("reload", "--json").stdout)
        assert answer == {
            "schema": 1,
            "command": "reload",
            "message": "nothing has changed",
            "workers": 0,
            "changes": [],
        }
        daemon.config.write_text("pools: 7\n")
        result = cli("reload")
        assert result.returncode == 1
        assert result.stderr == (
            f'snakepit: reload: {daemon.config}:1:8: pools is "7"; expected a list '
            "of mappings (FAILED_PRECONDITION)\n"
        )


class TestVerbs:
    def test_drain_refuses_what_comes_and_finishes_what_is_there(
        self, cli: Cli, run_daemon: RunDaemon, client: Client, world: World
    ) -> None:
        run_daemon(config(workers=1)).wait_ready(1)
        running = client.future("default", "sleep", seconds=2)
        wait_books(world, active=1)
        result = cli("drain", "default", "--wait")
        assert result.returncode == 0, result.stderr
        first, last = result.stdout.splitlines()
        assert first == "default: no new requests; what is there is finished"
        assert last.startswith("done after ")
        assert running.result().WhichOneof("outcome") == "result_json"
        with pytest.raises(grpc.RpcError) as refused:
            client.call("default", "echo")
        assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
        assert "drained by operator" in str(refused.value.details())
        assert not client.serving("pool/default")
        status = cli("status")
        assert status.returncode == 4
        assert "drained" in status.stdout
        assert cli("resume").stdout == "all pools: taking requests again\n"
        assert client.call("default", "echo")["pid"]
        assert cli("status", "--quiet").returncode == 0

    def test_wait_gives_up_at_its_deadline(
        self, cli: Cli, run_daemon: RunDaemon, client: Client, world: World
    ) -> None:
        run_daemon(config(workers=1)).wait_ready(1)
        gate = world.directory / "gate"
        running = client.future("default", "wait_for", 60, path=str(gate))
        wait_books(world, active=1)
        result = cli("drain", "--wait", "--timeout", "0.2")
        assert result.returncode == 1
        assert "not done yet, and goes on" in result.stderr
        gate.touch()
        assert running.result()

    @pytest.mark.parametrize("force", [[], ["--force"]])
    def test_recycle_replaces_the_worker_that_is_named(
        self, cli: Cli, run_daemon: RunDaemon, world: World, force: list[str]
    ) -> None:
        run_daemon(config()).wait_ready(2)
        before = worker_pids(world)
        result = cli("recycle", "default/1", "--wait", *force, "--json")
        assert result.returncode == 0, result.stderr
        answer = json.loads(result.stdout)
        assert answer["workers"] == 1
        assert answer["waited_ns"] > 0
        after = set(worker_pids(world).values())
        assert before[0] in after
        assert before[1] not in after
        assert len(after) == 2

    def test_recycle_does_not_wait_for_a_worker_that_still_starts(
        self, cli: Cli, run_daemon: RunDaemon, world: World
    ) -> None:
        """It has no requests to lose, so nobody replaces it."""
        run_daemon(
            config(
                adapter="fault_adapter.SecondSleepsAdapter",
                env=[f"STARTS={world.directory}"],
            )
        ).wait_ready(1)
        wait_until((world.directory / "2").exists, 10, "the second worker's start")
        before = worker_pids(world)
        result = cli("recycle", "default", "--wait")
        assert result.returncode == 0, result.stderr
        assert not set(before.values()) & set(worker_pids(world).values())
        (world.directory / "go").touch()

    def test_scale_goes_up_and_down_and_no_further_than_the_configuration(
        self, cli: Cli, run_daemon: RunDaemon, world: World
    ) -> None:
        run_daemon(config(max_workers=3)).wait_ready(2)
        for workers in (3, 1):
            result = cli("scale", "default", str(workers), "--wait")
            assert result.returncode == 0, result.stderr
            assert len(worker_pids(world)) == workers
        result = cli("scale", "default", "4")
        assert result.returncode == 1
        assert "can have 1 to 3 workers, not 4" in result.stderr
        result = cli("scale", "nope", "1")
        assert result.returncode == 1
        assert "scale: no pool 'nope'; there are: " in result.stderr

    def test_reload_waits_for_new_workers_or_says_that_they_failed(
        self, cli: Cli, run_daemon: RunDaemon, world: World
    ) -> None:
        pool: dict[str, Any] = {
            "lifecycle": {"min_ready_ms": 0},
            "restart": {"backoff_min_ms": 1, "backoff_max_ms": 10},
        }
        daemon = run_daemon(config(**pool))
        daemon.wait_ready(2)
        before = set(worker_pids(world).values())
        daemon.config.write_text(json.dumps(config(**pool, env=["A=1"])))
        result = cli("reload", "--wait")
        assert result.returncode == 0, result.stderr
        assert result.stdout.splitlines()[:2] == [
            "1 key changed",
            "  pools.default.env: changed (not shown)",
        ]
        after = set(worker_pids(world).values())
        assert len(after) == 2
        assert not after & before
        broken = config(**pool, adapter="fault_adapter.BrokenAdapter")
        daemon.config.write_text(json.dumps(broken))
        result = cli("reload", "--wait")
        assert result.returncode == 1
        assert "the new workers failed" in result.stderr
        assert set(worker_pids(world).values()) == after
