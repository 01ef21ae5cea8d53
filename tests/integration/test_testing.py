"""snakepit_bridge.testing: what it does for users, and what it says when it fails."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from harness import BUILD, wait_until
from runtime_kit import config
from snakepit_bridge import testing

pytest_plugins = ["snakepit_bridge.pytest_plugin"]

BIN = BUILD / "bin"
# Long enough for a look, as what is waited for never comes.
SOON_S = 0.1


@pytest.fixture(scope="module")
def runtime() -> Iterator[testing.Runtime]:
    with testing.start(config(), programs=BIN, timeout_s=120) as runtime:
        yield runtime


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


class TestCalls:
    def test_text_and_bytes_come_back(self, runtime: testing.Runtime) -> None:
        assert runtime.call("default", "echo", text="é")["text"] == "é"

    def test_a_tool_that_raises_is_a_tool_error(self, runtime: testing.Runtime) -> None:
        with pytest.raises(testing.ToolError, match="ValueError: no luck") as caught:
            runtime.call("default", "fail", message="no luck")
        assert (caught.value.type, caught.value.message) == ("ValueError", "no luck")
        assert "traceback" in caught.value.detail

    def test_a_tool_that_is_not_there_is_a_status(
        self, runtime: testing.Runtime
    ) -> None:
        with pytest.raises(grpc.RpcError) as caught:
            runtime.call("default", "fial")
        assert caught.value.code() is grpc.StatusCode.NOT_FOUND

    def test_chunks_come_in_order(self, runtime: testing.Runtime) -> None:
        chunks = list(runtime.chunks("default", "count", to=3))
        assert chunks[0] == b'{"i":0,"pad":""}'
        assert len(chunks) == 3


class TestCounters:
    def test_one_that_rises_is_waited_for(self, runtime: testing.Runtime) -> None:
        with runtime.rises("snakepit_pool_requests_total", by=2, pool="default"):
            runtime.call("default", "echo")
            runtime.call("default", "echo")

    def test_one_that_stays_is_told_with_its_value(
        self, runtime: testing.Runtime
    ) -> None:
        runtime.call("default", "echo")
        value = runtime.value("snakepit.pool.requests", pool="default")
        told = (
            r"snakepit\.pool\.requests\{pool=default\} up by 1 .*"
            rf"it was {value:g} and is {value:g}$"
        )
        with (
            pytest.raises(AssertionError, match=told),
            runtime.rises("snakepit.pool.requests", timeout_s=SOON_S, pool="default"),
        ):
            pass

    def test_one_that_rises_too_little_fails(self, runtime: testing.Runtime) -> None:
        with (
            pytest.raises(AssertionError, match="up by 2"),
            runtime.rises("snakepit.pool.requests", by=2, timeout_s=SOON_S),
        ):
            runtime.call("default", "echo")

    def test_a_series_that_is_not_there_yet_was_0(
        self, runtime: testing.Runtime
    ) -> None:
        with runtime.rises("snakepit.requests", method="environment"):
            runtime.call("default", "environment", name="HOME")

    def test_a_wrong_name_has_a_suggestion(self, runtime: testing.Runtime) -> None:
        with pytest.raises(KeyError, match=r"did you mean snakepit\.pool\.requests"):
            runtime.value("snakepit.pool.request")

    def test_a_failure_of_the_block_is_not_hidden(
        self, runtime: testing.Runtime
    ) -> None:
        with (
            pytest.raises(ZeroDivisionError),
            runtime.rises("snakepit.pool.requests", timeout_s=SOON_S),
        ):
            raise ZeroDivisionError


class TestTraces:
    def test_spans_and_lines_of_a_request_are_found(
        self, runtime: testing.Runtime
    ) -> None:
        runtime.call("default", "echo", correlation_id="tr-1")
        span = runtime.wait_span("tr-1", kind="request")
        assert (span["status"], span["tool"]) == ("OK", "echo")
        line = runtime.wait_log("tr-1", msg="request finished")
        assert line["span_id"] == span["span_id"]
        assert runtime.wait_log("tr-1", msg="tool finished")["tool"] == "echo"

    @pytest.mark.parametrize("kind", ["span", "log"])
    def test_those_of_nobody_are_not(self, runtime: testing.Runtime, kind: str) -> None:
        with pytest.raises(AssertionError, match=f"a {kind}.*'nobody'"):
            getattr(runtime, f"wait_{kind}")("nobody", timeout_s=SOON_S)


class TestWorkers:
    @pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
    def test_a_killed_one_has_a_successor(
        self, runtime: testing.Runtime, number: int
    ) -> None:
        before = {worker.slot: worker for worker in runtime.workers("default")}
        worker = runtime.kill_worker("default", slot=1, number=number)
        assert worker.slot == 1
        assert worker.pid != before[1].pid
        assert runtime.workers()[0] == before[0]

    def test_there_must_be_one(self, runtime: testing.Runtime) -> None:
        with pytest.raises(AssertionError, match="no worker of default/7 to kill"):
            runtime.kill_worker("default", slot=7)


class TestStart:
    def failure(self, wrong: Any, **more: Any) -> str:
        with pytest.raises(testing.StartError) as caught:
            testing.start(wrong, programs=BIN, **more)
        return str(caught.value)

    def test_a_configuration_that_is_wrong_is_shown(self) -> None:
        text = self.failure("instance: [\n")
        assert "snakepitd ended" in text
        assert "snakepit.yaml:" in text

    def test_an_adapter_that_is_wrong_is_shown_with_its_reason(self) -> None:
        text = self.failure(config(adapter="fault_adapter.FautlAdapter"))
        assert "did you mean 'FaultAdapter'?" in text

    def test_a_deadline_is_kept(self) -> None:
        text = self.failure(
            config(adapter="hangs_on_import.HangingAdapter"), timeout_s=SOON_S
        )
        assert "not seen within 0.1 s: all workers ready" in text

    def test_programs_that_are_not_there_are_told(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError, match=f"no snakepitd in {tmp_path}"):
            testing.start(config(), programs=tmp_path)

    def test_a_file_is_taken_and_nothing_is_left(self, tmp_path: Path) -> None:
        path = tmp_path / "one.yaml"
        path.write_text(
            "instance: one\n"
            "pools:\n"
            "  - name: p\n"
            "    adapter: fault_adapter.FaultAdapter\n"
            "    workers: 1\n"
            f"    pythonpath: [{Path(__file__).parent / 'adapters'}]\n"
        )
        with testing.start(path, programs=BIN, env={"OF_THE_TEST": "7"}) as runtime:
            (worker,) = runtime.workers()
            assert runtime.call("p", "environment", name="OF_THE_TEST") == "7"
            directory = runtime.directory
        assert not directory.exists()
        assert not is_alive(runtime.pid)
        wait_until(lambda: not is_alive(worker.pid), 5, "the worker's end")

    def test_a_runtime_that_died_is_told_at_the_end(self) -> None:
        def die() -> None:
            with testing.start(config(workers=1), programs=BIN) as runtime:
                os.kill(runtime.pid, signal.SIGKILL)

        with pytest.raises(AssertionError, match="exit status -9; its log ends with"):
            die()


class TestFixture:
    def test_a_test_may_end_its_runtime_itself(
        self, snakepit_runtime: Callable[..., testing.Runtime]
    ) -> None:
        """The log is gone then; that is no error of the test's end."""
        snakepit_runtime(config(workers=1), programs=BIN).stop()
