"""snakepit-top in a real terminal (tmux), and without one."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from readers import BUILD, DEADLINE_S, Segment, wait_for

TOP = BUILD / "bin/snakepit-top"
# A colour of the text or behind it; 39 and 49 are "none".
COLOR = re.compile(r"\x1b\[(?:[0-9]+;)*(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])[;m]")

needs_tmux = pytest.mark.skipif(
    not shutil.which("tmux"), reason="tmux is not installed"
)


class Terminal:
    """A tmux server of its own with one window, in which a shell runs one command."""

    def __init__(self, directory: Path, command: str, **env: str) -> None:
        self.directory = directory
        self.server = f"snp-{os.getpid()}-{time.monotonic_ns()}"
        setting = {"LC_ALL": "C.UTF-8", "TZ": "UTC0", **env}
        words = " ".join(f"{k}={shlex.quote(v)}" for k, v in setting.items())
        script = (
            f"stty -a >before; env {words} {command}; "
            "echo $? >code; stty -a >after; echo the end; exec cat"
        )
        self.tmux(
            "new",
            "-d",
            "-x",
            "80",
            "-y",
            "24",
            "-c",
            str(directory),
            "sh",
            "-c",
            script,
        )

    def tmux(self, *words: str) -> str:
        command = ["tmux", "-u", "-L", self.server, "-f", "/dev/null", *words]
        env = {k: v for k, v in os.environ.items() if k not in ("TMUX", "NO_COLOR")}
        return subprocess.run(
            command, check=True, capture_output=True, text=True, env=env, timeout=30
        ).stdout

    def text(self) -> str:
        return self.tmux("capture-pane", "-p")

    def line(self, number: int) -> str:
        return self.text().split("\n")[number]

    def colors(self) -> str:
        return self.tmux("capture-pane", "-p", "-e")

    def see(self, *words: str) -> str:
        """Wait until all words are on the screen; return it."""

        def look() -> str:
            text = self.text()
            return text if all(word in text for word in words) else ""

        try:
            return wait_for(f"{words} on the screen", look)
        except AssertionError:
            raise AssertionError(f"{words} not in:\n{self.text()}") from None

    def press(self, *keys: str) -> None:
        self.tmux("send-keys", *keys)

    def resize(self, cols: int, rows: int) -> None:
        self.tmux("resize-window", "-x", str(cols), "-y", str(rows))

    def state(self, name: str) -> str:
        return self.tmux("display-message", "-p", f"#{{{name}}}").strip()

    def pid(self) -> int:
        """Of the command, the only child of the shell."""
        shell = self.state("pane_pid")
        children = Path(f"/proc/{shell}/task/{shell}/children")
        return int(wait_for("the command to run", children.read_text).split()[0])

    def ended(self) -> int:
        """Wait for the end; return the exit status after looking at the terminal."""
        self.see("the end")
        before = (self.directory / "before").read_text()
        assert (self.directory / "after").read_text() == before
        assert self.state("alternate_on") == "0"
        assert self.state("cursor_flag") == "1"
        return int((self.directory / "code").read_text())

    def close(self) -> None:
        self.tmux("kill-server")


Open = Callable[..., Terminal]


@pytest.fixture
def segment(snp_dir: Path) -> Iterator[Segment]:
    segment = Segment(snp_dir, "demo", "2", "4", "2")
    yield segment
    segment.close()


@pytest.fixture
def terminal(tmp_path: Path, segment: Segment) -> Iterator[Open]:
    """Give a function that opens terminals with snakepit-top in them."""
    opened: list[Terminal] = []

    def start(options: str = "-d 0.1", **env: str) -> Terminal:
        command = f"{TOP} -n {segment.path} {options}"
        opened.append(Terminal(tmp_path, command, **env))
        return opened[-1]

    yield start
    for each in opened:
        each.close()


def top(*options: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(TOP), *options],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        env={"LC_ALL": "C.UTF-8", "PATH": os.environ["PATH"], **env},
    )


def refused(text: str) -> int:
    found = re.search(r"refused (\d+)", text)
    assert found, text
    return int(found[1])


# ---- live ----------------------------------------------------------------------------


@needs_tmux
def test_live_view_shows_runtime_pools_and_workers(
    terminal: Open, segment: Segment
) -> None:
    screen = terminal().see("default1/3", "q Quit")
    assert "demo  LIVE +" in screen
    assert f"pid {segment.process.pid}" in screen
    assert re.search(r"workers 8  busy 4  idle 4", screen)
    assert re.search(r"^ default +4 +2 ", screen, re.MULTILINE)
    assert re.search(r"^ default/1 +busy +1001 ", screen, re.MULTILINE)
    assert "warming -> ready (answered)" in screen


@needs_tmux
def test_live_view_follows_counters(terminal: Open, segment: Segment) -> None:
    view = terminal()
    first = refused(view.see("default1/3"))
    segment.tell("step")
    wait_for("the step", lambda: refused(view.text()) == first + 4)
    segment.tell("load on")
    wait_for("rates", lambda: re.search(r"req/s \d+(\.\d+)?[kM]", view.text()))


@needs_tmux
def test_keys_help_sort_group_and_select(terminal: Open) -> None:
    view = terminal()
    view.see("default1/3")
    view.press("?")
    help_text = view.see("line above", "q F10 ^C")
    assert "default/0" not in help_text
    view.press("Escape")
    view.see("default/0")
    view.press(">")
    view.see("by status, unhealthy first", "sort by status")
    view.press("<", "I")
    view.see("WORKER▼")
    view.press("t")
    view.see("grouped by pool", "2 busy of 4 workers")
    view.press("j", "j", "j")
    assert view.see(">default/1")
    view.press("U")
    assert wait_for("ASCII", lambda: view.text().isascii())


@needs_tmux
def test_pause_holds_the_numbers(terminal: Open, segment: Segment) -> None:
    view = terminal()
    view.see("default1/3")
    view.press("Space")
    paused = refused(view.see("PAUSED at"))
    segment.tell("step")
    clock = view.line(0)[-8:]
    wait_for("the clock to go on", lambda: view.line(0)[-8:] != clock)
    assert refused(view.text()) == paused
    view.press("Space")
    wait_for("the step", lambda: refused(view.text()) == paused + 4)
    assert "PAUSED" not in view.text()


@needs_tmux
def test_resize_to_tiny_and_back(terminal: Open) -> None:
    view = terminal()
    view.see("default1/3")
    view.resize(20, 5)
    wait_for("the small screen", lambda: "busy 4/8" in view.line(1))
    assert "LIVE" in view.line(0)
    view.resize(1, 1)
    view.resize(160, 45)
    view.see("default1/3", "LAST EXIT", "peak")
    view.resize(80, 24)
    # Without the version, which wide terminals have: drawn anew, not cut by tmux.
    wait_for("80 columns", lambda: view.line(0).startswith(" snakepit-top  "))
    view.see("default1/3", "q Quit")
    view.press("q")
    assert view.ended() == 0


# ---- the runtime ends ----------------------------------------------------------------


@needs_tmux
def test_killed_writer_is_dead_and_its_successor_live(
    terminal: Open, segment: Segment
) -> None:
    view = terminal()
    view.see("default1/3", "LIVE")
    segment.kill()
    dead = view.see("DEAD", "last seq", "final state")
    assert "default1/3" in dead
    successor = Segment(segment.path.parent, "demo", "1", "3", "2")
    try:
        view.see("LIVE", f"pid {successor.process.pid}", "workers 3")
    finally:
        successor.close()
    view.see("CLOSED")
    view.press("q")
    assert view.ended() == 0


@needs_tmux
def test_frozen_writer_is_stale(terminal: Open, segment: Segment) -> None:
    view = terminal()
    view.see("LIVE")
    segment.tell("freeze")
    view.see("STALE")


@needs_tmux
def test_removed_segment_keeps_the_last_frame(terminal: Open, segment: Segment) -> None:
    view = terminal()
    view.see("LIVE")
    segment.kill()
    segment.path.unlink()
    view.see("DEAD", "default1/3")


@needs_tmux
def test_truncated_segment_keeps_the_last_frame(
    terminal: Open, segment: Segment
) -> None:
    view = terminal()
    view.see("LIVE")
    segment.kill()
    os.truncate(segment.path, 4096)
    view.see("UNREADABLE", "default1/3", "final state")
    successor = Segment(segment.path.parent, "demo", "1", "3", "2")
    try:
        view.see("LIVE", "workers 3")
    finally:
        successor.close()


# ---- the terminal is given back ------------------------------------------------------


@needs_tmux
@pytest.mark.parametrize("key", ["q", "F10", "C-c"])
def test_quit_keys_restore_the_terminal(terminal: Open, key: str) -> None:
    view = terminal()
    view.see("q Quit")
    assert view.state("alternate_on") == "1"
    view.press(key)
    assert view.ended() == 0


@needs_tmux
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_signal_restores_the_terminal(terminal: Open, number: signal.Signals) -> None:
    view = terminal()
    view.see("q Quit")
    os.kill(view.pid(), number)
    assert view.ended() == 128 + number


@needs_tmux
@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT])
def test_crash_restores_the_terminal(terminal: Open, number: signal.Signals) -> None:
    view = terminal()
    view.see("q Quit")
    os.kill(view.pid(), number)
    assert view.ended() == 128 + number


@needs_tmux
def test_suspend_and_resume(tmp_path: Path, segment: Segment) -> None:
    view = Terminal(tmp_path, "PS1=ready: bash --norc -i")
    try:
        view.see("ready:")
        view.press(f"{TOP} -n {segment.path}", "Enter")
        view.see("default1/3", "q Quit")
        shell = view.pid()
        pid = int(Path(f"/proc/{shell}/task/{shell}/children").read_text())
        view.press("C-z")
        wait_for(
            "the stop",
            lambda: Path(f"/proc/{pid}/stat").read_text().split(") ")[1][0] == "T",
        )
        view.see("Stopped")
        assert view.state("alternate_on") == "0"
        assert view.state("cursor_flag") == "1"
        view.press("fg", "Enter")
        wait_for("the screen", lambda: view.state("alternate_on") == "1")
        view.see("default1/3", "q Quit")
        view.press("q")
        wait_for("the shell", lambda: view.state("alternate_on") == "0")
        view.press("exit", "Enter")
        assert view.ended() == 0
    finally:
        view.close()


# ---- what terminals cannot do --------------------------------------------------------


@needs_tmux
def test_no_color_sends_no_color(terminal: Open) -> None:
    view = terminal(NO_COLOR="1")
    view.see("default1/3")
    assert not COLOR.search(view.colors())
    view.press("q")
    assert view.ended() == 0


@needs_tmux
def test_color_is_sent_otherwise_and_can_be_forced(terminal: Open) -> None:
    view = terminal()
    view.see("default1/3")
    assert COLOR.search(view.colors())
    forced = terminal("--color=always", NO_COLOR="1")
    forced.see("default1/3")
    assert COLOR.search(forced.colors())


@needs_tmux
def test_unknown_term_falls_back(terminal: Open) -> None:
    view = terminal(TERM="no-such-terminal")
    view.see("default1/3", "unknown TERM, drawing as for xterm-256color")
    view.press("q")
    assert view.ended() == 0


@needs_tmux
def test_locale_without_utf8_gets_ascii(terminal: Open) -> None:
    view = terminal(LC_ALL="C")
    assert view.see("default1/3").isascii()
    view.press("U")
    view.see("the locale is not UTF-8")


@needs_tmux
def test_dumb_terminal_gets_it_once(terminal: Open) -> None:
    view = terminal("", TERM="dumb")
    assert view.ended() == 0
    view.see("default1/3")


# ---- once and JSON -------------------------------------------------------------------


def test_once_prints_text_without_escapes(segment: Segment) -> None:
    done = top("-n", str(segment.path), "--once")
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    assert re.search(r"^ default1/3 +busy +1007 ", done.stdout, re.MULTILINE)


def test_output_that_is_no_terminal_gets_it_once(segment: Segment) -> None:
    done = top("-n", str(segment.path))
    assert done.returncode == 0
    assert "demo  LIVE" in done.stdout


def test_once_has_rates_of_a_quarter_second(segment: Segment) -> None:
    segment.tell("load on")
    data = json.loads(top("-n", str(segment.path), "--json").stdout)
    assert data["total"]["req_s"] > 0
    assert data["total"]["p99_ns"] > 0
    assert 200e6 < data["interval_ns"] < 5e9


def test_once_of_a_dead_runtime_shows_its_last_state(segment: Segment) -> None:
    segment.tell("step")
    segment.kill()
    done = top("-n", str(segment.path), "--once")
    assert done.returncode == 0
    assert "DEAD" in done.stdout and "default1/3" in done.stdout
    assert re.search(r"req/s -  p50 -", done.stdout)
    assert re.fullmatch(
        r'snakepit-top: the runtime of "demo" is dead \(\d+ s ago\); '
        r"this is its last state\n",
        done.stderr,
    )


def test_once_prints_columns_asked_for_in_their_order(segment: Segment) -> None:
    done = top("-n", str(segment.path), "--once", "-o", "pid,worker", "-s", "-pid")
    lines = done.stdout.split("\n")
    assert lines[0].split() == ["PID▼", "WORKER"]
    assert lines[1].split() == ["1007", "default1/3"]
    assert len(lines) == 1 + 8 + 1


def test_json_has_the_fields_that_help_lists(segment: Segment) -> None:
    data = json.loads(top("-n", str(segment.path), "--json").stdout)
    listed = re.findall(r"^  (\S+) ", top("-o", "help").stdout, re.MULTILINE)
    pools = {name.removeprefix("pool.") for name in listed if name.startswith("pool.")}
    workers = {name for name in listed if not name.startswith("pool.")}
    assert data["schema"] == 1
    assert data["verdict"] == "live"
    assert data["pid"] == segment.process.pid
    assert [set(pool) for pool in data["pools"]] == [pools] * 2
    assert [set(worker) for worker in data["workers"]] == [workers] * 8
    assert set(data["total"]) == pools
    assert data["total"]["requests"] == sum(p["requests"] for p in data["pools"])
    assert data["workers"][1]["worker"] == "default/1"
    assert data["workers"][1]["status"] == "busy"
    assert data["events"][0]["to"] == "ready"


def test_json_of_hostile_names_is_valid(snp_dir: Path) -> None:
    segment = Segment(snp_dir, "hostile", "8", "2", "1", "hostile")
    try:
        data = json.loads(top("-n", str(segment.path), "--json").stdout)
        assert len({pool["pool"] for pool in data["pools"]}) == 8
        text = top("-n", str(segment.path), "--once").stdout
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", text)
    finally:
        segment.close()


# ---- mistakes ------------------------------------------------------------------------


def assert_complaint(
    done: subprocess.CompletedProcess[str], code: int, *words: str
) -> None:
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("snakepit-top: ")
    for word in words:
        assert word in done.stderr


def test_no_such_instance_is_3_and_says_where_it_looked(snp_dir: Path) -> None:
    assert_complaint(top("--once", SNAKEPIT_DIR=str(snp_dir)), 3, str(snp_dir))
    done = top("-n", "nope", SNAKEPIT_DIR=str(snp_dir))
    assert_complaint(done, 3, "nope")


@pytest.mark.usefixtures("segment")
def test_several_instances_is_2_and_lists_them(snp_dir: Path) -> None:
    other = Segment(snp_dir, "other")
    try:
        done = top("--once", SNAKEPIT_DIR=str(snp_dir))
        assert_complaint(done, 2, "demo", "other")
        done = top("--once", SNAKEPIT_DIR=str(snp_dir), SNAKEPIT_INSTANCE="other")
        assert done.returncode == 0
    finally:
        other.close()


def test_foreign_file_is_4(tmp_path: Path) -> None:
    path = tmp_path / "foreign.seg"
    path.write_bytes(b"#!/bin/sh\n" * 1000)
    path.chmod(0o640)
    assert_complaint(top("-n", str(path), "--json"), 4, str(path))


def test_other_major_version_is_4(tmp_path: Path, segment: Segment) -> None:
    path = tmp_path / "future.seg"
    data = bytearray(segment.path.read_bytes())
    data[0x0C:0x0E] = (99).to_bytes(2, "little")
    path.write_bytes(data)
    path.chmod(0o640)
    assert_complaint(top("-n", str(path), "--once"), 4, str(path), "99")


def test_usage_mistakes_are_2() -> None:
    assert_complaint(top("--frobnicate"), 2, "--frobnicate", "--help")
    assert_complaint(top("-d", "0"), 2, "0.05")
    assert_complaint(top("-o", "nope"), 2, "-o help")


def test_help_and_version() -> None:
    assert "snakepit-top -n prod -d 0.5" in top("--help").stdout
    assert re.fullmatch(r"snakepit-top \d+\.\d+\.\d+\n", top("--version").stdout)
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [str(TOP), "--version"],
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=DEADLINE_S,
            check=False,
        )
    assert done.returncode == 1
