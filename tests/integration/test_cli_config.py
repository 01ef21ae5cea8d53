"""`snakepit config`: printing, checking and comparing configuration files."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Cli = Callable[..., subprocess.CompletedProcess[str]]
POOL = "pools:\n  - adapter: a.B\n"


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], str]:
    def write(name: str, text: str) -> str:
        (tmp_path / name).write_text(text)
        return str(tmp_path / name)

    return write


def test_the_defaults_are_a_good_file_and_show_keeps_their_meaning(
    cli: Cli, write: Callable[[str, str], str]
) -> None:
    file = write("c.yaml", cli("config", "default").stdout)
    checked = cli("config", "check", file)
    assert (checked.returncode, checked.stdout) == (0, f"{file}: ok\n")
    shown = cli("config", "show", file)
    assert "max_missed_heartbeats: 3\n" in shown.stdout
    again = write("again.yaml", shown.stdout)
    compared = cli("config", "diff", file, again)
    assert (compared.returncode, compared.stdout) == (0, "")


def test_diff_says_what_each_change_needs(
    cli: Cli, write: Callable[[str, str], str]
) -> None:
    old = write("old.yaml", POOL)
    new = write("new.yaml", POOL + "    workers: 2\n    python: /usr/bin/python3\n")
    result = cli("config", "diff", old, new)
    assert result.returncode == 0
    assert result.stdout.splitlines() == [
        "pools.default.workers: 4 -> 2 (live)",
        "pools.default.python: null -> /usr/bin/python3 (new workers)",
    ]
    other = write("other.yaml", "instance: x\n" + POOL)
    result = cli("config", "diff", old, other)
    assert result.returncode == 1
    assert result.stdout.startswith("instance: demo -> x (a restart)\n")


@pytest.mark.parametrize("command", [["check"], ["show"], ["diff", "/dev/null"]])
def test_a_bad_file_is_named_with_its_line(
    cli: Cli, write: Callable[[str, str], str], command: list[str]
) -> None:
    file = write("bad.yaml", POOL + "    workers: lots\n")
    good = write("good.yaml", POOL)
    name, *first = command
    result = cli("config", name, *([good] if first else []), file)
    assert result.returncode == 2
    assert f'{file}:3:14: pools[0].workers is "lots"; expected' in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "which of default, show, check and diff?"),
        (["shwo"], "no 'shwo'"),
        (["show"], "usage: snakepit config show FILE"),
        (["diff", "a"], "usage: snakepit config diff OLD NEW"),
        (["--nope"], "unknown option '--nope'"),
    ],
)
def test_wrong_usage_is_exit_code_2_and_says_what_is_right(
    cli: Cli, arguments: list[str], words: str
) -> None:
    result = cli("config", *arguments)
    assert result.returncode == 2
    assert words in result.stderr
    assert result.stderr.count("\n") == 1
