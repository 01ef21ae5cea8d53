"""What integration tests share: the programs of one build, in a world of their own.

A `World` is a private directory, an environment that names it, and a mark in that
environment by which every process that was started in it, at any depth, is found again.
A `Daemon` is one snakepitd in a world. Nothing here knows what the programs mean; the
fixtures in conftest.py hand both out and take them back.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import re
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from snakepit_bridge import testing
from snakepit_bridge._testing_look import inspect
from snakepit_bridge.testing import metric_value as metric

__all__ = [
    "BUILD",
    "ROOT",
    "Daemon",
    "Ended",
    "World",
    "is_sanitized",
    "metric",
    "wait_until",
]

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("SNP_BUILD", ROOT / "build"))
# Deadlines are written for a machine that does nothing else; a busy one has more time.
# What must be quick is measured, not waited for.
PATIENCE = 4
SURVIVOR_TIMEOUT_S = 3.0
MARK = "SNP_TEST_WORLD"
DAEMON_MARK = "SNP_TEST_DAEMON"
SANITIZER_REPORT = re.compile(
    r"^.*(ERROR: \w*Sanitizer|WARNING: ThreadSanitizer|: runtime error: ).*$",
    re.MULTILINE,
)

T = TypeVar("T")


def is_sanitized() -> bool:
    """Tell whether the programs under test are slowed down by a sanitizer."""
    return BUILD.name in ("asan", "tsan")


def wait_until(predicate: Callable[[], T], timeout_s: float, what: str) -> T:
    """Wait as testing.wait_until() does, with our patience."""
    return testing.wait_until(predicate, timeout_s * PATIENCE, what)


class World:
    """A directory for segments and sockets, and all processes started in it."""

    def __init__(self, directory: Path, build: Path = BUILD) -> None:
        self.directory = directory
        self.build = build
        self.mark = uuid.uuid4().hex
        self.env = {
            "SNAKEPIT_PYTHON": sys.executable,
            **os.environ,
            "SNAKEPIT_DIR": str(directory),
            MARK: self.mark,
        }
        self.env.pop("SNAKEPIT_INSTANCE", None)

    def program(self, name: str) -> Path:
        path = self.build / "bin" / name
        assert path.exists(), f"{path} is not built"
        return path

    def run(
        self, name: str, *arguments: str, timeout_s: float = 60, stdin: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run one of our programs to its end; what it returned is for the test."""
        return subprocess.run(
            [self.program(name), *arguments],
            env=self.env,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout_s,
        )

    def inspect(self, instance: str | None = None) -> dict[str, Any]:
        """Read a segment as JSON; OSError when inspect could not."""
        target = ["-n", instance] if instance else []
        return inspect(self.build / "bin", self.env, target)

    def processes(self) -> dict[int, str]:
        """Pid and command line of each process alive that was started in this world."""
        return _processes(lambda entry: _has_variable(entry, MARK, self.mark))

    def assert_empty(self) -> None:
        """Fail when processes of this world stay alive; they are killed then."""
        _assert_gone(self.processes)


def _processes(belongs: Callable[[Path], bool]) -> dict[int, str]:
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            # One that ended, is a zombie, or is not ours to read does not count.
            with contextlib.suppress(OSError):
                if belongs(entry):
                    words = (entry / "cmdline").read_bytes().split(b"\0")
                    found[int(entry.name)] = b" ".join(words).decode(errors="replace")
    return found


def _has_variable(entry: Path, name: str, value: str) -> bool:
    return f"{name}={value}".encode() in (entry / "environ").read_bytes().split(b"\0")


def _is_in_session(entry: Path, session: int) -> bool:
    state, _, _, number = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
    return state != "Z" and int(number) == session != 0


def _assert_gone(processes: Callable[[], dict[int, str]]) -> None:
    try:
        wait_until(lambda: not processes(), SURVIVOR_TIMEOUT_S, "the end of all")
    except AssertionError:
        survivors = processes()
        for pid in survivors:
            _kill(pid, signal.SIGKILL)
        message = f"left running: {survivors}"
        raise AssertionError(message) from None


def _kill(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


class Ended(Exception):  # noqa: N818 - what happened; no mistake of the caller
    """A daemon is gone, so that what a test waits for will never come."""


@dataclasses.dataclass
class Daemon:
    """One snakepitd, its configuration and its log."""

    world: World
    config: Path
    log: Path
    process: subprocess.Popen[bytes]
    mark: str
    killed: bool = False
    stop_timeout_s: float = 30.0

    @classmethod
    def start(cls, world: World, config: Mapping[str, Any] | str, *more: str) -> Daemon:
        """Start snakepitd; a mapping is written as JSON, which YAML contains."""
        mark = uuid.uuid4().hex
        path = world.directory / f"config-{mark[:8]}.yaml"
        path.write_text(config if isinstance(config, str) else json.dumps(config))
        log = path.with_suffix(".log")
        with log.open("wb") as out:
            process = subprocess.Popen(
                [world.program("snakepitd"), "-c", path, *more],
                env={**world.env, DAEMON_MARK: mark},
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return cls(world, path, log, process, mark)

    @property
    def pid(self) -> int:
        return self.process.pid

    def processes(self) -> dict[int, str]:
        """Itself and all it started: they have its mark, or else its session."""
        # Once its status is taken, its number may be another's, but not while anybody
        # is left in its session: a process of that number leads a session not ours.
        gone = self.process.returncode is not None
        session = 0 if gone and Path(f"/proc/{self.pid}").exists() else self.pid
        return _processes(
            lambda entry: (
                _is_in_session(entry, session)
                or _has_variable(entry, DAEMON_MARK, self.mark)
            )
        )

    def log_text(self) -> str:
        return testing.Log(self.log).text()

    def log_lines(self, **fields: Any) -> list[dict[str, Any]]:
        """Complete log lines that have these fields; each must be a JSON object."""
        return testing.Log(self.log).lines(**fields)

    def wait_log(self, timeout_s: float = 10, **fields: Any) -> dict[str, Any]:
        """Wait for the first log line that has these fields."""
        found = wait_until(
            lambda: self.log_lines(**fields), timeout_s, f"log line with {fields}"
        )
        return found[0]

    def wait_ready(self, workers: int, timeout_s: float = 30) -> dict[str, Any]:
        """Wait until that many workers can take requests; return inspect's report.

        Raises Ended as soon as it is clear that there will be none.
        """

        def ready() -> dict[str, Any] | None:
            if self.process.poll() is not None:
                raise Ended(self.log_text())
            report = self.world.inspect()
            alive = [w for w in report["workers"] if w["status"] in ("idle", "busy")]
            return report if len(alive) >= workers else None

        found = wait_until(ready, timeout_s, f"{workers} workers that are ready")
        assert found is not None
        return found

    def kill(self) -> None:
        """SIGKILL it, as a test's own deed; an exit status is then not asked for."""
        self.killed = True
        _kill(self.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """End it with SIGTERM; fail when it does not leave well, or leaves anything."""
        if self.process.poll() is None:
            _kill(self.pid, signal.SIGTERM)
        problems = []
        try:
            status = self.process.wait(self.stop_timeout_s)
            if status != 0 and not self.killed:
                problems.append(f"exit status {status}")
        except subprocess.TimeoutExpired:
            problems.append(f"still alive {self.stop_timeout_s:g} s after SIGTERM")
            self.kill()
        try:
            _assert_gone(self.processes)
        except AssertionError as error:
            problems.append(str(error))
        problems += [m[0] for m in SANITIZER_REPORT.finditer(self.log_text())]
        if problems:
            message = f"snakepitd: {'; '.join(problems)}\n{self.log_text()}"
            raise AssertionError(message)
