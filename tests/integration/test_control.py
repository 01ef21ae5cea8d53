"""What operators ask of a running snakepitd: the control service and its commands."""

from __future__ import annotations

import socket
import sys

import grpc
import pytest
from harness import ROOT, World
from runtime_kit import INSTANCE, RunDaemon, config

sys.path.insert(0, str(ROOT / "priv" / "python"))

from snakepit_bridge._generated import control_pb2, control_pb2_grpc


def free_port() -> int:
    """Give a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


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
