"""What a tool call may know about its session, and its way back to the host."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import grpc
from typing_extensions import Self

from ._errors import HostError, HostToolNotFoundError
from ._proto import pb
from ._scope import outgoing_metadata, remaining_s
from ._values import decode_json, encode_any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

__all__ = ["SessionContext"]

_logger = logging.getLogger(__name__)

# How long a call to the host may take when the request it serves has no deadline.
_DEFAULT_TIMEOUT_S = 30.0


class SessionContext:
    """The session of one tool call.

    `stub` is a synchronous BridgeService stub of the host; None when there is no host
    to call, and then every call to it raises HostError. Calls block: an `async def`
    tool makes them through `asyncio.to_thread`.
    """

    def __init__(
        self,
        stub: Any,
        session_id: str,
        request_metadata: Mapping[str, str] | None = None,
    ) -> None:
        """Describe a session; costs nothing until the host is called."""
        self.stub = stub
        self.session_id = session_id
        self.request_metadata: dict[str, str] = dict(request_metadata or {})
        self._host_tools: dict[str, dict[str, Any]] | None = None

    @property
    def host_tools(self) -> dict[str, dict[str, Any]]:
        """Tools the host offers, by name; asked for once, empty if it cannot answer."""
        if self._host_tools is None:
            request = pb.GetExposedElixirToolsRequest(session_id=self.session_id)
            try:
                reply = self._call("GetExposedElixirTools", request)
            except HostError as exc:
                _logger.warning("cannot list the host's tools: %s", exc)
                return {}
            self._host_tools = {
                spec.name: {
                    "name": spec.name,
                    "description": spec.description,
                    "parameters": {item.name: item.type for item in spec.parameters},
                }
                for spec in reply.tools
            }
        return self._host_tools

    @property
    def elixir_tools(self) -> dict[str, dict[str, Any]]:
        """The same as `host_tools`, under the name existing adapters use."""
        return self.host_tools

    def call_host_tool(self, tool_name: str, /, **arguments: object) -> Any:
        """Run a tool of the host and return its result.

        Raises HostToolNotFoundError when the host has no such tool, and HostError when
        the call or the tool fails. The current request's deadline applies.
        """
        request = pb.ExecuteElixirToolRequest(
            session_id=self.session_id,
            tool_name=tool_name,
            parameters={name: encode_any(value) for name, value in arguments.items()},
        )
        reply = self._call("ExecuteElixirTool", request)
        if not reply.success:
            msg = f"host tool {tool_name!r} failed: {reply.error_message}"
            raise HostError(msg)
        if reply.binary_result:
            return reply.binary_result
        if not reply.result.value:
            return None
        try:
            return decode_json(reply.result.value)
        except ValueError as exc:
            msg = f"host tool {tool_name!r} returned what is not JSON: {exc}"
            raise HostError(msg) from None

    def call_elixir_tool(self, tool_name: str, /, **arguments: object) -> Any:
        """Do the same as `call_host_tool`, under the name existing adapters use."""
        return self.call_host_tool(tool_name, **arguments)

    def cleanup(self) -> None:
        """Tell the host that the session is over; best effort, never raises."""
        try:
            self._call(
                "CleanupSession", pb.CleanupSessionRequest(session_id=self.session_id)
            )
        except HostError as exc:
            _logger.debug("session cleanup at the host failed: %s", exc)

    def _call(self, method: str, request: object) -> Any:
        if self.stub is None:
            msg = "this worker was started without the address of a host"
            raise HostError(msg)
        left = remaining_s()
        try:
            return getattr(self.stub, method)(
                request,
                metadata=outgoing_metadata(),
                timeout=_DEFAULT_TIMEOUT_S if left is None else left,
            )
        except grpc.RpcError as exc:
            code = exc.code() if isinstance(exc, grpc.Call) else None
            kind = HostToolNotFoundError if _is_missing(method, code) else HostError
            msg = f"{method} at the host failed: {_describe(exc)}"
            raise kind(msg) from None

    def __enter__(self) -> Self:
        """Return the context itself."""
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Clean up the session."""
        self.cleanup()

    def __repr__(self) -> str:
        """Name the session."""
        return f"SessionContext(session_id={self.session_id!r})"


def _is_missing(method: str, code: grpc.StatusCode | None) -> bool:
    return method == "ExecuteElixirTool" and code is grpc.StatusCode.NOT_FOUND


def _describe(exc: grpc.RpcError) -> str:
    if isinstance(exc, grpc.Call):
        return f"{exc.code().name}: {exc.details()}"
    return str(exc)
