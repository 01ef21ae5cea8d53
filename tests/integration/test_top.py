"""snakepit-top in a real terminal (tmux): what is seen, and what keys do."""

from __future__ import annotations

import os
import re

from readers import Segment, wait_for
from top_kit import Open, needs_tmux, segment, terminal

__all__ = ["segment", "terminal"]


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
    view.see("by status, unhealthy first")
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
