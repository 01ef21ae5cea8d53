"""The configuration, read again while the runtime runs: what holds, what is refused."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from collections.abc import Callable
from typing import Any

from client import Client
from harness import Daemon, World, metric, wait_until
from runtime_kit import (
    INSTANCE,
    RunDaemon,
    config,
    events,
    free_port,
    wait_metric,
    worker_pids,
)

RELOADS = "snakepit.runtime.reloads"


def reload(daemon: Daemon, text: dict[str, Any] | str) -> dict[str, Any]:
    """Write another configuration, send SIGHUP, and return the log line of its end."""
    daemon.config.write_text(text if isinstance(text, str) else json.dumps(text))
    before = len(daemon.log_lines(component="reload"))
    os.kill(daemon.pid, signal.SIGHUP)

    def ended() -> list[dict[str, Any]]:
        lines = daemon.log_lines(component="reload")[before:]
        return [line for line in lines if line["msg"].startswith("configuration ")]

    return wait_until(ended, 10, "the end of a reload")[0]


class TestRefusals:
    def test_a_bad_file_is_refused_and_the_old_one_stays(
        self, run_daemon: RunDaemon, world: World
    ) -> None:
        daemon = run_daemon(config())
        daemon.wait_ready(2)
        pids = worker_pids(world)
        line = reload(daemon, "pools:\n  - adapter: x.Y\n    workers: none\n")
        assert line["level"] == "warning"
        assert line["msg"] == "configuration refused, the old one stays in force"
        assert line["error"] == (
            f'{daemon.config}:3:14: pools[0].workers is "none"; '
            "expected a whole number from 1 to 1000"
        )
        wait_metric(world, RELOADS, lambda n: n == 1, outcome="error")
        assert len(events(world, "config_refused")) == 1
        assert worker_pids(world) == pids

    def test_what_needs_a_restart_is_refused_as_a_whole(
        self, run_daemon: RunDaemon
    ) -> None:
        daemon = run_daemon(config())
        daemon.wait_ready(2)
        new = json.dumps({**config(), "log": {"level": "debug"}})
        line = reload(daemon, f'{new[:-1]},\n  "segment": {{"max_tool_rows": 99}}}}')
        assert line["error"] == (
            f"{daemon.config}:2:32: segment.max_tool_rows: 512 -> 99 needs a restart"
        )
        assert not daemon.log_lines(level="debug", component="reload")
        line = reload(daemon, config(workers=9))
        assert line["error"].startswith(f"{daemon.config}:1:")
        assert line["error"].endswith(": pools.default.workers: 2 -> 9 needs a restart")

    def test_no_file_and_no_regular_file_are_refused(
        self, run_daemon: RunDaemon, world: World
    ) -> None:
        daemon = run_daemon(config())
        daemon.wait_ready(1)
        daemon.config.unlink()
        os.mkfifo(daemon.config)
        os.kill(daemon.pid, signal.SIGHUP)
        line = daemon.wait_log(component="reload")
        assert "is not a regular file" in line["error"]
        daemon.config.unlink()
        os.kill(daemon.pid, signal.SIGHUP)
        wait_metric(world, RELOADS, lambda n: n == 2, outcome="error")
        line = daemon.log_lines(component="reload")[1]
        assert "No such file or directory" in line["error"]

    def test_an_unchanged_file_changes_nothing(
        self, run_daemon: RunDaemon, world: World
    ) -> None:
        daemon = run_daemon(config())
        daemon.wait_ready(2)
        pids = worker_pids(world)
        line = reload(daemon, daemon.config.read_text())
        assert line["msg"] == "configuration unchanged"
        wait_metric(world, RELOADS, lambda n: n == 1, outcome="ok")
        assert worker_pids(world) == pids


class TestChanges:
    def test_live_keys_hold_at_once_and_workers_stay(
        self, run_daemon: RunDaemon, world: World
    ) -> None:
        daemon = run_daemon(config(max_workers=3))
        daemon.wait_ready(2)
        pids = set(worker_pids(world).values())
        new = config(max_workers=3, workers=3, queue={"limit": 77})
        line = reload(daemon, {**new, "log": {"level": "debug"}})
        assert (line["msg"], line["needs"]) == ("configuration changed", "live")
        changes = {
            line["change"] for line in daemon.log_lines(msg="configuration changed")
        }
        assert changes == {
            "pools.default.workers: 2 -> 3",
            "pools.default.queue.limit: 1000 -> 77",
            "log.level: info -> debug",
        }
        daemon.wait_ready(3)
        assert pids < set(worker_pids(world).values())
        report = world.inspect(INSTANCE)
        assert metric(report, "snakepit.pool.queue.limit", pool="default") == 77
        assert metric(report, RELOADS, outcome="ok") == 1
        assert len(events(world, "config_reloaded")) == 1
        logfmt = {**new, "log": {"format": "logfmt", "level": "debug"}}
        daemon.config.write_text(json.dumps(logfmt))
        os.kill(daemon.pid, signal.SIGHUP)
        words = 'change="log.format: json -> logfmt"'
        wait_until(lambda: words in daemon.log_text(), 10, words)

    def test_what_workers_are_started_with_gets_new_ones(
        self, run_daemon: RunDaemon, client: Client, world: World
    ) -> None:
        lifecycle = {"min_ready_ms": 0}
        daemon = run_daemon(config(lifecycle=lifecycle, env=["FLAVOUR=sweet"]))
        daemon.wait_ready(2)
        old = set(worker_pids(world).values())
        line = reload(daemon, config(lifecycle=lifecycle, env=["FLAVOUR=sour"]))
        assert line["change"] == "pools.default.env: changed (not shown)"
        assert "sour" not in daemon.log_text()

        def all_new() -> bool:
            now = set(worker_pids(world).values())
            return len(now) == 2 and not now & old

        wait_until(all_new, 20, "two new workers")
        assert client.call("default", "environment", name="FLAVOUR") == "sour"

    def test_workers_that_take_more_calls_than_the_segment_has_places_for(
        self,
        run_daemon: RunDaemon,
        world: World,
        cli: Callable[..., subprocess.CompletedProcess[str]],
    ) -> None:
        lifecycle = {"min_ready_ms": 0}
        daemon = run_daemon(config(workers=1, lifecycle=lifecycle))
        daemon.wait_ready(1)
        reload(daemon, config(workers=1, lifecycle=lifecycle, profile="thread"))
        wait_until(lambda: events(world, "roll_finished"), 20, "a worker with threads")
        # Its evidence names the calls in flight, as far as they have a place.
        (slot,) = worker_pids(world)
        result = cli("recycle", f"default/{slot}", "--force", "--wait")
        assert result.returncode == 0, result.stderr
        assert daemon.process.poll() is None

    def test_a_reader_follows(self, run_daemon: RunDaemon) -> None:
        ports = [free_port(), free_port()]

        def with_reader(port: int, *, enabled: bool) -> dict[str, Any]:
            listen = f"127.0.0.1:{port}"
            prometheus = {"enabled": enabled, "listen": listen}
            return {**config(), "readers": {"prometheus": prometheus}}

        def serves(port: int) -> bool:
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0

        daemon = run_daemon(config())
        daemon.wait_ready(1)
        reload(daemon, with_reader(ports[0], enabled=True))
        wait_until(lambda: serves(ports[0]), 10, "a reader")
        reload(daemon, with_reader(ports[1], enabled=True))
        wait_until(lambda: serves(ports[1]), 10, "a reader elsewhere")
        assert not serves(ports[0])
        reload(daemon, with_reader(ports[1], enabled=False))
        wait_until(lambda: not serves(ports[1]), 10, "the end of the reader")
