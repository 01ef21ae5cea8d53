#!/usr/bin/env python3
"""What the scope, the log and the spans of a call cost a Python worker.

Prints rows for tests/bench/run. Server and client share one process, so a figure is the
processor time of both: machines that others use too change it least. In each round the
same calls go to a server without our interceptor, to one without OpenTelemetry, and to
one whose spans are sampled, batched and thrown away.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import (
    BatchSpanProcessor,
    SpanExporter,
    SpanExportResult,
)
from snakepit_bridge import BaseAdapter, tool
from snakepit_bridge._dispatch import Dispatcher
from snakepit_bridge._executor import ToolExecutor
from snakepit_bridge._interceptor import RequestInterceptor
from snakepit_bridge._logs import configure
from snakepit_bridge._proto import pb, pb_grpc
from snakepit_bridge._service import BridgeService
from snakepit_bridge._telemetry_buffer import TelemetryBuffer

ROUNDS = 15
CALLS = 300
OFF_LIMIT = 1.15
METADATA = (
    ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
    ("x-snakepit-correlation-id", "bench"),
)
NAMES = (
    "python call, no interceptor",
    "python call, OpenTelemetry off",
    "python call, OpenTelemetry on",
)


class Echo(BaseAdapter):
    @tool(description="Return nothing")
    def nothing(self) -> None:
        return


class Nowhere(SpanExporter):
    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        del spans
        return SpanExportResult.SUCCESS


@contextmanager
def without_opentelemetry() -> Iterator[None]:
    """Hide it: whether it was ever imported is what a worker goes by."""
    hidden = sys.modules.pop("opentelemetry.trace")
    try:
        yield
    finally:
        sys.modules["opentelemetry.trace"] = hidden


async def start(address: str, executor: ToolExecutor, *, ours: bool) -> Any:
    server = grpc.aio.server(interceptors=(RequestInterceptor(address),) * ours)
    service = BridgeService(Dispatcher(Echo()), executor, TelemetryBuffer())
    pb_grpc.add_BridgeServiceServicer_to_server(service, server)
    server.add_insecure_port(address)
    await server.start()
    return server


async def cost(stub: Any) -> float:
    """Microseconds of processor time a call."""
    request = pb.ExecuteToolRequest(tool_name="nothing")
    began = time.process_time()
    for _ in range(CALLS):
        await stub.ExecuteTool(request, metadata=METADATA)
    return (time.process_time() - began) / CALLS * 1e6


async def measure(folder: str) -> tuple[list[float], ...]:
    executor = ToolExecutor(1)
    found: tuple[list[float], ...] = ([], [], [])
    stubs, servers, channels = [], [], []
    for ours in (False, True):
        address = f"unix:{folder}/{ours}"
        servers.append(await start(address, executor, ours=ours))
        channels.append(grpc.aio.insecure_channel(address))
        stubs.append(pb_grpc.BridgeServiceStub(channels[-1]))
    for number in range(ROUNDS + 1):  # the first is not counted
        with without_opentelemetry():
            costs = [await cost(stubs[0]), await cost(stubs[1])]
        costs.append(await cost(stubs[1]))
        for values, value in zip(found, costs):
            values.extend([value] if number else [])
    for channel, server in zip(channels, servers):
        await channel.close()
        await server.stop(None)
    executor.close()
    return found


def report(found: tuple[list[float], ...]) -> None:
    for name, values in zip(NAMES, found):
        ratio: tuple[object, ...] = ("", "", "", 0)
        if values is not found[0]:
            against = [value / base for value, base in zip(values, found[0])]
            limit = ("ratio<=", OFF_LIMIT) if values is found[1] else ("", 0)
            ratio = (statistics.median(against), "of none", *limit)
        spread = (statistics.median(values), min(values), max(values))
        print("row", name, "us", *spread, *ratio, sep="\t", flush=True)


def main() -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(Nowhere()))
    trace.set_tracer_provider(provider)
    log = configure(os.open(os.devnull, os.O_WRONLY), "info", "bench/0#1")
    with tempfile.TemporaryDirectory(dir=os.environ["SNAKEPIT_BENCH_DIR"]) as folder:
        report(asyncio.run(measure(str(Path(folder)))))
    log.flush()


if __name__ == "__main__":
    main()
