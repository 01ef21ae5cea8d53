"""What every rpc has around its handler: its scope, its correlation id, its span."""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, Any, Callable

import grpc

from ._correlation import CORRELATION_HEADER
from ._proto import pb
from ._scope import RequestScope, within
from ._trace import otel

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable

__all__ = ["RequestInterceptor", "status_of"]

# Of what comes all the time, or stays open for ever, nobody wants spans.
_SPANLESS = frozenset({"Ping", "Heartbeat", "StreamTelemetry"})

# How a handler ends that nobody waits for, and how one that did not break.
_LEFT = (asyncio.CancelledError, GeneratorExit)
_EXPECTED = (*_LEFT, grpc.aio.AbortError)

_STATUS_NAMES = {code.value[0]: code.name for code in grpc.StatusCode}

_REQUEST_ATTRIBUTES = (
    ("snakepit.tool", "tool_name"),
    ("snakepit.session.id", "session_id"),
)

# A client whose deadline passes cancels, and gRPC rounds what it tells of the deadline
# up, by up to a hundredth: a call cancelled so late ran out of time.
_LATE_SHARE = 0.01
_LATE_S = 0.02

# How to make a handler of each shape: (request streams, response streams).
_SHAPES: dict[tuple[bool, bool], tuple[str, Callable[..., Any]]] = {
    (False, False): ("unary_unary", grpc.unary_unary_rpc_method_handler),
    (False, True): ("unary_stream", grpc.unary_stream_rpc_method_handler),
    (True, False): ("stream_unary", grpc.stream_unary_rpc_method_handler),
    (True, True): ("stream_stream", grpc.stream_stream_rpc_method_handler),
}


class RequestInterceptor(grpc.aio.ServerInterceptor):
    """Wraps the asynchronous handlers of a server, each one when it is first called."""

    def __init__(self, address: str) -> None:
        """Take what the server binds, for the spans to say."""
        self._server = _server_attributes(address)
        self._wrapped: dict[str, Any] = {}

    async def intercept_service(
        self, continuation: Callable[[Any], Awaitable[Any]], details: Any
    ) -> Any:
        """Return the handler of a call; None if there is none of that name."""
        wrapped = self._wrapped.get(details.method)
        if wrapped is None:
            handler = await continuation(details)
            if handler is None:
                return None
            wrapped = self._wrapped[details.method] = self._wrap(
                handler, details.method.lstrip("/")
            )
        return wrapped

    def _wrap(self, handler: Any, method: str) -> Any:
        name, make = _SHAPES[handler.request_streaming, handler.response_streaming]
        behaviour = getattr(handler, name)
        around = _streamed if inspect.isasyncgenfunction(behaviour) else _awaited
        attributes = None
        if method.rpartition("/")[2] not in _SPANLESS:
            attributes = {"rpc.method": method, **self._server}
        return make(
            around(behaviour, attributes),
            handler.request_deserializer,
            handler.response_serializer,
        )


def _server_attributes(address: str) -> dict[str, Any]:
    scheme, _, path = address.partition(":")
    attributes: dict[str, Any] = {"rpc.system.name": "grpc"}
    if scheme == "unix":
        return {**attributes, "server.address": path}
    host, _, port = address.rpartition(":")
    attributes["server.address"] = host
    if port.isdecimal() and int(port):  # 0: known only once it is bound
        attributes["server.port"] = int(port)
    return attributes


def _awaited(
    behaviour: Callable[..., Awaitable[Any]], attributes: dict[str, Any] | None
) -> Callable[..., Any]:
    """Wrap a handler that is one coroutine, also one that writes its stream itself."""

    async def wrapped(request: Any, context: Any) -> Any:
        rpc = _Rpc(request, context, attributes)
        try:
            with rpc:
                response = await behaviour(request, context)
        except BaseException as exc:
            rpc.end(exc)
            raise
        rpc.end(None)
        return response

    return wrapped


def _streamed(
    behaviour: Callable[..., AsyncGenerator[Any, None]],
    attributes: dict[str, Any] | None,
) -> Callable[..., AsyncGenerator[Any, None]]:
    """Wrap a handler that yields what it answers.

    The rpc is current only while the handler runs: a generator that is left behind is
    closed in another context than the one it was called in.
    """

    async def wrapped(request: Any, context: Any) -> AsyncGenerator[Any, None]:
        rpc = _Rpc(request, context, attributes)
        responses = behaviour(request, context)
        try:
            while True:
                try:
                    with rpc:
                        response = await responses.__anext__()
                except StopAsyncIteration:
                    break
                yield response
        except BaseException as exc:
            try:
                with rpc:
                    await responses.aclose()
            finally:
                rpc.end(exc)
            raise
        rpc.end(None)

    return wrapped


class _Rpc:
    """One call, from its metadata to its status; current inside `with`."""

    def __init__(
        self, request: Any, context: Any, attributes: dict[str, Any] | None
    ) -> None:
        """Read what came with it, and start its span unless it is to have none."""
        named: str | None = None
        if isinstance(request, pb.ExecuteToolRequest):
            named = request.metadata.get("correlation_id")
        self._context = context
        self._scope = RequestScope.from_rpc(
            context.invocation_metadata() or (), named, context.time_remaining()
        )
        correlation_id = self._scope.correlation_id
        context.set_trailing_metadata(((CORRELATION_HEADER, correlation_id),))
        self._span: Any = None
        self._token: Any = None  # of the span while it is current
        if attributes is not None and (api := otel()) is not None:
            own = {**attributes, "snakepit.correlation_id": correlation_id}
            for key, field in _REQUEST_ATTRIBUTES:
                if value := getattr(request, field, ""):
                    own[key] = value
            self._span = api.RpcSpan(own["rpc.method"], self._scope, own)

    def __enter__(self) -> None:
        """Work for it, until the matching end; then it may begin again."""
        self._inside = within(self._scope)
        self._inside.__enter__()
        if self._span is not None:
            self._token = self._span.attach()

    def __exit__(self, *_: object) -> None:
        """Do something else."""
        if self._span is not None:
            self._span.detach(self._token)
        self._inside.__exit__()

    def end(self, error: BaseException | None) -> None:
        """Note how its handler ended: by `error`, or else by returning."""
        if self._span is not None:
            status = status_of(error, self._context.code(), late=self._is_late())
            failure = self._scope.failure
            if error is not None and not isinstance(error, _EXPECTED):
                failure = error
            elif isinstance(error, _LEFT):
                failure = None
            self._span.end(status, failure)
        self._scope.close()

    def _is_late(self) -> bool:
        left, had = self._scope.remaining_s(), self._scope.timeout_s
        if left is None or had is None:
            return False
        return left <= had * _LATE_SHARE + _LATE_S


def status_of(
    error: BaseException | None, code: grpc.StatusCode | int | None, *, late: bool
) -> str:
    """Return the name of the gRPC status of a call whose handler ended so.

    `code` is what the handler set, or aborted with; older grpcio has it as a number.
    `late` says that the time of the call was up.
    """
    if isinstance(error, _LEFT):
        return "DEADLINE_EXCEEDED" if late else "CANCELLED"
    if error is not None and not isinstance(error, grpc.aio.AbortError):
        return "UNKNOWN"
    if isinstance(code, grpc.StatusCode):
        return code.name
    return _STATUS_NAMES.get(code or 0, "UNKNOWN")
