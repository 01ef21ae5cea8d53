"""snakepit-statsd and the receivers people run: what they have is what inspect says.

Receivers that are not there are skipped, with what would bring them.
"""

from __future__ import annotations

import dataclasses
import getpass
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from readers import DEADLINE_S, ROOT, Samples, Segment, inspect_json, wait_for
from runtime_kit import free_port
from statsd import Statsd, Totals, counters_of

PEERS = ROOT / "build" / "peers"
NPM_STATSD = ROOT / "tests" / "receivers" / "node_modules" / "statsd" / "stats.js"
FAST = "--statsd.interval=200ms"


@dataclasses.dataclass
class Peer:
    """A receiver of StatsD, for as long as a test runs."""

    process: subprocess.Popen[bytes]
    log: Path
    port: int

    def text(self) -> str:
        return self.log.read_text(errors="replace")

    def close(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(timeout=DEADLINE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


Run = Callable[..., Peer]
Send = Callable[..., Statsd]


def program(name: str, hint: str) -> str:
    """Path of a program, or the end of the test as skipped."""
    path = shutil.which(name, path=f"{PEERS}:{os.environ['PATH']}:/usr/sbin")
    if not path:
        pytest.skip(f"no {name}: {hint}")
    return path


@pytest.fixture
def run_peer(tmp_path: Path) -> Iterator[Run]:
    peers: list[Peer] = []

    def run(*command: str, port: int) -> Peer:
        log = tmp_path / f"peer{len(peers)}.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                command, stdout=out, stderr=subprocess.STDOUT, cwd=tmp_path
            )
        peer = Peer(process, log, port)
        peers.append(peer)
        wait_for(f"{command[0]} to listen", lambda: _listens(peer), 60)
        return peer

    yield run
    for peer in peers:
        peer.close()


def _listens(peer: Peer) -> bool:
    """Whether its UDP port is taken; so no datagram is lost before it is."""
    assert peer.process.poll() is None, peer.text()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("127.0.0.1", peer.port))
        except OSError:
            return True
    return False


@pytest.fixture(params=["plain", "hostile"])
def segment(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Segment]:
    shape = ["2", "2", "3", "hostile"] if request.param == "hostile" else []
    segment = Segment(tmp_path, request.param, *shape)
    yield segment
    segment.close()


@pytest.fixture
def send(segment: Segment, tmp_path: Path) -> Iterator[Send]:
    senders: list[Statsd] = []

    def run(address: str, *options: str) -> Statsd:
        target = ["-n", str(segment.path), f"--statsd.address={address}", FAST]
        senders.append(Statsd(tmp_path / "statsd.log", *target, *options))
        return senders[-1]

    yield run
    for sender in senders:
        assert sender.stop() == 0, sender.text()


def grow(segment: Segment) -> Totals:
    """Count a few rounds; by how much each counter grew."""
    before = counters_of(inspect_json(segment.path))
    for _ in range(4):
        segment.tell("step")
    growth = counters_of(inspect_json(segment.path))
    growth.subtract(before)
    assert len(+growth) > 20
    return +growth


def clean(text: str, allowed: str = "") -> str:
    """Write a label as a receiver gets it: each foreign character is one '_'."""
    return re.sub(rf"[^A-Za-z0-9_{allowed}-]", "_", text)


def path_of(key: tuple[str, frozenset[tuple[str, str]]], order: list[str]) -> str:
    """Name a series whose labels are parts of its name."""
    labels = dict(key[1])
    parts = [clean(labels[name]) for name in order if name in labels]
    assert len(parts) == len(labels), f"a label not in {order}: {labels}"
    return ".".join([key[0], *parts])


# Row labels come before the one of the cell (docs/statsd.md).
ORDER = [
    *("pool", "method", "worker"),
    *("code", "reason", "outcome", "limit", "health", "result", "affinity"),
    *("suppression", "overflow", "pause", "cause"),
]


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as page:
        text: str = page.read().decode()
    return text


# ---- npm statsd ----------------------------------------------------------------------


class NpmStatsd:
    """The original daemon, asked through its management port."""

    def __init__(self, run_peer: Run, directory: Path) -> None:
        node = program("node", "tools/install-deps installs Debian's nodejs")
        if not NPM_STATSD.exists():
            pytest.skip("no npm when tools/install-deps ran: no statsd daemon")
        port, self.management = free_port(), free_port()
        config = directory / "statsd.js"
        settings = {
            "port": port,
            "address": "127.0.0.1",
            "mgmt_port": self.management,
            "mgmt_address": "127.0.0.1",
            "flushInterval": 3600_000,  # or counters would be set to zero
            "backends": [],
        }
        config.write_text(f"({json.dumps(settings)})")
        self.peer = run_peer(node, str(NPM_STATSD), str(config), port=port)

    def ask(self, what: str) -> dict[str, Any]:
        address = ("127.0.0.1", self.management)
        with socket.create_connection(address, timeout=10) as connection:
            connection.sendall(f"{what}\n".encode())
            answer = ""
            while "END" not in answer:
                answer += connection.recv(1 << 16).decode()
        # It is printed as JavaScript has it, not as JSON.
        pairs = re.findall(
            r"^\s*'?([^':\s]+)'?: (-?[0-9.e+]+),?\s*$", answer, re.MULTILINE
        )
        return {name: float(number) for name, number in pairs}


def test_s03_the_original_daemon_has_the_same_counters(
    segment: Segment, send: Send, run_peer: Run, tmp_path: Path
) -> None:
    daemon = NpmStatsd(run_peer, tmp_path)
    sender = send(f"127.0.0.1:{daemon.peer.port}", "--statsd.tags=none")
    growth = grow(segment)
    assert sender.stop() == 0
    expected: dict[str, float] = {}
    for key, number in growth.items():  # names may meet once they are clean
        name = path_of(key, ORDER)
        expected[name] = expected.get(name, 0) + number

    def arrived() -> bool:
        found = daemon.ask("counters")
        return {name: found.get(name) for name in expected} == expected

    wait_for("the counters", arrived)
    assert len(expected) > 20
    assert daemon.ask("counters")["statsd.bad_lines_seen"] == 0
    gauges = daemon.ask("gauges")
    assert gauges["snakepit.up"] == 1
    assert sum(name.startswith("snakepit.workers.") for name in gauges) >= 10


# ---- statsd_exporter -----------------------------------------------------------------


class StatsdExporter:
    """Prometheus' own receiver, which knows all styles of tags."""

    def __init__(self, run_peer: Run, directory: Path) -> None:
        path = program("statsd_exporter", "'make peers' builds it")
        port, self.web = free_port(), free_port()
        self.socket = directory / "exporter.socket"
        self.peer = run_peer(
            path,
            f"--statsd.listen-udp=127.0.0.1:{port}",
            "--statsd.listen-tcp=",
            f"--statsd.listen-unixgram={self.socket}",
            f"--web.listen-address=127.0.0.1:{self.web}",
            port=port,
        )
        wait_for("its page", self._serves)

    def _serves(self) -> bool:
        try:
            return bool(get(f"http://127.0.0.1:{self.web}/metrics"))
        except OSError:
            return False

    def samples(self) -> Samples:
        samples: Samples = {}
        for line in get(f"http://127.0.0.1:{self.web}/metrics").splitlines():
            match = re.fullmatch(r"([a-z0-9_A-Z]+)(?:\{(.*)\})? (\S+)", line)
            if match:
                labels = re.findall(
                    r'([a-zA-Z_0-9]+)="((?:[^"\\]|\\.)*)"', match[2] or ""
                )
                samples[match[1], tuple(sorted(labels))] = float(match[3])
        return samples

    def errors(self, samples: Samples) -> dict[Any, float]:
        return {
            key: number
            for key, number in samples.items()
            if re.search("error|conflict|invalid", key[0]) and number
            # Of its own web server: none of its business here.
            if key[0].startswith("statsd_exporter_")
        }


@pytest.mark.parametrize("style", ["dogstatsd", "influx", "librato"])
@pytest.mark.parametrize("kind", ["udp", "unix"])
def test_s04_statsd_exporter_has_the_same_counters(
    segment: Segment, send: Send, run_peer: Run, tmp_path: Path, style: str, kind: str
) -> None:
    exporter = StatsdExporter(run_peer, tmp_path)
    address = f"unix:{exporter.socket}"
    if kind == "udp":
        address = f"127.0.0.1:{exporter.peer.port}"
    sender = send(address, f"--statsd.tags={style}")
    growth = grow(segment)
    assert sender.stop() == 0
    expected: Samples = {}
    for (name, labels), number in growth.items():
        pairs = ((label, clean(text, "./\u0080-\U0010ffff")) for label, text in labels)
        key = (name.replace(".", "_"), tuple(sorted(pairs)))
        expected[key] = expected.get(key, 0) + number

    def arrived() -> bool:
        found = exporter.samples()
        return {key: found.get(key) for key in expected} == expected

    wait_for("the counters", arrived)
    samples = exporter.samples()
    assert exporter.errors(samples) == {}
    assert samples["snakepit_up", ()] == 1
    assert samples["statsd_exporter_lines_total", ()] > len(expected)


def test_s07_sampled_timings_are_as_many_as_there_were(
    segment: Segment, send: Send, run_peer: Run, tmp_path: Path
) -> None:
    exporter = StatsdExporter(run_peer, tmp_path)
    address = f"127.0.0.1:{exporter.peer.port}"
    sender = send(address, "--statsd.histograms=timings")
    growth = grow(segment)
    assert sender.stop() == 0
    expected: dict[str, float] = {}
    for (name, _), number in growth.items():
        if name.endswith(".count"):
            family = name.replace(".", "_")
            expected[family] = expected.get(family, 0) + number

    def arrived() -> bool:
        found = dict.fromkeys(expected, 0.0)
        for (name, _), number in exporter.samples().items():
            if name in found:
                found[name] += number
        return found == expected

    wait_for("the timings", arrived)
    assert "snakepit_request_duration_count" in expected
    assert exporter.errors(exporter.samples()) == {}


# ---- telegraf ------------------------------------------------------------------------


def telegraf_tags(labels: Iterable[tuple[str, str]]) -> frozenset[tuple[str, str]]:
    """Labels as telegraf has them: of a line's last character it takes one byte."""
    return frozenset(
        (name, re.sub(r"[^\x00-\x7f]+$", "", text)) for name, text in labels
    )


@pytest.mark.parametrize("style", ["dogstatsd", "influx"])
def test_s04_telegraf_has_the_same_counters(
    segment: Segment, send: Send, run_peer: Run, tmp_path: Path, style: str
) -> None:
    path = program("telegraf", "'make peers' builds it")
    port, out = free_port(), tmp_path / "metrics.json"
    (tmp_path / "telegraf.conf").write_text(
        f"""
        [agent]
          interval = "200ms"
          flush_interval = "200ms"
          omit_hostname = true
        [[inputs.statsd]]
          protocol = "udp"
          service_address = "127.0.0.1:{port}"
          metric_separator = "."
          datadog_extensions = {str(style == "dogstatsd").lower()}
          delete_counters = true
        [[outputs.file]]
          files = ["{out}"]
          data_format = "json"
        """
    )
    peer = run_peer(path, "--config", str(tmp_path / "telegraf.conf"), port=port)
    sender = send(f"127.0.0.1:{port}", f"--statsd.tags={style}")
    growth = grow(segment)
    assert sender.stop() == 0
    expected: dict[Any, float] = {}
    for (name, labels), number in growth.items():
        pairs = ((label, clean(text, "./\u0080-\U0010ffff")) for label, text in labels)
        key = (name, telegraf_tags(pairs))
        expected[key] = expected.get(key, 0) + number

    def arrived() -> bool:
        found: dict[Any, float] = {}
        for line in out.read_text().splitlines() if out.exists() else ():
            metric = json.loads(line)
            tags = dict(metric["tags"])
            if tags.pop("metric_type") == "counter":
                key = (metric["name"], telegraf_tags(tags.items()))
                found[key] = found.get(key, 0) + metric["fields"]["value"]
        return {key: found.get(key) for key in expected} == expected

    wait_for("the counters", arrived)
    assert not re.search(r" [EW]! .*statsd", peer.text()), peer.text()


# ---- collectd, netdata ---------------------------------------------------------------


def test_s04_collectd_has_the_same_counters(
    segment: Segment, send: Send, run_peer: Run, tmp_path: Path
) -> None:
    path = program("collectd", "tools/install-deps installs Debian's collectd-core")
    port = free_port()
    (tmp_path / "collectd.conf").write_text(
        f"""
        Hostname "host"
        BaseDir "{tmp_path}"
        PIDFile "{tmp_path}/collectd.pid"
        Interval 1
        LoadPlugin logfile
        <Plugin logfile>
          LogLevel "info"
          File STDERR
        </Plugin>
        LoadPlugin csv
        <Plugin csv>
          DataDir "{tmp_path}/csv"
        </Plugin>
        LoadPlugin statsd
        <Plugin statsd>
          Host "127.0.0.1"
          Port "{port}"
        </Plugin>
        """
    )
    config = str(tmp_path / "collectd.conf")
    peer = run_peer(path, "-f", "-C", config, port=port)
    sender = send(f"127.0.0.1:{port}", "--statsd.tags=none")
    growth = grow(segment)
    assert sender.stop() == 0
    expected: dict[str, float] = {}
    for key, number in growth.items():
        name = path_of(key, ORDER)[:120]
        expected[name] = expected.get(name, 0) + number

    def arrived() -> bool:
        found = {}
        for file in (tmp_path / "csv/host/statsd").glob("derive-*"):
            name = file.name.removeprefix("derive-")[:-11]  # less the date
            rows = file.read_text().splitlines()
            found[name] = float(rows[-1].split(",")[1]) if len(rows) > 1 else None
        return {name: found.get(name) for name in expected} == expected

    wait_for("the counters", arrived, 30)
    assert "Unable to parse" not in peer.text()


def test_s04_netdata_has_the_same_gauges_and_counters(
    segment: Segment, send: Send, run_peer: Run, tmp_path: Path
) -> None:
    path = program("netdata", "tools/install-deps installs Debian's netdata-core")
    port, web = free_port(), free_port()
    folders = ("cache", "lib", "log", "stock", "plugins")
    for folder in folders:
        (tmp_path / folder).mkdir()
    off = [
        *("timex", "idlejitter", "netdata monitoring", "profile", "tc", "diskspace"),
        *("proc", "cgroups", "enable running new plugins"),
    ]
    (tmp_path / "netdata.conf").write_text(
        "\n".join(
            [
                "[global]",
                f"run as user = {getpass.getuser()}",
                "[directories]",
                *(f"{folder} = {tmp_path / folder}" for folder in folders[:3]),
                f"config = {tmp_path}",
                f"stock config = {tmp_path / 'stock'}",
                f"plugins = {tmp_path / 'plugins'}",
                "[db]",
                "mode = ram",
                "[web]",
                f"bind to = 127.0.0.1:{web}",
                "[ml]",
                "enabled = no",
                "[health]",
                "enabled = no",
                "[registry]",
                "enabled = no",
                "[plugins]",
                *(f"{plugin} = no" for plugin in off),
                "[statsd]",
                f"bind to = udp:127.0.0.1:{port}",
                "update every (flushInterval) = 1",
                "max private charts allowed = 5000",
                "",
            ]
        )
    )
    config = str(tmp_path / "netdata.conf")
    run_peer(path, "-D", "-c", config, port=port)
    sender = send(f"127.0.0.1:{port}", "--statsd.tags=none")
    growth = grow(segment)
    assert sender.stop() == 0
    expected: dict[str, float] = {}
    for key, number in growth.items():
        name = f"statsd_{path_of(key, ORDER)}_counter".lower()
        expected[name] = expected.get(name, 0) + number
    page = f"http://127.0.0.1:{web}/api/v1/allmetrics?format=prometheus&source=as-collected"

    def arrived() -> bool:
        found: dict[str, float] = {}
        for line in get(page).splitlines():
            match = re.match(r'netdata_\S+\{chart="([^"]+)".*\} (\S+) \d+', line)
            if match:
                found[match[1].lower()] = float(match[2])
        return {name: found.get(name) for name in expected} == expected

    wait_for("the counters", arrived, 30)
