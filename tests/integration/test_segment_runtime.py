"""What snakepitd writes into its segment, as snakepit-inspect shows it."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import stat
import subprocess
from pathlib import Path
from typing import Any

import grpc
import pytest
from client import CORRELATION_KEY, Client, request
from harness import BUILD, World, metric, wait_until
from runtime_kit import INSTANCE, RunDaemon, books, config, wait_books, worker_pids

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"
TRACED = ("traceparent", f"00-{TRACE}-{PARENT}-01")
Record = dict[str, Any]


def look(world: World) -> dict[str, Any]:
    result = world.run("snakepit-inspect", "-n", INSTANCE, "--json", "--all")
    if result.returncode != 0:
        raise OSError(result.returncode, result.stderr.strip())
    report: dict[str, Any] = json.loads(result.stdout)
    return report


def events(world: World, **fields: Any) -> list[Record]:
    """Events with these fields, in order of time."""
    found = sorted(look(world)["events"], key=lambda event: event["mono_ns"])
    return [event for event in found if fields.items() <= event.items()]


def wait_event(world: World, **fields: Any) -> Record:
    found = wait_until(lambda: events(world, **fields), 10, f"event with {fields}")
    return found[0]


def spans(world: World, **fields: Any) -> list[Record]:
    return [span for span in look(world)["spans"] if fields.items() <= span.items()]


def sockets(pid: int) -> set[str]:
    """Return the sockets that a process holds, by inode."""
    found = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.add(str(descriptor.readlink()))
    return {name for name in found if name.startswith("socket:")}


def call(client: Client, tool: str, correlation: str, **arguments: Any) -> None:
    """Run a tool in the trace; how it ends is for the segment to say."""
    message = request("default", tool, **arguments)
    with contextlib.suppress(grpc.RpcError):
        client.pool.Execute(
            message, metadata=[(CORRELATION_KEY, correlation), TRACED], timeout=20
        )


class TestEvents:
    def test_each_move_of_a_worker_has_its_reason_and_its_initiator(
        self, run_daemon: RunDaemon, world: World
    ) -> None:
        run_daemon(config(workers=1)).wait_ready(1)
        first = worker_pids(world)[0]
        os.kill(first, signal.SIGKILL)
        wait_event(world, to="ready", incarnation=2)
        moves = [
            tuple(event[key] for key in ("from", "to", "reason", "initiator"))
            for event in events(world, kind="worker_moved")
        ]
        assert moves == [
            ("empty", "spawning", "initial", "supervisor"),
            ("spawning", "starting", "spawned", "supervisor"),
            ("starting", "warming", "hello", "worker"),
            ("warming", "ready", "answered", "worker"),
            ("ready", "exited", "killed_external", "unknown"),
            ("exited", "backoff", "backoff", "supervisor"),
            ("backoff", "spawning", "replace", "supervisor"),
            ("spawning", "starting", "spawned", "supervisor"),
            ("starting", "warming", "hello", "worker"),
            ("warming", "ready", "answered", "worker"),
        ]
        assert events(world, to="exited")[0]["pid"] == first
        started = events(world)[0]
        assert (started["kind"], started["initiator"]) == (
            "runtime_started",
            "operator",
        )

    def test_a_stop_says_that_it_was_asked_for(
        self, run_daemon: RunDaemon, client: Client, world: World
    ) -> None:
        daemon = run_daemon(config(workers=1))
        daemon.wait_ready(1)
        gate = world.directory / "gate"
        running = client.future("default", "wait_for", 60, path=str(gate))
        wait_books(world, active=1)
        assert look(world)["writer"]["stop_reason"] == "none"
        os.kill(daemon.pid, signal.SIGTERM)
        wait_event(world, kind="runtime_stopping", initiator="operator")
        writer = look(world)["writer"]
        assert (writer["state"], writer["stop_reason"]) == ("draining", "requested")
        gate.touch()
        assert running.result()


class TestInFlight:
    def test_a_request_is_shown_while_it_runs_and_not_afterwards(
        self, run_daemon: RunDaemon, client: Client, world: World
    ) -> None:
        run_daemon(config(workers=1)).wait_ready(1)
        assert look(world)["in_flight"] == []
        gate = world.directory / "gate"
        running = client.pool.Execute.future(
            request("default", "wait_for", path=str(gate)),
            metadata=[(CORRELATION_KEY, "it-4711"), TRACED],
            timeout=20,
        )
        found = wait_until(lambda: look(world)["in_flight"], 5, "a request in flight")
        assert len(found) == 1
        assert found[0]["correlation_id"] == "it-4711"
        assert found[0]["trace_id"] == TRACE
        assert (found[0]["tool"], found[0]["slot"]) == ("wait_for", 0)
        assert found[0]["received_time"] <= found[0]["start_time"]
        assert 10 < found[0]["deadline_time"] - found[0]["start_time"] < 21
        gate.touch()
        assert running.result()
        assert look(world)["in_flight"] == []

    def test_a_thread_pool_shows_as_many_as_it_runs(
        self, run_daemon: RunDaemon, client: Client, world: World
    ) -> None:
        run_daemon(
            config(workers=1, profile="thread", threads_per_worker=4)
        ).wait_ready(1)
        gate = world.directory / "gate"
        calls = [
            client.future("default", "wait_for", 60, path=str(gate)) for _ in range(5)
        ]
        report = wait_until(
            lambda: look(world) if books(look(world))["active"] == 4 else None,
            5,
            "four running requests",
        )
        assert report is not None
        assert sorted(entry["at"] for entry in report["in_flight"]) == [0, 1, 2, 3]
        gate.touch()
        assert all(each.result() for each in calls)
        assert metric(look(world), "snakepit.segment.overflows") == 0


class TestSpans:
    def test_a_request_and_its_attempt_tell_how_it_went(
        self, run_daemon: RunDaemon, client: Client, world: World
    ) -> None:
        run_daemon(config(workers=1)).wait_ready(1)
        call(client, "echo", "it-good")
        call(client, "fail", "it-bad", message="no luck")
        for correlation, tool, status in (
            ("it-good", "echo", "OK"),
            ("it-bad", "fail", "TOOL_ERROR"),
        ):
            whole, attempt = (
                spans(world, kind=kind, correlation_id=correlation)
                for kind in ("request", "attempt")
            )
            assert (len(whole), len(attempt)) == (1, 1)
            for span in whole + attempt:
                assert (span["tool"], span["status"]) == (tool, status)
                assert (span["pool"], span["slot"]) == ("default", 0)
                assert (span["trace_id"], span["attempt"]) == (TRACE, 1)
            assert whole[0]["parent_span_id"] == PARENT
            assert attempt[0]["parent_span_id"] == whole[0]["span_id"]
            assert attempt[0]["duration_ns"] <= whole[0]["duration_ns"]

    def test_a_retry_is_a_second_attempt_at_another_worker(
        self, run_daemon: RunDaemon, client: Client, world: World
    ) -> None:
        daemon = run_daemon(config(workers=2))
        daemon.wait_ready(2)
        for path in (world.directory / f"{INSTANCE}.d").glob("*.sock"):
            path.unlink()
        before = sockets(daemon.pid)
        # Who runs it is the first choice for the next call, and out of reach by then:
        # its connection ends with no call on it, which would have been a warning.
        call(client, "hang_up", "it-first", after_s=0.05)
        # A call that still went into the connection would not be known as never sent.
        wait_until(lambda: before - sockets(daemon.pid), 5, "the connection's end")
        call(client, "echo", "it-again")
        (whole,) = spans(world, kind="request", correlation_id="it-again")
        attempts = spans(world, kind="attempt", correlation_id="it-again")
        attempts.sort(key=lambda span: span["attempt"])
        assert [span["attempt"] for span in attempts] == [1, 2]
        assert [span["status"] for span in attempts] == ["UNAVAILABLE", "OK"]
        assert attempts[0]["slot"] != attempts[1]["slot"] == whole["slot"]
        assert (whole["status"], whole["attempt"]) == ("OK", 2)


class TestHistory:
    @staticmethod
    def samples(world: World) -> list[Record]:
        found: list[Record] = look(world)["history"]["pools"][0]["samples"]
        return found

    def test_it_has_a_sample_a_second_and_as_many_as_configured(
        self, run_daemon: RunDaemon, world: World
    ) -> None:
        keep = 3
        daemon = run_daemon({**config(), "segment": {"history_seconds": keep}})
        daemon.wait_ready(2)
        seen: set[int] = set()

        def enough() -> bool:
            found = [sample["mono_ns"] for sample in self.samples(world)]
            assert len(found) <= keep
            seen.update(found)
            return len(seen) > keep + 1 and len(found) == keep

        wait_until(enough, 10, "more samples than it keeps")
        times = sorted(seen)
        steps = [b - a for a, b in itertools.pairwise(times)]
        # One that is late does not move the next; two that nobody held up are there.
        assert times[-1] - times[0] > (len(steps) - 1) * 10**9, steps
        assert min(steps) < 1.5e9, steps
        assert look(world)["history"]["workers"][0]["samples"]

    def test_every_request_is_in_one_sample(
        self, run_daemon: RunDaemon, client: Client, world: World
    ) -> None:
        run_daemon(config()).wait_ready(2)
        ended = 0
        while len(self.samples(world)) < 4:
            client.call("default", "echo")
            ended += 1

        def told() -> bool:
            found = self.samples(world)
            octaves = sum(sum(sample["octaves"]) for sample in found)
            return bool(found[-1]["requests"] == octaves == ended)

        # The last one may have ended just after a sample.
        wait_until(told, 5, "all requests in the samples")


class TestEvidence:
    def test_a_crash_keeps_the_last_words_and_the_request(
        self, run_daemon: RunDaemon, client: Client, world: World
    ) -> None:
        run_daemon(config(workers=1)).wait_ready(1)
        words = "Traceback\n" + "".join(f"  line {i}\n" for i in range(100))
        call(client, "die", "it-4711", words=words + "MemoryError")
        event = wait_event(world, to="exited")
        assert (event["reason"], event["initiator"]) == ("exit_code", "kernel")
        assert event["trace_id"] == TRACE
        assert event["evidence_kind"] == "output"
        assert event["evidence_text"] == words + "MemoryError"

    def test_a_clean_stop_has_nothing_to_explain(
        self, run_daemon: RunDaemon, client: Client, world: World
    ) -> None:
        run_daemon(config(workers=1)).wait_ready(1)
        client.call("default", "echo")
        assert all(event["evidence"] == 0 for event in events(world))


class TestThreads:
    def test_each_thread_that_counts_is_there(
        self, run_daemon: RunDaemon, world: World
    ) -> None:
        daemon = run_daemon(config())
        daemon.wait_ready(2)
        threads = look(world)["threads"]
        names = {thread["name"] for thread in threads}
        assert {"snp-front", "snakepitd"} <= names
        for thread in threads:
            comm = Path(f"/proc/{daemon.pid}/task/{thread['tid']}/comm")
            assert comm.read_text().strip() == thread["name"]


class TestLimits:
    def test_a_tool_without_a_row_is_counted(
        self, run_daemon: RunDaemon, client: Client, world: World
    ) -> None:
        run_daemon(config(max_tools=2)).wait_ready(1)
        for tool in ("echo", "sleep", "big", "big"):
            call(client, tool, "it", seconds=0, size=0)
        report = look(world)
        assert metric(report, "snakepit.segment.overflows", limit="tool_rows") == 2
        assert metric(report, "snakepit.requests", method="_OTHER") == 2

    @pytest.mark.parametrize("more", [(), ("--check",)])
    def test_a_segment_beyond_what_readers_take_names_file_and_keys(
        self, world: World, more: tuple[str, ...]
    ) -> None:
        path = world.directory / "huge.json"
        limits = {"max_worker_slots": 65535, "history_seconds": 86400}
        path.write_text(json.dumps({**config(), "segment": limits}))
        result = world.run("snakepitd", "-c", str(path), *more)
        assert result.returncode == 2
        assert result.stderr.startswith(f"snakepitd: {path}: ")
        for key in ("segment.max_worker_slots", "segment.history_seconds"):
            assert key in result.stderr

    @pytest.mark.parametrize("value", [0, 65536])
    def test_a_limit_out_of_range_names_file_and_key(
        self, world: World, value: int
    ) -> None:
        path = world.directory / "bad.json"
        path.write_text(json.dumps({**config(), "segment": {"max_tool_rows": value}}))
        result = world.run("snakepitd", "-c", str(path))
        assert result.returncode == 2
        assert result.stderr.startswith(f"snakepitd: {path}:1:")
        assert f'segment.max_tool_rows is "{value}"' in result.stderr
        assert "1 to 65535" in result.stderr


@pytest.fixture
def tiny(world: World) -> World:
    """Give a world whose snakepitd finds its directory, `tiny`, on a full tmpfs."""
    probe = subprocess.run(
        ["unshare", "-rm", "mount", "-t", "tmpfs", "none", "/mnt"],
        check=False,
        capture_output=True,
        text=True,
    )
    if probe.returncode != 0:
        pytest.skip(f"no mount in a namespace of our own: {probe.stderr.strip()}")
    place, build = world.directory / "tiny", world.directory / "build"
    place.mkdir()
    (build / "bin").mkdir(parents=True)
    for program in (BUILD / "bin").iterdir():
        (build / "bin" / program.name).symlink_to(program)
    wrapper = build / "bin" / "snakepitd"
    wrapper.unlink()
    wrapper.write_text(
        "#!/bin/sh\n"
        "exec unshare -rm sh -c '"
        'mount -t tmpfs -o size=1m,mode=0700 none "$1" && shift && exec "$@"\' '
        f'sh "{place}" "{BUILD / "bin" / "snakepitd"}" "$@"\n'
    )
    wrapper.chmod(wrapper.stat().st_mode | stat.S_IXUSR)
    world.build = build
    return world


def tiny_config(world: World, **segment: Any) -> dict[str, Any]:
    place = str(world.directory / "tiny")
    return {**config(), "data_dir": place, "segment": segment}


class TestNoRoom:
    def test_the_runtime_does_not_start_blind(self, tiny: World) -> None:
        path = tiny.directory / "config.json"
        path.write_text(json.dumps(tiny_config(tiny)))
        result = tiny.run("snakepitd", "-c", str(path))
        assert result.returncode == 1
        assert str(tiny.directory / "tiny") in result.stderr
        assert "KiB" in result.stderr
        assert result.stderr.count("\n") == 1

    def test_the_runtime_serves_without_a_segment_where_that_is_allowed(
        self, tiny: World, run_daemon: RunDaemon
    ) -> None:
        daemon = run_daemon(tiny_config(tiny, required=False))
        warning = daemon.wait_log(level="warning", component="runtime")
        assert "without a segment" in warning["msg"]
        assert "KiB" in warning["error"]
        daemon.wait_log(timeout_s=30, msg="worker ready", component="worker")
        inside = Path(f"/proc/{daemon.pid}/root{tiny.directory / 'tiny'}")
        client = Client(inside, INSTANCE)
        try:
            assert client.call("default", "echo", a=1)["a"] == 1
        finally:
            client.close()
        assert not list(inside.glob("*.seg"))

    def test_a_second_runtime_of_the_same_name_is_refused_all_the_same(
        self, run_daemon: RunDaemon, world: World
    ) -> None:
        run_daemon(config()).wait_ready(2)
        path = world.directory / "second.json"
        path.write_text(json.dumps({**config(), "segment": {"required": False}}))
        result = world.run("snakepitd", "-c", str(path))
        assert result.returncode == 1
        assert "already running" in result.stderr
        assert look(world)["writer"]["verdict"] == "alive"
