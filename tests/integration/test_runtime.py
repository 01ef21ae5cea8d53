"""What snakepitd promises, seen from outside: real workers, real signals, real readers."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from client import CORRELATION_KEY, Client, request
from harness import Daemon, World, metric, wait_until
from readers import Exporter

ADAPTERS = str(Path(__file__).parent / "adapters")
REPLACED_WITHIN_S = 3.0
RunDaemon = Callable[..., Daemon]


def config(**pool: Any) -> dict[str, Any]:
    return {
        "instance": "it",
        "pools": [
            {
                "name": "default",
                "adapter": "fault_adapter.FaultAdapter",
                "workers": 2,
                "pythonpath": [ADAPTERS],
                **pool,
            }
        ],
    }


@pytest.fixture
def client(world: World) -> Iterator[Client]:
    with contextlib.closing(Client(world.directory, "it")) as client:
        yield client


def worker_pids(world: World) -> dict[int, int]:
    """Slot to pid of the workers that take requests."""
    return {
        worker["slot"]: worker["pid"]
        for worker in world.inspect("it")["workers"]
        if worker["status"] in ("idle", "busy")
    }


def maps(process: subprocess.Popen[bytes], path: str) -> bool:
    """Whether a process has a file mapped; one that has ended has none."""
    with contextlib.suppress(ProcessLookupError):
        return path in Path(f"/proc/{process.pid}/maps").read_text()
    return False


def books(report: dict[str, Any], pool: str = "default") -> dict[str, float]:
    return {
        "requests": metric(report, "snakepit.pool.requests", pool=pool),
        "ok": metric(report, "snakepit.pool.request.outcomes", pool=pool, outcome="ok"),
        "error": metric(
            report, "snakepit.pool.request.outcomes", pool=pool, outcome="error"
        ),
        "active": metric(report, "snakepit.request.active", pool=pool),
        "queued": metric(report, "snakepit.pool.queue.depth", pool=pool),
    }


def assert_books_balance(report: dict[str, Any]) -> None:
    found = books(report)
    assert found["requests"] == (
        found["ok"] + found["error"] + found["active"] + found["queued"]
    ), found


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
        with pytest.raises(ValueError, match="ValueError: no luck"):
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
            (("default", "x" * 129), grpc.StatusCode.INVALID_ARGUMENT, "1 to 128 bytes"),
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
        assert words in caught.value.details()

    def test_malformed_json_of_an_argument_names_it(
        self, run_daemon: RunDaemon, client: Client
    ) -> None:
        run_daemon(config()).wait_ready(1)
        message = request("default", "echo")
        message.arguments["broken"] = b"{not json"
        with pytest.raises(grpc.RpcError) as caught:
            client.pool.Execute(message, timeout=10)
        assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
        assert "broken" in caught.value.details()

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
        running = client.future("default", "sleep", seconds=1.0)
        wait_until(lambda: books(world.inspect("it"))["active"] == 1, 5, "a running call")
        waiting = [client.future("default", "echo", n=n) for n in range(2)]
        wait_until(lambda: books(world.inspect("it"))["queued"] == 2, 5, "two that wait")
        with pytest.raises(grpc.RpcError) as caught:
            client.call("default", "echo")
        assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "queue of pool 'default' is full" in caught.value.details()
        assert running.result()
        assert all(future.result() for future in waiting)

    def test_a_deadline_that_passes_in_the_queue_never_reaches_a_worker(
        self, run_daemon: RunDaemon, client: Client, world: World
    ) -> None:
        run_daemon(config(workers=1)).wait_ready(1)
        running = client.future("default", "sleep", seconds=1.5)
        wait_until(lambda: books(world.inspect("it"))["active"] == 1, 5, "a running call")
        with pytest.raises(grpc.RpcError) as caught:
            client.call("default", "echo", timeout_s=0.2)
        assert caught.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
        assert running.result()
        report = wait_until(
            lambda: (found := world.inspect("it")) and not books(found)["active"] and found,
            5,
            "the end of the running call",
        )
        rejected = "snakepit.pool.queue.rejections"
        # The client's clock and ours run to the same moment: its cancellation, which
        # follows from the same deadline, may be here first.
        assert 1 == sum(
            metric(report, rejected, reason=why) for why in ("timeout", "cancelled")
        )
        assert metric(report, "snakepit.worker.requests") == 1

    def test_a_cancelled_request_leaves_the_queue(
        self, run_daemon: RunDaemon, client: Client, world: World
    ) -> None:
        run_daemon(config(workers=1)).wait_ready(1)
        running = client.future("default", "sleep", seconds=1.0)
        wait_until(lambda: books(world.inspect("it"))["active"] == 1, 5, "a running call")
        waiting = client.future("default", "echo")
        wait_until(lambda: books(world.inspect("it"))["queued"] == 1, 5, "one that waits")
        waiting.cancel()
        wait_until(lambda: books(world.inspect("it"))["queued"] == 0, 5, "an empty queue")
        assert running.result()

    def test_a_thread_pool_runs_as_many_at_once_as_it_says(
        self, run_daemon: RunDaemon, client: Client, world: World
    ) -> None:
        run_daemon(config(workers=1, profile="thread", threads_per_worker=4)).wait_ready(1)
        calls = [client.future("default", "sleep", seconds=1.0) for _ in range(5)]
        wait_until(
            lambda: (found := books(world.inspect("it"))) and found["active"] == 4
            and found["queued"] == 1,
            5,
            "four active and one queued",
        )
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


def rss_kib(pid: int) -> int:
    text = Path(f"/proc/{pid}/status").read_text()
    line = next(row for row in text.splitlines() if row.startswith("VmRSS"))
    return int(line.split()[1])


class TestWorkersEnd:
    def test_kill_9_is_replaced_and_counted(
        self, run_daemon: RunDaemon, client: Client, world: World
    ) -> None:
        run_daemon(config()).wait_ready(2)
        victim = worker_pids(world)[0]
        os.kill(victim, signal.SIGKILL)
        wait_until(
            lambda: worker_pids(world).get(0, victim) != victim,
            REPLACED_WITHIN_S,
            "a replacement in slot 0",
        )
        report = world.inspect("it")
        assert metric(report, "snakepit.worker.restarts", worker="0") == 1
        assert metric(report, "snakepit.worker.exits", reason="signal") == 1
        assert metric(report, "snakepit.worker.starts", reason="restart") == 1
        assert report["workers"][0]["last_exit_reason"] == "signal"
        assert client.call("default", "echo", a=1)["a"] == 1

    def test_the_running_request_gets_one_error_and_the_queued_ones_run(
        self, run_daemon: RunDaemon, client: Client, world: World
    ) -> None:
        run_daemon(config(workers=1)).wait_ready(1)
        running = client.future("default", "sleep", seconds=30)
        wait_until(lambda: books(world.inspect("it"))["active"] == 1, 5, "a running call")
        waiting = [client.future("default", "echo", n=n) for n in range(8)]
        wait_until(lambda: books(world.inspect("it"))["queued"] == 8, 5, "eight waiting")
        os.kill(worker_pids(world)[0], signal.SIGKILL)
        with pytest.raises(grpc.RpcError) as caught:
            running.result()
        assert caught.value.code() == grpc.StatusCode.UNAVAILABLE
        assert "default/0#1 died while it ran the request" in caught.value.details()
        assert [future.result().WhichOneof("outcome") for future in waiting] == [
            "result_json"
        ] * 8
        found = books(world.inspect("it"))
        assert found == {"requests": 9, "ok": 8, "error": 1, "active": 0, "queued": 0}

    def test_a_tool_that_ends_its_process_is_one_error(
        self, run_daemon: RunDaemon, client: Client, world: World
    ) -> None:
        run_daemon(config(workers=1)).wait_ready(1)
        with pytest.raises(grpc.RpcError) as caught:
            client.call("default", "die", status=0)
        assert caught.value.code() == grpc.StatusCode.UNAVAILABLE
        assert client.call("default", "echo", a=1)["a"] == 1
        assert metric(world.inspect("it"), "snakepit.worker.exits", reason="clean") == 1

    def test_an_adapter_that_cannot_start_shows_its_traceback_and_backs_off(
        self, run_daemon: RunDaemon, world: World, cli: Callable[..., Any]
    ) -> None:
        daemon = run_daemon(
            config(
                workers=1,
                adapter="fault_adapter.BrokenAdapter",
                restart={"backoff_min_ms": 100, "backoff_max_ms": 400},
            )
        )
        failures = "snakepit.worker.start_failures"
        report = wait_until(
            lambda: (found := world.inspect("it"))
            and metric(found, failures, reason="exited") >= 2
            and found,
            20,
            "two failed starts",
        )
        assert "the model file is missing" in report["workers"][0]["last_error"]
        line = daemon.wait_log(msg="worker did not become ready, it will be started again "
                               "after a pause")
        assert "RuntimeError: the model file is missing" in line["stderr_tail"]
        assert "the model file is missing" in cli("status").stdout
        delays = [
            line["delay_ms"] for line in daemon.log_lines(msg="worker will be started again")
        ]
        assert all(delay <= 400 for delay in delays)


class TestHeartbeats:
    FAST = {
        "enabled": True,
        "ping_interval_ms": 200,
        "timeout_ms": 300,
        "max_missed_heartbeats": 3,
        "jitter_ms": 0,
    }

    def test_they_are_off_by_default(
        self, run_daemon: RunDaemon, client: Client, world: World
    ) -> None:
        run_daemon(config()).wait_ready(2)
        for _ in range(20):
            client.call("default", "echo")
        assert metric(world.inspect("it"), "snakepit.heartbeat.pings") == 0

    def test_a_stopped_worker_is_missed_counted_and_replaced(
        self, run_daemon: RunDaemon, world: World
    ) -> None:
        run_daemon(config(heartbeat=self.FAST)).wait_ready(2)
        victim = worker_pids(world)[1]
        os.kill(victim, signal.SIGSTOP)
        missed = "snakepit.heartbeat.missed"
        for count in (1, 2):
            wait_until(
                lambda count=count: metric(world.inspect("it"), missed, worker="1") >= count,
                5,
                f"{count} missed in a row",
            )
        wait_until(
            lambda: worker_pids(world).get(1, victim) != victim, 10, "a replacement"
        )
        report = world.inspect("it")
        assert report["workers"][1]["last_exit_reason"] == "heartbeat"
        assert metric(report, "snakepit.worker.exits", reason="heartbeat") == 1
        assert metric(report, "snakepit.heartbeat.failures", reason="timeout") >= 3
        wait_until(
            lambda: metric(world.inspect("it"), missed, worker="1") == 0,
            5,
            "the count back at 0",
        )

    def test_a_worker_that_comes_back_in_time_stays(
        self, run_daemon: RunDaemon, world: World
    ) -> None:
        slow = {**self.FAST, "max_missed_heartbeats": 20}
        run_daemon(config(heartbeat=slow)).wait_ready(2)
        victim = worker_pids(world)[0]
        missed = "snakepit.heartbeat.missed"
        os.kill(victim, signal.SIGSTOP)
        wait_until(
            lambda: metric(world.inspect("it"), missed, worker="0") >= 2, 10, "two missed"
        )
        os.kill(victim, signal.SIGCONT)
        wait_until(
            lambda: metric(world.inspect("it"), missed, worker="0") == 0, 5, "none missed"
        )
        assert worker_pids(world)[0] == victim

    def test_a_working_tool_is_not_a_missed_heartbeat(
        self, run_daemon: RunDaemon, client: Client, world: World
    ) -> None:
        run_daemon(config(workers=1, heartbeat=self.FAST)).wait_ready(1)
        victim = worker_pids(world)[0]
        assert client.call("default", "sleep", seconds=2.5) == victim
        report = world.inspect("it")
        assert metric(report, "snakepit.heartbeat.pongs") >= 5
        assert metric(report, "snakepit.worker.restarts") == 0

    def test_independent_workers_are_counted_but_not_replaced(
        self, run_daemon: RunDaemon, world: World
    ) -> None:
        shadow = {**self.FAST, "dependent": False}
        run_daemon(config(workers=1, heartbeat=shadow)).wait_ready(1)
        victim = worker_pids(world)[0]
        os.kill(victim, signal.SIGSTOP)
        missed = "snakepit.heartbeat.missed"
        wait_until(lambda: metric(world.inspect("it"), missed) >= 5, 10, "five missed")
        os.kill(victim, signal.SIGCONT)
        wait_until(lambda: metric(world.inspect("it"), missed) == 0, 5, "none missed")
        assert worker_pids(world)[0] == victim


class TestRuntimeEnds:
    def test_kill_9_takes_every_worker_along_and_the_segment_stays(
        self, run_daemon: RunDaemon, client: Client, world: World
    ) -> None:
        daemon = run_daemon(config(workers=3))
        daemon.wait_ready(3)
        client.call("default", "echo")
        holding = client.future("default", "hold_gil", seconds=30)
        wait_until(lambda: books(world.inspect("it"))["active"] == 1, 5, "a held GIL")
        daemon.kill()
        wait_until(lambda: not daemon.processes(), 2, "the end of every worker")
        with pytest.raises(grpc.RpcError):
            holding.result()
        report = world.inspect("it")
        assert report["writer"]["verdict"] == "dead"
        assert books(report)["ok"] == 1
        top = world.run("snakepit-top", "--once")
        assert top.returncode == 0
        assert "DEAD" in top.stdout
        assert "default/0" in top.stdout
        dead = world.run("snakepit", "exec", "default", "echo")
        assert dead.returncode == 3
        assert dead.stderr.count("\n") == 1

    def test_a_new_runtime_takes_over_after_kill_9(
        self, run_daemon: RunDaemon, client: Client, world: World
    ) -> None:
        first = run_daemon(config())
        first.wait_ready(2)
        first.kill()
        second = run_daemon(config())
        wait_until(
            lambda: world.inspect("it")["segment"]["incarnation"] == 2, 10, "a new segment"
        )
        second.wait_ready(2)
        assert client.call("default", "echo", a=1)["a"] == 1
        assert (world.directory / "it.prev.seg").exists()

    def test_sigterm_lets_running_requests_finish_and_leaves_nothing(
        self, run_daemon: RunDaemon, client: Client, world: World
    ) -> None:
        daemon = run_daemon(config(workers=1))
        daemon.wait_ready(1)
        running = client.future("default", "sleep", seconds=1.0)
        wait_until(lambda: books(world.inspect("it"))["active"] == 1, 5, "a running call")
        waiting = client.future("default", "echo", a=1)
        wait_until(lambda: books(world.inspect("it"))["queued"] == 1, 5, "one that waits")
        daemon.process.send_signal(signal.SIGTERM)
        assert running.result()
        assert waiting.result()
        assert daemon.process.wait(10) == 0
        left = {path.name for path in world.directory.iterdir()}
        assert left == {daemon.config.name, daemon.log.name}

    def test_a_second_runtime_of_the_instance_is_refused(
        self, run_daemon: RunDaemon, world: World
    ) -> None:
        daemon = run_daemon(config())
        daemon.wait_ready(2)
        second = world.run("snakepitd", "-c", str(daemon.config))
        assert second.returncode == 1
        assert "instance 'it' is already running" in second.stderr
        assert len(worker_pids(world)) == 2

    def test_two_signals_do_not_wait_for_a_stuck_tool(
        self, run_daemon: RunDaemon, client: Client, world: World
    ) -> None:
        daemon = run_daemon(config(workers=1))
        daemon.wait_ready(1)
        stuck = client.future("default", "hold_gil", seconds=60, timeout_s=60)
        wait_until(lambda: books(world.inspect("it"))["active"] == 1, 5, "a running call")
        for phase in ("stopping", "stopping faster", "stopping faster"):
            seen = len(daemon.log_lines(msg=phase))
            daemon.process.send_signal(signal.SIGTERM)
            wait_until(
                lambda phase=phase, seen=seen: len(daemon.log_lines(msg=phase)) > seen,
                5,
                f"'{phase}' in the log",
            )
        assert daemon.process.wait(10) == 0
        with pytest.raises(grpc.RpcError):
            stuck.result()


class TestHealth:
    def test_it_follows_the_workers(
        self, run_daemon: RunDaemon, client: Client, world: World
    ) -> None:
        run_daemon(config(workers=1)).wait_ready(1)
        wait_until(client.serving, 5, "SERVING")
        assert client.serving("pool/default")
        with pytest.raises(grpc.RpcError) as caught:
            client.serving("nope")
        assert caught.value.code() == grpc.StatusCode.NOT_FOUND
        os.kill(worker_pids(world)[0], signal.SIGSTOP)
        os.kill(worker_pids(world)[0], signal.SIGKILL)
        wait_until(lambda: not client.serving(), 5, "NOT_SERVING")
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
        path.write_text('{"data_dir": "%s", "pools": [{"adapter": "a.B"}]}' % deep)
        result = world.run("snakepitd", "-c", str(path))
        assert result.returncode == 1
        assert "107" in result.stderr


@pytest.mark.heavy
class TestUnderLoad:
    CALLERS = 64
    SECONDS = 30.0

    def load(self, client: Client, until: float, outcomes: list[str]) -> None:
        """One caller: calls until the time is up, each with exactly one outcome."""
        n = 0
        while time.monotonic() < until:
            n += 1
            tool = "fail" if n % 10 == 0 else "echo"
            try:
                client.call("default", tool, timeout_s=20)
                outcomes.append("ok")
            except ValueError:
                outcomes.append("error")
            except grpc.RpcError as error:
                outcomes.append(error.code().name)

    def test_every_request_has_one_outcome_and_the_books_always_balance(
        self, run_daemon: RunDaemon, client: Client, world: World
    ) -> None:
        quiet = {**config(workers=4), "log": {"level": "warning"}}
        run_daemon(quiet).wait_ready(4)
        until = time.monotonic() + self.SECONDS
        outcomes: list[list[str]] = [[] for _ in range(self.CALLERS)]
        callers = [
            threading.Thread(target=self.load, args=(client, until, mine))
            for mine in outcomes
        ]
        for caller in callers:
            caller.start()
        samples = 0
        while time.monotonic() < until:
            assert_books_balance(world.inspect("it"))
            samples += 1
        for caller in callers:
            caller.join()
        every = [outcome for mine in outcomes for outcome in mine]
        found = books(world.inspect("it"))
        assert samples > 100
        assert set(every) == {"ok", "error"}
        assert found == {
            "requests": len(every),
            "ok": every.count("ok"),
            "error": every.count("error"),
            "active": 0,
            "queued": 0,
        }

    def test_readers_come_and_go_unnoticed(
        self, run_daemon: RunDaemon, client: Client, world: World
    ) -> None:
        daemon = run_daemon({**config(workers=2), "log": {"level": "warning"}})
        daemon.wait_ready(2)
        until = time.monotonic() + 300
        stop = threading.Event()

        def keep_busy() -> None:
            while not stop.is_set() and time.monotonic() < until:
                client.call("default", "echo")

        callers = [threading.Thread(target=keep_busy) for _ in range(4)]
        for caller in callers:
            caller.start()
        try:
            wait_until(lambda: books(world.inspect("it"))["ok"] > 2000, 60, "a warm runtime")
            fds, rss, log = self.state(daemon)
            for n in range(100):
                self.attach_and_kill(world, n)
            after_fds, after_rss, after_log = self.state(daemon)
        finally:
            stop.set()
            for caller in callers:
                caller.join()
        assert after_fds == fds
        assert after_rss < rss + 4096
        assert after_log == log

    @staticmethod
    def state(daemon: Daemon) -> tuple[int, int, str]:
        fds = len(os.listdir(f"/proc/{daemon.pid}/fd"))
        return fds, rss_kib(daemon.pid), daemon.log_text()

    @staticmethod
    def attach_and_kill(world: World, n: int) -> None:
        """Three kinds of readers in turn; each is killed while it has the segment."""
        path = str(world.directory / "it.seg")
        if n % 3 == 0:
            exporter = Exporter(world.directory / "exporter.log", "-n", path)
            exporter.page()  # it attaches when it is asked
            assert maps(exporter.process, path)
            exporter.stop(signal.SIGKILL)
            return
        arguments = ["snakepit-top", "--once"] if n % 3 == 1 else ["snakepit-inspect"]
        reader = subprocess.Popen(
            [world.program(arguments[0]), *arguments[1:], "-n", path],
            stdout=subprocess.DEVNULL,
        )
        wait_until(
            lambda: maps(reader, path) or reader.poll() is not None, 5, "a reader"
        )
        reader.kill()
        # It may have been quicker than we, but then it was content.
        assert reader.wait() in (0, -signal.SIGKILL)
