"""The harness notices what it is there to notice; snakepitd is a stand-in here."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import harness
import pytest
from harness import Daemon, Ended, World, metric, wait_until

READY = 'print(\'{"level": "info", "msg": "ready"}\', flush=True)\n'
POLITE = "signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))\n"
WAIT = "while True: signal.pause()\n"
# A child that outlives its parent, in a session of its own as a worker may have.
ORPHAN = (
    "if os.fork() == 0:\n"
    "    os.setsid()\n"
    "    signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "    while True: signal.pause()\n"
)


@pytest.fixture
def stand_in(snp_dir: Path) -> Iterator[World]:
    (snp_dir / "bin").mkdir()
    world = World(snp_dir, build=snp_dir)
    yield world
    with contextlib.suppress(AssertionError):
        world.assert_empty()  # kills what a failed test left behind


def start(world: World, body: str) -> Daemon:
    """Start a snakepitd whose code is body, and wait until it said that it is ready."""
    path = world.build / "bin" / "snakepitd"
    path.write_text(f"#!{sys.executable}\nimport os, signal, sys\n{body}")
    path.chmod(0o755)
    daemon = Daemon.start(world, {"pools": []})
    wait_until(lambda: '"ready"' in daemon.log_text(), 10, "its first line")
    return daemon


def test_a_daemon_that_leaves_well_is_no_problem(stand_in: World) -> None:
    daemon = start(stand_in, POLITE + READY + WAIT)
    assert daemon.pid in stand_in.processes()

    daemon.stop()

    assert stand_in.processes() == {}


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait not long for survivors that are known to stay."""
    monkeypatch.setattr(harness, "SURVIVOR_TIMEOUT_S", 0.1)


@pytest.mark.usefixtures("impatient")
def test_a_survivor_is_found_killed_and_reported(stand_in: World) -> None:
    daemon = start(stand_in, ORPHAN + POLITE + READY + WAIT)

    with pytest.raises(AssertionError, match=r"left running: .*snakepitd"):
        daemon.stop()

    wait_until(lambda: not stand_in.processes(), 5, "the end of the survivor")


def test_another_session_of_its_number_is_not_its_own(stand_in: World) -> None:
    daemon = start(stand_in, POLITE + READY + WAIT)
    daemon.stop()
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as other:
        daemon.process.pid = other.pid
        assert daemon.processes() == {}
        other.kill()


def test_two_daemons_in_a_world_are_told_apart(stand_in: World) -> None:
    first = start(stand_in, POLITE + READY + WAIT)
    second = start(stand_in, POLITE + READY + WAIT)

    first.stop()

    assert list(stand_in.processes()) == [second.pid]
    second.stop()


def test_a_daemon_that_ignores_sigterm_is_reported(stand_in: World) -> None:
    ignore = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    daemon = start(stand_in, ignore + READY + WAIT)
    daemon.stop_timeout_s = 0.2

    with pytest.raises(AssertionError, match=r"still alive 0.2 s after SIGTERM"):
        daemon.stop()

    assert stand_in.processes() == {}


def test_an_exit_status_is_reported(stand_in: World) -> None:
    fail = "signal.signal(signal.SIGTERM, lambda *_: sys.exit(99))\n"
    daemon = start(stand_in, fail + READY + WAIT)

    with pytest.raises(AssertionError, match="exit status 99"):
        daemon.stop()


def test_a_sanitizer_report_is_a_problem_whatever_the_status(stand_in: World) -> None:
    report = (
        "print('x.c:1:2: runtime error: shift exponent is too large', flush=True)\n"
    )
    daemon = start(stand_in, POLITE + READY + report + WAIT)
    wait_until(lambda: "exponent" in daemon.log_text(), 5, "the report")

    with pytest.raises(AssertionError, match="runtime error"):
        daemon.stop()


def test_a_daemon_the_test_killed_may_be_dead(stand_in: World) -> None:
    daemon = start(stand_in, READY + WAIT)

    daemon.kill()
    daemon.stop()

    assert daemon.process.returncode == -signal.SIGKILL


def test_the_configuration_and_the_place_reach_the_daemon(stand_in: World) -> None:
    tell = "print(open(sys.argv[2]).read(), os.environ['SNAKEPIT_DIR'], flush=True)\n"
    daemon = start(stand_in, POLITE + READY + tell + WAIT)

    said = '{"pools": []} ' + str(stand_in.directory)
    wait_until(lambda: said in daemon.log_text(), 5, "its answer")
    daemon.stop()


def test_log_lines_are_filtered_and_must_be_json(stand_in: World) -> None:
    daemon = start(stand_in, POLITE + READY + "print('Oops', flush=True)\n" + WAIT)
    wait_until(lambda: "Oops" in daemon.log_text(), 5, "the stray line")

    with pytest.raises(AssertionError, match="not a JSON log line: 'Oops'"):
        daemon.log_lines(msg="ready")
    daemon.stop()


def test_a_log_line_is_waited_for(stand_in: World) -> None:
    later = (
        "signal.sigtimedwait([signal.SIGUSR1], 0.05)\nprint('{\"n\": 1}', flush=True)\n"
    )
    daemon = start(stand_in, POLITE + READY + later + WAIT)

    assert daemon.wait_log(n=1) == {"n": 1}
    assert daemon.log_lines(msg="ready", level="info") != []
    assert daemon.log_lines(msg="ready", level="error") == []
    daemon.stop()


def test_an_early_end_ends_the_wait_for_workers(stand_in: World) -> None:
    daemon = start(stand_in, READY + "sys.exit(3)\n")

    with pytest.raises(Ended, match="ready"):
        daemon.wait_ready(1)


@pytest.mark.usefixtures("impatient")
def test_a_world_finds_what_was_started_in_it(stand_in: World) -> None:
    child = subprocess.Popen(["cat"], env=stand_in.env, stdin=subprocess.PIPE)
    wait_until(lambda: child.pid in stand_in.processes(), 5, "the child")

    with pytest.raises(AssertionError, match="left running"):
        stand_in.assert_empty()

    assert child.wait(5) == -signal.SIGKILL
    assert child.stdin is not None
    child.stdin.close()
    assert os.getpid() not in stand_in.processes()


def test_wait_until_returns_the_value() -> None:
    values = iter([0, None, "", "here"])

    assert wait_until(lambda: next(values), 5, "a value") == "here"


def test_wait_until_gives_up_at_the_deadline_and_says_why() -> None:
    def absent() -> bool:
        raise KeyError("pools")

    started = time.monotonic()
    with pytest.raises(
        AssertionError, match=r"not seen within 0.2 s: a pool"
    ) as caught:
        wait_until(absent, 0.05, "a pool")

    assert time.monotonic() - started >= 0.2
    assert isinstance(caught.value.__cause__, KeyError)


def test_wait_until_lets_other_errors_through() -> None:
    with pytest.raises(ZeroDivisionError):
        wait_until(lambda: 1 // 0, 5, "nothing")


def test_metric_sums_the_series_with_the_labels() -> None:
    series = [
        {"labels": {"pool": "a", "method": "x"}, "value": 1},
        {"labels": {"pool": "a", "method": "y"}, "value": 2},
        {"labels": {"pool": "b", "method": "x"}, "count": 4},
    ]
    entry = {"name": "snakepit.requests", "prometheus_name": "p", "series": series}
    report = {"metrics": [entry]}

    assert metric(report, "snakepit.requests") == 7
    assert metric(report, "p", pool="a") == 3
    with pytest.raises(KeyError, match="no metric q"):
        metric(report, "q")
    with pytest.raises(AssertionError, match="no series"):
        metric(report, "p", pool="c")
