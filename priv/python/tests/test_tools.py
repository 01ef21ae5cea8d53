"""Tool calls through a real worker: dispatch, values, errors, context, sessions."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, Callable

import grpc
import pytest
from worker_process import DEADLINE_S, request

from snakepit_bridge._proto import pb
from snakepit_bridge.telemetry import CORRELATION_HEADER

if TYPE_CHECKING:
    from pathlib import Path

    from fake_host import FakeHost
    from worker_process import WorkerProcess


# ---- dispatch ------------------------------------------------------------------------


def test_decorated_methods_run_with_keyword_arguments(worker: WorkerProcess) -> None:
    assert worker.call("echo", a=1, b=[None]) == {"a": 1, "b": [None]}
    assert worker.call("add", a=1) == 2
    assert worker.call("add_async", a=1, b=2) == 3
    assert worker.call("point") == [{"x": 1, "y": 2}]


def test_an_adapter_without_base_class_gets_positional_arguments(
    start: Callable[..., WorkerProcess],
) -> None:
    worker = start("adapters_for_tests.Positional")
    worker.wait_ready()
    expected = {"name": "any", "args": {"x": 1}, "session": "s"}
    assert worker.call("any", session_id="s", x=1) == expected


def test_a_thread_safe_adapter_of_the_old_kind_runs(
    start: Callable[..., WorkerProcess],
) -> None:
    worker = start("adapters_for_tests.OldThreaded", max_workers=2)
    worker.wait_ready()
    for log in (["a"], ["a", "a"]):
        told = worker.call("remember", word="a")
        assert told == {"kept": ["a"], "left": None, "log": log}
    tracker = worker.call("stats")["tracker"]
    assert (tracker["total_requests"], tracker["total_active_requests"]) == (2, 0)


def test_one_adapter_serves_all_calls(start: Callable[..., WorkerProcess]) -> None:
    worker = start("adapters_for_tests.Remembers")
    worker.wait_ready()
    assert worker.call("see", what="a") == ["a"]
    assert worker.call("see", what="b") == ["a", "b"]
    assert worker.call("tell") == ["initialize "]


def test_an_adapter_may_live_for_one_call(
    start: Callable[..., WorkerProcess],
) -> None:
    env = {"SNAKEPIT_ADAPTER_LIFETIME": "call"}
    worker = start("adapters_for_tests.Remembers", env=env)
    worker.wait_ready()
    assert worker.call("see", session_id="s", what="a") == ["a"]
    assert worker.call("see", what="b") == ["b"]
    (chunk, _) = worker.stub.ExecuteStreamingTool(request("stream"))
    assert json.loads(chunk.data) == "chunk"
    assert worker.refusal(request("absent")).code() is grpc.StatusCode.NOT_FOUND
    assert worker.call("tell") == [
        *("initialize s", "cleanup", "initialize ", "cleanup"),
        *("initialize ", "streamed", "cleanup", "initialize ", "cleanup"),
        "initialize ",
    ]


@pytest.mark.parametrize("tool", ["absent", "not_decorated", "cleanup", "", "_step"])
def test_an_unknown_tool_is_not_found(worker: WorkerProcess, tool: str) -> None:
    refusal = worker.refusal(request(tool))
    assert refusal.code() is grpc.StatusCode.NOT_FOUND
    assert f"Tool '{tool}' not found in Tools" in refusal.details()


def test_a_tool_that_misses_another_tool_has_failed_itself(
    worker: WorkerProcess,
) -> None:
    error = worker.failure("wrong_inner_tool")
    assert error["type"] == "ToolNotFoundError"
    assert "no_such_helper" in error["message"]


# ---- values --------------------------------------------------------------------------


def test_bad_json_is_an_invalid_argument_that_names_the_parameter(
    worker: WorkerProcess,
) -> None:
    message = request("add", a=1)
    message.parameters["b"].value = b"{oops"
    refusal = worker.refusal(message)
    assert refusal.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "parameter 'b'" in refusal.details()


def test_ten_megabytes_of_bytes_go_there_and_back(worker: WorkerProcess) -> None:
    data = bytes(range(256)) * (10 * 4096)
    response = worker.stub.ExecuteTool(
        request("blob", binary={"data": data}), timeout=DEADLINE_S
    )
    assert response.success
    assert response.binary_result == data[::-1]
    assert response.result.value == b"null"


def test_bytes_that_look_like_a_pickle_stay_bytes(worker: WorkerProcess) -> None:
    pickle = b"cos\nsystem\n(S'false'\ntR."
    response = worker.stub.ExecuteTool(
        request(
            "blob", metadata={"binary_format:data": "pickle"}, binary={"data": pickle}
        )
    )
    assert response.binary_result == pickle[::-1]


@pytest.mark.parametrize(
    ("tool", "text"),
    [("not_a_number", "result['values'][1] is nan"), ("a_set", "is of type set")],
)
def test_results_without_json_form_fail_the_tool(
    worker: WorkerProcess, tool: str, text: str
) -> None:
    error = worker.failure(tool)
    assert error["type"] == "ResultEncodingError"
    assert text in error["message"]


# ---- failing -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tool", "kind"), [("fail", "ValueError"), ("fail_async", "KeyError")]
)
def test_an_exception_comes_back_as_an_error_object(
    worker: WorkerProcess, tool: str, kind: str
) -> None:
    error = worker.failure(tool, message="told you", session_id="s-9")
    assert error["type"] == kind
    assert "told you" in error["message"]
    assert error["stacktrace"][-1].endswith(f" in {tool}")
    assert "snakepit_bridge" not in error["traceback"]
    assert error["context"] == {"tool": tool, "session_id": "s-9"}


@pytest.mark.parametrize("tool", ["leave", "leave_async"])
def test_a_tool_that_exits_ends_its_call_only(worker: WorkerProcess, tool: str) -> None:
    assert worker.failure(tool)["type"] == "SystemExit"
    assert worker.call("add_async", a=1, b=1) == 2


def test_wrong_arguments_fail_the_tool(worker: WorkerProcess) -> None:
    assert worker.failure("add", c=1)["type"] == "TypeError"


# ---- context -------------------------------------------------------------------------


def test_the_correlation_id_goes_through_thread_host_log_and_back(
    worker: WorkerProcess, host: FakeHost
) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    metadata = ((CORRELATION_HEADER, "cid-7"), ("traceparent", trace))
    response, call = worker.stub.ExecuteTool.with_call(
        request("whereabouts", session_id="s-7", metadata={"k": "v"}), metadata=metadata
    )
    assert dict(call.trailing_metadata())[CORRELATION_HEADER] == "cid-7"
    seen = json.loads(response.result.value)
    assert seen["correlation_id"] == "cid-7"
    assert seen["session_id"] == "s-7"
    assert seen["metadata"] == {"k": "v"}
    assert seen["outgoing"] == [[CORRELATION_HEADER, "cid-7"], ["traceparent", trace]]

    worker.stub.ExecuteTool(
        request("call_host", name="double", value=4), metadata=metadata, timeout=9
    )
    assert host.seen[-1][CORRELATION_HEADER] == "cid-7"
    assert host.seen[-1]["traceparent"] == trace
    assert host.seen[-1]["time_left"] < 10  # the default would be 30

    response = worker.stub.ExecuteTool(request("correlation_async"), metadata=metadata)
    assert json.loads(response.result.value) == "cid-7"

    text = 'seen\n{"level": "error"}'
    worker.stub.ExecuteTool(request("log", text=text), metadata=metadata)
    line = worker.wait_log(msg=text)
    assert (line["correlation_id"], line["logger"]) == ("cid-7", "adapter")
    assert line["worker_id"] == "test/0#1"


def test_the_request_may_name_the_correlation_id_itself(worker: WorkerProcess) -> None:
    message = request("whereabouts", metadata={"correlation_id": "in-request"})
    response = worker.stub.ExecuteTool(message)
    assert json.loads(response.result.value)["correlation_id"] == "in-request"


def test_an_invalid_correlation_id_is_replaced_and_echoed(
    worker: WorkerProcess,
) -> None:
    message = request("whereabouts", metadata={"correlation_id": "no good"})
    response, call = worker.stub.ExecuteTool.with_call(message)
    used = json.loads(response.result.value)["correlation_id"]
    assert used.startswith("sp-")
    assert dict(call.trailing_metadata())[CORRELATION_HEADER] == used


def test_a_refusal_echoes_the_correlation_id_too(worker: WorkerProcess) -> None:
    refusal = worker.refusal(request("no", metadata={"correlation_id": "cid-no"}))
    assert dict(refusal.trailing_metadata())[CORRELATION_HEADER] == "cid-no"


def test_tools_run_on_the_adapters_own_thread_never_the_main_one(
    worker: WorkerProcess,
) -> None:
    seen = worker.call("whereabouts")
    assert seen["same_thread"]
    assert not seen["main_thread"]


def test_the_host_can_be_called_and_its_errors_are_told_apart(
    worker: WorkerProcess,
) -> None:
    assert worker.call("call_host", name="double", value=21) == 42
    assert worker.call("call_host", name="absent", value=1) == "not found"
    told = worker.call("call_host", name="broken", value=1)
    assert told[0] == "HostToolFailedError"
    assert "out of order" in told[1]
    told = worker.call("call_host", name="typed", value=1)
    assert told[1:] == ["host tool 'typed' failed: no such row", None, "KeyError"]
    told = worker.call("call_host", name="busy", value=1)
    assert (told[0], told[2]) == ("HostError", "HOST_TOOLS_BUSY")
    assert "RESOURCE_EXHAUSTED: too many" in told[1]
    tools = worker.call("list_host_tools")
    assert tools["double"]["parameters"] == {"value": "integer"}


def test_a_call_to_the_host_ends_with_the_requests_deadline(
    worker: WorkerProcess,
) -> None:
    message = request("call_host", name="slow", value=1)
    with pytest.raises(grpc.RpcError) as late:
        worker.stub.ExecuteTool(message, timeout=0.3)
    assert late.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert worker.call("add", a=1) == 2  # the tool's thread is free again


def test_adapters_see_the_time_that_is_left(worker: WorkerProcess) -> None:
    reply = worker.stub.ExecuteTool(request("time_left"), timeout=9)
    assert all(5 < left < 10 for left in json.loads(reply.result.value))
    reply = worker.stub.ExecuteTool(request("time_left"))
    assert json.loads(reply.result.value) == [None, None, None]


def test_the_stub_itself_carries_id_and_deadline(
    worker: WorkerProcess, host: FakeHost
) -> None:
    metadata = ((CORRELATION_HEADER, "cid-stub"),)
    worker.stub.ExecuteTool(
        request("call_stub", session_id="s-stub"), metadata=metadata, timeout=9
    )
    assert host.seen[-1][CORRELATION_HEADER] == "cid-stub"
    assert host.seen[-1]["x-snakepit-worker-id"] == "test/0#1"
    assert host.seen[-1]["time_left"] < 10


def test_a_session_whose_first_call_never_began_is_registered_with_the_next(
    worker: WorkerProcess, host: FakeHost, tmp_path: Path
) -> None:
    started, release = tmp_path / "started", tmp_path / "release"
    holding = worker.begin("hold", started, release=str(release))
    queued = request(
        "add", session_id="s-late", metadata={"correlation_id": "cid-late"}, a=1
    )
    with pytest.raises(grpc.RpcError):
        worker.stub.ExecuteTool(queued, timeout=1)  # it has to get there by then
    worker.wait_log(outcome="cancelled", correlation_id="cid-late")
    release.touch()
    assert holding.result(DEADLINE_S).success
    assert worker.call("add", session_id="s-late", a=1) == 2
    assert [one.session_id for one in host.registrations].count("s-late") == 1


def test_tools_are_registered_once_a_session(
    worker: WorkerProcess, host: FakeHost
) -> None:
    def registered(session_id: str) -> list[list[str]]:
        return [
            [tool.name for tool in one.tools]
            for one in host.registrations
            if one.session_id == session_id
        ]

    for _ in range(2):
        worker.call("add", session_id="s-called", a=1)
        worker.stub.InitializeSession(pb.InitializeSessionRequest(session_id="s-begun"))
    (called,) = registered("s-called")
    assert {"add", "count"} <= set(called)
    assert registered("s-begun") == [called]
    worker.call("add", a=1)
    assert registered("") == []
    for session_id in ("s-called", "s-begun"):
        worker.stub.CleanupSession(pb.CleanupSessionRequest(session_id=session_id))


def test_a_worker_without_a_host_says_so(threaded: WorkerProcess) -> None:
    from snakepit_bridge import HostError, SessionContext  # noqa: PLC0415

    with pytest.raises(HostError, match="without the address of a host"):
        SessionContext(None, "s").call_host_tool("double", value=1)
    assert threaded.call("how_many") >= 0


# ---- the log line --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tool", "outcome"),
    [("echo", "ok"), ("fail", "error"), ("nowhere", "not_found")],
)
def test_each_finished_call_logs_one_line_without_its_payload(
    worker: WorkerProcess, tool: str, outcome: str
) -> None:
    correlation_id = f"log-{tool}"
    metadata = {"correlation_id": correlation_id}
    secret = "do-not-log-me"  # noqa: S105
    message = request(tool, metadata=metadata, message=secret)
    try:
        worker.stub.ExecuteTool(message)
    except grpc.RpcError as exc:
        assert exc.code() is grpc.StatusCode.NOT_FOUND  # noqa: PT017
    line = worker.wait_log(msg="tool finished", correlation_id=correlation_id)
    assert (line["tool"], line["outcome"], line["level"]) == (tool, outcome, "info")
    assert 0 <= line["duration_ms"] < DEADLINE_S * 1000
    worker.call("log", text=f"after {tool}")
    worker.wait_log(msg=f"after {tool}")
    mine = [one for one in worker.logs if one.get("correlation_id") == correlation_id]
    assert mine == [line]
    assert secret not in json.dumps(worker.logs)


# ---- liveness and sessions -----------------------------------------------------------


def test_ping_and_heartbeat_answer(worker: WorkerProcess) -> None:
    assert "hello" in worker.stub.Ping(pb.PingRequest(message="hello")).message
    reply = worker.stub.Heartbeat(pb.HeartbeatRequest())
    assert reply.session_valid
    assert abs(reply.server_time.ToDatetime().timestamp() - time.time()) < 86400
    unknown = worker.stub.Heartbeat(pb.HeartbeatRequest(session_id="never-seen"))
    assert not unknown.session_valid


@pytest.mark.parametrize("tool", ["hold", "compute"])
def test_heartbeats_answer_while_a_tool_waits_or_computes(
    worker: WorkerProcess, tmp_path: Path, tool: str
) -> None:
    started, release = tmp_path / "started", tmp_path / "release"
    call = worker.begin(tool, started, release=str(release))
    try:
        for _ in range(5):
            assert worker.stub.Heartbeat(pb.HeartbeatRequest(), timeout=5).session_valid
        assert not call.done()
    finally:
        release.touch()  # the worker is shared: whatever happens, the tool must end
    assert call.result(DEADLINE_S).success


def test_a_session_is_opened_described_and_cleaned_up(worker: WorkerProcess) -> None:
    opened = worker.stub.InitializeSession(
        pb.InitializeSessionRequest(session_id="s-1", metadata={"user": "u"})
    )
    assert opened.success
    assert opened.available_tools["count"].supports_streaming
    assert opened.available_tools["add"].description == "Add two numbers."
    session = worker.stub.GetSession(pb.GetSessionRequest(session_id="s-1"))
    assert (session.session_id, dict(session.metadata)) == ("s-1", {"user": "u"})
    assert session.tool_count == len(opened.available_tools)
    assert session.created_at.seconds > 0
    cleanup = pb.CleanupSessionRequest(session_id="s-1")
    assert worker.stub.CleanupSession(cleanup).resources_cleaned == 1
    assert worker.stub.CleanupSession(cleanup).resources_cleaned == 0
    with pytest.raises(grpc.RpcError) as refused:
        worker.stub.GetSession(pb.GetSessionRequest(session_id="s-1"))
    assert refused.value.code() is grpc.StatusCode.NOT_FOUND


def test_a_call_opens_its_session(worker: WorkerProcess) -> None:
    worker.call("add", session_id="s-2", a=1)
    assert worker.stub.GetSession(pb.GetSessionRequest(session_id="s-2")).created_at
    worker.stub.CleanupSession(pb.CleanupSessionRequest(session_id="s-2"))


@pytest.mark.parametrize(
    ("rpc", "message", "code"),
    [
        (
            "InitializeSession",
            pb.InitializeSessionRequest(),
            grpc.StatusCode.INVALID_ARGUMENT,
        ),
        ("RegisterTools", pb.RegisterToolsRequest(), grpc.StatusCode.UNIMPLEMENTED),
        (
            "ExecuteElixirTool",
            pb.ExecuteElixirToolRequest(),
            grpc.StatusCode.NOT_FOUND,
        ),
    ],
)
def test_what_a_worker_does_not_serve_has_its_status(
    worker: WorkerProcess, rpc: str, message: Any, code: grpc.StatusCode
) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        getattr(worker.stub, rpc)(message)
    assert refused.value.code() is code


def test_a_worker_exposes_no_host_tools(worker: WorkerProcess) -> None:
    reply = worker.stub.GetExposedElixirTools(pb.GetExposedElixirToolsRequest())
    assert not reply.tools
