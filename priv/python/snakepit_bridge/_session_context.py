"""What a tool call may know about its session, and its way back to the host."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import grpc
from typing_extensions import Self

from ._errors import (
    ErrorKind,
    HostError,
    HostTimeoutError,
    HostToolFailedError,
    HostToolNotFoundError,
)
from ._proto import pb
from ._scope import current_scope
from ._values import decode_json, encode_any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

__all__ = ["SessionContext"]

_logger = logging.getLogger(__name__)


class SessionContext:
    """The session of one tool call.

    `stub` is a synchronous BridgeService stub of the host, whose calls carry the
    correlation id, trace and deadline of the current request. It is None when there is
    no host to call, and then every call to it raises HostError. Calls block: an `async
    def` tool makes them through `asyncio.to_thread`.
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
        self._scope = current_scope()
        self._host_tools: dict[str, dict[str, Any]] | None = None

    @property
    def deadline_remaining_s(self) -> float | None:
        """Seconds left until the request's deadline; None without one."""
        return self._scope.remaining_s()

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

        Raises HostToolNotFoundError when the host has no such tool, HostToolFailedError
        when the tool fails, HostTimeoutError when the current request's deadline
        passes, and HostError when the call fails otherwise.
        """
        request = pb.ExecuteElixirToolRequest(
            session_id=self.session_id,
            tool_name=tool_name,
            parameters={name: encode_any(value) for name, value in arguments.items()},
        )
        reply = self._call("ExecuteElixirTool", request)
        if not reply.success:
            error_type, text = _parse_failure(reply.error_message)
            msg = f"host tool {tool_name!r} failed: {text}"
            raise HostToolFailedError(msg, error_type)
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
        try:
            return getattr(self.stub, method)(request)
        except grpc.RpcError as exc:
            raise _host_error(method, exc) from None

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


def _host_error(method: str, exc: grpc.RpcError) -> HostError:
    code = exc.code() if isinstance(exc, grpc.Call) else None
    msg = f"{method} at the host failed: {exc}"
    if isinstance(exc, grpc.Call):
        msg = f"{method} at the host failed: {exc.code().name}: {exc.details()}"
    kind = ErrorKind.of(exc)
    if method == "ExecuteElixirTool" and code is grpc.StatusCode.NOT_FOUND:
        return HostToolNotFoundError(msg, kind)
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return HostTimeoutError(msg, kind)
    return HostError(msg, kind)


def _parse_failure(text: str) -> tuple[str, str]:
    """Return type and message of a tool's failure; a host may also send plain text."""
    try:
        failure = json.loads(text)
        return str(failure["type"]), str(failure["message"])
    except (ValueError, KeyError, TypeError):
        return "", text
