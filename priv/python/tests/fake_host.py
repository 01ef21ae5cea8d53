"""The host's side of BridgeService, for workers to call."""

from __future__ import annotations

import json
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc

from snakepit_bridge._proto import pb, pb_grpc
from snakepit_bridge._values import encode_any

if TYPE_CHECKING:
    from typing_extensions import Self


class FakeHost(pb_grpc.BridgeServiceServicer):
    """Offers `double` and tools that fail, and notes what each call brought."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="snakepit-host-")
        self.address = f"unix:{Path(self._folder.name) / 'host.sock'}"
        self.seen: list[dict[str, Any]] = []
        self.registrations: list[pb.RegisterToolsRequest] = []
        self.heartbeats = threading.Semaphore(0)
        self._server = grpc.server(ThreadPoolExecutor(4))
        pb_grpc.add_BridgeServiceServicer_to_server(self, self._server)
        self._server.add_insecure_port(self.address)
        self.port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop answering."""
        self._server.stop(None).wait()
        self._folder.cleanup()

    def _note(self, context: Any) -> None:
        metadata = dict(context.invocation_metadata())
        self.seen.append({**metadata, "time_left": context.time_remaining()})

    def Ping(self, request: Any, context: Any) -> pb.PingResponse:
        del context
        return pb.PingResponse(message=request.message)

    def Heartbeat(self, request: Any, context: Any) -> pb.HeartbeatResponse:
        del request
        self._note(context)
        self.heartbeats.release()
        return pb.HeartbeatResponse(session_valid=True)

    def RegisterTools(self, request: Any, context: Any) -> pb.RegisterToolsResponse:
        self._note(context)
        self.registrations.append(request)
        names = {tool.name: tool.name for tool in request.tools}
        return pb.RegisterToolsResponse(success=True, tool_ids=names)

    def CleanupSession(self, request: Any, context: Any) -> pb.CleanupSessionResponse:
        self._note(context)
        return pb.CleanupSessionResponse(success=bool(request.session_id))

    def GetExposedElixirTools(
        self, request: Any, context: Any
    ) -> pb.GetExposedElixirToolsResponse:
        del request
        self._note(context)
        return pb.GetExposedElixirToolsResponse(
            tools=[
                pb.ToolSpec(
                    name="double",
                    description="twice",
                    parameters=[pb.ParameterSpec(name="value", type="integer")],
                )
            ]
        )

    def ExecuteElixirTool(
        self, request: Any, context: Any
    ) -> pb.ExecuteElixirToolResponse:
        self._note(context)
        if request.tool_name == "double":
            value = json.loads(request.parameters["value"].value)
            return pb.ExecuteElixirToolResponse(
                success=True, result=encode_any(2 * value)
            )
        if request.tool_name == "broken":
            return pb.ExecuteElixirToolResponse(error_message="out of order")
        if request.tool_name == "typed":
            failure = '{"type": "KeyError", "message": "no such row"}'
            return pb.ExecuteElixirToolResponse(error_message=failure)
        if request.tool_name == "slow":
            ended = threading.Event()
            context.add_callback(ended.set)
            ended.wait()
        if request.tool_name == "busy":
            kind = (("snakepit-error-kind", "host_tools_busy"),)
            context.set_trailing_metadata(kind)
            context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "too many")
        context.abort(grpc.StatusCode.NOT_FOUND, "no such tool")
        raise AssertionError
