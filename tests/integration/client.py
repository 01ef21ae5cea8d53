"""A gRPC client of the front door, as a user's program would have one."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import grpc
from harness import ROOT

sys.path.insert(0, str(ROOT / "priv" / "python"))

from snakepit_bridge._generated import (
    health_pb2,
    health_pb2_grpc,
    pool_pb2,
    pool_pb2_grpc,
)

__all__ = [
    "CORRELATION_KEY",
    "Client",
    "health_pb2",
    "health_pb2_grpc",
    "pool_pb2",
    "pool_pb2_grpc",
    "request",
]

CORRELATION_KEY = "x-snakepit-correlation-id"
LIMIT_BYTES = 110 << 20


def request(pool: str, tool: str, **arguments: Any) -> pool_pb2.ExecuteRequest:
    values = {name: json.dumps(value).encode() for name, value in arguments.items()}
    return pool_pb2.ExecuteRequest(pool=pool, tool=tool, arguments=values)


class Client:
    """Calls one instance through its unix socket."""

    def __init__(self, directory: Path, instance: str) -> None:
        self.target = f"unix:{directory}/{instance}.sock"
        self.channel = grpc.insecure_channel(
            self.target,
            options=[
                ("grpc.max_receive_message_length", LIMIT_BYTES),
                ("grpc.max_send_message_length", LIMIT_BYTES),
                ("grpc.use_local_subchannel_pool", 1),
            ],
        )
        self.pool = pool_pb2_grpc.PoolStub(self.channel)
        self.health = health_pb2_grpc.HealthStub(self.channel)

    def close(self) -> None:
        self.channel.close()

    def call(
        self, pool: str, tool: str, timeout_s: float = 20, **arguments: Any
    ) -> Any:
        """Run a tool and return its result; a tool's failure is a ValueError."""
        response = self.pool.Execute(
            request(pool, tool, **arguments), timeout=timeout_s, wait_for_ready=True
        )
        if response.WhichOneof("outcome") == "error":
            raise ValueError(f"{response.error.type}: {response.error.message}")
        return json.loads(response.result_json)

    def future(
        self, pool: str, tool: str, timeout_s: float = 20, **arguments: Any
    ) -> Any:
        """Start a call; its outcome is asked for later."""
        return self.pool.Execute.future(
            request(pool, tool, **arguments), timeout=timeout_s
        )

    def stream(
        self, pool: str, tool: str, timeout_s: float = 20, **arguments: Any
    ) -> Any:
        return self.pool.ExecuteStream(
            request(pool, tool, **arguments), timeout=timeout_s
        )

    def serving(self, service: str = "") -> bool:
        reply = self.health.Check(
            health_pb2.HealthCheckRequest(service=service), timeout=5
        )
        return bool(reply.status == health_pb2.HealthCheckResponse.SERVING)
