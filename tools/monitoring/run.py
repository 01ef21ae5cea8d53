#!/usr/bin/env python3
"""The demo with Prometheus and an OpenTelemetry Collector beside it, on this machine.

What `make monitoring` runs: plain processes on 127.0.0.1, no container. The demo calls its
pools and kills a worker from time to time, snakepit-prometheus and snakepit-otlp read its
segment, Prometheus has the rules and alerts of tools/monitoring/prometheus, and the
Collector writes traces to a file. It prints where to look, and ends with Ctrl-C or
SIGTERM; then nothing is left, neither a process nor a file. Without a Collector
(`make peers` builds one) there are no traces, and the rest is the same.

A default port that is taken is replaced by a free one; 0 always takes a free one.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import NoReturn
from urllib.parse import urlencode

_ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(_ROOT / "examples"))

from demo.processes import (
    DemoError,
    end,
    free_port,
    last_words,
    must_live,
    start,
    wait_until,
)

_PROMETHEUS = _ROOT / "tools/monitoring/prometheus"
_COLLECTOR = (
    _ROOT / "examples/collector/collector.yaml",
    _ROOT / "tools/monitoring/local.yaml",
)
_START_SECONDS = 120.0
_LOOK_SECONDS = 1.0
_A_WEEK = 7 * 86400
_SIGTERM = 128 + signal.SIGTERM  # what a program of ours that was told to leave returns

# What the page of graphs shows, of the last five minutes.
_GRAPHS = (
    "pool:snakepit_heartbeat_latency_seconds:p99_5m",
    "sum by (pool) (snakepit_pool_queue_depth)",
    "sum by (pool) (snakepit_worker_restarts_total)",
)


@dataclasses.dataclass
class Child:
    """A program that runs, and the status with which it leaves when told to."""

    name: str
    process: subprocess.Popen[bytes]
    expected: int = 0


class Monitoring:
    """All processes, in the order in which they were started."""

    def __init__(self, options: argparse.Namespace, scratch: Path) -> None:
        """Choose the ports; `scratch` gets all files."""
        self.bin: Path = options.bin.resolve()
        self.collector: Path = options.collector.resolve()
        self.kill_every: float = options.kill_every
        self.scratch = scratch
        self.children: list[Child] = []
        self.prometheus_port = free_port(options.prometheus_port)
        self.otlp_port = free_port(options.otlp_port)
        self.page_port = free_port(options.collector_page_port)
        self.metrics = ""

    @property
    def traces(self) -> Path:
        """The file that gets the traces."""
        return self.scratch / "traces.jsonl"

    def log(self, name: str) -> Path:
        """Return the file with all that a program says."""
        return self.scratch / f"{name}.log"

    def start(self) -> None:
        """Start everything and wait until it answers."""
        if shutil.which("prometheus") is None:
            msg = "there is no prometheus in PATH: apt-get install prometheus"
            raise DemoError(msg)
        traced = self.collector.exists()
        if traced:
            self._start_collector()
        self._start_demo(traced=traced)
        if traced:
            self._start_reader()
        self._start_prometheus()

    def watch(self) -> NoReturn:
        """Raise DemoError when a program ends by itself."""
        while True:
            time.sleep(_LOOK_SECONDS)
            self._all_live()

    def last_words(self) -> list[str]:
        """Return the end of the log of each program that has ended."""
        ended = [child for child in self.children if child.process.poll() is not None]
        return [line for child in ended for line in last_words(self.log(child.name))]

    def stop(self) -> list[str]:
        """End all, the last one first; return what went wrong."""
        problems = [
            problem
            for child in reversed(self.children)
            if (problem := end(child.name, child.process, child.expected))
        ]
        self.children = []
        return problems

    def places(self) -> dict[str, str]:
        """Name the addresses, for people."""
        prometheus = f"http://127.0.0.1:{self.prometheus_port}"
        query = {}
        for number, expression in enumerate(_GRAPHS):
            query[f"g{number}.expr"] = expression
            query[f"g{number}.tab"] = "0"
            query[f"g{number}.range_input"] = "5m"
        found = {
            "Prometheus": prometheus,
            "graphs": f"{prometheus}/graph?{urlencode(query)}",
            "alerts": prometheus + self._alerts(prometheus),
            "metrics": self.metrics,
        }
        if self.collector.exists():
            found["OTLP"] = f"http://127.0.0.1:{self.otlp_port}"
            found["traces"] = f"examples/collector/trees.py {self.traces}"
        found["logs"] = str(self.log("*"))
        return found

    def _run(
        self,
        name: str,
        *command: str,
        expected: int = 0,
        env: dict[str, str] | None = None,
    ) -> None:
        process = start(command, self.log(name), _ROOT, env)
        self.children.append(Child(name, process, expected))

    def _alerts(self, prometheus: str) -> str:
        """Return where the page is: Debian's Prometheus has it elsewhere."""
        debian = "/classic/alerts"
        return debian if self._answers(prometheus + debian) else "/alerts"

    def _all_live(self) -> None:
        for child in self.children:
            must_live(child.name, child.process)

    def _answers(self, url: str) -> bool:
        self._all_live()
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except OSError:  # of which the errors of urllib are some
            return False
        return True

    def _start_collector(self) -> None:
        env = {
            **os.environ,
            "OTLP_HTTP": f"127.0.0.1:{self.otlp_port}",
            "OTLP_GRPC": "127.0.0.1:0",
            "COLLECTED": str(self.scratch),
            "COLLECTED_METRICS": f"127.0.0.1:{self.page_port}",
        }
        configs = [f"--config={path}" for path in _COLLECTOR]
        self._run("otelcol", str(self.collector), *configs, env=env)
        page = f"http://127.0.0.1:{self.page_port}/metrics"
        wait_until(lambda: self._answers(page), _START_SECONDS, "the Collector's start")

    def _start_demo(self, *, traced: bool) -> None:
        env = {k: v for k, v in os.environ.items() if not k.startswith("OTEL_")}
        if traced:
            env["OTEL_TRACES_EXPORTER"] = "otlp"
        self._run(
            "demo",
            str(self.bin / "snakepit"),
            "demo",
            f"--seconds={_A_WEEK}",
            f"--kill-every={self.kill_every:g}",
            expected=_SIGTERM,
            env=env,
        )

        def announced() -> bool:
            self._all_live()
            text = self.log("demo").read_text(errors="replace")
            found = re.search(r"http://127\.0\.0\.1:\d+/metrics", text)
            self.metrics = found[0] if found else ""
            return bool(found)

        wait_until(announced, _START_SECONDS, "the start of the demo")

    def _start_reader(self) -> None:
        env = {
            **{k: v for k, v in os.environ.items() if not k.startswith("OTEL_")},
            "OTEL_METRIC_EXPORT_INTERVAL": "5000",
        }
        self._run(
            "snakepit-otlp",
            str(self.bin / "snakepit-otlp"),
            "--instance=demo",
            f"--endpoint=http://127.0.0.1:{self.otlp_port}",
            env=env,
        )

    def _start_prometheus(self) -> None:
        # Its configuration as it is, with targets that are here.
        home = self.scratch / "prometheus"
        (home / "targets").mkdir(parents=True)
        for name in ("prometheus.yml", "rules"):
            (home / name).symlink_to(_PROMETHEUS / name)
        pages = {"snakepit": re.sub(r"http://|/metrics", "", self.metrics)}
        if self.collector.exists():
            pages["collector"] = f"127.0.0.1:{self.page_port}"
        for name, target in pages.items():
            (home / f"targets/{name}.yml").write_text(f"- targets: ['{target}']\n")
        self._run(
            "prometheus",
            "prometheus",
            f"--config.file={home / 'prometheus.yml'}",
            f"--storage.tsdb.path={home / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.prometheus_port}",
            "--storage.tsdb.retention.time=1d",
            "--enable-feature=exemplar-storage",
            "--log.level=warn",
        )
        ready = f"http://127.0.0.1:{self.prometheus_port}/-/ready"
        wait_until(lambda: self._answers(ready), _START_SECONDS, "Prometheus' start")


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port < 65536:
        raise ValueError
    return port


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, port in (("prometheus", 9090), ("otlp", 4318), ("collector-page", 8889)):
        parser.add_argument(
            f"--{name}-port",
            type=_port,
            default=port,
            metavar="PORT",
            help="default: %(default)d",
        )
    parser.add_argument(
        "--kill-every",
        type=float,
        default=15.0,
        metavar="SECONDS",
        help="default: %(default)g",
    )
    parser.add_argument("--bin", type=Path, default=_ROOT / "build/bin", metavar="DIR")
    parser.add_argument(
        "--collector", type=Path, default=_ROOT / "build/peers/otelcol", metavar="FILE"
    )
    return parser.parse_args()


def _say(text: str) -> None:
    print(text, flush=True)


class _Stopped(Exception):
    """Somebody told us to leave."""


def _on_signals(handler: Callable[[int, FrameType | None], None] | int) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, handler)


def _leave(_number: int, _frame: FrameType | None) -> NoReturn:
    _on_signals(signal.SIG_IGN)  # the end, once begun, goes on to its end
    raise _Stopped


def perform(monitoring: Monitoring) -> list[str]:
    """Run until told to leave; return what went wrong."""
    problems: list[str] = []
    try:
        _on_signals(_leave)
        monitoring.start()
        _say(f"monitoring: a worker is killed every {monitoring.kill_every:g} s")
        for name, place in monitoring.places().items():
            _say(f"  {name:<11}{place}")
        _say("monitoring: Ctrl-C ends it")
        monitoring.watch()
    except DemoError as error:
        problems = [str(error), *monitoring.last_words()]
        _on_signals(signal.SIG_IGN)
    except _Stopped:
        pass
    return problems + monitoring.stop()


def main() -> int:
    """Run it all with files in a directory that goes away."""
    options = parse_arguments()
    with tempfile.TemporaryDirectory(prefix="snakepit-monitoring-") as scratch:
        try:
            problems = perform(Monitoring(options, Path(scratch)))
        except DemoError as error:
            problems = [str(error)]
    for problem in problems:
        print(f"monitoring: {problem}", file=sys.stderr)
    if not problems:
        _say("monitoring: everything is stopped")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
