"""Cases 40 to 52: what happens to the runtime itself, its host, and its readers."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import BUILD, metric, wait_until
from readers import Exporter
from runtime_kit import INSTANCE, free_port, maps
from tampering import Clock, confined, wrapped
from trials import JUDGED, SOON, Trial, by_size, config, wait_for_s

REPLACED_S = 10.0
SUSPICIONS = "snakepit.worker.suspicions"
PAUSES = "snakepit.runtime.pauses"
HOST = Path(__file__).with_name("host_program.py")
HOUR_NS = 3600 * 1_000_000_000

case = pytest.mark.case


# ---- time


@case(40)
def test_runtime_stopped(trial: Trial) -> None:
    """SIGSTOP the runtime: going on, it knows that it was away, and kills nobody."""
    daemon = trial.start(heartbeat=JUDGED, workers=3, ready=3)
    calls = trial.calls()
    pids = trial.pids()
    wait_until(
        lambda: metric(trial.world.inspect(INSTANCE), "snakepit.heartbeat.pongs") > 6,
        10,
        "heartbeats",
    )
    trial.inject()
    os.kill(daemon.pid, signal.SIGSTOP)
    wait_for_s(by_size(4, 30))
    trial.now()
    os.kill(daemon.pid, signal.SIGCONT)
    trial.detect(5, "runtime_stalled")
    trial.label = "runtime_stalled"
    assert calls.call("echo")
    trial.recovered_now()
    before = trial.grown("snakepit.heartbeat.pongs")
    wait_until(
        lambda: trial.grown("snakepit.heartbeat.pongs") >= before + 12,
        15,
        "heartbeats that go on",
    )
    assert trial.pids() == pids
    trial.nobody_died()
    assert trial.grown(PAUSES, kind="stall") >= 1
    assert trial.grown(SUSPICIONS) == 0
    calls.settle(ok=1)


@case(41)
@pytest.mark.parametrize("step", ["forward", "back"])
def test_clock_step(trial: Trial, step: str) -> None:
    """The wall clock jumps by an hour: no timeout, no kill, no negative time."""
    clock = Clock(trial.world)
    daemon = trial.start(heartbeat=JUDGED, workers=2, ready=2)
    assert "clock_shift" in Path(f"/proc/{daemon.pid}/maps").read_text()
    calls = trial.calls()
    gate = trial.world.directory / "gate"
    calls.start("wait_for", path=str(gate))
    calls.waiting(active=1)
    pids = trial.pids()
    trial.inject()
    clock.shift(wall_ns=HOUR_NS if step == "forward" else -HOUR_NS)
    wait_for_s(by_size(3.5, 20))
    gate.touch()
    assert calls.call("echo")
    calls.settle(ok=2)
    assert trial.pids() == pids
    trial.nobody_died()
    assert trial.grown(SUSPICIONS) == 0
    assert trial.grown(PAUSES, kind="suspend") == 0
    for entry in trial.world.inspect(INSTANCE)["metrics"]:
        for series in entry["series"]:
            assert series.get("sum", 0) >= 0, entry["name"]


@case(42)
def test_suspend(trial: Trial) -> None:
    """The host sleeps for an hour, as CLOCK_BOOTTIME tells: counted, no kill."""
    clock = Clock(trial.world)
    trial.start(heartbeat=JUDGED, workers=2, ready=2)
    calls = trial.calls()
    pids = trial.pids()
    trial.inject()
    clock.shift(boot_ns=HOUR_NS)
    event = trial.detect(5, "runtime_suspended")
    trial.label = "runtime_suspended"
    assert 3_599_000 <= event["values"][0] <= 3_601_000
    wait_for_s(by_size(2, 20))
    assert calls.call("echo")
    calls.settle(ok=1)
    assert trial.pids() == pids
    trial.nobody_died()
    trial.grew(PAUSES, 1, kind="suspend")


# ---- processors, memory


@contextlib.contextmanager
def spinners(cpu: set[int], count: int) -> Iterator[None]:
    """Run processes that want nothing but this processor."""
    command = [
        sys.executable,
        "-c",
        f"import os; os.sched_setaffinity(0, {cpu})\nwhile True: pass",
    ]
    started = [subprocess.Popen(command) for _ in range(count)]
    try:
        yield
    finally:
        for process in started:
            process.kill()
            process.wait()


@case(43)
def test_starved(trial: Trial) -> None:
    """Eight spinners on the one processor that a worker, at nice 19, may use."""
    trial.start(heartbeat=JUDGED)
    calls = trial.calls()
    pid = trial.pids()[0]
    cpu = {max(os.sched_getaffinity(0))}
    trial.inject()
    with spinners(cpu, 8):
        for tid in os.listdir(f"/proc/{pid}/task"):
            os.sched_setaffinity(int(tid), cpu)
            os.setpriority(os.PRIO_PROCESS, int(tid), 19)
        busy = calls.start("spin", seconds=0.2, timeout_s=180)
        wait_for_s(by_size(4, 60))
        assert trial.grown("snakepit.worker.exits") == 0
    assert calls.outcome(busy, 120) == "ok"
    calls.settle(ok=1)
    trial.nobody_died()
    assert trial.pids()[0] == pid


@case(43)
def test_cpu_quota(trial: Trial) -> None:
    """A worker that may use 5 % of a processor: slow, and left alone."""
    trial.start(heartbeat=JUDGED)
    calls = trial.calls()
    pid = trial.pids()[0]
    trial.inject()
    with confined("cpu", [pid]) as group:
        (group / "cpu.cfs_period_us").write_text("100000\n")
        (group / "cpu.cfs_quota_us").write_text("5000\n")
        busy = calls.start("spin", seconds=by_size(2, 30), timeout_s=180)
        assert calls.outcome(busy, 180) == "ok"
    calls.settle(ok=1)
    trial.nobody_died()


@case(44)
def test_memory_pressure(trial: Trial) -> None:
    """The runtime and its workers at the edge of their memory: slow, no kill."""
    daemon = trial.start(heartbeat=JUDGED, workers=2, ready=2)
    calls = trial.calls()
    big = Path("/var/tmp") / f"snakepit-test-{os.getpid()}"
    pids = trial.pids()
    trial.inject()
    try:
        with confined("memory", [daemon.pid, *pids.values()]) as group:
            (group / "memory.limit_in_bytes").write_text(f"{24 << 20}\n")
            seconds = by_size(2, 60)
            calls.start("churn", timeout_s=180, path=str(big), mib=64, seconds=seconds)
            for _ in range(20):
                assert calls.call("echo")
            calls.settle(ok=21)
            failures = int((group / "memory.failcnt").read_text())
    finally:
        big.unlink(missing_ok=True)
    assert failures > 0
    assert trial.pids() == pids
    trial.nobody_died()


# ---- the end of the runtime, and what it leaves


@case(45)
@pytest.mark.parametrize("worker", ["idle", "holding the GIL", "stopped"])
def test_kill_runtime(trial: Trial, worker: str) -> None:
    """SIGKILL the runtime: its workers go with it, and a new one starts clean."""
    daemon = trial.start(workers=2, ready=2)
    calls = trial.calls()
    if worker == "holding the GIL":
        for _ in range(2):
            calls.start("hold_gil", seconds=60)
        calls.waiting(active=2)
    elif worker == "stopped":
        for pid in trial.pids().values():
            os.kill(pid, signal.SIGSTOP)
    trial.now()
    daemon.kill()
    wait_until(lambda: not daemon.processes(), 2, "the end of every process")
    trial.detected_now("dead")
    assert trial.world.inspect(INSTANCE)["writer"]["verdict"] == "dead"
    lost = [calls.outcome(future) for future in calls.futures]
    assert lost == ["UNAVAILABLE"] * len(calls.futures)
    trial.restart(workers=2)
    trial.recovered_now()
    again = trial.calls()
    assert again.call("echo")
    again.settle(ok=1)
    assert metric(trial.world.inspect(INSTANCE), "snakepit.runtime.orphans") == 0


@case(46)
def test_pid_reused(trial: Trial) -> None:
    """A stale file names a pid that somebody else has now: that one is not touched."""
    daemon = trial.start()
    census = trial.world.directory / f"{INSTANCE}.census"
    worker = trial.pids()[0]
    text = census.read_text()
    daemon.kill()
    wait_until(lambda: not daemon.processes(), 5, "the end of every process")
    with subprocess.Popen(["sleep", "600"]) as stranger:
        try:
            as_was, as_is = (f"{pid:>8} " for pid in (worker, stranger.pid))
            assert as_was in text
            census.write_text(text.replace(as_was, as_is))
            trial.restart()
            assert stranger.poll() is None
        finally:
            stranger.kill()
    assert metric(trial.world.inspect(INSTANCE), "snakepit.runtime.orphans") == 0


# ---- no more of something


@case(47)
def test_no_descriptors(trial: Trial) -> None:
    """No file descriptor is left for a new worker: tried again until there is one."""
    daemon = trial.start(restart={**SOON, "breaker_deaths": 1000})
    calls = trial.calls()
    assert calls.call("echo")
    soft, hard = resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE)
    used = len(os.listdir(f"/proc/{daemon.pid}/fd"))
    trial.inject()
    resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (used - 4, hard))
    os.kill(trial.pids()[0], signal.SIGKILL)
    trial.detect(2, to="exited", reason="killed_external")
    failures = "snakepit.worker.start_failures"
    wait_until(
        lambda: trial.grown(failures, reason="spawn_failed") >= 2, 10, "failed starts"
    )
    trial.label = "spawn_failed"
    assert daemon.process.poll() is None
    trial.now()
    resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (soft, hard))
    trial.recover(REPLACED_S)
    assert calls.call("echo")
    calls.settle(ok=2)


@case(47)
def test_no_processes(trial: Trial) -> None:
    """EAGAIN at fork: tried again until a process can be made."""
    daemon = trial.start(restart={**SOON, "breaker_deaths": 1000})
    calls = trial.calls()
    failures = "snakepit.worker.start_failures"
    trial.inject()
    with confined("pids", [daemon.pid]) as group:
        now = (group / "pids.current").read_text().strip()
        (group / "pids.max").write_text(f"{now}\n")
        os.kill(trial.pids()[0], signal.SIGKILL)
        wait_until(
            lambda: trial.grown(failures, reason="spawn_failed") >= 2, 10, "failures"
        )
        trial.detected_now("spawn_failed")
        trial.now()
        (group / "pids.max").write_text("max\n")
        trial.recover(REPLACED_S)
    assert calls.call("echo")
    calls.settle(ok=1)


@case(47)
def test_no_room(trial: Trial) -> None:
    """The file system of the segment is full while the runtime runs: it goes on."""
    probe = ["unshare", "-rm", "mount", "-t", "tmpfs", "none", "/mnt"]
    done = subprocess.run(probe, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"no mount in a namespace of our own: {done.stderr.strip()}")
    place = trial.world.directory / "small"
    place.mkdir()
    mount = f'mount -t tmpfs -o size=64m,mode=0700 none "{place}" && exec "$@"'
    wrapped(trial.world, f"exec unshare -rm sh -c '{mount}' sh \"$@\"")
    settings = {**config(), "data_dir": str(place)}
    daemon = trial.start(settings, ready=0)
    daemon.wait_log(timeout_s=30, msg="worker ready", component="worker")
    inside = Path(f"/proc/{daemon.pid}/root{place}")
    with (inside / "filler").open("wb") as filler, contextlib.suppress(OSError):
        while True:
            filler.write(bytes(1 << 20))
    ready = {"msg": "worker ready", "component": "worker"}
    worker = int(daemon.log_lines(**ready)[0]["worker_pid"])
    trial.instance = str(inside / f"{INSTANCE}.seg")
    trial.now()
    os.kill(worker, signal.SIGKILL)
    wait_until(lambda: len(daemon.log_lines(**ready)) == 2, 20, "another worker")
    trial.recovered_now()
    report = trial.world.inspect(trial.instance)
    assert metric(report, "snakepit.worker.exits", reason="signal") == 1


# ---- readers


def reader_of(command: list[str], path: str) -> subprocess.Popen[bytes]:
    """Start a reader and wait until it maps the segment, or was quicker than we."""
    reader = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    wait_until(lambda: maps(reader, path) or reader.poll() is not None, 5, "a map")
    return reader


@case(48)
def test_readers(trial: Trial) -> None:
    """Readers are killed and stopped while they map the segment; none is noticed."""
    daemon = trial.start()
    calls = trial.calls()
    path = str(trial.world.directory / f"{INSTANCE}.seg")
    command = [str(trial.world.program("snakepit-inspect")), "-n", path, "--json"]
    assert calls.call("echo")
    fds = len(os.listdir(f"/proc/{daemon.pid}/fd"))
    trial.inject()
    stopped = []
    for n in range(int(by_size(20, 100))):
        stopped.append(reader_of(command, path))
        stopped[-1].send_signal(signal.SIGSTOP if n % 2 else signal.SIGKILL)
    for _ in range(20):
        assert calls.call("echo")
    for reader in stopped:
        reader.kill()
        reader.wait()
    calls.settle(ok=21)
    trial.nobody_died()
    assert len(os.listdir(f"/proc/{daemon.pid}/fd")) == fds


@case(48)
def test_restart_under_reader(trial: Trial) -> None:
    """The runtime is killed and started again under a reader, which follows."""
    first = trial.start()
    seg = str(trial.world.directory / f"{INSTANCE}.seg")
    exporter = Exporter(trial.world.directory / "exporter.log", "-n", seg)
    starts = "snakepit_worker_starts_total"
    try:
        assert starts in exporter.page()
        trial.now()
        first.kill()
        trial.restart()
        calls = trial.calls()
        assert calls.call("echo")

        def seen() -> bool:
            samples = exporter.samples()
            name = "snakepit_pool_request_outcomes_total"
            labels = (("outcome", "ok"), ("pool", "default"))
            return any(
                key[0] == name and set(labels) <= set(key[1]) and value == 1
                for key, value in samples.items()
            )

        wait_until(seen, 10, "the new runtime's numbers in the reader")
        trial.recovered_now()
        calls.settle(ok=1)
    finally:
        exporter.stop()


@case(49)
def test_slow_scraper(trial: Trial) -> None:
    """Clients of the metrics that ask and never read: calls do not notice."""
    port = free_port()
    listen = {"enabled": True, "listen": f"127.0.0.1:{port}"}
    trial.start({**config(), "readers": {"prometheus": listen}})
    calls = trial.calls()

    def connected() -> socket.socket | None:
        peer = socket.create_connection(("127.0.0.1", port), timeout=5)
        peer.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 50)
        return peer

    trial.inject()
    first = wait_until(connected, 10, "the reader to listen")
    peers = [first, *(connected() for _ in range(int(by_size(20, 200))))]
    for _ in range(50):
        assert calls.call("echo")
    calls.settle(ok=50)
    trial.nobody_died()
    for peer in peers:
        if peer:
            peer.close()


# ---- the log


@case(28)
def test_log_unread(trial: Trial) -> None:
    """Nobody reads the runtime's standard error: lines are dropped and counted."""
    fifo = trial.world.directory / "fifo"
    os.mkfifo(fifo)
    wrapped(trial.world, f"exec \"$@\" 2<>'{fifo}'")
    trial.start()
    calls = trial.calls()
    trial.inject()
    assert calls.call("flood", mib=2)
    assert calls.call("echo")
    trial.recovered_now()
    wait_until(
        lambda: trial.grown("snakepit.log.lines.dropped") > 0, 5, "dropped lines"
    )
    trial.nobody_died()
    calls.settle(ok=2)


# ---- embedded


@case(51)
def test_sigchld_ignored(trial: Trial) -> None:
    """SIGCHLD was ignored by who started the runtime: exits are still told apart."""
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        trial.start(ready=0)
    finally:
        signal.signal(signal.SIGCHLD, before)
    wait_until(trial.pids, 20, "a worker")
    calls = trial.calls()
    trial.inject()
    calls.call("die", status=9)
    event = trial.detect(3, to="exited")
    assert event["reason"] == "exit_code"
    trial.recover(REPLACED_S)
    trial.exited("exit_code")
    calls.settle(UNAVAILABLE=1)


@contextlib.contextmanager
def embedded(trial: Trial, how: str) -> Iterator[subprocess.Popen[str]]:
    """Run a program that has a runtime inside, and treats it as `how` says."""
    host = subprocess.Popen(
        [sys.executable, str(HOST), how, json.dumps(config(workers=2))],
        env={**trial.world.env, "LIBSNAKEPIT": str(BUILD / "lib" / "libsnakepit.so")},
        stdin=subprocess.PIPE,
        text=True,
    )
    try:
        wait_until(lambda: len(trial.pids()) == 2, 20, "two workers")
        yield host
        host.communicate("stop\n", timeout=20)
        assert host.returncode == 0
    finally:
        host.kill()
        host.wait()


@pytest.mark.parametrize(
    "how",
    [
        pytest.param("thread ends", marks=case(50)),
        pytest.param("reaps all", marks=case(51)),
        pytest.param("forks", marks=case(52)),
    ],
)
def test_embedded(trial: Trial, how: str) -> None:
    """A host program whose starting thread ends, that reaps every child, or that forks.

    The runtime is in the program, by libsnakepit: a worker that dies is seen and
    replaced, and the others live on.
    """
    with embedded(trial, how):
        calls = trial.calls()
        pids = trial.pids()
        trial.inject()
        os.kill(pids[1], signal.SIGKILL)
        trial.detect(2, to="exited", slot=1)
        trial.recover(REPLACED_S, slot=1)
        trial.grew("snakepit.worker.exits", 1)
        assert trial.pids()[0] == pids[0]
        assert calls.call("echo")
        calls.settle(ok=1)
        trial.take_stock()
