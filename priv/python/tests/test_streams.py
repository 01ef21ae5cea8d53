"""Streaming tools and the telemetry stream, through real workers."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from worker_process import DEADLINE_S, request, wait_for

from snakepit_bridge._proto import pb
from snakepit_bridge.telemetry import CORRELATION_HEADER

if TYPE_CHECKING:
    from pathlib import Path

    from worker_process import WorkerProcess


def _stream(worker: WorkerProcess, tool: str, **arguments: Any) -> Any:
    return worker.stub.ExecuteStreamingTool(
        request(tool, **arguments), timeout=DEADLINE_S
    )


@pytest.mark.parametrize("tool", ["count", "count_async", "make_stream"])
@pytest.mark.parametrize("to", [0, 1, 100])
def test_generators_stream_in_order_and_end_with_a_final_chunk(
    worker: WorkerProcess, tool: str, to: int
) -> None:
    *chunks, last = list(_stream(worker, tool, to=to))
    assert [json.loads(chunk.data) for chunk in chunks] == list(range(to))
    assert [chunk.chunk_id for chunk in chunks] == [
        f"{tool}-{number + 1}" for number in range(to)
    ]
    assert not any(chunk.is_final for chunk in chunks)
    assert last.is_final
    assert last.data == b""


def test_a_single_value_is_one_final_chunk(worker: WorkerProcess) -> None:
    (chunk,) = _stream(worker, "echo", a=[1])
    assert (json.loads(chunk.data), chunk.is_final) == ({"a": [1]}, True)


def test_chunks_may_be_described_by_the_tool(worker: WorkerProcess) -> None:
    first, second = _stream(worker, "described")
    assert json.loads(first.data) == {"part": 1}
    assert dict(first.metadata) == {"unit": "page"}
    assert (second.data, second.is_final) == (b"\x00\xff", True)
    assert dict(second.metadata) == {"content-type": "application/octet-stream"}


def test_a_failing_stream_delivers_what_came_before_and_the_error(
    worker: WorkerProcess,
) -> None:
    stream = _stream(worker, "breaks")
    assert json.loads(next(stream).data) == 1
    with pytest.raises(grpc.RpcError):
        next(stream)
    assert stream.code() is grpc.StatusCode.INTERNAL
    error = json.loads(stream.details())
    assert error["type"] == "RuntimeError"
    assert error["message"] == "second chunk\nfailed: %"
    assert error["context"]["tool"] == "breaks"
    assert CORRELATION_HEADER in dict(stream.trailing_metadata())


def test_an_unknown_streaming_tool_is_not_found(worker: WorkerProcess) -> None:
    stream = _stream(worker, "absent")
    with pytest.raises(grpc.RpcError):
        next(stream)
    assert stream.code() is grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize("tool", ["count", "count_async"])
def test_a_streaming_tool_called_as_unary_fails_clearly(
    worker: WorkerProcess, tool: str
) -> None:
    error = worker.failure(tool, to=3)
    assert error["type"] == "StreamingToolError"
    assert "ExecuteStreamingTool" in error["message"]


@pytest.mark.parametrize("size", [1, 1_000_000])
def test_cancel_closes_the_generator_on_its_own_thread(
    worker: WorkerProcess, tmp_path: Path, size: int
) -> None:
    ended = tmp_path / "ended"
    stream = _stream(worker, "endless", ended=str(ended), size=size)
    next(stream)
    stream.cancel()
    wait_for("the generator is closed", lambda: ended.exists() and ended.read_text())
    assert ended.read_text() == "True"
    assert worker.call("add", a=1) == 2


def test_cancel_interrupts_an_async_generator_that_waits(
    worker: WorkerProcess, tmp_path: Path
) -> None:
    ended = tmp_path / "ended"
    stream = _stream(worker, "endless_async", ended=str(ended))
    next(stream)
    stream.cancel()
    wait_for("the generator is closed", ended.exists)
    assert worker.call("add", a=1) == 2


def test_cancel_interrupts_a_coroutine_and_is_logged(
    worker: WorkerProcess, tmp_path: Path
) -> None:
    started, ended = tmp_path / "started", tmp_path / "ended"
    call = worker.begin(
        "hold_async",
        started,
        ended=str(ended),
        metadata={"correlation_id": "cid-cancel"},
    )
    call.cancel()
    wait_for("the coroutine has ended", ended.exists)
    line = worker.wait_log(msg="tool finished", correlation_id="cid-cancel")
    assert line["outcome"] == "cancelled"


def test_a_deadline_ends_the_call_while_a_queued_one_never_starts(
    worker: WorkerProcess, tmp_path: Path
) -> None:
    started, release = tmp_path / "started", tmp_path / "release"
    running = worker.begin("hold", started, release=str(release))
    never = tmp_path / "never"
    queued = request("hold", started=str(never), release=str(release))
    with pytest.raises(grpc.RpcError) as refused:
        worker.stub.ExecuteTool(queued, timeout=1)  # it has to get there by then
    assert refused.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    worker.wait_log(msg="tool finished", tool="hold", outcome="cancelled")
    release.touch()
    assert running.result(DEADLINE_S).success
    assert worker.call("add", a=1) == 2
    assert not never.exists()


def test_a_slow_reader_bounds_what_a_generator_makes(threaded: WorkerProcess) -> None:
    chunks, size = 400, 128 * 1024
    stream = _stream(threaded, "flood", chunks=chunks, size=size)
    next(stream)

    # Until the generator stands still: ten looks in a row that find nothing new.
    seen: list[int] = []
    pause = threading.Event()

    def stands_still() -> bool:
        pause.wait(0.01)
        seen.append(threaded.call("how_many"))
        return seen[-10:] == [seen[-1]] * 10

    wait_for("the generator waits for its reader", stands_still)
    assert seen[-1] < chunks
    rest = sum(len(chunk.data) for chunk in stream)
    assert rest == (chunks - 1) * size
    assert threaded.call("how_many") == chunks


def test_the_telemetry_stream_attaches_idle_and_delivers(
    worker: WorkerProcess,
) -> None:
    worker.call("emit", count=2, name="early.event")
    more = threading.Event()

    def controls() -> Any:
        yield pb.TelemetryControl(filter=pb.TelemetryEventFilter(deny=["noise.*"]))
        more.wait(DEADLINE_S)

    stream = worker.stub.StreamTelemetry(controls(), timeout=DEADLINE_S)
    early = [next(stream), next(stream)]
    assert [list(event.event_parts) for event in early] == [["early", "event"]] * 2
    assert early[1].measurements["number"].int_value == 1
    assert early[0].measurements["ratio"].float_value == 0.5
    assert early[0].correlation_id.startswith("sp-")

    metadata = ((CORRELATION_HEADER, "cid-telemetry"),)
    worker.stub.ExecuteTool(
        request("emit", count=1, name="late.event"), metadata=metadata
    )
    late = next(stream)
    assert list(late.event_parts) == ["late", "event"]
    assert late.correlation_id == "cid-telemetry"
    worker.call("emit", count=5, name="noise.event")
    worker.call("emit", count=1, name="last.event")
    assert list(next(stream).event_parts) == ["last", "event"]
    more.set()
    stream.cancel()


def test_an_idle_telemetry_stream_sends_its_headers_at_once(
    worker: WorkerProcess,
) -> None:
    stream = worker.stub.StreamTelemetry(iter(()), timeout=DEADLINE_S)
    assert stream.initial_metadata() is not None  # blocks until they are here
    stream.cancel()
