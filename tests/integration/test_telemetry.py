"""What adapters report by themselves, from their words to the readers."""

from __future__ import annotations

import json
from typing import Any

import grpc
import pytest
from client import CORRELATION_KEY, Client, request
from harness import World, metric, wait_until
from runtime_kit import INSTANCE, RunDaemon, at_least, config, wait_metric

EVENTS = "snakepit.telemetry.events"
DROPPED = "snakepit.telemetry.events.dropped"


def telling(**events: Any) -> dict[str, Any]:
    return {
        **config(adapter="fault_adapter.TellingAdapter", workers=1),
        "telemetry": {"events": {"enabled": True, **events}},
        "log": {"level": "debug"},
    }


def ring(world: World) -> list[dict[str, Any]]:
    done = world.run("snakepit-inspect", "-n", INSTANCE, "--json", "--events")
    events: list[dict[str, Any]] = json.loads(done.stdout)["events"]
    return [event for event in events if event["kind"] == "python_event"]


def test_what_an_adapter_reports_reaches_metrics_events_and_log(
    run_daemon: RunDaemon, client: Client, world: World
) -> None:
    daemon = run_daemon(telling())
    daemon.wait_ready(1)
    # Reported before there was a stream: it waited for it.
    line = daemon.wait_log(msg="worker reports an event", event="adapter.start")
    assert line["worker"] == "default/0#1"
    client.pool.Execute(
        request("default", "report", count=2),
        metadata=[(CORRELATION_KEY, "it-4712")],
        timeout=10,
    )
    client.call("default", "report_from_thread")
    daemon.wait_log(event="cache.flush")
    line = daemon.wait_log(event="model.load.stop", correlation_id="it-4712")
    assert "not for logs" not in str(line)
    wait_metric(world, EVENTS, at_least(4), pool="default")
    found = [(event["slot"], event["values"]) for event in ring(world)]
    assert found == [(0, [42, 1]), (0, [0, 1]), (0, [1, 1]), (0, [3, 1])]


def test_nothing_is_collected_unless_asked_for(
    run_daemon: RunDaemon, client: Client, world: World
) -> None:
    cfg = telling(enabled=False)
    daemon = run_daemon(cfg)
    daemon.wait_ready(1)
    client.call("default", "report", count=5)
    assert not daemon.log_lines(msg="telemetry stream open")
    assert metric(world.inspect(INSTANCE), EVENTS, pool="default") == 0


def test_an_idle_stream_attaches_and_a_stop_is_not_held_up_by_it(
    run_daemon: RunDaemon,
) -> None:
    cfg = telling()
    cfg["pools"][0]["adapter"] = "fault_adapter.FaultAdapter"
    daemon = run_daemon(cfg)
    daemon.wait_ready(1)
    daemon.wait_log(msg="telemetry stream open", worker="default/0#1")
    daemon.stop()


def test_a_flood_is_cut_and_requests_go_on(
    run_daemon: RunDaemon, client: Client, world: World
) -> None:
    run_daemon(telling(max_per_s=5)).wait_ready(1)
    client.call("default", "report", count=900)
    assert client.call("default", "echo", a=1)["a"] == 1
    report = wait_metric(world, DROPPED, at_least(5), pool="default")
    assert metric(report, EVENTS, pool="default") >= 5


def test_workers_send_no_more_than_the_share_that_is_asked_for(
    run_daemon: RunDaemon, client: Client, world: World
) -> None:
    run_daemon(telling(sampling_rate=0.0, max_per_s=100_000)).wait_ready(1)

    def silent() -> bool:
        """Report for long, and see whether any of it came: the wish needs a moment.

        Events have a stream of their own, and the last ones may still be on their way;
        those of the first calls are not.
        """
        before = metric(world.inspect(INSTANCE), EVENTS, pool="default")
        for _ in range(20):
            client.call("default", "report", count=10)
        return metric(world.inspect(INSTANCE), EVENTS, pool="default") == before

    wait_until(silent, 10, "a worker that sends nothing any more")


def test_a_replaced_worker_reports_as_well(
    run_daemon: RunDaemon, client: Client, world: World
) -> None:
    daemon = run_daemon(telling())
    daemon.wait_ready(1)
    daemon.wait_log(event="adapter.start", worker="default/0#1")
    with pytest.raises(grpc.RpcError):
        client.call("default", "die")
    daemon.wait_log(event="adapter.start", worker="default/0#2")
    assert {event["incarnation"] for event in ring(world)} == {1, 2}
