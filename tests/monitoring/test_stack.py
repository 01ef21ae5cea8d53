"""`make monitoring`, running: what dashboards and rules ask for has an answer."""

from __future__ import annotations

import html
import math
import os
import re
import shutil
import signal
import subprocess
import urllib.request
from pathlib import Path

import pytest
from catalogue import rules
from collector_kit import need_collector
from harness import BUILD, World, wait_until
from stack_kit import Stack
from test_dashboards import targets

DATA_S = 60  # Prometheus looks for its targets for 5 s, and a rate needs two scrapes
BROWSER_S = 120
ALARM_S = 300  # four deaths, and the minute that the alert waits
GRAPHS = (  # that the address "graphs" is of
    "pool:snakepit_heartbeat_latency_seconds:p99_5m",
    "sum by (pool) (snakepit_pool_queue_depth)",
    "sum by (pool) (snakepit_worker_restarts_total)",
)
PICTURE = BUILD / "monitoring" / "graphs.png"
full = pytest.mark.skipif(
    os.environ.get("SNP_CHAOS") != "full", reason="minutes: SNP_CHAOS=full"
)


def values(stack: Stack, expression: str) -> list[float]:
    """Ask as a panel does that shows half a minute a point: all values that are one."""
    for name in ("instance", "pool", "worker"):
        expression = expression.replace(f"${name}", ".*")
    query = expression.replace("$__rate_interval", "30s")
    found = stack.api("query", query=query)["result"]
    return [v for v in (float(s["value"][1]) for s in found) if math.isfinite(v)]


@pytest.mark.parametrize("expression", targets())
def test_every_panel_has_data(stack: Stack, expression: str) -> None:
    if re.search(r"otel_sdk|snakepit_otlp", expression):
        need_collector()
    wait_until(lambda: values(stack, expression), DATA_S, expression)


@pytest.mark.parametrize("name", [r["record"] for r in rules("recording.yml")])
def test_every_recording_rule_has_data(stack: Stack, name: str) -> None:
    wait_until(lambda: values(stack, name), DATA_S, name)


def test_every_rule_is_evaluated_without_an_error(stack: Stack) -> None:
    def looked_at() -> bool:
        found = [r for g in stack.api("rules")["groups"] for r in g["rules"]]
        assert len(found) == len(rules("recording.yml")) + len(rules("alerts.yml"))
        assert not [r["name"] for r in found if r["health"] == "err"]
        return all(r["health"] == "ok" for r in found)

    wait_until(looked_at, DATA_S, "an evaluation of all rules")


@pytest.mark.parametrize(
    "expression",
    [
        "sum(snakepit_worker_restarts_total) > 0",
        'sum(snakepit_worker_exits_total{reason="signal"}) > 0',
        "sum(rate(snakepit_request_failures_total[30s])) > 0",
        "min(rate(snakepit_heartbeat_pongs_total[30s])) > 0",
        "min by (job) (up) == 1",
    ],
)
def test_the_demo_shows_what_there_is_to_show(stack: Stack, expression: str) -> None:
    wait_until(lambda: values(stack, expression), DATA_S, expression)


@pytest.mark.parametrize("name", ["Prometheus", "graphs", "alerts", "metrics"])
def test_an_address_is_of_a_page(stack: Stack, name: str) -> None:
    with urllib.request.urlopen(stack.places[name], timeout=30) as answer:
        assert answer.status == 200


def test_an_exemplar_leads_to_its_trace(stack: Stack) -> None:
    need_collector()
    traces = Path(stack.places["traces"].split()[-1])

    def found() -> bool:
        series = stack.api(
            "query_exemplars",
            query="snakepit_request_duration_seconds_bucket",
            start="0",
            end="9999999999",
        )
        ids = [e["labels"]["trace_id"] for s in series for e in s["exemplars"]]
        text = traces.read_text()
        return any(f'"traceId":"{trace}"' in text for trace in ids)

    wait_until(found, DATA_S, "the trace of an exemplar")


def chromium(stack: Stack, directory: Path, *options: str) -> str:
    done = subprocess.run(
        [
            "chromium",
            *("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
            *(f"--user-data-dir={directory}", "--virtual-time-budget=10000"),
            *("--window-size=1000,2260", "--force-device-scale-factor=0.6"),
            *options,
            stack.places["graphs"],
        ],
        capture_output=True,
        text=True,
        timeout=BROWSER_S,
        check=True,
        env={**os.environ, "HOME": str(directory)},
    )
    return done.stdout


def test_a_browser_sees_the_graphs(stack: Stack, tmp_path: Path) -> None:
    """Prometheus' own page, drawn: a curve and a name for each pool in each graph."""
    if not shutil.which("chromium"):
        pytest.skip("chromium is not installed")

    def are_of_both_pools() -> bool:
        return all(len(values(stack, graph)) == 2 for graph in GRAPHS)

    wait_until(are_of_both_pools, DATA_S, "data of both pools in all graphs")
    page = html.unescape(chromium(stack, tmp_path, "--dump-dom"))
    graphs = page.split('class="graph_wrapper"')[1:]
    assert len(graphs) == len(GRAPHS)
    for graph in graphs:
        assert len(re.findall(r'<path class="path" d="M', graph)) == 2, graph
        names = re.findall(r'<span class="label">[^<]*pool="(\w+)"', graph)
        assert sorted(names) == ["default", "search"]
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.unlink(missing_ok=True)
    chromium(stack, tmp_path, f"--screenshot={PICTURE}")
    assert PICTURE.read_bytes().startswith(b"\x89PNG")


def test_ctrl_c_ends_all_of_it_and_without_a_collector_there_are_no_traces(
    world: World,
) -> None:
    stack = Stack(world, "--collector=/nonexistent")
    assert len(world.processes()) > 4
    assert "traces" not in stack.places
    assert stack.end(signal.SIGINT) == 0, stack.said
    assert stack.said[-1] == "monitoring: everything is stopped\n"
    world.assert_empty()
    assert not list(world.directory.iterdir())


@full
def test_workers_that_are_killed_again_and_again_raise_the_alarm(stack: Stack) -> None:
    def fires() -> bool:
        return any(
            alert["labels"]["alertname"] == "SnakepitWorkerCrashLooping"
            and alert["state"] == "firing"
            for alert in stack.api("alerts")["alerts"]
        )

    wait_until(fires, ALARM_S, "SnakepitWorkerCrashLooping")


@full
def test_kill_9_of_it_leaves_no_process(world: World) -> None:
    stack = Stack(world)
    assert stack.end(signal.SIGKILL) == -signal.SIGKILL
    world.assert_empty()


def test_what_ends_by_itself_is_named(world: World) -> None:
    stack = Stack(world)
    (victim,) = (p for p, c in world.processes().items() if c.startswith("prometheus "))
    os.kill(victim, signal.SIGKILL)
    said, _ = stack.process.communicate(timeout=60)
    assert "prometheus ended by itself with status -9" in said
    assert stack.process.returncode == 1
