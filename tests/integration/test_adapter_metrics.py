"""What adapters count, through the segment to every kind of reader."""

from __future__ import annotations

import os
import re
import shlex
import sys
from pathlib import Path
from typing import Any

import grpc
import pytest
from client import Client
from harness import ROOT, World, metric, wait_until
from runtime_kit import (
    INSTANCE,
    RunDaemon,
    config,
    events,
    free_port,
    wait_metric,
    worker_pids,
)
from test_readers import scrape
from test_reload import reload

sys.path.insert(0, str(ROOT / "priv" / "python"))
from snakepit_bridge.segment import Segment

ADAPTER = "metrics_adapter.MetricsAdapter"
LATE = "late_metrics_adapter.LateMetricsAdapter"
FAULTS = "snakepit.adapter.metric.faults"


def counting(**pool: Any) -> dict[str, Any]:
    return config(**{"adapter": ADAPTER, "workers": 1, **pool})


def equals(number: float) -> Any:
    return lambda found: found == number


def wait_tokens(world: World, number: int) -> dict[str, Any]:
    return wait_metric(world, "tokens", equals(number), pool="default")


def wait_replaced(world: World, pid: int) -> int:
    def another() -> int:
        found = worker_pids(world).get(0, pid)
        return found if found != pid else 0

    return wait_until(another, 30, "another worker")


def test_what_a_killed_worker_counted_last_is_not_lost(
    run_daemon: RunDaemon, client: Client, world: World
) -> None:
    run_daemon(counting()).wait_ready(1)
    first = client.call("default", "count", n=3)
    with pytest.raises(grpc.RpcError):
        client.call("default", "count_and_die", n=1000)
    wait_replaced(world, first)
    report = wait_tokens(world, 1003)
    assert metric(report, "batch.size", pool="default") == 1
    # The gauge went with its worker, and comes with what the next one sets.
    assert [m["series"] for m in report["metrics"] if m["name"] == "loss"] == [[]]
    client.call("default", "count", n=2)
    report = wait_tokens(world, 1005)
    assert metric(report, "loss", worker="0") == 0.5
    assert metric(report, FAULTS) == 0


def test_threads_count_together_and_the_interpreter_is_seen(
    run_daemon: RunDaemon, client: Client, world: World
) -> None:
    run_daemon(counting(profile="thread", threads_per_worker=8)).wait_ready(1)
    calls = [client.future("default", "count", n=500) for _ in range(16)]
    assert all(call.result(20).WhichOneof("outcome") == "result_json" for call in calls)
    wait_tokens(world, 16 * 500)
    for name in ("open_files", "threads", "gc.collections", "memory.usage", "cpu.time"):
        wait_metric(world, f"snakepit.worker.{name}", lambda n: n > 0, worker="0")
    for name in ("loop.lag", "gil.wait"):
        wait_metric(world, f"snakepit.worker.{name}.duration", lambda n: n > 0)


def test_counts_go_on_when_a_reload_replaces_the_workers(
    run_daemon: RunDaemon, client: Client, world: World
) -> None:
    lifecycle = {"min_ready_ms": 0}
    daemon = run_daemon(counting(lifecycle=lifecycle))
    daemon.wait_ready(1)
    client.call("default", "count", n=5)
    reload(daemon, counting(lifecycle=lifecycle, env=["FLAVOUR=sour"]))
    wait_until(lambda: events(world, "roll_finished"), 20, "new workers")
    client.call("default", "count", n=7)
    wait_tokens(world, 12)


def test_readers_that_were_there_before_show_it(
    run_daemon: RunDaemon, client: Client, snp_dir: Path
) -> None:
    """Prometheus and the reader for Python attach before there is such a metric."""
    port = free_port()
    readers = {"prometheus": {"enabled": True, "listen": f"127.0.0.1:{port}"}}
    pools = [
        {**counting()["pools"][0], "name": name, "adapter": LATE}
        for name in ("default", "other")
    ]
    daemon = run_daemon({"instance": INSTANCE, "pools": pools, "readers": readers})
    daemon.wait_ready(2)
    wait_until(lambda: scrape(port), 20, "a page")
    with Segment(snp_dir / f"{INSTANCE}.seg") as segment:
        client.call("default", "add", name="made", n=3)
        client.call("other", "put", name="loss", value=0.75)

        def look() -> list[Any]:
            segment.reattach()
            snapshot = segment.snapshot()
            series = [one for name in ("made", "loss") for one in snapshot.series(name)]
            return [(one.labels, one.value) for one in series]

        expected = [
            ({"pool": "default"}, 3),
            ({"pool": "other", "worker": "0"}, 0.75),
        ]
        wait_until(lambda: look() == expected, 10, "both")

    def page() -> list[str]:
        lines = scrape(port).splitlines()
        return [line for line in lines if re.match(r"(# \w+ )?(made|loss)", line)]

    expected_page = [
        "# HELP made_total Things.",
        "# TYPE made_total counter",
        'made_total{pool="default"} 3',
        "# HELP loss ",
        "# TYPE loss gauge",
        'loss{pool="other",worker="0"} 0.75',
    ]
    wait_until(lambda: page() == expected_page, 10, "both, and nothing of other rows")


def test_pools_that_disagree_are_told_and_both_go_on(
    run_daemon: RunDaemon, client: Client, world: World
) -> None:
    both = counting()
    both["pools"].append({**both["pools"][0], "name": "other", "adapter": LATE})
    daemon = run_daemon(both)
    daemon.wait_ready(2)
    client.call("default", "count", n=3)
    wait_tokens(world, 3)
    client.call("other", "put", name="tokens", value=1)
    wait_metric(world, FAULTS, equals(1), pool="other", fault="conflict")
    line = daemon.wait_log(component="worker", level="warning")
    assert line["worker"] == "other/0#1"
    assert line["error"] == (
        "metric tokens is there already, with another kind or unit"
    )
    client.call("default", "count", n=3)
    client.call("other", "add", name="made", n=1)
    wait_metric(world, "made", equals(1), pool="other")
    assert metric(wait_tokens(world, 6), FAULTS) == 1


def test_without_room_adapters_count_for_themselves(
    run_daemon: RunDaemon, client: Client, world: World
) -> None:
    daemon = run_daemon({**counting(), "segment": {"max_adapter_metrics": 0}})
    daemon.wait_ready(1)
    pid = client.call("default", "count", n=3)
    assert os.path.exists(f"/proc/{pid}")
    with pytest.raises(KeyError):
        metric(world.inspect(INSTANCE), "tokens")


def test_too_many_are_counted_and_told(
    run_daemon: RunDaemon, client: Client, world: World
) -> None:
    daemon = run_daemon({**counting(), "segment": {"max_adapter_metrics": 2}})
    daemon.wait_ready(1)
    client.call("default", "count", n=3)
    wait_tokens(world, 3)
    wait_metric(world, FAULTS, equals(1), fault="no_room")
    line = daemon.wait_log(
        msg="a metric of a worker's adapter is not shown as it should be"
    )
    assert line["error"] == (
        "no room for metric batch.size: segment.max_adapter_metrics is 2, of which 1"
        " may be histograms"
    )


def test_the_documented_adapter_counts(run_daemon: RunDaemon, world: World) -> None:
    text = (ROOT / "docs" / "adapters.md").read_text()
    section = text.partition("\n## Metrics of your own\n")[2].partition("\n## ")[0]
    files = dict(re.findall(r"`([\w/.]+)`:\n\n```\w+\n(.*?)```", section, re.DOTALL))
    call, look = re.findall(r"build/bin/snakepit ((?:exec|inspect) [^|\n]*)", section)
    folder = world.directory / "adapters"
    folder.mkdir()
    (folder / "counted.py").write_text(files["adapters/counted.py"])
    daemon = run_daemon(files["counted.yaml"].replace("[adapters]", f"[{folder}]"))
    daemon.wait_log(msg="worker ready", worker_id="words/0#1")
    done = world.run("snakepit", *shlex.split(call))
    assert (done.returncode, done.stdout.strip()) == (0, "2"), done.stderr

    def printed() -> str:
        return world.run("snakepit", *shlex.split(look)).stdout.strip()

    wait_until(lambda: printed() == "2", 10, "what was counted")
    names = re.findall(r"^\| `.*?\| `(\w+)` \| `([\w.]+)` \|", section, re.MULTILINE)
    shown = [
        (entry["prometheus_name"], entry["name"])
        for entry in world.inspect("counted")["metrics"][-5:]
    ]
    assert sorted(names) == sorted(shown)
