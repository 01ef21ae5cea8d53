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

    def test_pools_that_come_or_go_are_refused_as_a_whole(
        self, run_daemon: RunDaemon, world: World
    ) -> None:
        before = config(workers=1, max_workers=2)
        other = config(name="other", workers=1)["pools"]
        daemon = run_daemon({**before, "pools": [*before["pools"], *other]})
        daemon.wait_ready(2)
        third = config(name="third", workers=1)["pools"]
        grown = config(workers=2, max_workers=2)["pools"]
        line = reload(daemon, {**before, "pools": [*grown, *other, *third]})
        assert line["msg"] == "configuration refused, the old one stays in force"
        assert line["error"].startswith(f"{daemon.config}:1:")
        assert line["error"].endswith(": pools.third: added needs a restart")
        line = reload(daemon, {**before, "pools": grown})
        assert line["error"] == f"{daemon.config}: pools.other: removed needs a restart"
        report = world.inspect(INSTANCE)
        assert metric(report, "snakepit.worker.limit", pool="default") == 1
        assert metric(report, RELOADS, outcome="error") == 2
        assert metric(report, "snakepit.worker.starts") == 2

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

    def test_a_worker_that_takes_more_calls_shows_them_all(
        self, run_daemon: RunDaemon, client: Client, world: World
    ) -> None:
        def pools(threads: int) -> dict[str, Any]:
            small = config(
                workers=1,
                profile="thread",
                threads_per_worker=threads,
                lifecycle={"min_ready_ms": 0},
            )
            large = config(name="large", workers=1, profile="thread")["pools"]
            return {**small, "pools": [*small["pools"], *large]}

        daemon = run_daemon(pools(2))
        daemon.wait_ready(2)
        line = reload(daemon, pools(11))  # `large` has 10
        assert line["error"].endswith(
            ": pools.default.threads_per_worker: 2 -> 11 needs a restart"
        )
        assert f"{daemon.config}:1:" in line["error"]
        reload(daemon, pools(6))
        wait_until(lambda: events(world, "roll_finished"), 20, "a larger worker")
        calls = [client.future("default", "sleep", seconds=60) for _ in range(6)]

        def shown() -> int:
            found = world.run(
                "snakepit-inspect", "-n", INSTANCE, "--json", "--in-flight"
            )
            return len(json.loads(found.stdout)["in_flight"])

        wait_until(lambda: shown() == 6, 20, "all of them")
        for call in calls:
            call.cancel()

    def test_a_lower_maximum_ends_the_workers_above_it(
        self,
        run_daemon: RunDaemon,
        world: World,
        cli: Callable[..., subprocess.CompletedProcess[str]],
    ) -> None:
        daemon = run_daemon(config(workers=1, max_workers=3))
        daemon.wait_ready(1)
        assert cli("scale", "default", "3", "--wait").returncode == 0
        reload(daemon, config(workers=1, max_workers=2))
        wait_until(lambda: len(worker_pids(world)) == 2, 20, "two workers")
        refused = cli("scale", "default", "3")
        assert refused.returncode == 1
        assert "1 to 2 workers" in refused.stderr

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
