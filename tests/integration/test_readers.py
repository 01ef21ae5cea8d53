"""Readers that the runtime starts and looks after because its configuration says so."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from client import Client
from harness import Daemon, World, wait_until
from otlp_kit import HttpReceiver
from runtime_kit import (
    RunDaemon,
    config,
    events,
    free_port,
    wait_books,
    worker_pids,
)


def with_prometheus(port: int, *, enabled: bool = True) -> dict[str, Any]:
    prometheus = {"enabled": enabled, "listen": f"127.0.0.1:{port}"}
    return {**config(), "readers": {"prometheus": prometheus}}


def scrape(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as page:
        text: str = page.read().decode()
    return text


def reader_pids(daemon: Daemon) -> list[int]:
    return [p for p, line in daemon.processes().items() if "snakepit-prom" in line]


def test_it_runs_is_started_again_and_ends_with_the_runtime(
    run_daemon: RunDaemon, world: World
) -> None:
    port = free_port()
    daemon = run_daemon(with_prometheus(port))
    daemon.wait_ready(2)
    wait_until(lambda: "snakepit_up 1\n" in scrape(port), 10, "a page")
    first = daemon.wait_log(msg="reader started")["reader_pid"]
    assert reader_pids(daemon) == [first]
    daemon.wait_log(component="reader", reader="prometheus")
    os.kill(first, signal.SIGKILL)
    line = daemon.wait_log(msg="reader ended, it is started again")
    assert (line["how"], line["number"]) == ("signal", 9)
    wait_until(lambda: len(reader_pids(daemon)) == 1, 10, "another reader")
    wait_until(lambda: "snakepit_up 1\n" in scrape(port), 10, "a page")
    kinds = ("reader_started", "reader_ended")
    assert [len(events(world, kind)) for kind in kinds] == [2, 1]
    daemon.stop()  # which fails if the reader is left


def test_its_web_config_file_is_handed_on(run_daemon: RunDaemon, world: World) -> None:
    port = free_port()
    file = world.directory / "web.yml"
    file.write_text("http_server_config: {headers: {X-Frame-Options: deny}}\n")
    wanted = with_prometheus(port)
    wanted["readers"]["prometheus"]["web_config_file"] = str(file)
    run_daemon(wanted)
    wait_until(lambda: "snakepit_up 1\n" in scrape(port), 10, "a page")
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as page:
        assert page.headers["X-Frame-Options"] == "deny"


def test_one_that_cannot_run_does_no_harm(run_daemon: RunDaemon) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        daemon = run_daemon(with_prometheus(taken.getsockname()[1]))
        daemon.wait_ready(2)
        line = daemon.wait_log(msg="reader ended, it is started again")
        assert (line["how"], line["number"]) == ("exit status", 1)
        assert line["wait_ms"] > 0
        said = daemon.wait_log(component="reader")["line"]
        assert "ddress already in use" in said


def test_kill_9_of_the_runtime_takes_it_along(run_daemon: RunDaemon) -> None:
    daemon = run_daemon(with_prometheus(free_port()))
    daemon.wait_log(msg="reader started")
    daemon.kill()


def test_statsd_is_told_of_requests_and_flushes_at_the_end(
    run_daemon: RunDaemon, client: Client
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(0)
        address = f"127.0.0.1:{receiver.getsockname()[1]}"
        statsd = {"enabled": True, "address": address, "tags": "influx"}
        daemon = run_daemon({**config(), "readers": {"statsd": statsd}})
        # Its first line: it has looked, and counts from here.
        daemon.wait_log(component="reader", reader="statsd")
        for _ in range(3):
            client.call("default", "echo")
        daemon.stop()  # which fails if the reader is left
        lines: list[str] = []
        with contextlib.suppress(BlockingIOError):
            while True:
                lines += receiver.recv(65536).decode().split("\n")
    name = "snakepit.requests,pool=default,method=echo:"
    told = [line for line in lines if line.startswith(name)]
    assert sum(int(line[len(name) :].removesuffix("|c")) for line in told) == 3, lines
    assert any(line.startswith("snakepit.up:") for line in lines)


@pytest.fixture
def receiver() -> Iterator[HttpReceiver]:
    receiver = HttpReceiver()
    yield receiver
    receiver.close()


def with_otlp(url: str, *, protocol: str = "http/protobuf") -> dict[str, Any]:
    otlp = {"enabled": True, "endpoint": url, "protocol": protocol}
    tracing = {"traces": {"enabled": True}}
    return {**config(), "readers": {"otlp": otlp}, "telemetry": tracing}


def spans_of(receiver: HttpReceiver) -> list[Any]:
    requests = [a.request for a in receiver.attempts if a.path == "/v1/traces"]
    return [
        span
        for request in requests
        for resource in request.resource_spans  # type: ignore[union-attr]
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def paths(receiver: HttpReceiver) -> set[str]:
    return {attempt.path for attempt in receiver.attempts}


def test_otlp_sends_all_signals_and_what_is_left_at_the_end(
    run_daemon: RunDaemon, client: Client, receiver: HttpReceiver
) -> None:
    daemon = run_daemon(with_otlp(receiver.url))
    daemon.wait_ready(2)
    # Metrics come at once, events after a second; spans wait for a batch.
    wait_until(lambda: {"/v1/metrics", "/v1/logs"} <= paths(receiver), 10, "requests")
    for _ in range(3):
        client.call("default", "echo")
    daemon.stop()  # which fails if the reader is left
    requests = [
        span for span in spans_of(receiver) if span.kind == span.SPAN_KIND_SERVER
    ]
    assert len({span.trace_id for span in requests}) == 3
    assert len(requests) == 3
    told = [str(a.request) for a in receiver.attempts if a.path == "/v1/logs"]
    assert any("snakepit.runtime_stopping" in text for text in told)


def test_otlp_follows_the_configuration(
    run_daemon: RunDaemon, receiver: HttpReceiver
) -> None:
    daemon = run_daemon(with_otlp("http://127.0.0.1:1"))
    daemon.wait_log(component="reader", reader="otlp")
    daemon.config.write_text(json.dumps(with_otlp(receiver.url, protocol="http/json")))
    os.kill(daemon.pid, signal.SIGHUP)
    wait_until(lambda: "/v1/metrics" in paths(receiver), 10, "metrics")
    assert receiver.attempts[0].headers["content-type"] == "application/json"


def test_otlp_tells_a_request_what_became_of_its_worker(
    run_daemon: RunDaemon, world: World, client: Client, receiver: HttpReceiver
) -> None:
    daemon = run_daemon(with_otlp(receiver.url))
    daemon.wait_ready(2)
    call = client.future("default", "sleep", seconds=60)
    wait_books(world, active=1)
    for pid in worker_pids(world).values():
        os.kill(pid, signal.SIGKILL)
    assert call.exception(timeout=30) is not None
    wait_until(
        lambda: any(event["trace_id"] for event in events(world, "worker_moved")),
        10,
        "an event that names the trace",
    )
    daemon.stop()
    (server,) = [s for s in spans_of(receiver) if s.kind == s.SPAN_KIND_SERVER]
    assert server.status.code == server.status.STATUS_CODE_ERROR
    assert "snakepit.worker_moved" in [event.name for event in server.events]
