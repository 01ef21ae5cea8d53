"""Start and end of a worker: handshakes, signals, failures."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Callable

import grpc
import pytest
from fake_host import FakeHost
from worker_process import DEADLINE_S, request, wait_for

from snakepit_bridge._correlation import CORRELATION_HEADER, is_correlation_id
from snakepit_bridge._handshake import announce_port
from snakepit_bridge._options import (
    HeartbeatOptions,
    OptionsError,
    parse_options,
)
from snakepit_bridge._proto import pb, pb_grpc
from snakepit_bridge._server import _drain_s

if TYPE_CHECKING:
    from worker_process import WorkerProcess

Start = Callable[..., "WorkerProcess"]


# ---- native --------------------------------------------------------------------------


def test_the_ready_line_says_who_and_what(start: Start) -> None:
    worker = start(adapter="adapters_for_tests.ThreadedTools", max_workers=4)
    assert worker.wait_ready() == {
        "ready": True,
        "pid": worker.process.pid,
        "python": ".".join(map(str, sys.version_info[:3])),
        "protocol": 1,
        "capacity": 4,
    }
    assert worker.stub.Ping(pb.PingRequest(), timeout=DEADLINE_S)
    worker.wait_log(msg="worker ready", capacity=4)


def test_its_socket_is_for_its_user_alone(start: Start) -> None:
    worker = start()
    worker.wait_ready()
    path = worker.address.partition("unix:")[2]
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


def test_the_lifelines_end_takes_the_worker_along_busy_or_not(
    start: Start, tmp_path: Path
) -> None:
    worker = start()
    worker.wait_ready()
    started = tmp_path / "started"
    message = request("compute", started=str(started), release="/nowhere")
    call = worker.stub.ExecuteTool.future(message)
    wait_for("the tool runs", started.exists)
    worker.cut_lifeline()
    worker.exit_status()
    with pytest.raises(grpc.RpcError):
        call.result(DEADLINE_S)


def test_the_handshakes_descriptors_stay_out_of_child_processes(start: Start) -> None:
    worker = start()
    worker.wait_ready()
    links = f"/proc/{worker.process.pid}/fd"
    pipes = {fd for fd in os.listdir(links) if "pipe" in os.readlink(f"{links}/{fd}")}
    assert len(pipes) >= 2  # lifeline and log, at least
    children = set(worker.call("inherited_descriptors")) - {"0", "1", "2"}
    assert not pipes & children


def test_sigterm_finishes_calls_cleans_up_and_exits_0(
    start: Start, tmp_path: Path
) -> None:
    cleaned = tmp_path / "cleaned"
    worker = start(env={"TEST_CLEANUP_MARKER": str(cleaned)})
    worker.wait_ready()
    telemetry = worker.stub.StreamTelemetry(iter(()))
    telemetry.initial_metadata()
    started, release = tmp_path / "started", tmp_path / "release"
    call = worker.begin("hold", started, release=str(release))

    worker.process.terminate()
    worker.wait_log(msg="worker stopping")
    assert not cleaned.exists()
    release.touch()
    assert json.loads(call.result(DEADLINE_S).result.value) == "released"
    assert worker.exit_status() == 0
    assert cleaned.read_text() == "cleaned up"
    # Where gRPC here writes when the worker has closed, it drops what it had not read.
    with contextlib.suppress(grpc.RpcError):
        assert list(telemetry) == []
    worker.wait_log(msg="worker stopped")
    assert worker.stderr() == ""


def test_sigterm_gives_up_on_a_call_that_does_not_end(
    start: Start, tmp_path: Path
) -> None:
    worker = start()
    worker.wait_ready()
    started = tmp_path / "started"
    call = worker.begin("hold", started, release="/nowhere")
    worker.process.terminate()
    assert worker.exit_status() == 0
    with pytest.raises(grpc.RpcError):
        call.result(DEADLINE_S)
    worker.wait_log(msg="worker stopped")
    worker.wait_log(msg="there is no time left for the adapter's cleanup()")
    assert not [line for line in worker.logs if line["level"] == "error"]


@pytest.mark.parametrize(
    ("stop_timeout_s", "drain_s"), [(60, 5), (6, 5), (2, 1.3), (0.5, 0)]
)
def test_running_calls_have_what_a_stop_leaves_them(
    stop_timeout_s: float, drain_s: float
) -> None:
    assert _drain_s(stop_timeout_s) == pytest.approx(drain_s)


def test_a_cleanup_that_fails_is_logged(start: Start) -> None:
    worker = start(env={"TEST_CLEANUP_MARKER": "/nowhere/marker"})
    worker.wait_ready()
    worker.process.terminate()
    assert worker.exit_status() == 0
    line = worker.wait_log(msg="the adapter's cleanup() failed")
    assert "FileNotFoundError" in line["exception"]


def test_sigusr1_dumps_the_stacks_and_the_worker_serves_on(start: Start) -> None:
    worker = start()
    worker.wait_ready()
    worker.process.send_signal(signal.SIGUSR1)
    wait_for("the main thread's stack", lambda: "_main.py" in worker.stderr())
    assert "hread 0x" in worker.stderr()
    assert worker.call("add", a=1) == 2


# ---- failing to start ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("adapter", "last_line"),
    [
        ("adapters_for_tests.Tool", "has no class 'Tool'; did you mean 'Tools'?"),
        ("adapters_for_test.Tools", "there is no module 'adapters_for_test'"),
        ("no_package.adapters.Tools", "there is no module 'no_package'"),
        ("Tools", "'Tools' is not of the form PKG.MOD.Class"),
        ("adapters_for_tests.os", "is not a class but of type module"),
    ],
)
def test_a_wrong_adapter_name_is_one_clear_line(
    start: Start, adapter: str, last_line: str
) -> None:
    worker = start(adapter)
    assert worker.ready_line() == b""
    assert worker.exit_status() == 1
    (line,) = worker.stderr().splitlines()
    assert line.startswith(f"snakepit worker: adapter {adapter}: ")
    assert last_line in line


@pytest.mark.parametrize(
    ("adapter", "options", "culprit", "last_line"),
    [
        (
            "broken_adapter.Tools",
            {},
            "import a_module_that_is_not_there",
            "failed to import: ModuleNotFoundError: No module named",
        ),
        (
            "adapters_for_tests.FailsToInitialize",
            {},
            "raise FileNotFoundError(msg)",
            "failed to start: FileNotFoundError: no model file",
        ),
    ],
)
def test_a_failing_adapter_shows_its_traceback_and_a_last_line(
    start: Start, adapter: str, options: dict[str, object], culprit: str, last_line: str
) -> None:
    worker = start(adapter, **options)
    assert worker.ready_line() == b""
    assert worker.exit_status() == 1
    text = worker.stderr()
    assert "Traceback (most recent call last)" in text
    assert culprit in text
    assert last_line in text.splitlines()[-1]


def test_an_adapter_that_is_not_thread_safe_is_refused_threads(start: Start) -> None:
    worker = start(max_workers=2)
    assert worker.exit_status() == 1
    assert "does not say __thread_safe__ = True" in worker.stderr()


def test_an_address_that_cannot_be_bound_is_told(start: Start) -> None:
    worker = start(arguments=["--address", "unix:/nowhere/at/all.sock"])
    assert worker.ready_line() == b""
    assert worker.exit_status() == 1
    last = worker.stderr().splitlines()[-1]
    assert last == "snakepit worker: cannot bind unix:/nowhere/at/all.sock"


# ---- legacy --------------------------------------------------------------------------


def _legacy(
    start: Start, tmp_path: Path, host: FakeHost, *arguments: str
) -> tuple[WorkerProcess, Path]:
    ready_file = tmp_path / "ready"
    worker = start(
        native=False,
        arguments=[
            *("--port", "0", "--elixir-address", f"127.0.0.1:{host.port}"),
            *("--snakepit-run-id", "r1", "--snakepit-instance-name", "n"),
            *arguments,
        ],
        env={"SNAKEPIT_READY_FILE": str(ready_file), "SNAKEPIT_PROCESS_GROUP": "1"},
    )
    return worker, ready_file


def test_the_legacy_handshake_serves_tcp_and_writes_the_ready_file(
    start: Start, tmp_path: Path, host: FakeHost
) -> None:
    worker, ready_file = _legacy(start, tmp_path, host, "--future-flag", "7")
    wait_for("the ready file", ready_file.exists)
    assert os.listdir(tmp_path) == ["0", "ready"] or sorted(os.listdir(tmp_path)) == [
        "0",
        "ready",
    ]
    port = int(ready_file.read_text())
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = pb_grpc.BridgeServiceStub(channel)
        response = stub.ExecuteTool(request("add", a=1), timeout=DEADLINE_S)
    assert json.loads(response.result.value) == 2
    assert os.getsid(worker.process.pid) == worker.process.pid
    with socket.socket(socket.AF_INET6) as outside, pytest.raises(OSError):  # noqa: PT011
        outside.connect(("::1", port))
    worker.process.terminate()
    assert worker.exit_status() == 0
    lines = [json.loads(line) for line in worker.stderr().splitlines()]
    ignored = [line["msg"] for line in lines if line["level"] == "warning"]
    assert ignored == ["unknown arguments ignored: --future-flag 7"]


def test_a_legacy_worker_watches_its_host_and_leaves_with_it(
    start: Start, tmp_path: Path
) -> None:
    with FakeHost() as host:
        worker, ready_file = _legacy(
            start,
            tmp_path,
            host,
            *("--heartbeat-enabled", "--heartbeat-dependent"),
            *("--heartbeat-interval-ms", "20", "--heartbeat-timeout-ms", "1000"),
            *("--heartbeat-max-missed", "2"),
        )
        wait_for("the ready file", ready_file.exists)
        for _ in range(3):
            assert host.heartbeats.acquire(timeout=DEADLINE_S)
        assert worker.process.poll() is None
        named = [call.get(CORRELATION_HEADER, "") for call in host.seen[:3]]
    assert all(map(is_correlation_id, named))
    assert len(set(named)) == 3
    assert worker.exit_status() == 0
    assert "the host left 2 heartbeats unanswered" in worker.stderr()


def test_the_ready_file_appears_complete(tmp_path: Path) -> None:
    path = tmp_path / "ready"
    path.write_text("old")
    announce_port(str(path), 50123)
    assert path.read_text() == "50123"
    assert os.listdir(tmp_path) == ["ready"]


@pytest.mark.parametrize(
    ("adapter", "status", "text"),
    [
        ("adapters_for_tests.Tools", 0, ""),
        ("adapters_for_tests.Missing", 1, "no class"),
    ],
)
def test_the_health_check_imports_and_leaves(
    start: Start, adapter: str, status: int, text: str
) -> None:
    worker = start(adapter, native=False, arguments=["--health-check"])
    assert worker.exit_status() == status
    assert text in worker.stderr()


# ---- options -------------------------------------------------------------------------


def test_the_environments_heartbeat_config_beats_the_flags() -> None:
    flags = ["--adapter", "a.B", "--heartbeat-enabled", "--heartbeat-interval-ms", "5"]
    flags += ["--heartbeat-independent", "--elixir-address", "h:1"]
    options = parse_options(flags, {})
    assert options.heartbeat == HeartbeatOptions(
        enabled=True, interval_ms=5, dependent=False
    )
    assert (options.address, options.host_address) == ("127.0.0.1:0", "h:1")
    config = json.dumps({"interval_ms": 7, "max_missed_heartbeats": 9, "other": 1})
    options = parse_options(flags, {"SNAKEPIT_HEARTBEAT_CONFIG": config})
    assert options.heartbeat == HeartbeatOptions(
        enabled=True, interval_ms=7, max_missed_heartbeats=9, dependent=False
    )


def test_the_hosts_address_may_come_from_the_environment() -> None:
    options = parse_options(["--adapter", "a.B"], {"SNAKEPIT_GRPC_ADDRESS": "h:2"})
    assert options.host_address == "h:2"


def test_an_unknown_lifetime_is_refused() -> None:
    with pytest.raises(OptionsError, match="'day'; it must be worker or call"):
        parse_options(["--adapter", "a.B"], {"SNAKEPIT_ADAPTER_LIFETIME": "day"})


@pytest.mark.parametrize(
    ("arguments", "config", "text"),
    [
        (["--max-workers", "0"], None, "--max-workers is 0"),
        ([], "{", "is not JSON"),
        ([], "[]", "not a JSON object"),
        ([], '{"enabled": 1}', "enabled must be of type bool"),
        ([], '{"interval_ms": "2"}', "interval_ms must be of type int"),
    ],
)
def test_options_that_cannot_be_used_are_refused(
    arguments: list[str], config: str | None, text: str
) -> None:
    environ = {} if config is None else {"SNAKEPIT_HEARTBEAT_CONFIG": config}
    with pytest.raises(OptionsError, match=text):
        parse_options(["--adapter", "a.B", *arguments], environ)


def _faults(pid: int) -> int:
    """Return how many pages a process had to ask the kernel for."""
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2]
    return int(after_name.split()[7])


def test_large_messages_do_not_cost_new_memory_each_time(worker: WorkerProcess) -> None:
    message = request("blob", binary={"data": bytes(1 << 20)})

    def call(times: int) -> None:
        for _ in range(times):
            reply = worker.stub.ExecuteTool(message, timeout=DEADLINE_S)
            assert len(reply.binary_result) == 1 << 20

    call(10)
    before = _faults(worker.process.pid)
    call(20)
    pages = (_faults(worker.process.pid) - before) / 20
    assert pages < 300  # of 256 in each copy, of which there are a handful
