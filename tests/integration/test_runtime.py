"""What snakepitd promises its clients: answers, refusals, streams, health."""

from __future__ import annotations

import json
import os
import signal
import time

import grpc
import pytest
from client import CORRELATION_KEY, Client, ToolError, request
from harness import World, metric, wait_until
from runtime_kit import (
    RunDaemon,
    assert_books_balance,
    books,
    config,
    rss_kib,
    wait_books,
    worker_pids,
)


class TestRequests:
    def test_one_correlation_id_in_both_logs_and_the_answer(
        self, run_daemon: RunDaemon, client: Client
    ) -> None:
        daemon = run_daemon(config())
        daemon.wait_ready(2)
        _, call = client.pool.Execute.with_call(
            request("default", "echo", a=1),
            metadata=[(CORRELATION_KEY, "it-4711")],
            timeout=10,
        )
        assert (CORRELATION_KEY, "it-4711") in call.trailing_metadata()
        daemon.wait_log(correlation_id="it-4711", msg="request finished")
        daemon.wait_log(correlation_id="it-4711", msg="tool finished")

    def test_a_bad_correlation_id_is_replaced_and_a_missing_one_made(
        self, run_daemon: RunDaemon, client: Client
    ) -> None:
        run_daemon(config()).wait_ready(1)
        for metadata in ([], [(CORRELATION_KEY, "bad id!")]):
            _, call = client.pool.Execute.with_call(
                request("default", "echo"), metadata=metadata, timeout=10
            )
            made = dict(call.trailing_metadata())[CORRELATION_KEY]
            assert made.startswith("sp-")
            assert len(made) == 27

    def test_a_tool_failure_is_an_answer_and_is_counted(
        self, run_daemon: RunDaemon, client: Client, world: World
    ) -> None:
        run_daemon(config()).wait_ready(1)
        with pytest.raises(ToolError, match="ValueError: no luck"):
            client.call("default", "fail", message="no luck")
        report = world.inspect("it")
        failures = "snakepit.request.failures"
        assert metric(report, failures, method="fail", code="TOOL_ERROR") == 1
        assert books(report)["error"] == 1

    @pytest.mark.parametrize(
        ("call", "code", "words"),
        [
            (("nope", "echo"), grpc.StatusCode.NOT_FOUND, "no pool 'nope'"),
            (("default", "nope"), grpc.StatusCode.NOT_FOUND, "nope"),
            (("default", ""), grpc.StatusCode.INVALID_ARGUMENT, "1 to 128 bytes"),
            (
                ("default", "x" * 129),
                grpc.StatusCode.INVALID_ARGUMENT,
                "1 to 128 bytes",
            ),
        ],
    )
    def test_what_cannot_run_is_refused_with_a_reason(
        self,
        run_daemon: RunDaemon,
        client: Client,
        call: tuple[str, str],
        code: grpc.StatusCode,
        words: str,
    ) -> None:
        run_daemon(config()).wait_ready(1)
        with pytest.raises(grpc.RpcError) as caught:
            client.call(*call)
        assert caught.value.code() == code
        assert words in str(caught.value.details())

    def test_malformed_json_of_an_argument_names_it(
        self, run_daemon: RunDaemon, client: Client
    ) -> None:
        run_daemon(config()).wait_ready(1)
        message = request("default", "echo")
        message.arguments["broken"] = b"{not json"
        with pytest.raises(grpc.RpcError) as caught:
            client.pool.Execute(message, timeout=10)
        assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
        assert "broken" in str(caught.value.details())

    def test_a_payload_over_the_limit_is_refused_and_nothing_breaks(
        self, run_daemon: RunDaemon, client: Client
    ) -> None:
        run_daemon(config()).wait_ready(1)
        with pytest.raises(grpc.RpcError) as caught:
            client.call("default", "echo", blob="x" * (101 << 20))
        assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert client.call("default", "echo", a=1)["a"] == 1

    def test_results_of_megabytes_arrive_whole(
        self, run_daemon: RunDaemon, client: Client
    ) -> None:
        run_daemon(config()).wait_ready(1)
        assert len(client.call("default", "big", size=20_000_000)) == 20_000_000

    def test_a_full_queue_refuses_and_keeps_what_waits(
        self, run_daemon: RunDaemon, client: Client, world: World
    ) -> None:
        run_daemon(config(workers=1, queue={"limit": 2})).wait_ready(1)
        gate = world.directory / "gate"
        running = client.future("default", "wait_for", 60, path=str(gate))
        wait_books(world, active=1)
        waiting = [client.future("default", "echo", n=n) for n in range(2)]
        wait_books(world, queued=2)
        with pytest.raises(grpc.RpcError) as caught:
            client.call("default", "echo")
        assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "queue of pool 'default' is full" in str(caught.value.details())
        gate.touch()
        assert running.result()
        assert all(future.result() for future in waiting)

    def test_a_deadline_that_passes_in_the_queue_never_reaches_a_worker(
        self, run_daemon: RunDaemon, client: Client, world: World
    ) -> None:
        run_daemon(config(workers=1)).wait_ready(1)
        gate = world.directory / "gate"
        running = client.future("default", "wait_for", 60, path=str(gate))
        wait_books(world, active=1)
        with pytest.raises(grpc.RpcError) as caught:
            client.call("default", "echo", timeout_s=1.0)
        assert caught.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
        gate.touch()
        assert running.result()
        report = wait_books(world, active=0)
        rejected = "snakepit.pool.queue.rejections"
        # The client's clock and ours run to the same moment: its cancellation, which
        # follows from the same deadline, may be here first.
        expired = metric(report, rejected, reason="timeout")
        assert expired + metric(report, rejected, reason="cancelled") == 1
        assert metric(report, "snakepit.worker.requests") == 1

    def test_a_cancelled_request_leaves_the_queue(
        self, run_daemon: RunDaemon, client: Client, world: World
    ) -> None:
        run_daemon(config(workers=1)).wait_ready(1)
        gate = world.directory / "gate"
        running = client.future("default", "wait_for", 60, path=str(gate))
        wait_books(world, active=1)
        waiting = client.future("default", "echo")
        wait_books(world, queued=1)
        waiting.cancel()
        wait_books(world, queued=0)
        gate.touch()
        assert running.result()

    def test_a_thread_pool_runs_as_many_at_once_as_it_says(
        self, run_daemon: RunDaemon, client: Client, world: World
    ) -> None:
        run_daemon(
            config(workers=1, profile="thread", threads_per_worker=4)
        ).wait_ready(1)
        gate = world.directory / "gate"
        calls = [
            client.future("default", "wait_for", 60, path=str(gate)) for _ in range(5)
        ]
        wait_books(world, active=4, queued=1)
        gate.touch()
        assert len({call.result().result_json for call in calls}) == 1


class TestStreams:
    def test_chunks_arrive_in_order_and_the_last_says_so(
        self, run_daemon: RunDaemon, client: Client
    ) -> None:
        run_daemon(config()).wait_ready(1)
        chunks = list(client.stream("default", "count", to=50))
        numbers = [chunk.data for chunk in chunks if chunk.data]
        assert len(numbers) == 50
        assert b'"i":49' in numbers[-1].replace(b" ", b"")
        assert chunks[-1].final

    @pytest.mark.heavy
    def test_a_slow_client_does_not_fill_the_runtime(
        self, run_daemon: RunDaemon, client: Client
    ) -> None:
        daemon = run_daemon(config())
        daemon.wait_ready(1)
        stream = client.stream("default", "count", to=400, size=1 << 20, timeout_s=60)
        next(stream)
        before = rss_kib(daemon.pid)
        # Not a sleep in hope: the stream must not grow for as long as we look.
        end = time.monotonic() + 2
        while time.monotonic() < end:
            assert rss_kib(daemon.pid) < before + 64 * 1024
            time.sleep(0.05)
        assert sum(1 for chunk in stream if chunk.data) == 399

    def test_a_client_that_leaves_ends_the_stream_in_the_worker(
        self, run_daemon: RunDaemon, client: Client, world: World
    ) -> None:
        run_daemon(config(workers=1)).wait_ready(1)
        stream = client.stream("default", "count", to=10_000, delay_s=0.01)
        next(stream)
        stream.cancel()
        assert client.call("default", "echo", timeout_s=10, a=1)["a"] == 1
        assert_books_balance(world.inspect("it"))


class TestHealth:
    def test_it_follows_the_workers(
        self, run_daemon: RunDaemon, client: Client, world: World
    ) -> None:
        gate = world.directory / "gate"
        gated = "lifecycle_adapter.GatedAdapter"
        restart = {"backoff_max_ms": 200, "breaker_deaths": 1000}
        run_daemon(
            config(workers=1, adapter=gated, env=[f"GATE={gate}"], restart=restart)
        ).wait_ready(1)
        wait_until(client.serving, 5, "SERVING")
        assert client.serving("pool/default")
        with pytest.raises(grpc.RpcError) as caught:
            client.serving("nope")
        assert caught.value.code() == grpc.StatusCode.NOT_FOUND
        gate.touch()  # no other worker can start
        os.kill(worker_pids(world)[0], signal.SIGKILL)
        wait_until(lambda: not client.serving(), 5, "NOT_SERVING")
        gate.unlink()
        wait_until(client.serving, 5, "SERVING again")


class TestBadConfig:
    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("pools: [{adapter: a.B, wrokers: 3}]\n", ":1:"),
            ("pools: []\n", "pool"),
            ("instance: [\n", "bad.yaml"),
        ],
    )
    def test_it_is_refused_with_file_line_and_column(
        self, world: World, text: str, words: str
    ) -> None:
        path = world.directory / "bad.yaml"
        path.write_text(text)
        result = world.run("snakepitd", "-c", str(path))
        assert result.returncode == 2
        assert result.stderr.startswith("snakepitd: ")
        assert result.stderr.count("\n") == 1
        assert words in result.stderr

    def test_a_directory_too_deep_for_sockets_is_refused(self, world: World) -> None:
        deep = world.directory / ("d" * 100)
        path = world.directory / "deep.json"
        path.write_text(
            json.dumps({"data_dir": str(deep), "pools": [{"adapter": "a.B"}]})
        )
        result = world.run("snakepitd", "-c", str(path))
        assert result.returncode == 1
        assert "107" in result.stderr
