"""The configuration, read again while the runtime runs: what holds, what is refused."""

from __future__ import annotations

import json
import os
import signal
from typing import Any

from harness import Daemon, World, wait_until
from runtime_kit import RunDaemon, config, events, wait_metric, worker_pids

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
        new = {**config(), "segment": {"max_tool_rows": 99}, "log": {"level": "debug"}}
        line = reload(daemon, new)
        assert line["error"] == (
            f"{daemon.config}: segment.max_tool_rows: 512 -> 99 needs a restart"
        )
        assert not daemon.log_lines(level="debug", component="reload")
        new = config(workers=9)
        line = reload(daemon, new)
        assert line["error"] == (
            f"{daemon.config}: pools.default.workers: 2 -> 9 needs a restart"
        )

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
