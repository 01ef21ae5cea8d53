"""snakepit-top in a terminal of tmux, and without one: what its tests share.

A test module that uses the fixtures `segment` and `terminal` names them in its
`__all__`.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from readers import BUILD, Segment, wait_for

TOP = BUILD / "bin/snakepit-top"

needs_tmux = pytest.mark.skipif(
    not shutil.which("tmux"), reason="tmux is not installed"
)


class Terminal:
    """A tmux server of its own with one window, in which a shell runs one command."""

    def __init__(self, directory: Path, command: str, **env: str) -> None:
        self.directory = directory
        self.server = f"snp-{os.getpid()}-{time.monotonic_ns()}"
        self.config = directory / "config"
        setting = {
            "LC_ALL": "C.UTF-8",
            "TZ": "UTC0",
            "XDG_CONFIG_HOME": str(self.config),
            **env,
        }
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

    def rewound(self) -> int:
        """Return how many seconds back the moment shown is."""
        found = re.search(r"\(-(\d+)s\)", self.line(0))
        return int(found[1]) if found else 0

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
