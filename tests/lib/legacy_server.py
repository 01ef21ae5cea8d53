"""A worker as existing ones are: a stand-in for their grpc_server.py in tests.

It speaks the legacy handshake and nothing else: TCP, a ready file, calls back to the
host before it serves and with each request. Its tools are its own; the adapter's name
is taken and not imported. The environment says how it misbehaves:

    LEGACY_SERVER    sync (default) or aio
    LEGACY_READY     what is in its ready file before the port is, one content a line
    LEGACY_SLOWLY    1: writes its port in place, digit by digit
    LEGACY_EARLY_S   the ready file comes this long before it listens
    LEGACY_STOP_S    how long it takes to leave after SIGTERM
    LEGACY_NOISE     1: prints a lot to stdout, what once was the ready line among it
    LEGACY_SETSID_S  tries to leave its process group after that long, and has a child
"""

from __future__ import annotations

import argparse
import asyncio
import concurrent.futures
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
# Its own package, at the end: what the runtime puts on the path would come before it.
sys.path.append(str(ROOT / "priv" / "python"))

import grpc  # noqa: E402
from snakepit_bridge._generated import bridge_pb2 as pb  # noqa: E402
from snakepit_bridge._generated import bridge_pb2_grpc as pb_grpc  # noqa: E402

STRING_URL = "type.googleapis.com/google.protobuf.StringValue"


def parse() -> argparse.Namespace:
    """Know what existing servers know; anything else ends the process."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--adapter", required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--elixir-address", required=True)
    parser.add_argument("--snakepit-run-id", default="")
    parser.add_argument("--snakepit-instance-name", default="")
    parser.add_argument("--snakepit-instance-token", default="")
    parser.add_argument("--max-workers", type=int, default=1)
    return parser.parse_args()


class Tools:
    """What a request may ask for."""

    def __init__(
        self, options: argparse.Namespace, host: pb_grpc.BridgeServiceStub
    ) -> None:
        self.options = options
        self.host = host

    def echo(self, **values: Any) -> dict[str, Any]:
        return {"pid": os.getpid(), **values}

    def surroundings(self) -> dict[str, Any]:
        return {
            "options": vars(self.options),
            "environment": dict(os.environ),
            "group": os.getpgrp(),
            "descriptors": sorted(
                int(fd)
                for fd in os.listdir("/proc/self/fd")
                if os.path.lexists(f"/proc/self/fd/{fd}")
                and os.readlink(f"/proc/self/fd/{fd}").startswith("pipe:")
            ),
        }

    def leave(self, status: int = 0) -> None:
        os._exit(status)

    def ask_host(self) -> dict[str, Any]:
        tools = self.host.GetExposedElixirTools(
            pb.GetExposedElixirToolsRequest(session_id="s"), timeout=5
        )
        try:
            self.host.ExecuteElixirTool(
                pb.ExecuteElixirToolRequest(session_id="s", tool_name="nope"),
                timeout=5,
            )
        except grpc.RpcError as error:
            code = error.code().name
        return {"tools": len(tools.tools), "code": code}

    def run(self, request: pb.ExecuteToolRequest) -> pb.ExecuteToolResponse:
        """Open the session at the host first, as each existing worker does."""
        self.host.InitializeSession(
            pb.InitializeSessionRequest(session_id=request.session_id), timeout=5
        )
        arguments = {
            key: json.loads(value.value) for key, value in request.parameters.items()
        }
        result = getattr(self, request.tool_name)(**arguments)
        response = pb.ExecuteToolResponse(success=True)
        response.result.type_url = STRING_URL
        response.result.value = json.dumps(result).encode()
        return response


class SyncService(pb_grpc.BridgeServiceServicer):
    """The threaded server."""

    def __init__(self, tools: Tools) -> None:
        self.tools = tools

    def Ping(self, request: Any, _context: Any) -> Any:
        return pb.PingResponse(message=request.message)

    def Heartbeat(self, request: Any, _context: Any) -> Any:
        return self.tools.host.Heartbeat(request, timeout=5)

    def ExecuteTool(self, request: Any, _context: Any) -> Any:
        return self.tools.run(request)

    def ExecuteStreamingTool(self, request: Any, _context: Any) -> Iterator[Any]:
        for i in range(json.loads(request.parameters["to"].value)):
            yield pb.ToolChunk(chunk_id=str(i), data=json.dumps({"i": i}).encode())
        yield pb.ToolChunk(chunk_id="end", is_final=True)


class AioService(SyncService):
    """The asyncio server: blocking tools run on its loop, as they did."""

    async def Ping(self, request: Any, _context: Any) -> Any:
        return SyncService.Ping(self, request, _context)

    async def Heartbeat(self, request: Any, _context: Any) -> Any:
        return SyncService.Heartbeat(self, request, _context)

    async def ExecuteTool(self, request: Any, _context: Any) -> Any:
        return SyncService.ExecuteTool(self, request, _context)

    async def ExecuteStreamingTool(self, request: Any, _context: Any) -> Any:
        for chunk in SyncService.ExecuteStreamingTool(self, request, _context):
            yield chunk


def wait_for_host(host: pb_grpc.BridgeServiceStub) -> None:
    while True:
        with contextlib.suppress(grpc.RpcError):
            host.Ping(pb.PingRequest(message="up?"), timeout=1)
            return


def write_ready_file(port: int) -> None:
    path = os.environ["SNAKEPIT_READY_FILE"]
    # Pauses long enough to be seen; that it is not believed is what the tests show.
    for content in os.environ.get("LEGACY_READY", "").splitlines():
        Path(path).write_text(content)
        time.sleep(0.05)
    if os.environ.get("LEGACY_SLOWLY"):
        with open(path, "w", encoding="utf-8") as handle:
            for digit in str(port):
                handle.write(digit)
                handle.flush()
                time.sleep(0.05)
        return
    scratch = f"{path}.tmp"
    with open(scratch, "w", encoding="utf-8") as handle:
        handle.write(str(port))
        handle.flush()
        os.fsync(handle.fileno())
    os.replace(scratch, path)


def choose_port(early_s: float) -> int:
    """Say where it will listen before it does, where that is asked for."""
    if not early_s:
        return 0
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    write_ready_file(port)
    time.sleep(early_s)
    return port


def make_noise() -> None:
    print("GRPC_READY:50051", flush=True)
    for n in range(2000):
        print(f"line {n} of much that nobody asked for: {'x' * 60}")
    sys.stdout.flush()


def leave_group_later(delay_s: float) -> None:
    subprocess.Popen(["sleep", "1000"])
    time.sleep(delay_s)
    with contextlib.suppress(PermissionError):
        os.setsid()


def serve_sync(tools: Tools, port: int, stop: threading.Event) -> None:
    threads = concurrent.futures.ThreadPoolExecutor(tools.options.max_workers + 4)
    server = grpc.server(threads)
    pb_grpc.add_BridgeServiceServicer_to_server(SyncService(tools), server)
    bound = server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    if not port:
        write_ready_file(bound)
    stop.wait()
    server.stop(0).wait()


async def serve_aio(tools: Tools, port: int, stop: threading.Event) -> None:
    server = grpc.aio.server()
    pb_grpc.add_BridgeServiceServicer_to_server(AioService(tools), server)
    bound = server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    if not port:
        write_ready_file(bound)
    await asyncio.get_running_loop().run_in_executor(None, stop.wait)
    await server.stop(0)


def main() -> int:
    options = parse()
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    environ = os.environ
    if environ.get("LEGACY_NOISE"):
        make_noise()
    if "LEGACY_SETSID_S" in environ:
        leave_group_later(float(environ["LEGACY_SETSID_S"]))
    host = pb_grpc.BridgeServiceStub(grpc.insecure_channel(options.elixir_address))
    wait_for_host(host)
    tools = Tools(options, host)
    port = choose_port(float(environ.get("LEGACY_EARLY_S", "0")))
    if environ.get("LEGACY_SERVER") == "aio":
        asyncio.run(serve_aio(tools, port, stop))
    else:
        serve_sync(tools, port, stop)
    time.sleep(float(environ.get("LEGACY_STOP_S", "0")))
    return 0


if __name__ == "__main__":
    sys.exit(main())
