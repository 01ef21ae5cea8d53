"""Nothing that a runtime started outlives it, and nothing else is touched.

The cycles of kill -9 are few here; SNP_CHAOS=full makes them a thousand.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from client import Client, request
from harness import Daemon, World, metric, wait_until
from runtime_kit import (
    INSTANCE,
    RunDaemon,
    config,
    wait_books,
    wait_metric,
    worker_pids,
)

GONE_WITHIN_S = 2.0
CYCLES = 1000 if os.environ.get("SNP_CHAOS") == "full" else 20
ORPHANS = "snakepit.runtime.orphans"
UUID = "5b0ce5a4-6d8b-4f34-9d4c-0e2f2f1d0c11"


def leaving(**pool: Any) -> dict[str, Any]:
    return config(**{"adapter": "orphan_adapter.OrphanAdapter", **pool})


def stat_fields(pid: int) -> list[str]:
    """Give the fields of /proc/<pid>/stat from the third, the state, on."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def is_alive(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return stat_fields(pid)[0] not in "ZX"
    return False


def wait_gone(pids: list[int], timeout_s: float = GONE_WITHIN_S) -> None:
    wait_until(
        lambda: not [pid for pid in pids if is_alive(pid)],
        timeout_s,
        f"the end of all of {pids}",
    )


def guard_of(daemon: Daemon) -> int:
    """Wait for the guard of a daemon and return its pid."""

    def look() -> int | None:
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if (
                    entry.name.isdigit()
                    and int(stat_fields(int(entry.name))[1]) == daemon.pid
                    and b"snakepit-guard" in (entry / "cmdline").read_bytes()
                ):
                    return int(entry.name)
        return None

    found = wait_until(look, 5, "a guard")
    assert found is not None
    return found


def events(world: World, kind: str) -> list[dict[str, Any]]:
    result = world.run("snakepit-inspect", "-n", INSTANCE, "--json", "--events")
    found = json.loads(result.stdout)["events"]
    return [event for event in found if event["kind"] == kind]


def census(world: World) -> Path:
    return world.directory / f"{INSTANCE}.census"


def write_census(world: World, workers: list[tuple[int, int]]) -> None:
    """Write what a killed run of this boot would have left."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    head = f"snakepit-census 1\nboot {boot}\nrun {UUID}\nowner 1 1\n"
    records = "".join(f"{pid:10} {start:20}\n" for pid, start in workers)
    census(world).write_text(f"{head:<255}\n{records}")


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    """Give a Python process of the same user that no runtime started."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    assert process.poll() is None, "a foreign process was ended"
    process.kill()
    process.wait()


class TestKill9:
    def test_takes_along_what_workers_started_however_they_left(
        self,
        run_daemon: RunDaemon,
        client: Client,
        stranger: subprocess.Popen[bytes],
    ) -> None:
        daemon = run_daemon(leaving(workers=1))
        daemon.wait_ready(1)
        left = client.call("default", "leave_behind")
        assert len(left) == 4
        assert all(is_alive(pid) for pid in left)
        guard = guard_of(daemon)
        daemon.kill()
        wait_gone([*left, guard])
        assert is_alive(stranger.pid)

    @pytest.mark.parametrize("state", ["stopped", "holding the GIL"])
    def test_whatever_state_the_worker_is_in(
        self, run_daemon: RunDaemon, client: Client, world: World, state: str
    ) -> None:
        daemon = run_daemon(leaving(workers=1))
        daemon.wait_ready(1)
        left = client.call("default", "leave_behind")
        victim = worker_pids(world)[0]
        if state == "stopped":
            os.kill(victim, signal.SIGSTOP)
        else:
            holding = client.future("default", "hold_gil", seconds=60)
            wait_books(world, active=1)
            assert not holding.done()
        daemon.kill()
        wait_gone([*left, victim])

    def test_under_load_again_and_again(
        self, run_daemon: RunDaemon, client: Client, world: World
    ) -> None:
        stop = threading.Event()

        def load() -> None:
            while not stop.is_set():
                with contextlib.suppress(grpc.RpcError):
                    client.call("default", "echo", timeout_s=1)

        callers = [threading.Thread(target=load) for _ in range(4)]
        for caller in callers:
            caller.start()
        try:
            for cycle in range(CYCLES):
                self.cycle(run_daemon, client, serve=cycle % 4 == 0)
        finally:
            stop.set()
            for caller in callers:
                caller.join()
        # Each run swept up before the next could find anything.
        run_daemon(leaving(workers=1)).wait_ready(1)
        assert metric(world.inspect(INSTANCE), ORPHANS) == 0

    @staticmethod
    def cycle(run_daemon: RunDaemon, client: Client, *, serve: bool) -> None:
        """One life: killed while it serves, or while its workers start."""
        daemon = run_daemon(leaving(workers=2))
        guard = guard_of(daemon)
        left = []
        if serve:
            daemon.wait_ready(2)
            left = client.call("default", "leave_behind")
        else:
            daemon.wait_log(msg="listening")
        daemon.kill()
        wait_until(lambda: not daemon.processes(), GONE_WITHIN_S, "the end of all")
        wait_gone([*left, guard])

    def test_of_one_runtime_does_not_concern_another(
        self, run_daemon: RunDaemon, client: Client, world: World
    ) -> None:
        other = run_daemon({**leaving(workers=1), "instance": "other"})
        daemon = run_daemon(leaving(workers=1))
        for each in (other, daemon):
            each.wait_log(msg="worker ready", component="worker")
        with contextlib.closing(Client(world.directory, "other")) as other_client:
            others = other_client.call("default", "leave_behind")
            left = client.call("default", "leave_behind")
            guard = guard_of(daemon)
            daemon.kill()
            wait_gone([*left, guard])
            assert all(is_alive(pid) for pid in others)
            assert other_client.call("default", "echo")["pid"]
        other.stop()
        wait_gone(others)


class TestWorkerEnd:
    @pytest.mark.parametrize("how", ["killed", "recycled"])
    def test_takes_along_what_that_worker_started_and_nothing_else(
        self, run_daemon: RunDaemon, client: Client, world: World, cli: Any, how: str
    ) -> None:
        daemon = run_daemon(leaving(workers=2))
        daemon.wait_ready(2)
        left = self.leave(client)
        gate = world.directory / "gate"
        busy = client.future("default", "wait_for", path=str(gate))  # the same worker
        wait_books(world, active=1)
        others = self.leave(client)
        assert left.keys() != others.keys()
        gate.touch()
        busy.result()
        ((slot, mine),) = left.items()
        victim = worker_pids(world)[slot]
        if how == "killed":
            os.kill(victim, signal.SIGKILL)
        else:
            assert cli("recycle", f"default/{slot}", "--wait").returncode == 0
        wait_gone([victim, *mine], 10)
        assert all(is_alive(pid) for pids in others.values() for pid in pids)

    @staticmethod
    def leave(client: Client) -> dict[int, list[int]]:
        """Have a worker leave processes behind: its slot, and their pids."""
        reply = client.pool.Execute(request("default", "leave_behind"), timeout=20)
        slot = reply.worker_id.partition("/")[2].partition("#")[0]
        return {int(slot): json.loads(reply.result_json)}


class TestCleanStop:
    def test_leaves_neither_children_nor_guard_nor_census(
        self, run_daemon: RunDaemon, client: Client, world: World
    ) -> None:
        daemon = run_daemon(leaving(workers=1))
        daemon.wait_ready(1)
        left = client.call("default", "leave_behind")
        guard = guard_of(daemon)
        daemon.process.send_signal(signal.SIGTERM)
        assert daemon.process.wait(10) == 0
        assert not [pid for pid in [*left, guard] if is_alive(pid)]
        assert not census(world).exists()
        daemon.wait_log(msg="processes that workers had left behind were killed")

    def test_is_as_quick_when_nothing_is_left(
        self, run_daemon: RunDaemon, world: World
    ) -> None:
        daemon = run_daemon(leaving(workers=1))
        daemon.wait_ready(1)
        daemon.stop()
        assert not daemon.log_lines(component="keeper")
        assert not census(world).exists()


class TestGuard:
    def test_holds_nothing_of_the_runtimes(
        self, run_daemon: RunDaemon, world: World
    ) -> None:
        daemon = run_daemon(leaving(workers=1))
        guard = Path(f"/proc/{guard_of(daemon)}")
        daemon.wait_ready(1)
        held = {
            int(fd.name): os.readlink(fd).partition(":")[0]
            for fd in (guard / "fd").iterdir()
        }
        assert held.pop(0) == "pipe"
        assert held.pop(1) == held.pop(2) == "/dev/null"
        assert list(held.values()) == ["anon_inode"]  # the pidfd of the runtime
        assert str(world.directory) not in (guard / "maps").read_text()
        assert (guard / "cwd").resolve() == Path("/")
        assert (guard / "environ").read_bytes() == b""

    @pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
    def test_is_replaced_when_it_dies_and_the_new_one_knows_all(
        self,
        run_daemon: RunDaemon,
        client: Client,
        world: World,
        number: signal.Signals,
    ) -> None:
        daemon = run_daemon(leaving(workers=1))
        daemon.wait_ready(1)
        left = client.call("default", "leave_behind")
        first = guard_of(daemon)
        os.kill(first, signal.SIGKILL)
        wait_gone([first])
        second = guard_of(daemon)
        assert second != first
        daemon.wait_log(msg="the guard has ended, another is started")
        # Signals that end a service do not end its guard.
        for other in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            os.kill(second, other)
        os.kill(worker_pids(world)[0], number)
        daemon.kill()
        wait_gone([*left, second])

    def test_that_cannot_be_started_is_tried_again(
        self, run_daemon: RunDaemon, client: Client, world: World, tmp_path: Path
    ) -> None:
        for name in ("bin", "lib"):
            (tmp_path / name).mkdir()
        for program in (world.build / "bin").iterdir():
            (tmp_path / "bin" / program.name).hardlink_to(program)
        source = Path(__file__).resolve().parents[2] / "priv" / "python"
        (tmp_path / "share" / "snakepit").mkdir(parents=True)
        (tmp_path / "share" / "snakepit" / "python").symlink_to(source)
        world.build = tmp_path
        daemon = run_daemon(leaving(workers=1))
        daemon.wait_ready(1)
        first = guard_of(daemon)
        (tmp_path / "bin" / "snakepit-guard").rename(tmp_path / "elsewhere")
        os.kill(first, signal.SIGKILL)
        daemon.wait_log(msg="cannot start the guard, trying again after a pause")
        (tmp_path / "elsewhere").rename(tmp_path / "bin" / "snakepit-guard")
        assert guard_of(daemon) != first
        assert client.call("default", "echo")["pid"]


class TestNextStart:
    def test_ends_what_runtime_and_guard_left_and_counts_it(
        self, run_daemon: RunDaemon, client: Client, world: World
    ) -> None:
        first = run_daemon(leaving(workers=1))
        first.wait_ready(1)
        child, *marked, bare = client.call("default", "leave_behind")
        guard = guard_of(first)
        os.kill(guard, signal.SIGSTOP)
        victim = worker_pids(world)[0]
        first.kill()
        os.kill(guard, signal.SIGKILL)
        wait_gone([victim, guard])
        # Whether the worker took its own group along is a race that it may lose.
        for pid in (child, bare):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        assert all(is_alive(pid) for pid in marked)
        run_daemon(leaving(workers=1))
        wait_gone(marked, 5)
        wait_metric(world, ORPHANS, lambda n: n == len(marked))
        assert sorted(e["pid"] for e in events(world, "orphan_killed")) == sorted(
            marked
        )

    def test_ends_a_worker_with_its_group(
        self, run_daemon: RunDaemon, world: World
    ) -> None:
        """A worker that escaped the parent-death signal, as one can."""
        worker = subprocess.Popen(
            ["sh", "-c", "env -i sleep 1000 & echo $!; wait"],
            env={**world.env, "SNAKEPIT_RUN_ID": UUID},
            stdout=subprocess.PIPE,
            process_group=0,
        )
        assert worker.stdout
        child = int(worker.stdout.readline())
        write_census(world, [(worker.pid, int(stat_fields(worker.pid)[19]))])
        run_daemon(leaving(workers=1))
        wait_gone([child, worker.pid])
        assert worker.wait() == -signal.SIGKILL
        worker.stdout.close()
        wait_metric(world, ORPHANS, lambda n: n == 1)

    def test_lets_a_recycled_pid_be(
        self,
        run_daemon: RunDaemon,
        world: World,
        stranger: subprocess.Popen[bytes],
    ) -> None:
        start = int(stat_fields(stranger.pid)[19])
        write_census(world, [(stranger.pid, start - 1), (stranger.pid, start)])
        daemon = run_daemon(leaving(workers=1))
        daemon.wait_ready(1)
        assert len(daemon.log_lines(other_pid=stranger.pid)) == 2
        assert is_alive(stranger.pid)
        assert metric(world.inspect(INSTANCE), ORPHANS) == 0

    def test_believes_no_census_of_another_boot_or_of_a_live_owner(
        self, run_daemon: RunDaemon, world: World
    ) -> None:
        marked = subprocess.Popen(
            ["sleep", "1000"], env={**world.env, "SNAKEPIT_RUN_ID": UUID}
        )
        write_census(world, [])
        good = census(world).read_text()
        boot = good.splitlines()[1]
        owner = f"owner {os.getpid()} {stat_fields(os.getpid())[19]}"
        for text in (
            good.replace(boot, f"boot {UUID}"),
            f"{good.replace('owner 1 1', owner).rstrip():<255}\n",
        ):
            census(world).write_text(text)
            daemon = run_daemon(leaving(workers=1))
            daemon.wait_ready(1)
            assert is_alive(marked.pid)
            daemon.stop()
        census(world).write_text(good)
        run_daemon(leaving(workers=1))
        assert marked.wait(5) == -signal.SIGKILL

    @pytest.mark.parametrize(
        "damage",
        [b"", b"garbage", b"\0" * 300, None],
        ids=["empty", "foreign", "zeros", "cut off"],
    )
    def test_sets_a_bad_census_aside(
        self, run_daemon: RunDaemon, world: World, damage: bytes | None
    ) -> None:
        if damage is None:
            write_census(world, [(1, 1)])
            damage = census(world).read_bytes()[:-5]
        census(world).write_bytes(damage)
        daemon = run_daemon(leaving(workers=1))
        daemon.wait_ready(1)
        aside = Path(f"{census(world)}.bad")
        assert aside.read_bytes() == damage
        daemon.wait_log(path=str(aside))
        assert str(worker_pids(world)[0]) in census(world).read_text()


class TestClosedDescriptors:
    def test_0_1_and_2_are_never_anything_else(
        self, world: World, client: Client
    ) -> None:
        """What has one of these numbers is written to by whoever complains."""
        path = world.directory / "config.yaml"
        path.write_text(json.dumps(config(workers=1)))
        program = str(world.program("snakepitd"))
        process = subprocess.Popen(
            ["sh", "-c", 'exec "$@" 0<&- 1>&- 2>&-', "sh", program, "-c", str(path)],
            env=world.env,
        )
        try:
            assert client.call("default", "echo", a=1)["a"] == 1
            held = [os.readlink(f"/proc/{process.pid}/fd/{fd}") for fd in range(3)]
            assert held == ["/dev/null"] * 3
        finally:
            process.terminate()
            assert process.wait(15) == 0


class TestIdentity:
    def test_a_wrapper_that_hides_the_worker_is_told(
        self, run_daemon: RunDaemon, world: World, tmp_path: Path
    ) -> None:
        wrapper = tmp_path / "python"
        wrapper.write_text(f'#!/bin/sh\n"{sys.executable}" "$@"\n')
        wrapper.chmod(0o700)
        run_daemon(leaving(workers=1, python=str(wrapper)))
        failures = "snakepit.worker.start_failures"
        wait_metric(world, failures, lambda n: n >= 1, reason="handshake_failed")
        error = world.inspect(INSTANCE)["workers"][0]["last_error"]
        assert "a wrapper around the worker must exec it" in error
