"""The processes of the demo: snakepitd and snakepit-prometheus, started and ended."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Optional

from .processes import DemoError, end, free_port, must_live, start, wait_until

__all__ = ["Stack"]

INSTANCE = "demo"
METRICS_PORT = 9568
_START_SECONDS = 60.0


@dataclass
class Stack:
    """What runs. `root` is the checkout, `bin` has the programs, `log` all they say."""

    root: Path
    bin: Path
    log: Path
    runtime: Optional[subprocess.Popen[bytes]] = None
    exporter: Optional[subprocess.Popen[bytes]] = None
    port: int = 0
    address: str = ""

    def start(self) -> None:
        """Start both and wait until every pool serves."""
        self._refuse_a_second_one()
        self.runtime = self._spawn("snakepitd", "-c", "examples/demo.yaml")
        wait_until(self._serves, _START_SECONDS, "the start of all workers")
        path = Path(self.status()["path"])
        self.address = f"unix:{path.with_suffix('.sock')}"
        self.port = free_port(METRICS_PORT)
        self.exporter = self._spawn(
            "snakepit-prometheus",
            "-n",
            str(path),
            f"--web.listen-address=127.0.0.1:{self.port}",
        )
        wait_until(self._exports, _START_SECONDS, "the start of snakepit-prometheus")

    def stop(self) -> None:
        """End both; raises DemoError when one had to be killed or failed."""
        problems = [
            problem
            for name, process in (
                ("snakepit-prometheus", self.exporter),
                ("snakepitd", self.runtime),
            )
            if process is not None and (problem := end(name, process))
        ]
        self.runtime = self.exporter = None
        if problems:
            raise DemoError("; ".join(problems))

    def pid(self) -> int:
        """Return the runtime's process id."""
        return self.runtime.pid if self.runtime else 0

    def run(self, program: str, *args: str) -> subprocess.CompletedProcess[str]:
        """Run one of our programs to its end, for its output."""
        return subprocess.run(
            [str(self.bin / program), *args],
            capture_output=True,
            text=True,
            timeout=_START_SECONDS,
            check=False,
        )

    def status(self) -> Dict[str, Any]:
        """Return `snakepit status --json`; empty when there is no instance."""
        result = self.run("snakepit", "status", "-n", INSTANCE, "--json")
        return dict(json.loads(result.stdout)) if result.stdout else {}

    def inspect(self) -> Dict[str, Any]:
        """Return `snakepit-inspect --json`."""
        result = self.run("snakepit-inspect", "-n", INSTANCE, "--json")
        if result.returncode != 0:
            raise DemoError(result.stderr.strip())
        return dict(json.loads(result.stdout))

    def scrape(self) -> str:
        """Return the text of /metrics."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", "/metrics")
            response = connection.getresponse()
            text = response.read().decode()
        finally:
            connection.close()
        if response.status != http.HTTPStatus.OK:
            msg = f"/metrics answers with status {response.status}"
            raise DemoError(msg)
        return text

    def _refuse_a_second_one(self) -> None:
        status = self.status()
        if status.get("verdict") in ("alive", "hung"):
            msg = (
                f"an instance '{INSTANCE}' runs already (pid {status['pid']}); "
                f"watch it with 'snakepit top -n {INSTANCE}', or stop it with "
                f"'kill {status['pid']}'"
            )
            raise DemoError(msg)

    def _spawn(self, program: str, *args: str) -> subprocess.Popen[bytes]:
        return start([str(self.bin / program), *args], self.log, self.root)

    def _serves(self) -> bool:
        must_live("snakepitd", self.runtime)
        status = self.status()
        return (
            status.get("pid") == self.pid()
            and bool(status["pools"])
            and all(
                worker["status"] in ("idle", "busy")
                for pool in status["pools"]
                for worker in pool["workers"]
            )
        )

    def _exports(self) -> bool:
        must_live("snakepit-prometheus", self.exporter)
        try:
            return "snakepit_up" in self.scrape()
        except (OSError, http.client.HTTPException):
            return False


def ppid_of(pid: int) -> int:
    """Return the parent of a process, 0 when there is none."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            # The name in parentheses may hold anything; the rest follows the last one.
            return int(file.read().rpartition(b")")[2].split()[1])
    except (OSError, IndexError, ValueError):
        return 0


def kill_child(pid: int, parent: int) -> bool:
    """Send SIGKILL to `pid` if it is a child of `parent`; say whether it was.

    The descriptor holds on to the process, so that a number used again is not hit.
    """
    try:
        descriptor = os.pidfd_open(pid)
    except OSError:
        return False
    try:
        if ppid_of(pid) != parent:
            return False
        signal.pidfd_send_signal(descriptor, signal.SIGKILL)
    except OSError:
        return False
    else:
        return True
    finally:
        os.close(descriptor)
