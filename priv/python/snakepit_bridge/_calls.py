"""One tool call, from the request's bytes to the response's, on an executor thread."""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable, TypeVar

import grpc

from ._beat import progress
from ._errors import InvalidArgumentError, StreamingToolError, ToolNotFoundError
from ._failure import failure_json, failure_status_text
from ._handover import HandOver, HandOverClosed
from ._proto import pb
from ._scope import current_scope
from ._values import BYTES_TYPES, decode_arguments, encode_any, encode_json

if TYPE_CHECKING:
    from ._dispatch import Dispatcher
    from ._executor import AdapterLoop, AdapterTask
    from ._session_context import SessionContext

__all__ = ["CallRefused", "ToolCall"]

T = TypeVar("T")


@dataclass(eq=False)
class CallRefused(Exception):  # noqa: N818 - carries a gRPC status, OK's counterpart
    """The call ends with a status other than OK."""

    code: grpc.StatusCode
    details: str
    outcome: str  # for the log


class ToolCall:
    """Runs one ExecuteTool or ExecuteStreamingTool request.

    run_unary() and run_stream() block and belong on an executor thread, one of them,
    once; cancel() may come from any thread at any time.
    """

    def __init__(
        self,
        request: pb.ExecuteToolRequest,
        context: SessionContext,
        dispatcher: Dispatcher,
        loop: AdapterLoop,
        prelude: Callable[[], None] | None = None,
    ) -> None:
        """Take the request, decoded only when the call runs, after the `prelude`."""
        self._request = request
        self._context = context
        self._dispatcher = dispatcher
        self._loop = loop
        self._prelude = prelude
        self._lock = threading.Lock()
        self._cancelled = False
        self._task: AdapterTask[Any] | None = None
        self._chunk_count = 0
        self._marked_final = False
        self.error_type = ""  # of the exception that the tool raised, for the log

    def cancel(self) -> None:
        """Nobody waits any more: a coroutine is cancelled, plain code runs on."""
        with self._lock:
            self._cancelled = True
            task = self._task
        if task is not None:
            task.cancel()

    def run_unary(self) -> pb.ExecuteToolResponse:
        """Run the tool; raises CallRefused where the tool did not get to run."""
        began = time.perf_counter()
        arguments = self._arguments()
        try:
            with self._dispatcher.lease(self._context) as tools:
                response = self._respond(self._result(tools, arguments))
        except BaseException as exc:  # noqa: BLE001 - a tool's sys.exit() ends the call only
            self._refuse_unknown_tool(exc)
            self._note_failure(exc)
            response = pb.ExecuteToolResponse(
                success=False, error_message=failure_json(exc, self._failure_context())
            )
        response.execution_time_ms = int((time.perf_counter() - began) * 1000)
        progress()
        return response

    def run_stream(self, chunks: HandOver[pb.ToolChunk]) -> None:
        """Run the tool and hand its chunks over; failures arrive as CallRefused.

        When the consumer leaves, the generator is closed here, on the thread it ran on.
        """
        try:
            arguments = self._arguments()
            with self._dispatcher.lease(self._context) as tools:
                self._pump(self._result(tools, arguments), chunks)
        except HandOverClosed:
            chunks.finish()
        except CallRefused as refused:
            chunks.finish(refused)
        except BaseException as exc:  # noqa: BLE001 - as in run_unary
            chunks.finish(self._stream_failure(exc))
        else:
            chunks.finish()

    # ---- calling ---------------------------------------------------------------------

    def _arguments(self) -> dict[str, Any]:
        if self._prelude is not None:
            self._prelude()
        try:
            return decode_arguments(
                self._request.parameters, self._request.binary_parameters
            )
        except InvalidArgumentError as exc:
            code = grpc.StatusCode.INVALID_ARGUMENT
            raise CallRefused(code, str(exc), "invalid_argument") from None

    def _result(self, tools: Dispatcher, arguments: dict[str, Any]) -> Any:
        result = tools.call(self._request.tool_name, arguments, self._context)
        return self._wait(result) if inspect.isawaitable(result) else result

    def _wait(self, awaitable: Awaitable[T]) -> T:
        task = self._loop.start(awaitable)
        with self._lock:
            self._task = task
            cancelled = self._cancelled
        if cancelled:
            task.cancel()
        return task.result()

    def _respond(self, result: object) -> pb.ExecuteToolResponse:
        if isinstance(result, BYTES_TYPES):
            return pb.ExecuteToolResponse(
                success=True, result=encode_any(None), binary_result=bytes(result)
            )
        if isinstance(result, (AsyncIterator, Iterator)):
            self._discard(result)
            msg = (
                f"tool {self._request.tool_name!r} streams its result:"
                " call it with ExecuteStreamingTool"
            )
            raise StreamingToolError(msg)
        return pb.ExecuteToolResponse(success=True, result=encode_any(result))

    def _discard(self, stream: object) -> None:
        if inspect.isasyncgen(stream):
            self._wait(stream.aclose())
        elif inspect.isgenerator(stream):
            stream.close()

    # ---- failing ---------------------------------------------------------------------

    def _failure_context(self) -> dict[str, str]:
        request = self._request
        return {"tool": request.tool_name, "session_id": request.session_id}

    def _refuse_unknown_tool(self, exc: BaseException) -> None:
        # Only when the tool asked for is the one missing: a tool may itself fail to
        # find another one, and then it failed like any other.
        asked = self._request.tool_name
        if isinstance(exc, ToolNotFoundError) and exc.tool_name == asked:
            raise CallRefused(
                grpc.StatusCode.NOT_FOUND, str(exc), "not_found"
            ) from None

    def _note_failure(self, exc: BaseException) -> None:
        self.error_type = type(exc).__name__
        scope = current_scope()
        if not scope.over:
            scope.failure = exc

    def _stream_failure(self, exc: BaseException) -> CallRefused:
        try:
            self._refuse_unknown_tool(exc)
        except CallRefused as refused:
            return refused
        self._note_failure(exc)
        text = failure_status_text(exc, self._failure_context())
        return CallRefused(grpc.StatusCode.INTERNAL, text, "error")

    # ---- streaming -------------------------------------------------------------------

    def _pump(self, result: object, chunks: HandOver[pb.ToolChunk]) -> None:
        if isinstance(result, AsyncIterator):
            try:
                self._wait(self._pump_async(result, chunks))
            except asyncio.CancelledError:
                raise HandOverClosed from None
        elif isinstance(result, Iterator):
            self._pump_sync(result, chunks)
        else:
            chunks.put(self._chunk(result, final=True))
        if not self._marked_final:
            chunks.put(self._chunk_of(b"", {}, final=True))

    def _pump_sync(
        self, items: Iterator[object], chunks: HandOver[pb.ToolChunk]
    ) -> None:
        try:
            for item in items:
                chunks.put(self._chunk(item))
        finally:
            if inspect.isgenerator(items):
                items.close()

    async def _pump_async(
        self, items: AsyncIterator[object], chunks: HandOver[pb.ToolChunk]
    ) -> None:
        try:
            async for item in items:
                await chunks.put_async(self._chunk(item))
        finally:
            if inspect.isasyncgen(items):
                await items.aclose()

    def _chunk(self, item: object, *, final: bool = False) -> pb.ToolChunk:
        """Make the chunk of a yielded value, or of an object that describes a chunk.

        Such an object has the attributes `data` and `is_final`, perhaps `metadata`.
        """
        metadata: dict[str, str] = {}
        data = item
        if hasattr(item, "data") and hasattr(item, "is_final"):
            data = item.data
            final = final or bool(item.is_final)
            given = getattr(item, "metadata", None) or {}
            metadata.update((str(key), str(value)) for key, value in given.items())
        if isinstance(data, BYTES_TYPES):
            metadata.setdefault("content-type", "application/octet-stream")
            return self._chunk_of(bytes(data), metadata, final=final)
        return self._chunk_of(encode_json(data), metadata, final=final)

    def _chunk_of(
        self, data: bytes, metadata: dict[str, str], *, final: bool
    ) -> pb.ToolChunk:
        progress()
        self._chunk_count += 1
        self._marked_final = self._marked_final or final
        return pb.ToolChunk(
            chunk_id=f"{self._request.tool_name}-{self._chunk_count}",
            data=data,
            is_final=final,
            metadata=metadata,
        )
