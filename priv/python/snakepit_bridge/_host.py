"""The worker's client side: the host, which it may call back and may have to watch."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Callable

import grpc

from ._correlation import CORRELATION_HEADER, new_correlation_id
from ._proto import pb, pb_grpc
from ._scope import deadline
from ._sessions import now
from ._trace import outgoing_metadata

if TYPE_CHECKING:
    from ._options import HeartbeatOptions

__all__ = ["CHANNEL_OPTIONS", "connect", "host_answers", "watch_host"]

_logger = logging.getLogger(__name__)

# What a call may carry is the runtime's to say, at both ends of each connection.
CHANNEL_OPTIONS = (
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_metadata_size", 2 << 20),
)

_WORKER_HEADER = "x-snakepit-worker-id"

# How long a call to the host may take when the request it serves has no deadline.
_DEFAULT_TIMEOUT_S = 30.0

# Answers that say nothing about the host itself, only that none came.
_SILENCE = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)


@dataclass
class _CallDetails(grpc.ClientCallDetails):
    """What is sent beside a request; grpc has the interface only."""

    method: str
    timeout: float | None
    metadata: Any
    credentials: Any
    wait_for_ready: bool | None
    compression: Any


class _OnBehalf(grpc.UnaryUnaryClientInterceptor):
    """Makes each call one on behalf of the current request, unless it says otherwise.

    Adapters also call the stub themselves; so this is where all calls pass.
    """

    def __init__(self, worker_id: str) -> None:
        """Take what the host knows this worker by."""
        self._worker = ((_WORKER_HEADER, worker_id),)

    def intercept_unary_unary(
        self, continuation: Callable[[Any, Any], Any], details: Any, request: Any
    ) -> Any:
        """Add worker, correlation id, trace, and the time that is left."""
        left = deadline()
        ours = _CallDetails(
            details.method,
            details.timeout,
            outgoing_metadata((*(details.metadata or ()), *self._worker)),
            details.credentials,
            details.wait_for_ready,
            details.compression,
        )
        if ours.timeout is None:
            ours = replace(ours, timeout=_DEFAULT_TIMEOUT_S if left is None else left)
        return continuation(ours, request)


def connect(address: str, worker_id: str) -> Any:
    """Return a synchronous stub; connects when it is first used."""
    channel = grpc.insecure_channel(address, options=CHANNEL_OPTIONS)
    return pb_grpc.BridgeServiceStub(
        grpc.intercept_channel(channel, _OnBehalf(worker_id))
    )


def host_answers(address: str, timeout_s: float) -> bool:
    """Ping the host until it answers, for at most `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    with grpc.insecure_channel(address) as channel:
        stub = pb_grpc.BridgeServiceStub(channel)
        try:
            stub.Ping(
                pb.PingRequest(message="connection_test"),
                timeout=max(0.1, deadline - time.monotonic()),
                metadata=_new_correlation(),
                wait_for_ready=True,
            )
        except grpc.RpcError as exc:
            return exc.code() not in _SILENCE
        return True


async def watch_host(
    address: str, options: HeartbeatOptions, leave: Callable[[], object]
) -> None:
    """Send heartbeats for ever; `leave` when `max_missed` in a row stay unanswered.

    Any answer counts, also an error: then the host is there. With `dependent` off the
    silence is only logged.
    """
    missed = 0
    await asyncio.sleep(options.initial_delay_ms / 1000)
    async with grpc.aio.insecure_channel(address) as channel:
        stub = pb_grpc.BridgeServiceStub(channel)
        while True:
            try:
                await stub.Heartbeat(
                    pb.HeartbeatRequest(client_time=now()),
                    timeout=options.timeout_ms / 1000,
                    metadata=_new_correlation(),
                )
                missed = 0
            except grpc.aio.AioRpcError as exc:
                missed = missed + 1 if exc.code() in _SILENCE else 0
            if missed and missed % options.max_missed_heartbeats == 0:
                _logger.error("the host left %d heartbeats unanswered", missed)
                if options.dependent:
                    leave()
                    return
            await asyncio.sleep(options.interval_ms / 1000)


def _new_correlation() -> tuple[tuple[str, str], ...]:
    """Return the metadata of a call that belongs to no request."""
    return ((CORRELATION_HEADER, new_correlation_id()),)
