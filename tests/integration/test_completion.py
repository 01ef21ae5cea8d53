"""What Tab does in a real bash, zsh and fish, with the files of completions/."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import subprocess
import time
from typing import TYPE_CHECKING

import pytest
from readers import BUILD, DEADLINE_S, ROOT, Segment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILES = ROOT / "completions"

# What is typed before Tab, and what the last word is after it.
CASES = (
    ("snakepit stat", "status"),  # a verb
    ("snakepit --vers", "--version"),
    ("snakepit help docto", "doctor"),
    ("snakepit status --allow-", "--allow-starting"),
    ("snakepit status -n dem", "demo"),  # an instance
    ("snakepit-top --instance=de", "--instance=demo"),
    ("snakepit drain -n demo defaul", "default"),  # what both pools begin with
    ("snakepit scale default", "default"),
    ("snakepit top --sort heartb", "heartbeat_"),  # columns
    ("snakepit top -o worker,pool.rest", "worker,pool.restarts"),
    ("snakepit dump --in-f", "--in-flight"),  # what a verb becomes
    ("snakepit recycle --forc", "--force"),
    ("snakepit-otlp --protocol=http/j", "--protocol=http/json"),  # a closed set
    ("snakepit-statsd --statsd.tags inf", "influx"),
    ("snakepit config sho", "show"),
    ("snakepit config show pool", "pools.yaml"),  # files
    ("snakepit-prometheus --web.config.file=pool", "--web.config.file=pools.yaml"),
    ("snakepitd --config pool", "pools.yaml"),
)


@pytest.fixture
def place(
    snp_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """Give a folder with one file, on a machine with one instance of two pools."""
    monkeypatch.setenv("SNAKEPIT_DIR", str(snp_dir))
    (tmp_path / "pools.yaml").touch()
    segment = Segment(snp_dir, "demo", "2", "4", "2")
    yield tmp_path
    segment.close()


def environment() -> dict[str, str]:
    path = f"{BUILD / 'bin'}:{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "TERM": "vt100", "LC_ALL": "C.UTF-8"}


class Shell:
    """An interactive shell at the other end of a terminal."""

    def __init__(self, command: list[str], directory: Path) -> None:
        self.fd, end = pty.openpty()
        self.process = subprocess.Popen(
            command,
            stdin=end,
            stdout=end,
            stderr=end,
            cwd=directory,
            env=environment(),
            start_new_session=True,
        )
        os.close(end)

    def wait_for(self, pattern: str) -> re.Match[str]:
        text = ""
        deadline = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline:
            if select.select([self.fd], [], [], 1)[0]:
                text += os.read(self.fd, 4096).decode(errors="replace")
            if found := re.search(pattern, text):
                return found
        raise AssertionError(f"{pattern!r} not in {text!r}")

    def run(self, line: str) -> None:
        """Run a line that prints nothing, to its end."""
        os.write(self.fd, f"{line}; printf 'do%s\\n' ne\n".encode())
        self.wait_for(r"done\r?\n")

    def complete(self, line: str) -> str:
        """Press Tab behind the line; return its last word then."""
        # Ctrl-A goes to the begin of the line, so that it is printed and not run.
        ask = f"{line}\t\x01printf '<%s>' END \x05; echo\n"
        os.write(self.fd, ask.encode())
        shown = self.wait_for(r"<END>(<[^>\r\n]*>)*\r?\n")
        words: list[str] = re.findall(r"<([^>]*)>", shown[0])
        return words[-1]

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.fd)


def check(shell: Shell) -> None:
    got = [(line, shell.complete(line)) for line, _ in CASES]
    shell.close()
    assert got == list(CASES)


def need(program: str) -> str:
    path = shutil.which(program)
    if not path:
        pytest.skip(f"{program} is not installed")
    return path


def test_bash(place: Path) -> None:
    shell = Shell([need("bash"), "--norc", "--noprofile"], place)
    shell.run(f"bind 'set enable-bracketed-paste off'; . {FILES}/bash/snakepit")
    check(shell)


def test_zsh(place: Path) -> None:
    shell = Shell([need("zsh"), "-f"], place)
    shell.run(
        f"unset zle_bracketed_paste; PS1='> '; fpath=({FILES}/zsh $fpath); "
        "autoload -Uz compinit; compinit -u -D; bindkey -e"
    )
    check(shell)


def test_fish(place: Path) -> None:
    script = f"source {FILES}/fish/snakepit.fish\n" + "".join(
        f"printf '<%s>\\n' (complete -C '{line}'); echo end\n" for line, _ in CASES
    )
    done = subprocess.run(
        [need("fish"), "--no-config", "-c", script],
        capture_output=True,
        text=True,
        check=True,
        cwd=place,
        env={**environment(), "HOME": str(place)},
        timeout=60,
    )
    for (line, expected), offered in zip(
        CASES, done.stdout.split("end\n")[:-1], strict=True
    ):
        words = [word.split("\t")[0] for word in re.findall(r"<(.*)>", offered)]
        if len(words) == 1:
            assert words == [expected], line
        else:  # fish shows all of them
            assert words, line
            assert all(word.startswith(expected) for word in words), line


def test_the_files_name_the_same_programs() -> None:
    bash = (FILES / "bash/snakepit").read_text()
    named = {
        "bash": re.search(r"complete -F \w+ ((?:\\\n|[^\n])+)", bash),
        "zsh": re.search(r"#compdef (.*)", (FILES / "zsh/_snakepit").read_text()),
    }
    words = {
        shell: {word for word in found[1].split() if word != "\\"}
        for shell, found in named.items()
        if found
    }
    programs = {path.name for path in (BUILD / "bin").iterdir()}
    # The others are what verbs of `snakepit` become, or what no user starts.
    programs -= {f"snakepit-{n}" for n in ("config", "control", "exec", "guard")}
    programs -= {"snakepit-launch"}
    assert words == {"bash": programs, "zsh": programs}
    # Shells look for a file of the command's name.
    assert {path.name for path in (FILES / "bash").iterdir()} == programs
    assert {path.stem for path in (FILES / "fish").iterdir()} == programs
