"""Each way in which the existing Elixir system failed, as a test of this one.

Rows 1 to 39 were fixed there, at a price; rows A to L were open when they were
collected. Each test is the failure in its smallest form; other suites test the same
parts at length.
"""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import signal
import socket
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import pytest
from account import cells, total
from client import CORRELATION_KEY, Client, request
from harness import ROOT, Daemon, Ended, metric, wait_until
from readers import Exporter
from runtime_kit import ADAPTERS, INSTANCE, free_port, rss_kib
from snakepit_bridge._generated import health_pb2
from standin import Hub
from tampering import Clock, confined, wrapped
from trials import JUDGED, SOON, Trial, config, undo, wait_for_s

FAILING = "chaos_adapter.FailingAdapter"
ODD = str(Path(ADAPTERS) / "odd_worker.py")
EXITS = "snakepit.worker.exits"
STARTS = "snakepit.worker.starts"
ORPHANS = "snakepit.runtime.orphans"
BEATING = {**JUDGED, "max_missed_heartbeats": 1000}


def failing(**pool: Any) -> dict[str, Any]:
    return config(**{"adapter": FAILING, **pool})


def value(trial: Trial, name: str, **labels: str) -> float:
    return metric(trial.world.inspect(INSTANCE), name, **labels)


def wait_value(trial: Trial, least: float, name: str, **labels: str) -> None:
    wait_until(lambda: value(trial, name, **labels) >= least, 15, f"{name} {least}")


def no_process_of(daemon: Daemon) -> bool:
    return not daemon.processes()


def descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


# ---- fixed there ---------------------------------------------------------------------


def test_row_01_workers_lived_on_when_the_parent_was_killed(trial: Trial) -> None:
    daemon = trial.start(workers=3, ready=3)
    calls = trial.calls()
    for _ in range(6):
        calls.start("sleep", seconds=30)
    calls.waiting(active=3, queued=3)
    daemon.kill()
    wait_until(lambda: not daemon.processes(), 2, "the end of every process")


def test_row_02_the_boot_sweep_killed_who_had_got_the_pid(trial: Trial) -> None:
    daemon = trial.start()
    census = trial.world.directory / f"{INSTANCE}.census"
    worker, text = trial.pids()[0], census.read_text()
    daemon.kill()
    wait_until(lambda: not daemon.processes(), 5, "the end of every process")
    with subprocess.Popen(["sleep", "60"]) as stranger:
        census.write_text(text.replace(f"{worker:>8} ", f"{stranger.pid:>8} "))
        assert str(stranger.pid) in census.read_text()
        trial.restart()
        assert stranger.poll() is None
        stranger.kill()
    assert value(trial, ORPHANS) == 0


def test_row_03_the_pid_watched_was_a_wrappers(trial: Trial) -> None:
    trial.start()
    assert trial.calls().call("echo")["pid"] == trial.pids()[0]


def test_row_04_grandchildren_survived_a_late_setsid(trial: Trial) -> None:
    daemon = trial.start()
    assert trial.calls().call("fork_away")
    assert len(trial.world.processes()) > 4
    os.kill(daemon.pid, signal.SIGTERM)
    assert daemon.process.wait(15) == 0
    wait_until(lambda: not trial.world.processes(), 3, "the end of all")


def test_row_05_a_zombie_counted_as_alive(trial: Trial) -> None:
    daemon = trial.start(failing())
    assert trial.calls().call("leave_zombie")
    began = time.monotonic()
    os.kill(daemon.pid, signal.SIGTERM)
    assert daemon.process.wait(10) == 0
    assert time.monotonic() - began < 5  # stop_timeout_ms alone is 6 s


def test_row_06_a_fast_exit_beat_the_cleanup(trial: Trial) -> None:
    daemon = trial.start()
    assert trial.calls().call("echo")
    os.kill(daemon.pid, signal.SIGTERM)
    assert daemon.process.wait(10) == 0
    assert not trial.world.processes()
    assert not list(trial.world.directory.glob("*.census"))


def test_row_07_the_time_to_kill_was_shorter_than_to_leave(
    trial: Trial, cli: Any
) -> None:
    slow = "chaos_adapter.SlowToLeaveAdapter"
    trial.start(adapter=slow)
    trial.inject()
    assert cli("recycle", "default/0").returncode == 0
    trial.exited("recycled")
    assert trial.moves(to="exited", reason="exit_zero")
    assert not trial.moves(to="killing")
    assert trial.grown("snakepit.worker.restarts") == 0


def test_row_08_a_stop_was_counted_as_crashes(trial: Trial) -> None:
    daemon = trial.start(workers=4, ready=4)
    pids = trial.pids()
    os.kill(daemon.pid, signal.SIGTERM)
    for pid in pids.values():  # as a service manager does that signals all
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    assert daemon.process.wait(10) == 0
    assert daemon.log_lines(msg="workers ended")[0]["reasons"] == "shutdown 4"


def test_row_09_an_exit_with_0_was_not_replaced(trial: Trial) -> None:
    trial.start()
    trial.inject()
    trial.calls().call("die", status=0)
    trial.recover(10)
    trial.exited("clean")


def test_row_10_readiness_was_a_line_on_stdout(trial: Trial) -> None:
    trial.start(adapter="chaos_adapter.NoisyAdapter")
    (ready,) = trial.moves(to="ready")
    (spawned,) = trial.moves(to="starting")
    assert ready["mono_ns"] - spawned["mono_ns"] > 1e9
    assert trial.calls().call("echo")


def test_row_11_a_half_written_report_was_read(trial: Trial) -> None:
    gate = trial.world.directory / "gate"
    gate.touch()
    trial.start(config(script=ODD, env=["ODD=mute", f"GATE={gate}"]), ready=0)
    wait_until(lambda: trial.moves(to="warming", reason="hello"), 10, "the hello")
    assert not trial.moves(to="killing")


def test_row_12_a_worker_found_no_host_yet(trial: Trial) -> None:
    trial.start(adapter="chaos_adapter.CallingAdapter")
    assert value(trial, "snakepit.worker.start_failures") == 0


def test_row_13_the_port_on_record_was_0(trial: Trial) -> None:
    port = free_port()
    daemon = trial.start({**config(), "listen": [f"127.0.0.1:{port}"]})
    addresses = {line["address"] for line in daemon.log_lines(msg="listening")}
    assert f"127.0.0.1:{port}" in addresses
    with socket.create_connection(("127.0.0.1", port), timeout=5):
        pass


def test_row_14_many_workers_were_too_many_threads(trial: Trial) -> None:
    with Hub(trial.world.build, trial.world.directory) as hub:
        pool = hub.pool(250)
        daemon = trial.start({"instance": INSTANCE, "pools": [pool]}, ready=250)
        assert len(os.listdir(f"/proc/{daemon.pid}/task")) < 24
        daemon.stop()


def test_row_15_calls_were_routed_before_a_worker_was_ready(trial: Trial) -> None:
    daemon = trial.start(adapter="chaos_adapter.NoisyAdapter", ready=0)
    daemon.wait_log(msg="runtime started")
    with contextlib.closing(Client(trial.world.directory, INSTANCE)) as client:
        assert client.call("default", "echo", a=1)["a"] == 1
    assert value(trial, "snakepit.pool.request.outcomes", outcome="error") == 0


def test_row_15_callers_of_a_dead_pool_waited_for_nothing(trial: Trial) -> None:
    restart = {**SOON, "breaker_deaths": 2, "breaker_probe_ms": 60_000}
    broken = config(adapter="chaos_adapter.ExitingAdapter", restart=restart)
    trial.start(broken, ready=0)
    wait_until(lambda: trial.events("breaker_opened"), 15, "the breaker")
    calls = trial.calls()
    began = time.monotonic()
    assert calls.outcome(calls.start("echo")) == "UNAVAILABLE"
    assert time.monotonic() - began < 8  # in the queue it would be 10 s


def test_row_16_workers_lost_their_monitor(trial: Trial) -> None:
    daemon = trial.start()

    def guard() -> int:
        for entry in Path(f"/proc/{daemon.pid}/task").glob("*/children"):
            for pid in entry.read_text().split():
                if b"snakepit-guard" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    return int(pid)
        return 0

    old = wait_until(guard, 5, "the guard")
    os.kill(old, signal.SIGKILL)
    wait_until(lambda: guard() not in (0, old), 5, "another guard")
    trial.inject()
    os.kill(trial.pids()[0], signal.SIGKILL)
    trial.recover(10)
    daemon.kill()
    wait_until(lambda: not daemon.processes(), 2, "the end of every process")


def test_row_17_a_timer_fired_after_its_answer(trial: Trial) -> None:
    trial.start(heartbeat={**BEATING, "timeout_ms": 250})
    calls = trial.calls()
    for _ in range(4):
        calls.call("hold_gil", seconds=0.25)  # answers come at the edge of the time

    def counted() -> bool:
        report = trial.world.inspect(INSTANCE)
        sent = metric(report, "snakepit.heartbeat.pings")
        late = metric(report, "snakepit.heartbeat.failures", reason="late_pong")
        ended = metric(report, "snakepit.heartbeat.pongs")
        ended += metric(report, "snakepit.heartbeat.failures") - late
        assert sent - 1 <= ended <= sent, (sent, ended, late)
        return bool(sent > 10)

    wait_until(counted, 10, "each ping counted once")


def test_row_18_one_hung_worker_froze_the_pings_of_others(trial: Trial) -> None:
    trial.start(workers=2, ready=2, heartbeat=BEATING)
    hung = trial.pids()[1]
    with undo(lambda: os.kill(hung, signal.SIGCONT)):
        os.kill(hung, signal.SIGSTOP)
        wait_value(trial, 2, "snakepit.heartbeat.missed", worker="1")
        trial.inject()
        wait_until(
            lambda: trial.grown("snakepit.heartbeat.pongs", worker="0") >= 5,
            15,
            "pongs",
        )
        assert value(trial, "snakepit.heartbeat.missed", worker="0") == 0


def test_row_19_a_timed_out_request_was_answered_twice_and_ran(trial: Trial) -> None:
    trial.start()
    calls = trial.calls()
    for n in range(60):
        calls.start("sleep", seconds=0.05, timeout_s=0.5 + n / 25)
    outcomes = calls.settle()
    assert set(outcomes) <= {"ok", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED"}
    # What timed out while it waited never ran.
    refused = value(trial, "snakepit.pool.queue.rejections")
    arrived = value(trial, "snakepit.pool.requests")
    assert value(trial, "snakepit.worker.requests") == arrived - refused
    assert outcomes["ok"] > 0


def test_row_20_an_inner_timeout_was_longer_than_the_outer(trial: Trial) -> None:
    trial.start(failing())
    left = trial.calls().call("remaining", timeout_s=5)
    assert 0 < left <= 5.05  # gRPC rounds timeouts up, to three digits


def test_row_21_tables_grew_without_bound(trial: Trial) -> None:
    trial.world.env["SNAKEPIT_PYTHON"] = "/bin/false"
    never = {"backoff_min_ms": 1, "backoff_max_ms": 1, "breaker_deaths": 1000}
    daemon = trial.start(config(restart=never), ready=0)

    def size() -> tuple[int, ...]:
        report = trial.world.inspect(INSTANCE)
        rows = len(report["workers"]) + len(report["tools"])
        return (rows, len(os.listdir(trial.world.directory)), descriptors(daemon.pid))

    wait_value(trial, 20, STARTS)
    first = size()
    wait_value(trial, 200, STARTS)
    assert size()[:2] == first[:2]
    # Starts under way have some; 180 ends that left one each behind would be more.
    assert size()[2] <= first[2] + 40


def test_row_22_every_start_waited_for_the_disk(trial: Trial) -> None:
    with Hub(trial.world.build, trial.world.directory) as hub:
        settings = {"instance": INSTANCE, "pools": [hub.pool(100)]}
        daemon = trial.start(settings, ready=100)
        moves = trial.moves(to="starting")
        took_s = (moves[-1]["mono_ns"] - moves[0]["mono_ns"]) / 1e9
        assert took_s < 5, took_s
        daemon.stop()


def test_row_23_a_sweep_killed_workers_of_other_instances(trial: Trial) -> None:
    foreign = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    trial.start()
    pid = trial.pids()[0]
    other = trial.run_daemon({**config(), "instance": "it2"})
    other.wait_log(msg="worker ready", component="worker")
    other.kill()
    wait_until(lambda: not other.processes(), 3, "the end of the other's")
    again = trial.run_daemon({**config(), "instance": "it2"})
    again.wait_log(msg="worker ready", component="worker")
    assert trial.pids()[0] == pid
    assert foreign.poll() is None
    foreign.communicate(b"\n")


def test_row_24_a_shutdown_flag_outlived_its_owner(trial: Trial) -> None:
    daemon = trial.start()
    calls = trial.calls()
    calls.start("sleep", seconds=30)
    calls.waiting(active=1)
    os.kill(daemon.pid, signal.SIGTERM)
    daemon.wait_log(msg="stopping")
    daemon.kill()
    wait_until(lambda: not daemon.processes(), 3, "the end of every process")
    trial.restart()
    assert trial.calls().call("echo")


def test_row_25_cleanup_could_block_the_shutdown(trial: Trial) -> None:
    short = {"drain_timeout_ms": 300, "stop_timeout_ms": 300, "kill_timeout_ms": 500}
    daemon = trial.start({**config(), "shutdown": short})
    with confined("freezer", [trial.pids()[0]]) as group:
        (group / "freezer.state").write_text("FROZEN\n")  # not even SIGKILL works
        os.kill(daemon.pid, signal.SIGTERM)
        assert daemon.process.wait(10) == 0
        (line,) = daemon.log_lines(msg="workers ended")
        assert line["unkillable"] == 1
        (group / "freezer.state").write_text("THAWED\n")


def test_row_26_threads_were_counted_and_never_used(trial: Trial) -> None:
    trial.start(profile="thread", threads_per_worker=4)
    calls = trial.calls()
    gate = trial.world.directory / "gate"
    for _ in range(4):
        calls.start("wait_for", path=str(gate))
    calls.waiting(active=4)
    gate.touch()
    calls.settle(ok=4)


def test_row_27_the_correlation_id_never_reached_python(trial: Trial) -> None:
    daemon = trial.start()
    trial.calls().client.pool.Execute(
        request("default", "echo"), metadata=[(CORRELATION_KEY, "row-27")], timeout=10
    )
    daemon.wait_log(correlation_id="row-27", msg="request finished")
    daemon.wait_log(correlation_id="row-27", msg="tool finished")


def test_row_28_events_were_lost_before_the_stream_attached(trial: Trial) -> None:
    telling = config(adapter="fault_adapter.TellingAdapter")
    trial.start({**telling, "telemetry": {"events": {"enabled": True}}})
    assert trial.calls().call("report_from_thread") is None
    wait_value(trial, 2, "snakepit.telemetry.events")
    assert value(trial, "snakepit.telemetry.events.dropped") == 0


def test_row_29_a_measurement_that_was_a_map_ended_the_reader(trial: Trial) -> None:
    settings = {**failing(), "telemetry": {"events": {"enabled": True}}}
    trial.start(settings)
    path = trial.world.directory / f"{INSTANCE}.seg"
    exporter = Exporter(trial.world.directory / "exporter.log", "-n", str(path))
    try:
        before = exporter.samples()
        trial.calls().call("report_map")
        after = exporter.samples()
        fell = [k for k in before if k[0].endswith("_total") and after[k] < before[k]]
        assert not fell
        assert exporter.process.poll() is None
    finally:
        exporter.stop()


def test_row_30_durations_were_negative(trial: Trial) -> None:
    clock = Clock(trial.world)
    trial.start()
    calls = trial.calls()
    gate = trial.world.directory / "gate"
    calls.start("wait_for", path=str(gate))
    calls.waiting(active=1)
    clock.shift(wall_ns=-3600 * 10**9)
    gate.touch()
    calls.settle(ok=1)
    for entry in trial.world.inspect(INSTANCE)["metrics"]:
        for series in entry["series"]:
            assert series.get("sum", 0) >= 0, entry["name"]
            assert series.get("min") is None or series["min"] >= 0, entry["name"]


def test_row_31_a_delta_was_always_0(trial: Trial) -> None:
    trial.start()
    calls = trial.calls()
    trial.inject()
    for _ in range(10):
        calls.call("echo")
    trial.grew("snakepit.requests", 10, method="echo")
    trial.grew("snakepit.request.duration", 10, method="echo")


def test_row_32_streams_hung_or_filled_the_memory(trial: Trial) -> None:
    daemon = trial.start()
    calls = trial.calls()
    stream = calls.stream("count", to=300, size=1 << 20)
    next(stream)
    before = rss_kib(daemon.pid)
    wait_for_s(0.5)  # a reader that reads nothing
    assert rss_kib(daemon.pid) < before + 64 * 1024
    stream.cancel()
    assert calls.call("echo")


def test_row_33_pickles_were_loaded_unasked(trial: Trial) -> None:
    trial.start(failing())
    marker = trial.world.directory / "unpickled"

    class Bomb:
        def __reduce__(self) -> tuple[Any, ...]:
            return (os.system, (f"touch {marker}",))

    message = request("default", "dangerous_modules")
    message.binary["data"] = pickle.dumps(Bomb())
    message.metadata["encoding"] = "pickle"
    with contextlib.suppress(grpc.RpcError):
        trial.calls().client.pool.Execute(message, timeout=10)
    assert not marker.exists()
    source = ROOT / "priv" / "python" / "snakepit_bridge"
    assert not [p for p in source.glob("*.py") if "import pickle" in p.read_text()]


def test_row_34_run_ids_collided_and_a_bad_registry_stopped_the_start(
    trial: Trial,
) -> None:
    runs = set()
    for start in (trial.start, trial.restart):
        daemon = start()
        runs.add(trial.world.inspect(INSTANCE)["segment"]["uuid"])
        daemon.kill()
        wait_until(partial(no_process_of, daemon), 3, "the end of all")
        (trial.world.directory / f"{INSTANCE}.census").write_bytes(b"snakepit-cen")
    trial.restart()
    runs.add(trial.world.inspect(INSTANCE)["segment"]["uuid"])
    assert len(runs) == 3


def test_row_35_the_exit_hung_on_a_closed_pipe(trial: Trial) -> None:
    wrapped(trial.world, 'exec 3>&1; exec "$@" >&- 2>&-')
    daemon = trial.start()
    os.kill(daemon.pid, signal.SIGTERM)
    assert daemon.process.wait(10) == 0


def test_row_36_tests_passed_although_no_worker_started(trial: Trial) -> None:
    daemon = trial.start(adapter="fault_adapter.BrokenAdapter", ready=0)
    with pytest.raises((AssertionError, Ended)):
        daemon.wait_ready(1, timeout_s=0.5)


def test_row_37_another_version_of_the_protocol_failed_in_the_field(
    trial: Trial,
) -> None:
    words = {"ready": True, "pid": 0, "python": "3", "protocol": 99, "capacity": 1}
    hello = json.dumps(words).replace('"pid": 0', '"pid": PID') + "\n"
    script = str(Path(ADAPTERS) / "hello_script.py")
    trial.start(config(script=script, env=[f"HELLO={hello}"]), ready=0)
    wait_until(lambda: trial.moves(to="killing"), 10, "its refusal")
    assert trial.moves(to="killing")[0]["reason"] == "protocol_mismatch"
    assert "99" in trial.world.inspect(INSTANCE)["workers"][0]["last_error"]


def test_row_38_a_table_vanished_with_who_had_made_it(trial: Trial) -> None:
    trial.start()
    segment = trial.world.directory / f"{INSTANCE}.seg"
    inode = segment.stat().st_ino
    trial.inject()
    os.kill(trial.pids()[0], signal.SIGKILL)
    trial.recover(10)
    assert segment.stat().st_ino == inode


def test_row_39_an_idle_stream_sent_no_headers(trial: Trial) -> None:
    telling = config(adapter="fault_adapter.TellingAdapter")
    trial.start({**telling, "telemetry": {"events": {"enabled": True}}})
    calls = trial.calls()
    wait_value(trial, 1, "snakepit.telemetry.events")
    wait_for_s(1)  # both streams have nothing to say
    watch = calls.client.health.Watch(health_pb2.HealthCheckRequest(), timeout=10)
    assert watch.initial_metadata() is not None
    assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
    watch.cancel()
    calls.call("report", count=1)
    wait_value(trial, 2, "snakepit.telemetry.events")


# ---- open there ----------------------------------------------------------------------


def test_row_a_one_slow_answer_killed_a_worker(trial: Trial) -> None:
    trial.start(heartbeat={**JUDGED, "max_missed_heartbeats": 20})
    pid = trial.pids()[0]
    os.kill(pid, signal.SIGSTOP)
    wait_value(trial, 1, "snakepit.heartbeat.missed")
    os.kill(pid, signal.SIGCONT)
    wait_until(lambda: value(trial, "snakepit.heartbeat.missed") == 0, 5, "no miss")
    assert trial.pids()[0] == pid


def test_row_b_dead_workers_stayed_available(trial: Trial) -> None:
    trial.start(workers=2, ready=2)
    calls = trial.calls()
    dead = trial.pids()[0]
    trial.inject()
    os.kill(dead, signal.SIGKILL)
    trial.detect(2, to="exited")
    for _ in range(20):
        assert calls.call("echo")["pid"] != dead
    calls.settle(ok=20)


def test_row_c_a_full_table_of_sessions_killed_idle_workers(trial: Trial) -> None:
    trial.start(heartbeat=JUDGED, sessions={"limit": 1})
    calls = trial.calls()
    assert calls.outcome(calls.start("echo", session="a")) == "ok"
    assert calls.outcome(calls.start("echo", session="b")) == "RESOURCE_EXHAUSTED"
    wait_value(trial, 5, "snakepit.heartbeat.pongs")
    assert value(trial, EXITS) == 0
    assert value(trial, "snakepit.heartbeat.failures") == 0


def test_row_d_the_memory_of_the_wrong_process_was_measured(trial: Trial) -> None:
    trial.start(lifecycle={"memory_sample_ms": 100})
    pid = trial.calls().call("leak", mib=100)

    def same() -> bool:
        measured = value(trial, "snakepit.worker.memory.usage") / 1024
        return abs(measured - rss_kib(pid)) < 8 * 1024

    wait_until(same, 10, "the memory of the worker")


def test_row_e_long_calls_in_threads_were_killed(trial: Trial) -> None:
    trial.start(heartbeat=JUDGED, profile="thread", threads_per_worker=3)
    calls = trial.calls()
    trial.inject()
    for _ in range(3):
        calls.start("sleep", seconds=3.5)
    calls.settle(ok=3)
    trial.nobody_died()


def test_row_f_gauges_stuck_and_errors_stayed_0(trial: Trial) -> None:
    trial.start(heartbeat=BEATING)
    calls = trial.calls()
    calls.call("fail")
    calls.settle(error=1)
    failures = "snakepit.request.failures"
    assert value(trial, failures, pool="default", code="TOOL_ERROR") == 1
    pid = trial.pids()[0]
    os.kill(pid, signal.SIGSTOP)
    wait_value(trial, 1, "snakepit.heartbeat.missed")
    os.kill(pid, signal.SIGCONT)
    wait_until(lambda: value(trial, "snakepit.heartbeat.missed") == 0, 5, "no miss")
    assert value(trial, "snakepit.heartbeat.latency", pool="default") > 0


def test_row_g_workers_listened_to_the_network(trial: Trial) -> None:
    trial.start()
    pid = trial.pids()[0]
    held = {os.readlink(fd) for fd in Path(f"/proc/{pid}/fd").iterdir()}
    listening = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A":
                listening.add(f"socket:[{fields[9]}]")
    assert not held & listening


def test_row_h_a_file_at_a_guessable_place(trial: Trial) -> None:
    trial.start()
    folder = trial.world.directory / f"{INSTANCE}.d"
    assert folder.stat().st_mode & 0o077 == 0
    pids = {str(pid) for pid in trial.pids().values()}
    assert not [p for p in os.listdir("/tmp") if any(pid in p for pid in pids)]


def test_row_i_a_replacement_was_tracked_twice(trial: Trial, cli: Any) -> None:
    daemon = trial.start()
    for _ in range(2):  # the first one opens what stays open
        before = descriptors(daemon.pid)
        trial.inject()
        slot = next(iter(trial.pids()))
        assert cli("recycle", f"default/{slot}").returncode == 0
        trial.exited("recycled")
        wait_until(lambda: len(trial.pids()) == 1, 10, "one worker")
    wait_until(lambda: descriptors(daemon.pid) <= before, 5, "as many descriptors")


def test_row_j_a_crash_lost_what_had_just_been_started(trial: Trial) -> None:
    daemon = trial.start(workers=4, ready=0)
    wait_until(lambda: len(daemon.processes()) >= 3, 10, "the first worker")
    daemon.kill()
    wait_until(lambda: not trial.world.processes(), 2, "the end of every process")


def test_row_k_a_live_registry_was_taken_for_stale(trial: Trial) -> None:
    daemon = trial.start()
    pid = trial.pids()[0]
    second = trial.world.run("snakepitd", "-c", str(daemon.config))
    assert second.returncode == 1
    assert "already running" in second.stderr
    assert trial.pids()[0] == pid


def test_row_l_each_recycle_made_two_replacements(trial: Trial, cli: Any) -> None:
    trial.start(workers=2, ready=2)
    trial.inject()
    for n in range(1, 3):
        slot = min(trial.pids())
        assert cli("recycle", f"default/{slot}").returncode == 0
        trial.grew(EXITS, n, reason="recycled")
        wait_until(lambda: len(trial.pids()) == 2, 10, "two workers")
    now = cells(trial.world.inspect(INSTANCE))
    assert total(now, STARTS) == 2 + 2
    assert total(now, EXITS) == 2
