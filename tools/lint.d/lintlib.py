"""What the checks in this folder share. They run from the top of the tree."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import hashlib
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

BUILD = Path("build")
SKIPPED = 77

T = TypeVar("T")
R = TypeVar("R")


def tracked(*patterns: str) -> list[Path]:
    """Files under version control that match the patterns, and are there."""
    names = subprocess.run(
        ["git", "ls-files", "-z", "--", *patterns],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    paths = (Path(name) for name in names.split("\0") if name)
    return sorted(path for path in paths if path.is_file() and not path.is_symlink())


def scripts(*interpreters: str) -> list[Path]:
    """Tracked files whose first line names one of the interpreters."""
    found = []
    for path in tracked():
        with path.open("rb") as file:
            first = file.readline(200)
        words = first[2:].decode(errors="replace").split() if first[:2] == b"#!" else []
        if words and any(Path(word).name in interpreters for word in words):
            found.append(path)
    return found


@dataclasses.dataclass(frozen=True)
class Unit:
    """A C file and the command that compiles it."""

    source: Path
    command: tuple[str, ...]

    def flags(self, *prefixes: str) -> list[str]:
        """Words of the command that start so; -isystem is followed by its folder."""
        words: list[str] = []
        for word, after in zip(self.command, (*self.command[1:], "")):
            if word.startswith(prefixes):
                words += [word, after] if word == "-isystem" else [word]
        return words


def units() -> list[Unit]:
    """All C files, as make would compile them; also writes compile_commands.json.

    Asking make what it would do keeps the include paths of each component, which are
    what the layers are made of, in one place: the Makefile.
    """
    script = subprocess.run(
        ["make", "--no-print-directory", "-nB", "V=1", "bins", "unit-bins"],
        check=True,
        capture_output=True,
        text=True,
        env={name: value for name, value in os.environ.items() if "MAKE" not in name},
    ).stdout
    known = set(tracked("*.c"))
    found = {}
    for line in script.splitlines():
        words = shlex.split(line) if " -c -o " in line else []
        if words and Path(words[-1]) in known:
            found[Path(words[-1])] = Unit(Path(words[-1]), tuple(words))
    write_compile_commands(found.values())
    return [found[source] for source in sorted(found)]


def write_compile_commands(entries: Iterable[Unit]) -> None:
    BUILD.mkdir(exist_ok=True)
    here = os.getcwd()
    text = json.dumps(
        [
            {"directory": here, "file": str(u.source), "command": shlex.join(u.command)}
            for u in entries
        ],
        indent=1,
    )
    (BUILD / "compile_commands.json").write_text(text + "\n")


def generate_protocol_code() -> None:
    """Make what files include but nobody wrote."""
    subprocess.run(["make", "-s", "proto"], check=True, stdout=subprocess.DEVNULL)


def dependencies(unit: Unit) -> list[Path]:
    """Files of the tree that a C file includes, directly or not, itself first."""
    output = subprocess.run(
        ["gcc", "-MM", *unit.flags("-I", "-D", "-isystem", "-std="), unit.source],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    names = output.replace("\\\n", " ").partition(":")[2].split()
    return [Path(os.path.normpath(name)) for name in names]


def findings(
    name: str, settings: str, check: Callable[[Unit], str], units: Iterable[Unit]
) -> list[str]:
    """What a check says of C files, "" being nothing.

    A file is looked at again only when it, something it includes or the settings
    changed: build/lint/NAME remembers what was clean.
    """
    clean = BUILD / "lint" / name
    clean.mkdir(parents=True, exist_ok=True)

    def once(unit: Unit) -> str:
        digest = hashlib.sha256(repr((settings, unit.command)).encode())
        for path in dependencies(unit):
            digest.update(path.read_bytes())
        stamp = clean / digest.hexdigest()
        said = "" if stamp.exists() else check(unit)
        if not said:
            stamp.touch()
        return said

    return [said for said in in_parallel(once, units) if said]


def in_parallel(function: Callable[[T], R], items: Iterable[T]) -> list[R]:
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        return list(pool.map(function, items))


def finish(findings: Iterable[str]) -> None:
    """Print what was found and end the check."""
    lines = list(findings)
    for line in lines:
        print(line)
    sys.exit(1 if lines else 0)
