"""snakepit-top in a terminal of tmux beside a real runtime, start to end."""

from __future__ import annotations

import os
import re
from pathlib import Path

from fixtures import RunDaemon
from harness import World
from readers import wait_for
from runtime_kit import INSTANCE, config, worker_pids
from top_kit import TOP, Terminal, needs_tmux

pytestmark = needs_tmux


def pid_shown(view: Terminal) -> int:
    found = wait_for("a pid", lambda: re.search(r"pid (\d+)", view.text()))
    assert found
    return int(found[1])


def test_runtime_from_start_to_end_and_again(
    world: World, run_daemon: RunDaemon, tmp_path: Path
) -> None:
    """One viewer: a worker killed, the past, the runtime killed, begun anew, ended."""
    first = run_daemon(config())
    first.wait_ready(2)
    view = Terminal(
        tmp_path,
        f"{TOP} -n {INSTANCE} -d 0.1",
        SNAKEPIT_DIR=str(world.directory),
    )
    try:
        view.see("LIVE", "default/0", "default/1", "workers 2")
        assert pid_shown(view) == first.pid
        pids = worker_pids(world)
        assert str(pids[0]) in view.text()
        os.kill(pids[0], 9)
        view.see("default/0", "restarts 1")
        wait_for("another", lambda: worker_pids(world).get(0, pids[0]) != pids[0])
        view.see(f" {worker_pids(world)[0]} ")

        wait_for("a past", lambda: re.search("up ([3-9]|[1-5][0-9])s", view.text()))
        view.press("[")
        back = wait_for("a step back", view.rewound)
        view.press("[")
        wait_for("another", lambda: view.rewound() > back)
        view.see("PAUSED at", "default/1")
        view.press("L")
        view.see("LIVE")

        first.kill()
        view.see("DEAD", "final state", "default/1")
        second = run_daemon(config())
        second.wait_ready(2)
        view.see("LIVE", f"pid {second.pid}", "workers 2")
        second.stop()
        view.see("CLOSED", "default/1")
        view.press("q")
        assert view.ended() == 0
    finally:
        view.close()
