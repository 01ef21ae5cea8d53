"""The demo's load, kills, processes and report, each by itself."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from concurrent import futures
from pathlib import Path
from typing import Any, Iterator

import grpc
import pytest
from demo import chaos, load, processes, stack
from demo.ledger import Ledger
from demo.report import check_lines, table, traffic_table
from demo.samples import Samples, key
from demo.verdict import Check, Kill
from snakepit_bridge._generated import pool_pb2, pool_pb2_grpc


class Door(pool_pb2_grpc.PoolServicer):
    """Answers as the tool's name says."""

    def Execute(self, request: Any, context: Any) -> Any:
        if request.tool == "raises":
            error = pool_pb2.ToolError(type="ValueError")
            return pool_pb2.ExecuteResponse(error=error)
        if request.tool == "missing":
            context.abort(grpc.StatusCode.NOT_FOUND, "")
        return pool_pb2.ExecuteResponse(result_json=b"1")

    def ExecuteStream(self, request: Any, context: Any) -> Iterator[Any]:
        yield pool_pb2.ExecuteChunk(data=b"1")
        if request.tool == "breaks":
            context.abort(grpc.StatusCode.UNAVAILABLE, "")
        if request.tool != "stops":
            yield pool_pb2.ExecuteChunk(final=True)


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    server = grpc.server(futures.ThreadPoolExecutor(4))
    pool_pb2_grpc.add_PoolServicer_to_server(Door(), server)
    server.add_insecure_port(f"unix:{tmp_path}/s")
    server.start()
    yield f"unix:{tmp_path}/s"
    server.stop(0).wait()


@pytest.mark.parametrize(
    ("tool", "streams", "code"),
    [
        ("works", False, "OK"),
        ("raises", False, "TOOL_ERROR"),
        ("missing", False, "NOT_FOUND"),
        ("works", True, "OK"),
        ("breaks", True, "UNAVAILABLE"),
        ("stops", True, "NOT_FINAL"),
    ],
)
def test_perform_names_the_outcome(
    address: str, tool: str, streams: bool, code: str
) -> None:
    with grpc.insecure_channel(address) as channel:
        stub = pool_pb2_grpc.PoolStub(channel)
        assert load.perform(stub, load.Task("p", tool, {}, streams), "c") == code


def test_perform_names_the_outcome_when_nobody_is_there(tmp_path: Path) -> None:
    with grpc.insecure_channel(f"unix:{tmp_path}/none") as channel:
        stub = pool_pb2_grpc.PoolStub(channel)
        assert load.perform(stub, load.Task("p", "t", {}), "c") == "UNAVAILABLE"


def test_every_kind_of_task_can_be_made_and_names_real_files() -> None:
    chance = random.Random(0)
    mix = load.tasks()
    assert all(weight > 0 for weight, _ in mix)
    made = [maker(chance) for _, maker in mix]
    assert {"slow", "fail", "stream_lines", "search"} <= {task.tool for task in made}
    paths = [task.arguments["path"] for task in made if "path" in task.arguments]
    assert [path for path in paths if not os.path.isfile(path)] == ["/nowhere"]


def test_load_closes_every_call_it_opened(address: str) -> None:
    ledger = Ledger()
    callers = load.Load(address, ledger, 4)
    callers.start()
    processes.wait_until(lambda: len(ledger.calls()) > 20, 30, "twenty calls")
    callers.stop(30)
    callers.close()
    assert ledger.pending() == []
    assert len({call.correlation_id for call in ledger.calls()}) == len(ledger.calls())


def test_load_passes_on_what_broke_a_caller(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_args: object) -> str:
        raise ZeroDivisionError

    monkeypatch.setattr(load, "perform", broken)
    ledger = Ledger()
    callers = load.Load(address, ledger, 1)
    callers.start()
    processes.wait_until(lambda: bool(ledger.pending()), 30, "a call")
    with pytest.raises(ZeroDivisionError):
        callers.stop(30)
    callers.close()


def worker(pool: str, slot: int, status: str) -> dict[str, Any]:
    return {"pool": pool, "slot": slot, "status": status}


def test_the_victim_serves_is_busy_and_of_the_pool_hit_least() -> None:
    workers = [
        worker("a", 0, "starting"),
        worker("a", 1, "idle"),
        worker("a", 2, "busy"),
        worker("b", 0, "idle"),
    ]
    assert chaos.choose_victim(workers, []) == workers[2]
    assert chaos.choose_victim(workers, [Kill("a", 2, 1, 1.0)]) == workers[3]
    assert chaos.choose_victim(workers[:1], []) is None


def test_only_children_of_the_runtime_are_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=-1) as child:
        assert not stack.kill_child(child.pid, child.pid)
        assert child.poll() is None
        assert stack.kill_child(child.pid, os.getpid())
        assert child.wait(30) == -signal.SIGKILL
    assert not stack.kill_child(child.pid, os.getpid())


def test_parent_of_a_process_with_an_odd_name_is_read(tmp_path: Path) -> None:
    program = tmp_path / "a) 1 (b"
    program.symlink_to("/bin/sleep")
    with subprocess.Popen([str(program), "60"]) as child:
        assert stack.ppid_of(child.pid) == os.getpid()
        child.kill()
    assert stack.ppid_of(child.pid) == 0


def test_wait_until_gives_up_with_the_reason() -> None:
    with pytest.raises(processes.DemoError, match="the end did not happen within 0 s"):
        processes.wait_until(lambda: False, 0, "the end")


def test_table_aligns_names_left_and_numbers_right() -> None:
    rows = [("POOL", "TOOL", "N"), ("a", "long_name", "10"), ("b", "x", "3")]
    assert table(rows) == [
        "POOL  TOOL        N",
        "a     long_name  10",
        "b     x           3",
    ]


def test_traffic_table_shows_all_three_counts() -> None:
    ledger = Ledger()
    for number, code in enumerate(("OK", "OK", "TOOL_ERROR")):
        ledger.open(str(number), "p", "t")
        ledger.close(str(number), code, 0.002)
    labels = {"pool": "p", "method": "t"}
    segment = Samples({key("snakepit_requests_total", **labels): 4})
    segment[key("snakepit_request_failures_total", code="X", **labels)] = 5
    metrics = Samples({key("snakepit_requests_total", **labels): 6})
    lines = traffic_table(ledger, segment, metrics)
    assert lines[1].split() == ["p", "t", "3", "4", "6", "1", "5", "2.0", "ms"]


def test_check_lines_show_problems_below_what_failed() -> None:
    lines = check_lines([Check("one", (), "fine"), Check("three", ("a", "b"), "bad")])
    assert lines == [
        "ok    one    fine",
        "FAIL  three  bad",
        "             a",
        "             b",
    ]
