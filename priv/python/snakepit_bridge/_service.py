"""The worker's side of snakepit.bridge.BridgeService."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import logging
import time
from typing import TYPE_CHECKING, Any, Callable

import grpc

from ._beat import beats
from ._calls import CallRefused, ToolCall
from ._correlation import CORRELATION_HEADER, get_correlation_id
from ._executor import finished
from ._handover import HandOver
from ._proto import pb, pb_grpc
from ._session_context import SessionContext
from ._sessions import SessionRegistry, now

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from concurrent.futures import Future

    from ._dispatch import Dispatcher
    from ._executor import ToolExecutor
    from ._telemetry_buffer import TelemetryBuffer

__all__ = ["BridgeService"]

_logger = logging.getLogger(__name__)

# Chunks that may wait between a generator and the network.
_CHUNKS_AHEAD = 16
_CANCELLED = "cancelled"
_PATIENCE_S = 30.0  # with calls that run on though nobody waits for them
_LOGGED_NAME_CHARS = 128  # the bound of a tool's name, for names that break it


class BridgeService(pb_grpc.BridgeServiceServicer):
    """Serves one adapter. Lives on one event loop, on which no adapter code runs.

    Its server has a RequestInterceptor, so that each call has its scope.
    """

    def __init__(
        self,
        dispatcher: Dispatcher,
        executor: ToolExecutor,
        telemetry: TelemetryBuffer,
        host_stub: Any = None,
        patience_s: float = _PATIENCE_S,
    ) -> None:
        """Borrow everything: the caller closes what it made."""
        self._dispatcher = dispatcher
        self._executor = executor
        self._telemetry = telemetry
        self._host_stub = host_stub
        self._patience_s = patience_s
        self._sessions = SessionRegistry()

    # ---- liveness --------------------------------------------------------------------

    async def Ping(self, request: Any, context: Any) -> pb.PingResponse:
        """Answer at once."""
        del context
        return pb.PingResponse(
            message=f"Pong from Python: {request.message}", server_time=now()
        )

    async def Heartbeat(self, request: Any, context: Any) -> pb.HeartbeatResponse:
        """Answer at once, asking nobody; the empty session means the worker itself."""
        del context
        known = self._sessions.get(request.session_id) is not None
        return pb.HeartbeatResponse(
            server_time=now(), session_valid=not request.session_id or known
        )

    # ---- sessions --------------------------------------------------------------------

    async def InitializeSession(
        self, request: Any, context: Any
    ) -> pb.InitializeSessionResponse:
        """Note a session and say what it may call; opening it twice is fine."""
        if not request.session_id:
            await context.abort(
                grpc.StatusCode.INVALID_ARGUMENT, "session_id must not be empty"
            )
        register = self._open(request.session_id, request.metadata)
        if register is not None:
            await self._executor.run(register)
        return pb.InitializeSessionResponse(
            success=True, available_tools=await self._tool_specs()
        )

    async def CleanupSession(
        self, request: Any, context: Any
    ) -> pb.CleanupSessionResponse:
        """Forget a session; one that is not there has nothing to clean."""
        del context
        cleaned = self._sessions.close(request.session_id)
        return pb.CleanupSessionResponse(success=True, resources_cleaned=int(cleaned))

    async def GetSession(self, request: Any, context: Any) -> pb.GetSessionResponse:
        """Describe a session."""
        session = self._sessions.get(request.session_id)
        if session is None:
            await context.abort(
                grpc.StatusCode.NOT_FOUND, f"no session {request.session_id!r}"
            )
            raise AssertionError  # abort() never returns
        return pb.GetSessionResponse(
            session_id=request.session_id,
            metadata=session.metadata,
            created_at=session.created_at,
            tool_count=len(await self._tool_specs()),
        )

    # ---- tools -----------------------------------------------------------------------

    async def ExecuteTool(self, request: Any, context: Any) -> pb.ExecuteToolResponse:
        """Run a tool; its exception is a result, not a status."""
        call, log = self._begin(request)
        work = self._executor.submit(call.run_unary)
        try:
            response = await finished(work)
        except CallRefused as refused:
            log.outcome = refused.outcome
            await context.abort(refused.code, refused.details)
        else:
            log.outcome = "ok" if response.success else "error"
            return response
        finally:
            log.write(call)
            if log.outcome == _CANCELLED:
                self._leave(call, work, log)
        raise AssertionError  # abort() never returns

    async def ExecuteStreamingTool(self, request: Any, context: Any) -> None:
        """Run a tool and send what it yields, no faster than the caller takes it."""
        # The caller learns that its stream began, however long the first chunk takes.
        await context.send_initial_metadata(
            ((CORRELATION_HEADER, get_correlation_id() or ""),)
        )
        call, log = self._begin(request)
        chunks: HandOver[pb.ToolChunk] = HandOver(_CHUNKS_AHEAD)
        work = self._executor.submit(functools.partial(call.run_stream, chunks))
        try:
            async for chunk in chunks:
                await context.write(chunk)
                log.chunks += 1
            log.outcome = "ok"
        except CallRefused as refused:
            log.outcome = refused.outcome
            await context.abort(refused.code, refused.details)
        finally:
            log.write(call)
            if log.outcome == _CANCELLED:
                chunks.close()
                self._leave(call, work, log)

    def _begin(self, request: pb.ExecuteToolRequest) -> tuple[ToolCall, _CallLog]:
        prelude = self._open(request.session_id) if request.session_id else None
        session = SessionContext(self._host_stub, request.session_id, request.metadata)
        call = ToolCall(
            request, session, self._dispatcher, self._executor.loop, prelude
        )
        if self._executor.hopeless:
            _logger.warning("a call waits for calls that nobody waits for")
        return call, _CallLog(request.tool_name)

    def _open(
        self, session_id: str, metadata: Mapping[str, str] | None = None
    ) -> Callable[[], None] | None:
        """Open a session; returns what registers its tools, if that was not begun.

        It counts only once it runs: a call that is left while it waits for its place
        takes it along, and the next one has to do it.
        """
        session = self._sessions.open(session_id, metadata)
        if self._host_stub is None or session.registered:
            return None

        def register() -> None:
            if not session.registered:  # another call may have waited, too
                session.registered = True
                self._dispatcher.register(
                    session_id, self._host_stub, self._executor.loop
                )

        return register

    def _leave(self, call: ToolCall, work: Future[Any], log: _CallLog) -> None:
        """Drop a call whose caller left first; what runs on is counted, and logged."""
        call.cancel()
        if self._executor.abandon(work):
            work.add_done_callback(log.write_abandoned)
            if self._executor.hopeless:
                loop = asyncio.get_running_loop()
                loop.call_later(self._patience_s, self._give_up, work)

    def _give_up(self, work: Future[Any]) -> None:
        """Ask for a replacement if left calls, with this one, still take all places.

        No call that is sent here can begin, and nothing else will end that: the runtime
        sees a worker that has much to do, and it is right.
        """
        if not work.done() and self._executor.hopeless:
            _logger.warning("all places are taken by calls that nobody waits for")
            beats.request_recycle()

    async def _tool_specs(self) -> dict[str, pb.ToolSpec]:
        registered = await self._executor.run(self._dispatcher.tools)
        return {
            item.name: pb.ToolSpec(
                name=item.name,
                description=item.description,
                parameters=item.parameters,
                metadata=item.metadata,
                supports_streaming=item.supports_streaming,
            )
            for item in registered
        }

    # ---- telemetry -------------------------------------------------------------------

    async def StreamTelemetry(self, request: Any, context: Any) -> None:
        """Send events until the host leaves or the worker stops."""
        # Headers otherwise wait for the first event, and the host for the headers.
        await context.send_initial_metadata(())
        controls = asyncio.create_task(self._obey(request))
        try:
            async for event in self._telemetry.read():
                await context.write(event)
        finally:
            controls.cancel()

    async def _obey(self, controls: AsyncIterator[pb.TelemetryControl]) -> None:
        async for control in controls:
            self._telemetry.apply(control)

    # ---- what only the host serves ---------------------------------------------------

    async def GetExposedElixirTools(
        self, request: Any, context: Any
    ) -> pb.GetExposedElixirToolsResponse:
        """Answer that a worker offers none."""
        del request, context
        return pb.GetExposedElixirToolsResponse()

    async def ExecuteElixirTool(self, request: Any, context: Any) -> None:
        """Refuse: a worker has no host tools."""
        await context.abort(
            grpc.StatusCode.NOT_FOUND,
            f"a worker has no host tool {request.tool_name!r}",
        )

    async def RegisterTools(self, request: Any, context: Any) -> None:
        """Refuse: tools are registered with the host."""
        del request
        await context.abort(
            grpc.StatusCode.UNIMPLEMENTED, "tools are registered with the host"
        )


class _CallLog:
    """The one line that a finished tool call leaves in the log; never its payload."""

    def __init__(self, tool_name: str) -> None:
        self._tool = tool_name[:_LOGGED_NAME_CHARS]
        self._began = time.perf_counter()
        self._context = contextvars.copy_context()
        self.outcome = _CANCELLED  # unless the call gets to an end of its own
        self.chunks = 0

    def write(self, call: ToolCall) -> None:
        if not _logger.isEnabledFor(logging.INFO):
            return
        fields: dict[str, object] = {
            "tool": self._tool,
            "duration_ms": self._duration_ms(),
            "outcome": self.outcome,
        }
        if self.chunks:
            fields["chunks"] = self.chunks
        if call.error_type:
            fields["error"] = call.error_type
        _logger.info("tool finished", extra={"fields": fields})

    def write_abandoned(self, work: Future[Any]) -> None:
        """Tell of the end of a call that had none to wait for it; from any thread."""
        del work
        fields = {"tool": self._tool, "duration_ms": self._duration_ms()}
        self._context.run(
            _logger.info, "abandoned tool ended", extra={"fields": fields}
        )

    def _duration_ms(self) -> float:
        return round((time.perf_counter() - self._began) * 1000, 3)
