"""Telemetry events: queued, bounded, filtered, and read by one stream at a time."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest

from snakepit_bridge import _telemetry, telemetry
from snakepit_bridge._proto import pb
from snakepit_bridge._telemetry_buffer import TelemetryBuffer

if TYPE_CHECKING:
    from collections.abc import Callable


def _read_all(buffer: TelemetryBuffer) -> list[pb.TelemetryEvent]:
    async def read() -> list[pb.TelemetryEvent]:
        return [event async for event in buffer.read()]

    buffer.close()
    return asyncio.run(read())


def _names(buffer: TelemetryBuffer) -> list[str]:
    return [".".join(event.event_parts) for event in _read_all(buffer)]


def test_events_from_before_the_reader_are_kept_up_to_the_bound_and_counted() -> None:
    buffer = TelemetryBuffer(bound=3)
    for number in range(10):
        buffer.emit("test.event", {"number": number})
    *kept, dropped = _read_all(buffer)
    assert [event.measurements["number"].int_value for event in kept] == [0, 1, 2]
    assert list(dropped.event_parts) == ["telemetry", "dropped"]
    assert dropped.measurements["count"].int_value == 7


def test_measurements_keep_their_type() -> None:
    buffer = TelemetryBuffer()
    buffer.emit(
        "e",
        {"i": 1, "b": True, "f": 0.5, "s": "x", "huge": 10**400},
        {"key": 7},
        correlation_id="cid",
    )
    (event,) = _read_all(buffer)
    kinds = {key: item.WhichOneof("value") for key, item in event.measurements.items()}
    assert kinds == {
        "i": "int_value",
        "b": "int_value",
        "f": "float_value",
        "s": "string_value",
        "huge": "string_value",
    }
    assert (event.metadata["key"], event.correlation_id) == ("7", "cid")
    assert event.timestamp_ns > 0


@pytest.mark.parametrize(
    ("control", "expected"),
    [
        (pb.TelemetryControl(toggle=pb.TelemetryToggle(enabled=False)), []),
        (
            pb.TelemetryControl(filter=pb.TelemetryEventFilter(allow=["a.*"])),
            ["a.x", "a.y"],
        ),
        (
            pb.TelemetryControl(filter=pb.TelemetryEventFilter(deny=["a.*"])),
            ["b.x"],
        ),
        (
            pb.TelemetryControl(sampling=pb.TelemetrySamplingUpdate(sampling_rate=0)),
            [],
        ),
        (
            pb.TelemetryControl(
                sampling=pb.TelemetrySamplingUpdate(
                    sampling_rate=0, event_patterns=["*.x"]
                )
            ),
            ["a.y"],
        ),
        (
            pb.TelemetryControl(sampling=pb.TelemetrySamplingUpdate(sampling_rate=1)),
            ["a.x", "a.y", "b.x"],
        ),
    ],
)
def test_the_host_controls_what_is_sent(
    control: pb.TelemetryControl, expected: list[str]
) -> None:
    buffer = TelemetryBuffer()
    buffer.apply(control)
    for name in ("a.x", "a.y", "b.x"):
        buffer.emit(name, {})
    assert _names(buffer) == expected


def test_a_waiting_reader_gets_events_of_another_thread_and_yields_to_a_new_one() -> (
    None
):
    async def scenario() -> None:
        buffer = TelemetryBuffer()
        first = buffer.read()
        waiting = asyncio.ensure_future(first.__anext__())
        await asyncio.sleep(0)
        thread = threading.Thread(target=buffer.emit, args=("one", {}))
        thread.start()
        assert list((await waiting).event_parts) == ["one"]
        thread.join()

        waiting = asyncio.ensure_future(first.__anext__())
        await asyncio.sleep(0)
        second = asyncio.ensure_future(buffer.read().__anext__())
        with pytest.raises(StopAsyncIteration):
            await waiting
        buffer.emit("two", {})
        assert list((await second).event_parts) == ["two"]

    asyncio.run(scenario())


@pytest.fixture
def emitted(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[pb.TelemetryEvent]]:
    buffer = TelemetryBuffer()
    monkeypatch.setattr(_telemetry, "default_buffer", buffer)
    return lambda: _read_all(buffer)


def test_span_emits_start_and_stop_under_its_correlation_id(emitted: Any) -> None:
    with telemetry.span("work", {"model": "m"}, correlation_id="cid-span"):
        assert telemetry.get_correlation_id() == "cid-span"
        telemetry.emit("work.size", {"bytes": 3})
    assert telemetry.get_correlation_id() is None
    events = emitted()
    names = [".".join(event.event_parts) for event in events]
    assert names == ["work.start", "work.size", "work.stop"]
    assert {event.correlation_id for event in events} == {"cid-span"}
    assert events[-1].measurements["duration"].int_value > 0
    assert events[-1].metadata["model"] == "m"


def test_span_tells_of_an_exception_and_lets_it_through(emitted: Any) -> None:
    with pytest.raises(ValueError, match="bad"), telemetry.span("work"):
        raise ValueError("bad")  # noqa: EM101
    event = emitted()[-1]
    assert list(event.event_parts) == ["work", "exception"]
    assert event.metadata["error_type"] == "ValueError"
    assert event.metadata["error_message"] == "bad"
