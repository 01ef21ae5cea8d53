"""What operators ask of a running snakepitd: the control service and its commands."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable

import grpc
import pytest
from harness import ROOT, World
from runtime_kit import INSTANCE, RunDaemon, config, free_port

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


class TestCommandLine:
    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["drain", "a", "b"], "drain: too many arguments at 'b'"),
            (["drain", "--force"], "drain: takes no --force"),
            (["resume", "--wait"], "resume: takes no --wait"),
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
