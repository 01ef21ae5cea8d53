"""The readers of segments, one table: how to build and run each.

A reader's program prints the JSON that docs/inspect.md describes, a line a path, for
any number of paths: `program [--tier snap|live] PATH...`. A reader whose tools a
machine lacks is skipped with the reason; one that does not build has failed.
"""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("SNP_BUILD", "build")
LANG = BUILD / "lang"
FILE_TIMEOUT_S = 10
START_TIMEOUT_S = 30  # a virtual machine on a busy one
MOST_WAITED_FOR = 50  # files; of more of them few take long


def always() -> None:
    """Nothing is in the way."""


@dataclass(frozen=True)
class Reader:
    """A reader and its program; words may hold {root}, {build} and {lang}.

    `missing` returns why the reader cannot be had on this machine, or None; `build` are
    commands that make the program, with nothing to do where it is fresh.
    """

    name: str
    program: tuple[str, ...]
    tiers: tuple[str, ...] = ("snap",)
    build: tuple[tuple[str, ...], ...] = ()
    env: dict[str, str] = field(default_factory=dict)
    missing: Callable[[], str | None] = always
    batch: bool = True

    def words(self, words: Sequence[str]) -> list[str]:
        places = {"root": str(ROOT), "build": str(BUILD), "lang": str(LANG)}
        return [word.format(**places) for word in words]

    def environment(self) -> dict[str, str]:
        values = self.words(list(self.env.values()))
        return {**os.environ, **dict(zip(self.env, values))}


def program(name: str, version: str = "", at_least: tuple[int, ...] = ()) -> Any:
    """Make a `missing` that looks for a program on PATH, and at what it says."""

    def missing() -> str | None:
        if not shutil.which(name):
            return f"there is no {name} on PATH"
        if version:
            done = subprocess.run(
                [name, version], capture_output=True, text=True, check=False
            )
            found = re.search(r"(\d+(?:\.\d+)*)", done.stdout + done.stderr)
            if not found:
                return f"{name} {version} does not say a version"
            if tuple(map(int, found[1].split("."))) < at_least:
                wanted = ".".join(map(str, at_least))
                return f"{name} is {found[1]}, {wanted} is needed"
        return None

    return missing


# Nothing outside the build directory is written, and nothing fetched.
GO_ENV = {
    "GOCACHE": "{lang}/go/cache",
    "GOPATH": "{lang}/go/path",
    "XDG_CONFIG_HOME": "{lang}/go/config",
    "GOENV": "off",
    "GOWORK": "off",
    "GOPROXY": "off",
    "GOTOOLCHAIN": "local",
    "CGO_ENABLED": "0",
}
CARGO_ENV = {"CARGO_TARGET_DIR": "{lang}/rust", "CARGO_HOME": "{lang}/rust/home"}
MIX_ENV = {
    "MIX_BUILD_PATH": "{lang}/elixir",
    "MIX_HOME": "{lang}/elixir/home",
    "LC_ALL": "C.UTF-8",  # names of files
}

READERS = [
    Reader(
        "c",
        ("{build}/bin/snakepit-inspect", "--json", "--events", "-n"),
        tiers=("snap", "live"),
        batch=False,
    ),
    Reader(
        "python",
        (sys.executable, "-m", "snakepit_bridge.segment"),
        env={"PYTHONPATH": "{root}/priv/python"},
    ),
    Reader(
        "go",
        ("{lang}/go/segment-json",),
        tiers=("snap", "live"),
        build=(
            ("sh", "-c", "cd reader/lang/go && go build -o $OUT ./cmd/segment-json"),
        ),
        env={**GO_ENV, "OUT": "{lang}/go/segment-json"},
        missing=program("go", "version", (1, 19)),
    ),
    Reader(
        "rust",
        ("{lang}/rust/release/segment-json",),
        tiers=("snap", "live"),
        build=(
            (
                *("cargo", "build", "--release", "--offline", "--locked", "--quiet"),
                *("--manifest-path", "{root}/reader/lang/rust/Cargo.toml"),
            ),
        ),
        env=CARGO_ENV,
        missing=program("cargo", "--version", (1, 63)),
    ),
    Reader(
        "node",
        ("node", "{root}/reader/lang/node/bin/segment-json.js"),
        missing=program("node", "--version", (18,)),
    ),
    Reader(
        "java",
        (
            *("java", "-XX:TieredStopAtLevel=1", "-cp", "{lang}/java/classes"),
            "dev.snakepit.segment.cli.SegmentJson",
        ),
        tiers=("snap", "live"),
        build=(
            (
                *("sh", "-c", 'cd $0 && javac "$@" $(find . -name "*.java")'),
                *("{root}/reader/lang/java/src/main/java", "--release", "17"),
                *("-Xlint:all", "-Werror", "-d", "{lang}/java/classes"),
            ),
        ),
        env={"LC_ALL": "C.UTF-8"},  # names of files
        missing=program("javac", "--version", (17,)),
    ),
    Reader(
        "elixir",
        ("{lang}/elixir/segment-json",),
        build=(("sh", "-c", "cd reader/lang/elixir && mix escript.build"),),
        env=MIX_ENV,
        missing=program("elixir", "--short-version", (1, 14)),
    ),
]


@functools.cache
def why_missing(name: str) -> str | None:
    """Build the reader, once; return why it cannot be had here, or None."""
    reader = by_name(name)
    reason = reader.missing()
    if reason:
        return reason
    LANG.mkdir(parents=True, exist_ok=True)
    for command in reader.build:
        done = subprocess.run(
            reader.words(command),
            cwd=ROOT,
            env=reader.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return None


def by_name(name: str) -> Reader:
    return next(reader for reader in READERS if reader.name == name)


# ---- running -------------------------------------------------------------------------


class DiedError(AssertionError):
    """A reader crashed, hung or printed what is not JSON."""


def run(reader: Reader, tier: str, paths: Sequence[Path]) -> list[str]:
    """Return the lines that the reader prints for the paths."""
    if reader.batch:
        return _run_program(reader, [*reader.program, "--tier", tier], paths)
    lines = []
    for path in paths:
        *command, last = reader.program
        words = [*command, "--tier", tier, last]
        lines += _run_program(reader, words, [path])
    return lines


def _run_program(reader: Reader, words: list[str], paths: Sequence[Path]) -> list[str]:
    # As bytes: splitlines() of text knows more ends of line than JSON.
    command: list[str | Path] = [*reader.words(words), *paths]
    timeout_s = START_TIMEOUT_S + FILE_TIMEOUT_S * min(len(paths), MOST_WAITED_FOR)
    try:
        done = subprocess.run(
            command,
            env=reader.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired as exc:
        printed = (exc.stdout or b"").count(b"\n")
        text = f"{reader.name} hung at {paths[min(printed, len(paths) - 1)]}"
        raise DiedError(text) from None
    lines = done.stdout.decode("utf-8").split("\n")
    if done.returncode not in (0, 1, 3, 4) or len(lines) != len(paths) + 1:
        at = paths[min(len(lines) - 1, len(paths) - 1)]
        text = f"{reader.name} ended with {done.returncode} at {at}:"
        raise DiedError(text + done.stderr.decode("utf-8", "replace")[-2000:])
    return lines[:-1]


# ---- comparing -----------------------------------------------------------------------

_NUMBER = "\0"  # no text in a segment holds it


def _number(text: str) -> str:
    value = Decimal(text).normalize()
    return _NUMBER + format(value + 0, "f")


def parse(line: str) -> dict[str, Any]:
    """Parse a line without what differs from look to look; numbers are texts."""
    data: dict[str, Any] = json.loads(line, parse_float=_number, parse_int=_number)
    if "error" in data:
        del data["error"]["message"]
        return data
    data["segment"]["path"] = "PATH"
    del data["writer"]["heartbeat_age_ms"]
    del data["stats"]["snapshot_ns"]
    del data["stats"]["retries"]
    return data


def text_of(data: dict[str, Any]) -> str:
    """Return what parse() made as JSON for people, equal where the meaning is."""
    text = json.dumps(data, indent=1, ensure_ascii=False)
    return re.sub(r'"\\u0000([^"]*)"', r"\1", text) + "\n"


def number(value: str) -> Decimal:
    """Return a number of what parse() made."""
    assert value.startswith(_NUMBER), value
    return Decimal(value[1:])
