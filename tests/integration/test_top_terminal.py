"""What snakepit-top asks of terminals, what it does without, and how it leaves them."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest
from readers import Segment, wait_for
from top_kit import TOP, Open, Terminal, needs_tmux, segment, terminal

__all__ = ["segment", "terminal"]

# A colour of the text or behind it; 39 and 49 are "none".
COLOR = re.compile(r"\x1b\[(?:[0-9]+;)*(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])[;m]")


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
    view.press("U", "2")
    assert view.see("[2 Workers]", "default1/3").isascii()


@needs_tmux
def test_dumb_terminal_gets_it_once(terminal: Open) -> None:
    view = terminal("", TERM="dumb")
    assert view.ended() == 0
    view.see("default1/3")
