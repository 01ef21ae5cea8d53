"""A monitoring stack that runs: `make monitoring` with ports and files of its own."""

from __future__ import annotations

import http.client
import json
import re
import signal
import subprocess
import sys
from typing import Any
from urllib.parse import urlencode

from catalogue import ROOT
from harness import BUILD, World

STOP_S = 60


class Stack:
    """tools/monitoring/run.py, started; `places`: where it says that things are."""

    def __init__(self, world: World, *options: str) -> None:
        self.world = world
        self.places: dict[str, str] = {}
        self.said: list[str] = []
        self.process = subprocess.Popen(
            [
                sys.executable,
                str(ROOT / "tools/monitoring/run.py"),
                *("--prometheus-port=0", "--otlp-port=0", "--collector-page-port=0"),
                *(f"--bin={BUILD / 'bin'}", "--kill-every=5", *options),
            ],
            env=world.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self.process.stdout
        for line in self.process.stdout:
            self.said.append(line)
            if place := re.match(r"  (\w+) +(.+)$", line):
                self.places[place[1]] = place[2]
            if "Ctrl-C ends it" in line:
                return
        raise AssertionError(self.said)

    def api(self, path: str, **query: str) -> Any:
        """Ask Prometheus."""
        address = self.places["Prometheus"].removeprefix("http://")
        connection = http.client.HTTPConnection(address, timeout=30)
        try:
            connection.request("GET", f"/api/v1/{path}?{urlencode(query)}")
            answer = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        assert answer["status"] == "success", answer
        return answer["data"]

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End it; return its status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        rest, _ = self.process.communicate(timeout=STOP_S)
        self.said.append(rest)
        return self.process.returncode
