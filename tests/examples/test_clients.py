"""examples/clients: each joins its own spans, the runtime's and the worker's."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from harness import ROOT, Daemon, World, wait_until
from otlp_kit import HttpReceiver

CLIENTS = ROOT / "examples" / "clients"
PROTO = ROOT / "proto"
LICENCE = "/usr/share/common-licenses/BSD"
INTERNAL, SERVER, CLIENT = 1, 2, 3  # as OTLP numbers them
# From the program's own span down to the worker's.
CHAIN = (
    ("count words", INTERNAL),
    ("snakepit.pool.v1.Pool/Execute", CLIENT),
    ("snakepit.pool.v1.Pool/Execute", SERVER),
    ("snakepit.bridge.BridgeService/ExecuteTool", CLIENT),
    ("snakepit.bridge.BridgeService/ExecuteTool", SERVER),
)


def python_client() -> tuple[list[str], dict[str, str]]:
    pytest.importorskip("opentelemetry.instrumentation.grpc")
    program = [sys.executable, str(CLIENTS / "python" / "client.py")]
    return program, {"PYTHONPATH": str(PROTO)}


def node_client() -> tuple[list[str], dict[str, str]]:
    if not (CLIENTS / "node" / "node_modules").is_dir():
        pytest.skip("the packages of examples/clients/node are not installed")
    node = shutil.which("node")
    assert node
    client = CLIENTS / "node" / "client.js"
    return [node, str(client), str(PROTO / "pool.proto")], {}


def go_client() -> tuple[list[str], dict[str, str]]:
    program = ROOT / "build" / "peers" / "client-go"
    if not program.exists():
        pytest.skip("examples/clients/go is not built: make peers")
    return [str(program)], {}


@pytest.fixture
def receiver() -> Iterator[HttpReceiver]:
    with contextlib.closing(HttpReceiver()) as receiver:
        yield receiver


@pytest.fixture
def runtime(
    run_daemon: Any, world: World, receiver: HttpReceiver
) -> tuple[Daemon, dict[str, str]]:
    """Give the runtime of the README, and the environment of a client of it."""
    variables = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_BSP_SCHEDULE_DELAY": "100",
    }
    world.env.update(variables)
    daemon = run_daemon((CLIENTS / "snakepit.yaml").read_text())
    daemon.wait_ready(2)
    ours = {"OTEL_SERVICE_NAME": "word-counter", "PATH": os.environ["PATH"]}
    return daemon, {**variables, **ours}


def spans(receiver: HttpReceiver) -> list[tuple[str, Any]]:
    """All spans that came, with the service each is of."""
    return [
        (service_of(batch.resource), span)
        for attempt in list(receiver.attempts)
        if attempt.path == "/v1/traces"
        for batch in attempt.request.resource_spans  # type: ignore[union-attr]
        for scope in batch.scope_spans
        for span in scope.spans
    ]


def service_of(resource: Any) -> str:
    values = {a.key: a.value.string_value for a in resource.attributes}
    return str(values["service.name"])


def name_of(span: Any) -> str:
    """Without the slash that older conventions, or the name of a library, put there."""
    return str(span.name).removeprefix("grpc.").lstrip("/")


def chain(receiver: HttpReceiver) -> list[tuple[str, Any]] | None:
    """Spans from the client's root down, each the child of the one before."""
    found = spans(receiver)
    down = [(s, span) for s, span in found if span.name == CHAIN[0][0]]
    for name, kind in CHAIN[1:]:
        down += [
            (service, span)
            for service, span in found
            if down
            and (name_of(span), span.kind) == (name, kind)
            and span.parent_span_id == down[-1][1].span_id
            and span.trace_id == down[-1][1].trace_id
        ]
    return down if len(down) == len(CHAIN) else None


@pytest.mark.parametrize(
    "client", [python_client, node_client, go_client], ids=["python", "node", "go"]
)
def test_one_trace_from_the_client_to_the_adapter(
    client: Any,
    runtime: tuple[Daemon, dict[str, str]],
    world: World,
    receiver: HttpReceiver,
) -> None:
    program, more = client()
    _, environment = runtime
    result = subprocess.run(
        [*program, f"unix:{world.directory}/clients.sock", LICENCE],
        env={**environment, **more},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["path"] == LICENCE
    found = wait_until(lambda: chain(receiver), 30, "a trace from client to adapter")
    assert found is not None
    assert [service for service, _ in found[:2]] == ["word-counter"] * 2
    assert found[0][1].parent_span_id == b""
