"""The worker's life: make the adapter, serve it, and leave in good order."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import stat
import time
from typing import TYPE_CHECKING, Any

import grpc

from ._beat import beats
from ._boot import dismiss_adapter, make_adapter
from ._dispatch import Dispatcher, FreshDispatcher
from ._executor import ToolExecutor
from ._handshake import announce_on_fd, announce_port
from ._host import CHANNEL_OPTIONS, connect, watch_host
from ._interceptor import RequestInterceptor
from ._proto import pb_grpc
from ._service import BridgeService
from ._session_context import SessionContext
from ._telemetry_buffer import default_buffer

if TYPE_CHECKING:
    from ._options import Options
    from ._trace_sdk import SpanSender

__all__ = ["ServeError", "serve"]

_logger = logging.getLogger(__name__)

# At most, where the time that the runtime gives to stop allows it:
_DRAIN_S = 5.0  # for calls that run when the worker is told to stop
_CLEANUP_S = 0.5  # for the adapter's cleanup(), beyond what the drain left over
_FLUSH_S = 3.0  # for the last spans; no more than a dead collector is worth
_END_S = 0.2  # what the interpreter needs to end

_SERVER_OPTIONS = (
    *CHANNEL_OPTIONS,
    ("grpc.so_reuseport", 0),
    # The runtime may ping an idle worker as often as it likes.
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_ping_strikes", 0),
    ("grpc.http2.min_ping_interval_without_data_ms", 100),
)


class ServeError(Exception):
    """The server cannot be started."""


async def serve(
    options: Options, adapter_class: type, spans: SpanSender | None = None
) -> bool:
    """Serve until told to stop; then send the last `spans`.

    Returns whether all of the adapter's threads are idle; if not, the process cannot
    end by itself. Raises what the adapter's constructor or initialize() raises, and
    ServeError.
    """
    executor = ToolExecutor(options.max_workers)
    host = None
    if options.host_address:
        host = connect(options.host_address, options.worker_id)
    adapter: object = None
    if options.adapter_lifetime == "call":
        dispatcher: Dispatcher = await executor.run(
            lambda: FreshDispatcher(adapter_class, executor)
        )
    else:
        adapter = await executor.run(
            lambda: make_adapter(adapter_class, executor, SessionContext(host, ""))
        )
        dispatcher = Dispatcher(adapter)
    service = BridgeService(dispatcher, executor, default_buffer, host)
    server = grpc.aio.server(
        options=_SERVER_OPTIONS, interceptors=(RequestInterceptor(options.address),)
    )
    pb_grpc.add_BridgeServiceServicer_to_server(service, server)
    port = _bind(server, options.address)
    await server.start()

    beating = asyncio.create_task(beats.beat_loop())
    stop = asyncio.Event()
    _stop_on_signals(stop)
    watcher = _watch_host(options, stop)
    _announce(options, port)
    _logger.info("worker ready", extra={"fields": {"capacity": options.max_workers}})
    await stop.wait()
    _logger.info("worker stopping")
    watcher.cancel()
    told, drain_s = time.monotonic(), _drain_s(options.stop_timeout_s)
    await _drain(server, executor, drain_s)
    idle = await _clean_up(adapter, executor, told + drain_s + _CLEANUP_S)
    if spans is not None:
        left = told + options.stop_timeout_s - _END_S - time.monotonic()
        await _flush(spans, max(0.0, min(left, _FLUSH_S)))
    ended = executor.close()
    beating.cancel()
    _logger.info("worker stopped")
    return idle and ended


def _bind(server: grpc.aio.Server, address: str) -> int:
    try:
        port = server.add_insecure_port(address)
    except RuntimeError:  # newer grpcio
        port = 0
    if port == 0:  # older grpcio
        msg = f"cannot bind {address}"
        raise ServeError(msg)
    scheme, _, path = address.partition(":")
    if scheme == "unix":
        # gRPC leaves it to the umask; the directory, 0700, keeps others out meanwhile.
        os.chmod(path, stat.S_IRUSR | stat.S_IWUSR)
    return port


def _stop_on_signals(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)


def _watch_host(options: Options, stop: asyncio.Event) -> asyncio.Future[Any]:
    if options.heartbeat.enabled and options.host_address:
        return asyncio.create_task(
            watch_host(options.host_address, options.heartbeat, stop.set)
        )
    return asyncio.get_running_loop().create_future()


def _announce(options: Options, port: int) -> None:
    if options.ready_fd is not None:
        announce_on_fd(options.ready_fd, options.max_workers)
    if options.ready_file is not None:
        announce_port(options.ready_file, port)


def _drain_s(stop_timeout_s: float) -> float:
    return max(0.0, min(_DRAIN_S, stop_timeout_s - _END_S - _CLEANUP_S))


async def _drain(
    server: grpc.aio.Server, executor: ToolExecutor, timeout_s: float
) -> None:
    """Take no more calls, and let the running ones finish."""
    stopping = asyncio.create_task(server.stop(timeout_s))
    await asyncio.to_thread(executor.wait_idle, timeout_s)
    # The telemetry stream is a call too, one that would last as long as it is let.
    default_buffer.close()
    await stopping


async def _flush(spans: SpanSender, timeout_s: float) -> None:
    if not await asyncio.to_thread(spans.flush, timeout_s):
        _logger.warning("the last spans could not be sent within %.1f s", timeout_s)


async def _clean_up(adapter: object, executor: ToolExecutor, deadline: float) -> bool:
    """Run the adapter's cleanup(); returns whether its threads are idle afterwards."""
    work = executor.submit(lambda: dismiss_adapter(adapter, executor))
    left = max(0.0, deadline - time.monotonic())
    done, _ = await asyncio.wait({asyncio.wrap_future(work)}, timeout=left)
    if not done:
        _logger.warning("there is no time left for the adapter's cleanup()")
    elif (error := done.pop().exception()) is not None:
        _logger.error("the adapter's cleanup() failed", exc_info=error)
    return executor.wait_idle(0)
