"""A worker without the bridge: it answers with the metadata that its calls came with.

The result of any tool is the list of that call's key-value pairs, in the order of
arrival. The tool `met` gives those of the last call of the method named `method`
instead, as Heartbeat or CleanupSession.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "priv" / "python"))
from snakepit_bridge._generated import bridge_pb2

SERVICE = "snakepit.bridge.BridgeService"
ANSWERS = {
    "Ping": bridge_pb2.PingResponse(message="pong"),
    "Heartbeat": bridge_pb2.HeartbeatResponse(session_valid=True),
    "InitializeSession": bridge_pb2.InitializeSessionResponse(success=True),
    "CleanupSession": bridge_pb2.CleanupSessionResponse(success=True),
}
STRING_VALUE = "type.googleapis.com/google.protobuf.StringValue"

last_met: dict[str, list[tuple[str, str]]] = {}


def option(name: str) -> str:
    return sys.argv[sys.argv.index(name) + 1]


def say_hello() -> None:
    hello = {
        "ready": True,
        "pid": os.getpid(),
        "python": ".".join(map(str, sys.version_info[:3])),
        "protocol": 1,
        "capacity": int(option("--max-workers")),
    }
    ready = int(option("--ready-fd"))
    os.write(ready, json.dumps(hello).encode() + b"\n")
    os.close(ready)


def execute(raw: bytes, pairs: list[tuple[str, str]]) -> bytes:
    request = bridge_pb2.ExecuteToolRequest.FromString(raw)
    if request.tool_name == "met":
        pairs = last_met.get(json.loads(request.parameters["method"].value), [])
    response = bridge_pb2.ExecuteToolResponse(success=True)
    response.result.type_url = STRING_VALUE
    response.result.value = json.dumps(pairs).encode()
    return response.SerializeToString()


class Methods(grpc.GenericRpcHandler):
    """All unary methods of the bridge, by name."""

    def service(self, details: Any) -> Any:
        method = details.method.rpartition("/")[2]
        pairs = [(key, str(value)) for key, value in details.invocation_metadata]
        if method == "ExecuteTool":
            return grpc.unary_unary_rpc_method_handler(
                lambda raw, _: execute(raw, pairs)
            )
        if method not in ANSWERS:
            return None
        last_met[method] = pairs
        answer = ANSWERS[method].SerializeToString()
        return grpc.unary_unary_rpc_method_handler(lambda _, __: answer)


def main() -> None:
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    server = grpc.server(ThreadPoolExecutor(4), handlers=[Methods()])
    server.add_insecure_port(option("--address"))
    server.start()
    say_hello()
    ended.wait()
    server.stop(0)


main()
