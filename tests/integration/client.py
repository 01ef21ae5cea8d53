"""A gRPC client of the front door, as a user's program would have one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from snakepit_bridge import testing
from snakepit_bridge._generated import (
    health_pb2,
    health_pb2_grpc,
    pool_pb2,
    pool_pb2_grpc,
)
from snakepit_bridge.testing import ToolError

__all__ = [
    "CORRELATION_KEY",
    "Client",
    "ToolError",
    "health_pb2",
    "health_pb2_grpc",
    "pool_pb2",
    "pool_pb2_grpc",
    "request",
]

CORRELATION_KEY = "x-snakepit-correlation-id"


def request(pool: str, tool: str, **arguments: Any) -> pool_pb2.ExecuteRequest:
    values = {name: json.dumps(value).encode() for name, value in arguments.items()}
    return pool_pb2.ExecuteRequest(pool=pool, tool=tool, arguments=values)


class Client(testing.Client):
    """Calls one instance through its unix socket."""

    def __init__(self, directory: Path, instance: str) -> None:
        super().__init__(f"unix:{directory}/{instance}.sock")
        self.health = health_pb2_grpc.HealthStub(self.channel)

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
