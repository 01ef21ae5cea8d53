"""`snakepit demo` as a user runs it: to its end, interrupted, killed, and lied to."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import time
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
from cli_tools import BIN, Cli, exporter_port_taken, private_dir, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RUN_SECONDS = 120.0


@pytest.fixture
def cli(tmp_path: Path) -> Iterator[Cli]:
    with private_dir() as directory:
        cli = Cli(directory)
        # What a failed demo keeps goes where pytest cleans up.
        cli.env["TMPDIR"] = str(tmp_path)
        cli.env.pop("DEMO_SECONDS", None)
        yield cli
        for pid in processes(cli):
            os.kill(pid, signal.SIGKILL)


def processes(cli: Cli) -> list[int]:
    """Every process that the demo started, by the directory in its environment."""
    mark = f"SNAKEPIT_DIR={cli.dir}\0".encode()
    found = []
    for name in os.listdir("/proc"):
        try:
            with open(f"/proc/{name}/environ", "rb") as file:
                if name.isdigit() and mark in file.read():
                    found.append(int(name))
        except OSError:
            continue
    return found


def assert_nothing_left(cli: Cli) -> None:
    wait_for(lambda: processes(cli), lambda found: not found)
    assert os.listdir(cli.dir) == []


def start(cli: Cli, *args: str, **kwargs: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [str(BIN / "snakepit"), "demo", *args],
        env=cli.env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **kwargs,
    )


def read_until(process: subprocess.Popen[str], pattern: str) -> re.Match[str]:
    assert process.stdout is not None
    for line in process.stdout:
        if match := re.search(pattern, line):
            return match
    raise AssertionError(process.communicate())


def test_a_short_run_agrees_and_leaves_nothing_behind(cli: Cli) -> None:
    cli.env["DEMO_SECONDS"] = "8"
    process = start(cli)
    page = read_until(process, r"(http://127\.0\.0\.1:\d+/metrics)")[1]
    with urllib.request.urlopen(page) as response:
        assert b"snakepit_requests_total" in response.read()
    assert process.stdout is not None
    assert process.stderr is not None
    out, err = process.stdout.read(), process.stderr.read()
    assert process.wait(RUN_SECONDS) == 0, out + err
    assert err == ""
    killed = re.findall(r"killed (\S+)#1 ", out)
    assert killed
    assert all(f"{worker}#2 serves after" in out for worker in killed)
    assert "\x1b" not in out
    assert " WORKER" in out  # the view
    for check in ("calls", "requests", "failures", "restarts", "heartbeats", "metrics"):
        assert re.search(rf"^ok +{check} ", out, re.MULTILINE), out
    assert out.endswith("demo: all agree; everything is stopped\n")
    assert_nothing_left(cli)


def test_a_wrong_count_fails_it(cli: Cli, tmp_path: Path) -> None:
    """An inspect that adds one request, as a runtime that counts wrongly would."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for program in BIN.iterdir():
        (programs / program.name).symlink_to(program)
    liar = programs / "snakepit-inspect"
    liar.unlink()
    liar.write_text(
        "#!/usr/bin/env python3\n"
        "import json, subprocess, sys\n"
        f"out = subprocess.run([{str(BIN / 'snakepit-inspect')!r}, *sys.argv[1:]],\n"
        "                     capture_output=True, check=True).stdout\n"
        "report = json.loads(out)\n"
        "for metric in report['metrics']:\n"
        "    if metric['name'] == 'snakepit.requests':\n"
        "        metric['series'][-1]['value'] += 1\n"
        "print(json.dumps(report))\n"
    )
    liar.chmod(0o755)
    process = start(cli, "--seconds", "3", "--bin", str(programs))
    out, err = process.communicate(timeout=RUN_SECONDS)
    assert process.returncode == 1, out + err
    assert re.search(r"^FAIL  requests ", out, re.MULTILINE)
    assert re.search(r"requests \w+/\w+: expected \d+, found \d+", out)
    assert re.search(r"demo: \d+ of 10 comparisons failed", out)
    assert_nothing_left(cli)


def test_calls_and_kills_of_others_do_not_disturb_it(cli: Cli) -> None:
    process = start(cli, "--seconds", "6")
    read_until(process, r"/metrics")
    arguments = '{"path": "/etc/passwd"}'
    assert cli.run("exec", "default", "word_stats", arguments).returncode == 0
    assert cli.run("exec", "default", "fail").returncode == 1
    pools = json.loads(cli.run("status", "search", "--json").stdout)["pools"]
    os.kill(pools[0]["workers"][1]["pid"], signal.SIGKILL)
    out, err = process.communicate(timeout=RUN_SECONDS)
    assert process.returncode == 0, out + err
    assert "(2 of them not ours)" in out
    assert re.search(r"killed 1 times, 2 restarts", out)


def test_a_second_one_is_refused_and_does_no_harm(cli: Cli) -> None:
    with cli.segment("demo") as first:
        process = start(cli)
        out, err = process.communicate(timeout=RUN_SECONDS)
        assert process.returncode == 1
        assert out.startswith("demo: the log is in ")
        assert f"an instance 'demo' runs already (pid {first.pid})" in err
        assert err.count("\n") == 1
        assert first.poll() is None


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_in_order(cli: Cli, number: signal.Signals) -> None:
    process = start(cli, "--seconds", "600")
    read_until(process, r"/metrics")
    process.send_signal(number)
    out, err = process.communicate(timeout=RUN_SECONDS)
    assert process.returncode == 128 + number, out + err
    assert "Traceback" not in err
    assert_nothing_left(cli)


def test_ctrl_c_during_the_start_ends_it_in_order(cli: Cli) -> None:
    process = start(cli, "--seconds", "600")
    wait_for(lambda: list(cli.dir.glob("*.seg")), bool)
    process.send_signal(signal.SIGINT)
    _out, err = process.communicate(timeout=RUN_SECONDS)
    assert process.returncode == 128 + signal.SIGINT
    assert "Traceback" not in err
    assert_nothing_left(cli)


def test_kill_9_of_the_demo_ends_everything(cli: Cli) -> None:
    process = start(cli, "--seconds", "600")
    read_until(process, r"/metrics")
    process.kill()
    process.communicate()
    assert_nothing_left(cli)


def test_a_runtime_that_dies_fails_it_with_its_last_words(cli: Cli) -> None:
    process = start(cli, "--seconds", "4")
    read_until(process, r"/metrics")
    status = cli.run("status", "--json")
    pid = int(re.search(r'"pid":(\d+)', status.stdout)[1])  # type: ignore[index]
    os.kill(pid, signal.SIGKILL)
    out, err = process.communicate(timeout=RUN_SECONDS)
    assert process.returncode == 1
    assert "snakepitd had ended before with status -9" in err
    assert '"msg":"worker ready"' in err
    kept = re.search(r"the log is in (\S+)", out)
    assert kept
    assert os.path.exists(kept[1])
    wait_for(lambda: processes(cli), lambda found: not found)


def test_a_taken_port_is_replaced_by_another(cli: Cli) -> None:
    with exporter_port_taken():
        process = start(cli, "--seconds", "600")
        port = int(read_until(process, r":(\d+)/metrics")[1])
        assert port != 9568
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=RUN_SECONDS)
    assert_nothing_left(cli)


@pytest.mark.parametrize("args", [["--seconds=0"], ["--seconds=x"], ["--second=3"]])
def test_wrong_usage_is_exit_code_2(cli: Cli, args: list[str]) -> None:
    assert cli.run("demo", *args).returncode == 2
    assert cli.run("demo", env={"DEMO_SECONDS": "soon"}).returncode == 2
    assert os.listdir(cli.dir) == []


class Screen:
    """A terminal with somebody in front of it."""

    def __init__(self, cli: Cli) -> None:
        self.text = ""
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            env = {**cli.env, "TERM": "xterm", "LINES": "40", "COLUMNS": "120"}
            os.execve(BIN / "snakepit", ["snakepit", "demo"], env)  # noqa: S606

    def read_until(self, pattern: str) -> None:
        deadline = time.monotonic() + RUN_SECONDS
        while not re.search(pattern, self.text):
            assert time.monotonic() < deadline, self.text
            if select.select([self.terminal], [], [], 1.0)[0]:
                try:
                    self.text += os.read(self.terminal, 65536).decode(errors="replace")
                except OSError:  # the other side is closed
                    assert re.search(pattern, self.text), self.text

    def end(self) -> int:
        _pid, status = os.waitpid(self.pid, 0)
        os.close(self.terminal)
        return os.waitstatus_to_exitcode(status)


@pytest.mark.parametrize("leave", [b"q", b"\x03"], ids=["q", "ctrl-c"])
def test_in_a_terminal_top_is_shown_until_it_is_left(cli: Cli, leave: bytes) -> None:
    screen = Screen(cli)
    screen.read_until(r"word_stats|WORKER")
    os.write(screen.terminal, leave)
    screen.read_until(r"all agree; everything is stopped")
    assert screen.end() == 0
    assert_nothing_left(cli)
