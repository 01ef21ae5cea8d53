"""What snakepitd promises when something dies, hangs or is stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from typing import Any, ClassVar

import grpc
import pytest
from client import Client, ToolError
from harness import Daemon, World, metric, wait_until
from readers import Exporter
from runtime_kit import (
    RunDaemon,
    assert_books_balance,
    books,
    config,
    maps,
    rss_kib,
    wait_books,
    wait_metric,
    worker_pids,
)


def stop_and_wait_for(daemon: Daemon, phase: str) -> None:
    """Send SIGTERM and wait until the log has one more line of that phase."""
    seen = len(daemon.log_lines(msg=phase))
    daemon.process.send_signal(signal.SIGTERM)
    wait_until(
        lambda: len(daemon.log_lines(msg=phase)) > seen, 5, f"'{phase}' in the log"
    )


class TestWorkersEnd:
    def test_kill_9_is_replaced_and_counted(
        self, run_daemon: RunDaemon, client: Client, world: World
    ) -> None:
        run_daemon(config(workers=1)).wait_ready(1)
        victim = worker_pids(world)[0]
        os.kill(victim, signal.SIGKILL)
        wait_until(
            lambda: worker_pids(world).get(0, victim) != victim,
            10,
            "a replacement in slot 0",
        )
        assert client.call("default", "echo")["pid"] != victim
        report = world.inspect("it")
        assert metric(report, "snakepit.worker.restarts", worker="0") == 1
        assert metric(report, "snakepit.worker.exits", reason="signal") == 1
        assert metric(report, "snakepit.worker.starts", reason="restart") == 1
        assert report["workers"][0]["last_exit_reason"] == "signal"

    def test_a_parent_that_ignored_sigchld_changes_nothing(
        self, run_daemon: RunDaemon, world: World
    ) -> None:
        before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        try:
            daemon = run_daemon(config(workers=1))
        finally:
            signal.signal(signal.SIGCHLD, before)
        daemon.wait_ready(1)
        victim = worker_pids(world)[0]
        os.kill(victim, signal.SIGKILL)
        wait_until(
            lambda: worker_pids(world).get(0, victim) != victim, 10, "a replacement"
        )
        report = world.inspect("it")
        assert metric(report, "snakepit.worker.exits", reason="signal") == 1

    def test_a_worker_that_boots_too_long_is_ended_and_status_says_so(
        self, run_daemon: RunDaemon, world: World, cli: Callable[..., Any]
    ) -> None:
        run_daemon(
            config(
                workers=1,
                adapter="fault_adapter.SleepyAdapter",
                startup={"boot_timeout_ms": 1500},
            )
        )
        failures = "snakepit.worker.start_failures"
        wait_metric(world, failures, lambda n: n >= 1, reason="boot_timeout")
        limit = "no hello from it: startup.boot_timeout_ms (1500 ms) is over"
        assert limit in world.inspect("it")["workers"][0]["last_error"]
        assert limit in cli("status").stdout

    def test_the_running_request_gets_one_error_and_the_queued_ones_run(
        self, run_daemon: RunDaemon, client: Client, world: World
    ) -> None:
        run_daemon(config(workers=1)).wait_ready(1)
        running = client.future("default", "sleep", seconds=30)
        wait_books(world, active=1)
        waiting = [client.future("default", "echo", n=n) for n in range(8)]
        wait_books(world, queued=8)
        os.kill(worker_pids(world)[0], signal.SIGKILL)
        with pytest.raises(grpc.RpcError) as caught:
            running.result()
        assert caught.value.code() == grpc.StatusCode.UNAVAILABLE
        assert "default/0#1 died while it ran the request" in str(
            caught.value.details()
        )
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
        report = wait_metric(world, failures, lambda n: n >= 2, 20, reason="exited")
        assert "the model file is missing" in report["workers"][0]["last_error"]
        line = daemon.wait_log(
            msg="worker did not become ready, it will be started again after a pause"
        )
        assert "RuntimeError: the model file is missing" in line["stderr_tail"]
        assert "the model file is missing" in cli("status").stdout
        delays = [
            line["delay_ms"]
            for line in daemon.log_lines(msg="worker will be started again")
        ]
        assert all(delay <= 400 for delay in delays)


class TestHeartbeats:
    FAST: ClassVar[dict[str, Any]] = {
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
        wait_until(
            lambda: worker_pids(world).get(1, victim) != victim, 10, "a replacement"
        )
        report = world.inspect("it")
        assert report["workers"][1]["last_exit_reason"] == "heartbeat"
        assert metric(report, "snakepit.worker.exits", reason="heartbeat") == 1
        assert metric(report, "snakepit.heartbeat.failures", reason="timeout") >= 3
        wait_metric(world, "snakepit.heartbeat.missed", lambda n: n == 0, worker="1")

    def test_a_worker_that_comes_back_in_time_stays(
        self, run_daemon: RunDaemon, world: World
    ) -> None:
        slow = {**self.FAST, "max_missed_heartbeats": 20}
        run_daemon(config(heartbeat=slow)).wait_ready(2)
        victim = worker_pids(world)[0]
        missed = "snakepit.heartbeat.missed"
        os.kill(victim, signal.SIGSTOP)
        wait_metric(world, missed, lambda n: n >= 2, worker="0")
        os.kill(victim, signal.SIGCONT)
        wait_metric(world, missed, lambda n: n == 0, worker="0")
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
        wait_metric(world, missed, lambda n: n >= 5)
        os.kill(victim, signal.SIGCONT)
        wait_metric(world, missed, lambda n: n == 0)
        assert worker_pids(world)[0] == victim


class TestRuntimeEnds:
    def test_kill_9_takes_every_worker_along_and_the_segment_stays(
        self, run_daemon: RunDaemon, client: Client, world: World
    ) -> None:
        daemon = run_daemon(config(workers=3))
        daemon.wait_ready(3)
        client.call("default", "echo")
        holding = client.future("default", "hold_gil", seconds=30)
        wait_books(world, active=1)
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
            lambda: world.inspect("it")["segment"]["incarnation"] == 2,
            10,
            "a new segment",
        )
        second.wait_ready(2)
        assert client.call("default", "echo", a=1)["a"] == 1
        assert (world.directory / "it.prev.seg").exists()

    def test_sigterm_lets_running_requests_finish_and_leaves_nothing(
        self, run_daemon: RunDaemon, client: Client, world: World
    ) -> None:
        daemon = run_daemon(config(workers=1))
        daemon.wait_ready(1)
        gate = world.directory / "gate"
        running = client.future("default", "wait_for", path=str(gate))
        wait_books(world, active=1)
        waiting = client.future("default", "echo", a=1)
        wait_books(world, queued=1)
        stop_and_wait_for(daemon, "stopping")
        gate.touch()
        assert running.result()
        assert waiting.result()
        assert daemon.process.wait(10) == 0
        left = {path.name for path in world.directory.iterdir()}
        assert left == {daemon.config.name, daemon.log.name, gate.name}

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
        wait_books(world, active=1)
        for phase in ("stopping", "stopping faster", "stopping faster"):
            stop_and_wait_for(daemon, phase)
        assert daemon.process.wait(10) == 0
        with pytest.raises(grpc.RpcError):
            stuck.result()


@pytest.mark.heavy
class TestUnderLoad:
    CALLERS = 64
    KILLS = 4
    LOOKS = 50  # at the books, while all that goes on

    def load(self, client: Client, over: threading.Event, outcomes: list[str]) -> None:
        """One caller: calls until it is told to stop, each with exactly one outcome."""
        n = 0
        while not over.is_set():
            n += 1
            tool = "fail" if n % 10 == 0 else "echo"
            try:
                client.call("default", tool, timeout_s=20)
                outcomes.append("ok")
            except ToolError:
                outcomes.append("error")
            except grpc.RpcError as error:
                outcomes.append(error.code().name)

    def test_every_request_has_one_outcome_and_the_books_always_balance(
        self, run_daemon: RunDaemon, client: Client, world: World
    ) -> None:
        quiet = {**config(workers=4), "log": {"level": "warning"}}
        run_daemon(quiet).wait_ready(4)
        over = threading.Event()
        outcomes: list[list[str]] = [[] for _ in range(self.CALLERS)]
        callers = [
            threading.Thread(target=self.load, args=(client, over, mine))
            for mine in outcomes
        ]
        for caller in callers:
            caller.start()
        try:
            for kills in range(self.KILLS + 1):
                for _ in range(self.LOOKS):
                    assert_books_balance(world.inspect("it"))
                if kills < self.KILLS:  # so that lost requests are looked at too
                    wait_until(lambda: len(worker_pids(world)) == 4, 20, "four workers")
                    os.kill(worker_pids(world)[kills], signal.SIGKILL)
        finally:
            over.set()
            for caller in callers:
                caller.join()
        every = [outcome for mine in outcomes for outcome in mine]
        found = books(world.inspect("it"))
        assert set(every) <= {"ok", "error", "UNAVAILABLE"}
        assert every.count("UNAVAILABLE") <= self.KILLS
        assert found == {
            "requests": len(every),
            "ok": every.count("ok"),
            "error": every.count("error") + every.count("UNAVAILABLE"),
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
            wait_until(
                lambda: books(world.inspect("it"))["ok"] > 2000, 60, "a warm runtime"
            )
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
