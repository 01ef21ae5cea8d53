"""What the tests of the command line share: programs, a private directory, segments."""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("SNP_BUILD", "build")
BIN = BUILD / "bin"
TIMEOUT_S = 30.0


class Cli:
    """Runs our programs with a directory of their own for segments and sockets."""

    def __init__(self, directory: Path) -> None:
        self.dir = directory
        self.env = {
            **os.environ,
            "SNAKEPIT_DIR": str(directory),
            "LC_ALL": "C.UTF-8",
        }
        self.env.pop("SNAKEPIT_INSTANCE", None)

    def run(
        self, *args: str, program: str = "snakepit", **kwargs: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run to the end; never raises for an exit code."""
        return subprocess.run(
            [str(BIN / program), *args],
            env={**self.env, **kwargs.pop("env", {})},
            stdout=kwargs.pop("stdout", subprocess.PIPE),
            stderr=subprocess.PIPE,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
            **kwargs,
        )

    @contextmanager
    def segment(self, instance: str, *shape: str) -> Iterator[subprocess.Popen[str]]:
        """Keep a segment alive without a runtime (tests/lib/segment_writer.c)."""
        process = subprocess.Popen(
            [str(BUILD / "tests" / "segment_writer"), str(self.dir), instance, *shape],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()
            process.communicate()


def wait_for(
    look: Callable[[], Any], good: Callable[[Any], Any], seconds: float = TIMEOUT_S
) -> Any:
    """Look again and again until what is seen is good, and return it."""
    deadline = time.monotonic() + seconds
    while True:
        seen = look()
        if good(seen):
            return seen
        assert time.monotonic() < deadline, seen
        time.sleep(0.02)


def tell(process: subprocess.Popen[str], word: str) -> None:
    """Have the segment's writer obey a word and wait until it has."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(word + "\n")
    process.stdin.flush()
    assert process.stdout.readline() == "ok\n"


@contextmanager
def private_dir() -> Iterator[Path]:
    """Make a directory in memory whose path is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="snp-", dir="/dev/shm") as name:
        os.chmod(name, 0o750)
        yield Path(name)


def one_line(text: str) -> str:
    """Check that an error is one line that names the program; return it."""
    assert text.endswith("\n"), text
    assert text.count("\n") == 1, text
    assert text.startswith("snakepit: "), text
    return text[len("snakepit: ") : -1]


@contextmanager
def exporter_port_taken() -> Iterator[None]:
    """Have the default port of snakepit-prometheus taken, by us or somebody else."""
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with suppress(OSError):
            taken.bind(("127.0.0.1", 9568))
            taken.listen()
        yield
