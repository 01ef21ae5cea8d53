"""The commands of docs/otlp.md and docs/tracing.md, run as they stand there.

Only ports are others, because those of the page may be taken.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from collector_kit import need_collector
from harness import ROOT, World
from runtime_kit import free_port

TIMEOUT_S = 120
Run = Callable[[str, str], str]
TRACE = """\
  snakepit.pool.v1.Pool/Execute                      snakepit
    snakepit.bridge.BridgeService/ExecuteTool        snakepit
      snakepit.bridge.BridgeService/ExecuteTool      snakepit-worker
"""


def commands(page: str, section: str) -> str:
    text = (ROOT / "docs" / page).read_text()
    body = text.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    return "".join(re.findall(r"```sh\n(.*?)```", body, re.DOTALL))


@pytest.fixture
def run(world: World, tmp_path: Path) -> Iterator[Run]:
    """Give a function that runs a section in a shell; what that left ends with it."""
    http, grpc, page = (f"localhost:{free_port()}" for _ in range(3))
    env = {
        **{k: v for k, v in world.env.items() if not k.startswith("OTEL_")},
        "TMPDIR": str(tmp_path),
        "OTLP_HTTP": http,
        "OTLP_GRPC": grpc,
        "COLLECTED_METRICS": page,
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{http}",
    }
    shells = []

    def run(name: str, section: str) -> str:
        script = commands(name, section).replace("localhost:8889", page)
        assert script
        out, errors = tmp_path / "out", tmp_path / "errors"
        with out.open("wb") as stdout, errors.open("wb") as stderr:
            shell = subprocess.Popen(
                ["bash", "-euc", script],
                cwd=ROOT,
                env=env,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
            )
        shells.append(shell)
        assert shell.wait(TIMEOUT_S) == 0, errors.read_text()
        return out.read_text()

    yield run
    for shell in shells:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(shell.pid, signal.SIGTERM)


def test_with_a_collector(run: Run) -> None:
    need_collector()
    out = run("otlp.md", "With a Collector")
    assert re.sub(r" +[\d.]+ ms$", "", out, flags=re.MULTILINE).count(TRACE) == 1, out
    assert re.search(
        r'^snakepit_requests_total\{.*"word_stats".*\} 1$', out, re.MULTILINE
    )
    assert int(out.splitlines()[-1]) >= 1


def test_without_a_collector(run: Run) -> None:
    out = run("otlp.md", "Without a collector")
    assert '"name":"snakepit.requests"' in out
    assert '"name":"snakepit.pool.v1.Pool/Execute"\n' in out


def test_sampling(run: Run) -> None:
    assert 0 < int(run("tracing.md", "Sampling")) < 40
