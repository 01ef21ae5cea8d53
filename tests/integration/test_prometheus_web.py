"""How snakepit-prometheus serves: P17 to P28 of the list of what an exporter must do.

The numbers stand in the tests' names. P21 is in test_prometheus_webconfig.py, what a
page says in test_prometheus.py.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import http.client
import os
import re
import signal
import socket
import statistics
import subprocess
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from peers import SCRAPED_S, Prometheus
from prometheus_kit import PROGRAM, Start, refused, segment, start, value
from readers import SANITIZED, Exporter, Samples, Segment, parse_page, wait_for

__all__ = ["segment", "start"]


def names(samples: Samples) -> set[str]:
    return {name for name, _ in samples}


def says(log: Path, line: str) -> bool:
    return line in log.read_text()


# ---- P17: workers come and go --------------------------------------------------------


def test_p17_gauges_of_a_retired_worker_go_at_once(
    segment: Segment, start: Start
) -> None:
    """P17: gone from the next page; what the slot counted stays."""
    exporter = start("-n", str(segment.path), "--collector.diag")
    of_worker = {key for key in exporter.samples() if ("worker", "0") in key[1]}
    segment.tell("retire worker 0")
    left = {key for key in exporter.samples() if ("worker", "0") in key[1]}
    gone = {name for name, _ in of_worker - left}
    assert "snakepit_worker_start_time_seconds" in gone
    assert not any(name.endswith(("_total", "_bucket")) for name in gone), gone
    assert any(name.endswith("_total") for name, _ in left)


def test_p17_prometheus_marks_a_retired_worker_stale(
    segment: Segment, start: Start, tmp_path: Path
) -> None:
    """P17: a query finds its gauges no more, at once; its counters it does."""
    server = Prometheus(tmp_path, start("-n", str(segment.path)).port)
    gauge = 'snakepit_worker_start_time_seconds{pool="default",worker="0"}'
    counter = 'snakepit_worker_restarts_total{pool="default",worker="0"}'
    try:
        wait_for("the worker", lambda: server.stored(gauge), SCRAPED_S)
        segment.tell("retire worker 0")
        others = 'snakepit_worker_start_time_seconds{worker!="0"}'
        # Without a stale marker it would be found for five minutes.
        wait_for(
            "the worker to go, and nothing else",
            lambda: (
                server.stored(counter)
                and server.stored(others)
                and not server.stored(gauge)
            ),
            SCRAPED_S,
        )
    finally:
        server.stop()


# ---- P18: pages, methods, flags ------------------------------------------------------


def test_p18_pages_methods_and_head(segment: Segment, start: Start) -> None:
    """P18: landing page, health, 404, 405 with Allow, HEAD."""
    exporter = start("-n", str(segment.path))
    status, headers, body = exporter.request("/")
    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert b'<a href="/metrics">' in body
    assert b"snakepit-prometheus" in body
    for path, said in (("/-/healthy", b"healthy\n"), ("/-/ready", b"ready\n")):
        assert exporter.request(path)[::2] == (200, said)
        status, headers, body = exporter.request(path, "HEAD")
        assert (status, headers["Content-Length"], body) == (200, str(len(said)), b"")
    for path in ("/nothing", "/metrics/", "/-/", "//metrics", "/METRICS"):
        assert exporter.request(path)[0] == 404
    for path in ("/", "/metrics", "/-/ready", "/nothing"):
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH"):
            status, headers, _ = exporter.request(path, method)
            assert (status, headers["Allow"]) == (405, "GET, HEAD")


def test_p18_flags_choose_what_is_on_the_page(segment: Segment, start: Start) -> None:
    """P18: collectors, the exporter's own metrics, the path, the log's form."""
    plain = names(start("-n", str(segment.path)).samples())
    assert {"process_open_fds", "snakepit_workers", "snakepit_up"} <= plain
    exporter = start(
        *("-n", str(segment.path), "--no-collector.worker", "--log.format=json"),
        *("--web.disable-exporter-metrics", "--web.telemetry-path=/m"),
    )
    status, _, body = exporter.request("/m")
    assert (status, exporter.request("/metrics")[0]) == (200, 404)
    page = parse_page(body.decode())
    assert {"snakepit_up", "snakepit_requests_total"} <= names(page)
    gone = plain - names(page)
    assert {"process_open_fds", "process_threads", "snakepit_workers"} <= gone
    assert not {"snakepit_requests_total", "snakepit_up"} & gone
    assert b'<a href="/m">' in exporter.request("/")[2]
    at_root = start("-n", str(segment.path), "--web.telemetry-path=/")
    assert b"snakepit_up 1\n" in at_root.request("/")[2]
    line = exporter.log.read_text().splitlines()[0]
    assert re.fullmatch(
        r'\{"time":"\S+","level":"info","msg":"listening on .*"\}', line
    )


def test_p18_a_slip_in_a_flag_gets_a_suggestion() -> None:
    """P18: unknown flags, values that are none, flags that exclude each other."""
    for options, said in (
        (["--web.listen-adress=:1"], "did you mean '--web.listen-address'?"),
        (["--web.max-requests=many"], "'many'"),
        (["--log.format=xml"], "logfmt or json"),
        (["--all-instances", "-n", "a"], "exclude each other"),
        (["--web.systemd-socket", "--web.listen-address=:1"], "exclude each other"),
    ):
        status, stderr = refused(*options)
        assert status == 2
        assert said in stderr
        assert len(stderr.splitlines()) == 1
    done = subprocess.run([PROGRAM, "--help"], capture_output=True, check=True)
    assert b"--web.config.file" in done.stdout
    done = subprocess.run([PROGRAM, "--version"], capture_output=True, check=True)
    assert re.fullmatch(rb"snakepit-prometheus \d+\.\d+\.\d+\n", done.stdout)


# ---- P19: queries --------------------------------------------------------------------


def test_p19_queries_choose_families(segment: Segment, start: Start) -> None:
    """P19: collect[], exclude[], name[]."""
    exporter = start("-n", str(segment.path), "--no-collector.session")

    def ask(query: str) -> set[str]:
        status, _, body = exporter.request("/metrics?" + query)
        assert status == 200
        return names(parse_page(body.decode()))

    everything = ask("")
    pool = ask("collect[]=pool")
    assert "snakepit_pool_requests_total" in pool
    assert not {"snakepit_workers", "process_open_fds"} & pool
    assert ask("collect[]=pool&collect[]=process") - pool >= {"process_open_fds"}
    assert ask("collect%5B%5D=pool") == pool
    rest = ask("exclude[]=pool")
    assert rest < everything
    assert "snakepit_pool_requests_total" not in rest
    assert ask("name[]=snakepit_up") == {"snakepit_up"}
    assert ask("name[]=snakepit_up&name[]=snakepit_workers") == {
        "snakepit_up",
        "snakepit_workers",
    }
    assert exporter.request("/metrics?name[]=no_such_family")[::2] == (200, b"")
    assert ask("something=else&debug") == everything
    for query, said in (
        (
            "collect[]=pool&exclude[]=worker",
            b"Combined collect and exclude queries are not allowed.\n",
        ),
        ("collect[]=bogus", b"unknown collector: 'bogus'\n"),
        ("exclude[]=bogus", b"unknown collector: 'bogus'\n"),
        ("collect[]", b"unknown collector: ''\n"),
        ("collect[]=session", b"disabled collector: 'session'\n"),
    ):
        assert exporter.request("/metrics?" + query)[::2] == (400, said)


# ---- P20, P24: many clients, slow clients --------------------------------------------


class SlowReader:
    """Asks for the page and takes nothing of it."""

    def __init__(self, exporter: Exporter, headers: str = "") -> None:
        self.socket = socket.socket()
        # So that the page does not fit into the kernel's buffers.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.connect((exporter.host, exporter.port))
        self.socket.sendall(
            f"GET /metrics HTTP/1.1\r\nHost: x\r\n{headers}\r\n".encode()
        )

    def has_begun(self) -> bool:
        peek = socket.MSG_PEEK | socket.MSG_DONTWAIT
        try:
            return len(self.socket.recv(16, peek)) == 16
        except BlockingIOError:
            return False

    def ended_early(self) -> bool:
        """Read all there is and see whether that is less than was promised."""
        data = b""
        self.socket.settimeout(10)
        try:
            while chunk := self.socket.recv(65536):
                data += chunk
        except ConnectionResetError:
            return True
        head, _, body = data.partition(b"\r\n\r\n")
        length = re.search(rb"Content-Length: (\d+)", head)
        return length is not None and len(body) < int(length[1])


@pytest.fixture
def ten_thousand(tmp_path: Path) -> Iterator[Segment]:
    """Make a segment of 10,000 series and some more, whose page is a megabyte."""
    ten_thousand = Segment(tmp_path, "many", "4", "50", "50")
    yield ten_thousand
    ten_thousand.close()


@pytest.fixture
def big(tmp_path: Path) -> Iterator[Segment]:
    """Make one whose page is more than the kernel takes for a slow reader."""
    big = Segment(tmp_path, "big", "8", "100", "100")
    yield big
    big.close()


def test_p20_too_many_scrapes_at_once_are_told(big: Segment, start: Start) -> None:
    """P20: 503 beyond --web.max-requests, and room again when one has gone."""
    exporter = start("-n", str(big.path), "--web.max-requests=3")
    slow = [SlowReader(exporter) for _ in range(3)]
    wait_for("three pages on their way", lambda: all(s.has_begun() for s in slow))
    status, _, body = exporter.request("/metrics")
    assert status == 503
    assert body == b"Limit of concurrent requests reached (3), try again later.\n"
    assert exporter.request("/-/healthy")[0] == 200
    slow.pop().socket.close()
    wait_for("room for one", lambda: exporter.request("/metrics")[0] == 200)
    for reader in slow:
        reader.socket.close()
    unlimited = start("-n", str(big.path), "--web.max-requests=0")
    slow = [SlowReader(unlimited) for _ in range(5)]
    wait_for("all pages on their way", lambda: all(s.has_begun() for s in slow))
    assert unlimited.request("/metrics")[0] == 200
    for reader in slow:
        reader.socket.close()


def test_p24_a_page_ends_with_the_scraper_s_patience(
    big: Segment, start: Start
) -> None:
    """P24: X-Prometheus-Scrape-Timeout-Seconds is honoured, which makes room."""
    exporter = start("-n", str(big.path), "--web.max-requests=1")
    slow = SlowReader(exporter, "X-Prometheus-Scrape-Timeout-Seconds: 0.3\r\n")
    wait_for("the page on its way", slow.has_begun)
    wait_for("room again", lambda: exporter.request("/metrics")[0] == 200)
    assert slow.ended_early()
    slow.socket.close()


def test_p24_idle_connections_make_room(segment: Segment, start: Start) -> None:
    """P24: more of them than there are places for, and the next one has its page."""
    exporter = start("-n", str(segment.path))
    with contextlib.ExitStack() as idle:
        for _ in range(300):
            connection = socket.create_connection((exporter.host, exporter.port), 60)
            idle.enter_context(connection)
            connection.sendall(b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n")
            assert connection.recv(12) == b"HTTP/1.1 200"
        assert value(exporter.samples(), "snakepit_up") == 1


def test_p24_slow_loris_is_shown_out(segment: Segment, start: Start) -> None:
    """P24: a byte now and then does not keep a connection; nobody else waits."""
    exporter = start("-n", str(segment.path))
    loris = [
        socket.create_connection((exporter.host, exporter.port)) for _ in range(20)
    ]
    line = b"GET /metrics HTTP/1.1\r\n"
    begins = [
        b"G",
        line + b"X-Slow: ",
        line + b"Host: x\r\nContent-Length: 1000000\r\n\r\n",
    ]
    for i, connection in enumerate(loris):
        connection.settimeout(0.0)
        connection.sendall(begins[i % len(begins)])
    open_ones = set(loris)

    def all_shown_out() -> bool:
        for connection in list(open_ones):
            try:
                connection.sendall(b"a")
                if connection.recv(1) == b"":
                    open_ones.remove(connection)
            except BlockingIOError:
                pass
            except (ConnectionResetError, BrokenPipeError):
                open_ones.remove(connection)
        assert value(exporter.samples(), "snakepit_up") == 1
        return not open_ones

    wait_for("the slow ones to be shown out", all_shown_out, 30)
    for connection in loris:
        connection.close()


def test_p24_who_leaves_in_the_middle_is_let_go(segment: Segment, start: Start) -> None:
    """P24: half a request and its end, both there when the exporter looks."""
    exporter = start("-n", str(segment.path))
    folder = Path(f"/proc/{exporter.process.pid}/fd")
    before = len(list(folder.iterdir()))
    exporter.process.send_signal(signal.SIGSTOP)
    for _ in range(50):
        with socket.create_connection((exporter.host, exporter.port)) as client:
            client.sendall(b"GET /")
    exporter.process.send_signal(signal.SIGCONT)
    # Behind the others in the queue, so they have all come in.
    assert exporter.request("/-/healthy")[0] == 200
    wait_for("all to be let go", lambda: len(list(folder.iterdir())) <= before)


def test_p24_a_hundred_at_once_within_bounded_memory(
    ten_thousand: Segment, start: Start
) -> None:
    """P24: 100 concurrent scrapes of 10,000 series all answer; memory comes back."""
    exporter = start("-n", str(ten_thousand.path), "--web.max-requests=0")
    ten_thousand.tell("load on")
    first = exporter.page()
    assert first.count("\n") > 10000

    def lines(_: int) -> int:
        status, _headers, body = exporter.request("/metrics")
        assert status == 200
        return body.count(b"\n")

    at_once = 10 if SANITIZED else 100
    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        assert set(pool.map(lines, range(at_once))) == {first.count("\n")}
    only = "?name[]=process_resident_memory_bytes"

    def resident() -> float:
        return next(
            iter(parse_page(exporter.request("/metrics" + only)[2].decode()).values())
        )

    # Never more than a page for each, and what it keeps is a few.
    peak = resident()
    print(f"resident after 100 at once of {len(first)} bytes: {peak / 1e6:.1f} MB")
    assert SANITIZED or peak < 100 * len(first)
    for _ in range(50):
        exporter.request("/metrics")
    assert SANITIZED or resident() <= peak + 2 * len(first)


def test_p24_ten_thousand_series_within_100_ms(
    ten_thousand: Segment, start: Start
) -> None:
    """P24: over HTTP, connection included; the median of some."""
    exporter = start("-n", str(ten_thousand.path))
    times = []
    for _ in range(15):
        begin = time.monotonic()
        assert exporter.request("/metrics")[0] == 200
        times.append(time.monotonic() - begin)
    print(f"10,000 series over HTTP: {statistics.median(times) * 1e3:.1f} ms")
    assert SANITIZED or statistics.median(times) < 0.1


# ---- P22, P23: sockets ---------------------------------------------------------------


def test_p22_sockets_of_systemd(segment: Segment, tmp_path: Path) -> None:
    """P22: --web.systemd-socket serves what LISTEN_FDS hands over."""
    log = tmp_path / "activated.log"
    with (
        socket.create_server(("127.0.0.1", 0)) as first,
        socket.create_server(("127.0.0.1", 0)) as second,
        log.open("wb") as stderr,
    ):
        # The shell's pid is the program's, and 3 and 4 are where it looks.
        script = (
            f'exec 3<&{first.fileno()} 4<&{second.fileno()}; LISTEN_PID=$$ exec "$@"'
        )
        process = subprocess.Popen(
            [
                "bash",
                "-c",
                script,
                "-",
                PROGRAM,
                "-n",
                segment.path,
                "--web.systemd-socket",
            ],
            env={**os.environ, "LISTEN_FDS": "2", "LISTEN_FDNAMES": "a:b"},
            pass_fds=(first.fileno(), second.fileno()),
            stderr=stderr,
        )
        ports = [s.getsockname()[1] for s in (first, second)]
    try:
        # Connections wait in the socket until somebody accepts them.
        for port in ports:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=15)
            connection.request("GET", "/-/ready")
            assert connection.getresponse().read() == b"ready\n"
            connection.close()
            line = f"listening on http://127.0.0.1:{port}"
            wait_for(line, partial(says, log, line))
    finally:
        process.terminate()
        assert process.wait(timeout=15) == 0


def test_p22_without_systemd_it_is_an_error() -> None:
    """P22: no socket handed over, or to another process."""
    env = {**os.environ, "LISTEN_FDS": "1", "LISTEN_PID": "1"}
    for given in (None, env):
        status, stderr = refused("--web.systemd-socket", env=given)
        assert status == 1
        assert "no socket" in stderr


def test_p23_several_addresses_and_ipv6(segment: Segment, start: Start) -> None:
    """P23: two and more listening addresses, IPv6 among them where there is any."""
    more = ["--web.listen-address=127.0.0.1:0", "--web.listen-address=127.0.0.2:0"]
    with contextlib.suppress(OSError):
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
        more.append("--web.listen-address=[::1]:0")
    exporter = start("-n", str(segment.path), *more)
    lines = wait_for(
        "all to listen",
        lambda: (
            found
            if len(
                found := re.findall(r"http://(\S+):(\d+)\"", exporter.log.read_text())
            )
            == len(more) + 1
            else []
        ),
    )
    assert ("[::1]" in dict(lines)) == (len(more) == 3)
    for host, port in lines:
        exporter.host, exporter.port = host.strip("[]"), int(port)
        assert value(exporter.samples(), "snakepit_up") == 1
    both = start("-n", str(segment.path), address=":0")
    for host in ("127.0.0.1", "::1")[: len(more) - 1]:
        both.host = host
        assert value(both.samples(), "snakepit_up") == 1


def test_p23_vsock(segment: Segment, start: Start) -> None:
    """P23: vsock://:PORT, where the kernel has it."""
    try:
        probe = socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)
        probe.bind((socket.VMADDR_CID_ANY, socket.VMADDR_PORT_ANY))
        port = probe.getsockname()[1]
        probe.close()
    except OSError:
        pytest.skip("this kernel has no vsock")
    exporter = start("-n", str(segment.path), f"--web.listen-address=vsock://:{port}")
    wait_for(
        "vsock to listen",
        lambda: f"listening on http://vsock:{port}" in exporter.log.read_text(),
    )
    local = 1  # VMADDR_CID_LOCAL
    with socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM) as client:
        client.settimeout(0.5)
        try:
            client.connect((local, port))
        except OSError:
            return  # it listens; this kernel has no loopback to ask through
        client.sendall(b"GET /-/ready HTTP/1.0\r\n\r\n")
        assert client.recv(15) == b"HTTP/1.0 200 OK"


# ---- P25 to P28: the segment, the end ------------------------------------------------


def test_p25_the_segment_is_never_mapped_writable(
    segment: Segment, start: Start
) -> None:
    """P25: as the kernel sees it: mapped read-only from a read-only descriptor."""
    exporter = start("-n", str(segment.path))
    exporter.page()
    process = Path(f"/proc/{exporter.process.pid}")
    maps = (process / "maps").read_text().splitlines()
    modes = [line.split()[1] for line in maps if line.endswith(str(segment.path))]
    assert modes
    assert all(mode.startswith("r--") for mode in modes)
    for fd in (process / "fd").iterdir():
        if os.readlink(fd) == str(segment.path):
            info = (process / "fdinfo" / fd.name).read_text()
            flags = int(re.search(r"flags:\s*(\d+)", info)[1], 8)  # type: ignore[index]
            assert flags & os.O_ACCMODE == os.O_RDONLY


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
def test_p26_it_ends_within_a_second(
    sig: signal.Signals, big: Segment, start: Start
) -> None:
    """P26: with idle connections, half a request and half an answer open.

    A busy machine may take a while to run it at all: once in a few tries is proof.
    """
    assert any(seconds_to_end(sig, big, start) < 1 for _ in range(4))


def seconds_to_end(sig: signal.Signals, big: Segment, start: Start) -> float:
    exporter = start("-n", str(big.path))
    exporter.page()
    slow = SlowReader(exporter)
    wait_for("a page on its way", slow.has_begun)
    with (
        socket.create_connection((exporter.host, exporter.port)) as idle,
        socket.create_connection((exporter.host, exporter.port)) as half,
    ):
        half.sendall(b"GET /metrics HTTP/1.1\r\nHost:")
        begin = time.monotonic()
        assert exporter.stop(sig) == 0
        took = time.monotonic() - begin
        idle.settimeout(5)
        with contextlib.suppress(ConnectionResetError):  # where nobody accepted it
            assert idle.recv(1) == b""
    slow.socket.close()
    return took


@pytest.mark.parametrize(
    ("offset", "data", "said"),
    [(0, b"NOTASEGM", "not a Snakepit segment"), (0x0C, b"\x02\x00", "format 2.0")],
)
def test_p27_what_is_no_segment_of_ours_is_said(
    offset: int, data: bytes, said: str, segment: Segment, start: Start, tmp_path: Path
) -> None:
    """P27: wrong magic or version: a clear line, and snakepit_up 0."""
    other = tmp_path / "other.seg"
    content = bytearray(segment.path.read_bytes())
    content[offset : offset + len(data)] = data
    other.write_bytes(content)
    other.chmod(0o640)
    exporter = start("-n", str(other))
    assert value(exporter.samples(), "snakepit_up") == 0
    status, _, body = exporter.request("/-/ready")
    assert status == 503
    assert said in body.decode()
    assert said in exporter.log.read_text()


def test_p28_unlinked_and_made_again(segment: Segment, start: Start) -> None:
    """P28: a segment that goes and comes back is found by the same process."""
    exporter = start("-n", str(segment.path))
    present = segment
    for _ in range(3):
        assert value(exporter.samples(), "snakepit_up") == 1
        present.kill()
        present.close()
        present.path.unlink()
        assert value(exporter.samples(), "snakepit_up") == 0
        assert exporter.request("/-/ready")[0] == 503
        present = Segment(present.path.parent)
    assert value(exporter.samples(), "snakepit_up") == 1
    assert exporter.request("/-/ready")[0] == 200
    present.close()


# ---- several instances ---------------------------------------------------------------


def test_several_instances_on_one_page(start: Start, tmp_path: Path) -> None:
    """Told apart by snakepit_instance; one that is broken spoils nothing."""
    blue, green = Segment(tmp_path, "blue"), Segment(tmp_path, "green")
    broken = tmp_path / "broken.seg"
    broken.write_bytes(b"x" * 100000)
    broken.chmod(0o640)
    paths = (blue.path, green.path, broken)
    exporter = start(*(word for path in paths for word in ("-n", str(path))))
    samples = exporter.samples()
    ups = {
        name: value(samples, "snakepit_up", snakepit_instance=name)
        for name in ("blue", "green", "broken")
    }
    assert ups == {"blue": 1, "green": 1, "broken": 0}
    assert exporter.request("/-/ready")[0] == 200
    blue.tell("step")
    of = {"pool": "default", "method": "word_stats"}
    samples = exporter.samples()
    counts = [
        value(samples, "snakepit_requests_total", snakepit_instance=name, **of)
        for name in ("blue", "green")
    ]
    assert counts[0] > counts[1] > 0
    blue.kill()
    samples = exporter.samples()
    assert value(samples, "snakepit_up", snakepit_instance="blue") == 0
    assert value(samples, "snakepit_up", snakepit_instance="green") == 1
    promtool = subprocess.run(
        ["promtool", "check", "metrics"],
        input=exporter.page(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert promtool.returncode == 0, promtool.stderr
    green.close()
    blue.close()


def test_all_instances_come_and_go(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """--all-instances follows the directory; one alone carries no label."""
    monkeypatch.setenv("SNAKEPIT_DIR", str(tmp_path))
    exporter = start("--all-instances")
    assert value(exporter.samples(), "snakepit_up") == 0
    assert exporter.request("/-/ready")[::2] == (
        503,
        b"not ready: there is no instance\n",
    )
    blue = Segment(tmp_path, "blue")
    assert value(exporter.samples(), "snakepit_up") == 1
    assert exporter.request("/-/ready")[0] == 200
    green = Segment(tmp_path, "green")
    samples = exporter.samples()
    for name in ("blue", "green"):
        assert value(samples, "snakepit_up", snakepit_instance=name) == 1
    assert ("snakepit_up", ()) not in samples
    green.kill()
    assert value(exporter.samples(), "snakepit_up", snakepit_instance="green") == 0
    green.path.unlink()
    samples = exporter.samples()
    assert ("snakepit_up", (("snakepit_instance", "green"),)) not in samples
    assert value(samples, "snakepit_up", snakepit_instance="blue") == 1
    blue.close()
    green.close()
