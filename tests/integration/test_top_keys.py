"""Keys and the mouse in a real terminal (tmux): what they do to snakepit-top."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

from readers import Segment, wait_for
from top_kit import TOP, Open, Terminal, needs_tmux, segment, terminal, top

__all__ = ["segment", "terminal"]

pytestmark = needs_tmux


def typed(view: Terminal, text: str, *keys: str) -> None:
    view.tmux("send-keys", "-l", text)
    if keys:
        view.press(*keys)


WHEEL_UP = 64
RELEASE = 3


def click(view: Terminal, row: int, col: int, button: int = 0) -> None:
    """Press and release as tmux's terminals say it: ESC [ M and three bytes."""
    for what in (button,) if button == WHEEL_UP else (button, RELEASE):
        numbers = (27, 91, 77, 32 + what, 33 + col, 33 + row)
        view.tmux("send-keys", "-H", *(f"{n:x}" for n in numbers))


def place_of(view: Terminal, text: str) -> tuple[int, int]:
    for row, line in enumerate(view.text().split("\n")):
        if text in line:
            return row, line.index(text)
    raise AssertionError(f"{text} not in:\n{view.text()}")


def selected(view: Terminal, what: str) -> None:
    view.see(f">{what} ")


# ---- filter, find, commands ----------------------------------------------------------


def test_filter_hides_and_says_what_it_does_not_understand(terminal: Open) -> None:
    view = terminal()
    view.see("default1/3")
    typed(view, "\\stat=busy", "Enter")
    view.see('no field "stat"', "^^^^", "filter: stat=busy")
    view.press("C-u", "C-k")
    typed(view, "state=busy", "Enter")
    # "state" is of the lifecycle; "status" is what people see.
    wait_for("no rows", lambda: "default1/3 " not in view.text())
    typed(view, ":filter status=busy", "Enter")
    text = view.see("default1/3 ")
    assert "default1/0 " not in text and "default1/1 " in text
    view.press("\\", "C-u", "Enter")
    view.see("default1/0 ")
    view.press("\\", "Up")
    view.see("filter: state=busy")
    view.press("Escape", "q")
    assert view.ended() == 0


def test_find_goes_there(terminal: Open) -> None:
    view = terminal()
    view.see("default1/3")
    typed(view, "/1/2", "Enter")
    selected(view, "default1/2")
    view.press("N")
    selected(view, "default1/2")  # there is no other
    typed(view, ":find /2", "Enter")
    selected(view, "default/2")


def test_chords_sort_and_commands_do_what_keys_do(terminal: Open) -> None:
    view = terminal()
    view.see("default1/3")
    view.press("o")
    view.press("m")
    view.see("by rss_bytes")
    typed(view, ":sort +pid", "Enter")
    view.see("by pid")
    typed(view, ":view latency", "Enter")
    view.see("[4 Latency]")
    typed(view, ":qiut", "Enter")
    view.see('no command "qiut"; "quit"?')
    view.press("C-u", "C-k")
    typed(view, "quit", "Enter")
    assert view.ended() == 0


def test_every_view_and_the_detail(terminal: Open) -> None:
    view = terminal()
    view.see("default1/3")
    for key, title in (
        ("2", "[2 Workers]"),
        ("3", "[3 Requests]"),
        ("4", "[4 Latency]"),
        ("5", "[5 Events]"),
        ("6", "[6 Lints]"),
    ):
        view.press(key)
        view.see(title)
    view.press("Tab", "j")
    selected(view, "default/0")
    view.press("Enter")
    view.see("WORKER default/0", "$ py-spy dump --pid 1000")
    view.press("Enter")
    view.see("POOL default")
    view.press("Escape")
    view.see("default1/3")


# ---- time ----------------------------------------------------------------------------


def test_rewind_and_back_to_live(terminal: Open, segment: Segment) -> None:
    view = terminal()
    wait_for("a past", lambda: re.search(r"up ([3-9]|\d\d)s", view.text()))
    view.press("[")
    # A step may be longer: where the writer came late there is no sample.
    first = wait_for("a step back", view.rewound)
    view.see("PAUSED at", "default1/3")
    view.press("[")
    wait_for("another", lambda: view.rewound() > first)
    view.press("]")
    wait_for("a step forward", lambda: view.rewound() == first)
    segment.tell("step")
    view.press("L")
    view.see("LIVE", "refused 8")
    typed(view, "T25:99", "Enter")
    view.see('"25:99" is no time like')
    view.press("Escape")


def test_baseline_is_marked_and_forgotten(terminal: Open) -> None:
    view = terminal()
    view.see("default1/3")
    view.resize(160, 45)
    view.press("m")
    wait_for("the mark", lambda: re.search(r"since \d\d:\d\d:\d\d", view.text()))
    view.press("M")
    wait_for("none", lambda: "since" not in view.text())


# ---- files ---------------------------------------------------------------------------


def test_settings_are_written_on_request_alone_and_read_again(
    terminal: Open, segment: Segment, tmp_path: Path
) -> None:
    view = terminal()
    view.see("default1/3")
    view.press("t", "W")
    path = tmp_path / "config/snakepit/top.yaml"
    wait_for("the settings", path.exists)
    assert "group: true" in path.read_text()
    view.press("t", "q")
    assert view.ended() == 0
    again = terminal()
    again.see("grouped by pool")
    path.write_text("group: true\ngruop: false\n")
    broken = terminal()
    broken.see("top.yaml:2:1", 'no setting "gruop"; "group"?')
    assert broken.ended() == 2
    # Options count more than settings; and what programs read depends on no file.
    path.write_text("sort: pid\n")
    said = terminal("-s req_s")
    said.see("by req_s")
    done = top(
        "-n", str(segment.path), "--once", XDG_CONFIG_HOME=str(tmp_path / "config")
    )
    assert "WORKER▲" in done.stdout


def test_dump_writes_the_screen_and_all_there_is(
    terminal: Open, tmp_path: Path
) -> None:
    view = terminal()
    view.see("default1/3")
    view.press("w", "q")
    assert view.ended() == 0
    (text,) = tmp_path.glob("snakepit-top-demo-*.txt")
    (data,) = tmp_path.glob("snakepit-top-demo-*.json")
    for path in (text, data):  # no more people than may read the segment
        assert path.stat().st_mode & 0o7 == 0
    assert "default1/3" in text.read_text()
    assert len(json.loads(data.read_text())["workers"]) == 8


def test_recording_is_written_until_the_same_key(
    terminal: Open, tmp_path: Path
) -> None:
    view = terminal()
    view.see("default1/3")
    view.press("R")
    (path,) = wait_for("the file", lambda: list(tmp_path.glob("snakepit-top-demo-*")))
    assert path.stat().st_mode & 0o7 == 0
    wait_for("frames", lambda: path.stat().st_size > 10000)
    view.press("R", "q")
    assert view.ended() == 0
    replay = Terminal(tmp_path, f"{TOP} --replay {path}")
    try:
        replay.see("default1/3")
    finally:
        replay.close()


def test_a_recording_of_the_command_line_is_shown_and_ended(
    terminal: Open, tmp_path: Path
) -> None:
    path = tmp_path / "it.rec"
    view = terminal(f"--record {path} -d 0.1")
    view.press("2")
    view.see("REC")
    view.press("R")
    view.see(f"recorded {path}")
    assert "REC" not in view.line(1)
    view.press("q")
    assert view.ended() == 0


def test_a_recording_that_cannot_go_on_is_not_shown_as_one(
    segment: Segment, tmp_path: Path
) -> None:
    path = tmp_path / "it.rec"
    # Blocks of 512 bytes: the first frame fits, soon no other does.
    limited = f"trap '' XFSZ; ulimit -f 40; exec {TOP} -n {segment.path} -d 0.1"
    view = Terminal(tmp_path, f'sh -c "{limited} --record {path}"')
    try:
        view.press("2")
        view.see("REC")
        view.see("cannot write")
        assert "REC" not in view.line(1)
        view.press("q")
        assert view.ended() == 1
        assert "cannot write" in view.text()
    finally:
        view.close()


def test_copy_goes_to_the_clipboard(terminal: Open) -> None:
    view = terminal()
    view.see("default1/3")
    view.tmux("set", "-s", "set-clipboard", "on")
    view.press("j", "y")

    def buffer() -> str:
        try:
            return view.tmux("show-buffer")
        except subprocess.CalledProcessError:
            return ""  # there is none yet

    assert wait_for("the clipboard", buffer) == "default/0 1000"


# ---- the mouse -----------------------------------------------------------------------


def test_mouse_selects_sorts_and_turns_the_wheel(terminal: Open) -> None:
    view = terminal()
    view.see("default1/3")
    click(view, *place_of(view, "default/2 "))
    selected(view, "default/2")
    click(view, *place_of(view, "RSS"))
    view.see("by rss_bytes")
    click(view, *place_of(view, "default/2 "), button=WHEEL_UP)
    wait_for("the wheel", lambda: ">default/2 " not in view.text())
    view.see("? Help")  # once the message has left that line
    click(view, *place_of(view, "Help"))
    view.see("this help")


def test_no_mouse_leaves_it_to_the_terminal(terminal: Open) -> None:
    view = terminal()
    view.see("default1/3")
    assert view.state("mouse_any_flag") == "1"
    without = terminal("-M")
    without.see("default1/3")
    assert without.state("mouse_any_flag") == "0"


# ---- several, and hostile ones -------------------------------------------------------


def test_two_viewers_see_the_same(terminal: Open, segment: Segment) -> None:
    views = [terminal(), terminal()]
    for view in views:
        view.see("default1/3")
    views[0].press("Space")
    views[0].see("PAUSED")
    segment.tell("step")
    for view in views[1:]:
        view.see("refused 8", "LIVE")
    segment.kill()
    views[1].see("DEAD")


def test_hostile_names_do_nothing_to_the_terminal(
    snp_dir: Path, tmp_path: Path
) -> None:
    hostile = Segment(snp_dir, "hostile", "8", "2", "1", "hostile")
    view = Terminal(tmp_path, f"{TOP} -n {hostile.path} -d 0.1")
    try:
        for key in "123456":
            view.press(key)
            view.see(f"[{key} " if key != "1" else "q Quit")
        assert view.state("alternate_on") == "1"
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", view.text())
        view.press("q")
        assert view.ended() == 0
    finally:
        view.close()
        hostile.close()


def test_all_instances_are_a_list_to_go_into_and_back(
    segment: Segment, snp_dir: Path, tmp_path: Path
) -> None:
    other = Segment(snp_dir, "another")
    view = Terminal(tmp_path, f"{TOP} --all -d 0.1", SNAKEPIT_DIR=str(snp_dir))
    try:
        selected(view, "another")
        view.press("j")
        selected(view, "demo")
        view.press("Enter")
        view.see("default1/3", f"pid {segment.process.pid}")
        view.press("Escape")
        selected(view, "demo")
        view.press("k", "Enter")
        view.see(f"pid {other.process.pid}")
        view.press("q")
        assert view.ended() == 0
    finally:
        view.close()
        other.close()


def test_the_cursor_stays_on_its_instance(
    segment: Segment, snp_dir: Path, tmp_path: Path
) -> None:
    view = Terminal(tmp_path, f"{TOP} --all -d 0.1", SNAKEPIT_DIR=str(snp_dir))
    other = None
    try:
        selected(view, "demo")
        other = Segment(snp_dir, "another")
        view.see(" another ")
        selected(view, "demo")
        segment.path.unlink()
        selected(view, "another")
    finally:
        view.close()
        if other:
            other.close()


# ---- lines instead of a screen -------------------------------------------------------


def test_plain_says_what_changes_and_moves_no_cursor(
    terminal: Open, segment: Segment
) -> None:
    view = terminal("--plain -d 0.1", TERM="dumb")
    view.see("demo: LIVE, 8 workers, 4 busy")
    assert view.state("alternate_on") == "0"
    segment.kill()
    view.see("demo: DEAD, 8 workers")
    lines = [line for line in view.text().split("\n") if line]
    assert len(lines) == len(set(lines))


def test_plain_ends_when_asked_to(segment: Segment) -> None:
    segment.kill()
    done = top("-n", str(segment.path), "--plain", "--exit-on-end")
    assert done.returncode == 4
    assert re.match(r"\d\d:\d\d:\d\d demo: DEAD, 8 workers", done.stdout)
    assert "\x1b" not in done.stdout
