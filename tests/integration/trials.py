"""What the cases of chaos share: a trial, its measurements, its books.

A trial is one run of one case against a real snakepitd with real workers. Times are
taken from the events in the segment, which carry CLOCK_MONOTONIC: looking often would
not make them better. `make test` runs the cases with short limits; with SNP_CHAOS=full
they take as long as production would have them.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import grpc
from account import Account, Cell, account, cells, together, total
from client import Client, request
from harness import Daemon, World, wait_until
from runtime_kit import INSTANCE, books
from runtime_kit import config as base_config

FULL = os.environ.get("SNP_CHAOS") == "full"
ADAPTER = "chaos_adapter.ChaosAdapter"
OK = grpc.StatusCode.OK
STORY = ("slot", "from", "to", "reason", "initiator", "values", "evidence_text")
Event = dict[str, Any]

# Pings that miss at once, silence that counts soon: a verdict in seconds.
JUDGED: dict[str, Any] = {
    "enabled": True,
    "ping_interval_ms": 200,
    "timeout_ms": 300,
    "max_missed_heartbeats": 3,
    "jitter_ms": 0,
    "beat_interval_ms": 100,
    "suspect_ms": 2500,
}
# Misses replace nobody: the time of each verdict decides.
BY_VERDICT = {**JUDGED, "max_missed_heartbeats": 1000}
SOON = {"backoff_min_ms": 10, "backoff_max_ms": 50}


def by_size(quick: float, full: float) -> float:
    """Choose a number by how long the run may take."""
    return full if FULL else quick


def config(**pool: Any) -> dict[str, Any]:
    """Give a configuration of one worker that does what the chaos adapter can."""
    return base_config(**{"adapter": ADAPTER, "workers": 1, "restart": SOON, **pool})


def wait_for_s(seconds: float) -> None:
    """Let time pass, where that is what is done to the runtime."""
    end = time.monotonic() + seconds
    wait_until(lambda: time.monotonic() >= end, seconds + 5, "the time to pass")


def read_all(world: World, instance: str = INSTANCE) -> dict[str, Any]:
    """Read a segment with its events, the oldest first."""
    result = world.run("snakepit-inspect", "-n", instance, "--json", "--evidence")
    if result.returncode != 0:
        raise OSError(result.returncode, result.stderr.strip())
    report: dict[str, Any] = json.loads(result.stdout)
    report["events"].sort(key=lambda event: event["mono_ns"])
    return report


def read_events(world: World) -> list[Event]:
    found: list[Event] = read_all(world)["events"]
    return found


@dataclasses.dataclass
class Trial:
    """One run of one case: what was done to it, what was seen, and when."""

    world: World
    run_daemon: Callable[..., Daemon]
    label: str = ""
    detected_ms: float | None = None
    recovered_ms: float | None = None
    started_ns: int = 0
    injected_ns: int = 0
    instance: str = INSTANCE  # or the path of a segment that has another place
    before: dict[Cell, float] = dataclasses.field(default_factory=dict)
    accounts: list[Account] = dataclasses.field(default_factory=list)
    deed_ns: int = 0  # the first deed to this runtime; 0: none yet, or taken down
    base: dict[Cell, float] = dataclasses.field(default_factory=dict)  # before that
    clients: list[Client] = dataclasses.field(default_factory=list)

    # ---- the runtime

    def start(
        self, settings: Mapping[str, Any] | None = None, ready: int = 1, **pool: Any
    ) -> Daemon:
        """Start snakepitd and wait for so many workers."""
        self.started_ns = time.monotonic_ns()
        daemon = self.run_daemon(settings or config(**pool))
        if ready:
            daemon.wait_ready(ready)
        return daemon

    def restart(self, workers: int = 1, **pool: Any) -> Daemon:
        """Start snakepitd again after one that was killed; its workers are new."""
        self.take_stock()
        before = self.world.inspect(INSTANCE)["segment"]["incarnation"]
        daemon = self.start(ready=0, **{"workers": workers, **pool})

        def new() -> bool:
            now = self.world.inspect(INSTANCE)["segment"]["incarnation"]
            return bool(now > before and len(self.pids()) == workers)

        wait_until(new, 20, "the workers of the new runtime")
        self.base, self.deed_ns = {}, self.started_ns
        return daemon

    def pids(self) -> dict[int, int]:
        """Give slot and pid of those that take requests."""
        return {
            worker["slot"]: worker["pid"]
            for worker in self.world.inspect(INSTANCE)["workers"]
            if worker["status"] in ("idle", "busy")
        }

    def calls(self) -> Calls:
        client = Client(self.world.directory, INSTANCE)
        self.clients.append(client)
        return Calls(self, client)

    # ---- injection, detection, recovery

    def inject(self) -> None:
        """From now on time counts, and so do the metrics."""
        self.before = self.base = cells(self.world.inspect(self.instance))
        self.injected_ns = self.deed_ns = time.monotonic_ns()

    def now(self) -> None:
        """Count time from here, just before the deed: what went before prepared it."""
        if not self.deed_ns:
            self.inject()
        self.injected_ns = time.monotonic_ns()

    def inject_from_start(self) -> None:
        """Count from the start of a runtime that shall not become ready."""
        wait_until(lambda: self.world.inspect(INSTANCE), 5, "a segment")
        self.injected_ns = self.deed_ns = self.started_ns

    def hold(self) -> None:
        """Keep the segment readable when its runtime has ended and removed it."""
        kept = self.world.directory / "kept" / f"{INSTANCE}.seg"
        kept.parent.mkdir(mode=0o700)
        kept.hardlink_to(self.world.directory / kept.name)
        self.instance = str(kept)

    def take_stock(self) -> None:
        """Take down what came of the deed, while what shows it is as it was left."""
        if self.deed_ns:
            report = read_all(self.world, self.instance)
            events = [e for e in report["events"] if e["mono_ns"] >= self.deed_ns]
            self.accounts.append(account(self.base, report, events))
            self.deed_ns = 0

    def record(self) -> dict[str, Any]:
        """Give what this trial adds to the table of its case."""
        self.take_stock()
        assert self.accounts, "nothing was done to it"
        return {
            "called": self.label,
            "detected_ms": self.detected_ms,
            "recovered_ms": self.recovered_ms,
            **dataclasses.asdict(together(self.accounts)),
        }

    def events(self, kind: str, **fields: Any) -> list[Event]:
        wanted = {"kind": kind, **fields}
        return [
            event
            for event in read_events(self.world)
            if event["mono_ns"] >= self.injected_ns and wanted.items() <= event.items()
        ]

    def moves(self, **fields: Any) -> list[Event]:
        return self.events("worker_moved", **fields)

    def _wait(self, within_s: float, kind: str, fields: dict[str, Any]) -> Event:
        found = wait_until(
            lambda: self.events(kind, **fields), within_s, f"{kind} with {fields}"
        )
        return found[0]

    def _ms(self, event: Event) -> float:
        ns: int = event["mono_ns"] - self.injected_ns
        return ns / 1e6

    def detect(
        self, within_s: float, kind: str = "worker_moved", **fields: Any
    ) -> Event:
        """Wait for the event that says that it was noticed; its reason is the label."""
        event = self._wait(within_s, kind, fields)
        self.detected_ms = self._ms(event)
        self.label = f"{event.get('reason', '')}".strip() or kind
        return event

    def recover(self, within_s: float, **fields: Any) -> Event:
        """Wait for the worker that takes requests again."""
        event = self._wait(within_s, "worker_moved", {"to": "ready", **fields})
        self.recovered_ms = self._ms(event)
        return event

    def recovered_now(self) -> None:
        self.recovered_ms = (time.monotonic_ns() - self.injected_ns) / 1e6

    def detected_now(self, label: str) -> None:
        self.detected_ms = (time.monotonic_ns() - self.injected_ns) / 1e6
        self.label = label

    # ---- metrics

    def grown(self, name: str, **labels: str) -> float:
        after = cells(self.world.inspect(INSTANCE))
        return total(after, name, **labels) - total(self.before, name, **labels)

    def grew(self, name: str, by: float, **labels: str) -> None:
        """Wait until a metric is so much more than at the injection."""
        wait_until(
            lambda: self.grown(name, **labels) == by,
            5,
            f"{name}{labels} to grow by {by}",
        )

    def exited(self, reason: str, count: int = 1) -> None:
        """Say how many processes ended since the injection: these, and no others."""
        self.grew("snakepit.worker.exits", count, reason=reason)
        everything = self.grown("snakepit.worker.exits")
        assert everything == count, everything

    def nobody_died(self) -> None:
        assert self.grown("snakepit.worker.exits") == 0
        assert self.grown("snakepit.worker.restarts") == 0

    def states(self, name: str) -> dict[int, str]:
        """Give what a metric that is a state says of each slot."""
        return {
            int(series["labels"]["worker"]): series["state"]
            for entry in self.world.inspect(INSTANCE)["metrics"]
            if entry["name"] == name
            for series in entry["series"]
        }

    def has_health(self, wanted: str, slot: int = 0) -> bool:
        return self.states("snakepit.worker.health")[slot] == wanted

    def story(self) -> str:
        """Tell what happened since the injection, for one who reads of a failure."""
        lines = []
        with contextlib.suppress(OSError):
            for event in read_events(self.world):
                if event["mono_ns"] >= self.injected_ns:
                    words = [f"{self._ms(event):9.1f} ms", event["kind"]]
                    words += [str(event.get(key)) for key in STORY if event.get(key)]
                    lines.append(" ".join(words))
        return "\n".join(lines)

    def close(self) -> None:
        for client in self.clients:
            client.close()


class Calls:
    """Calls of one client: each has one outcome, and the books say the same."""

    def __init__(self, trial: Trial, client: Client) -> None:
        self.trial = trial
        self.client = client
        self.futures: list[Any] = []
        self.done: Counter[str] = Counter()
        self.replies: Counter[int] = Counter()
        self.first = books(trial.world.inspect(INSTANCE))

    def start(
        self, tool: str, timeout_s: float = 60, session: str = "", **arguments: Any
    ) -> Any:
        message = request("default", tool, **arguments)
        message.session_id = session
        future = self.client.pool.Execute.future(message, timeout=timeout_s)
        number = len(self.futures)
        future.add_done_callback(lambda _: self.replies.update([number]))
        self.futures.append(future)
        return future

    def call(self, tool: str, timeout_s: float = 60, **arguments: Any) -> Any:
        """Run a tool to its end; None where it failed, which settle() then counts."""
        future = self.start(tool, timeout_s, **arguments)
        with contextlib.suppress(grpc.RpcError):
            response = future.result()
            if response.WhichOneof("outcome") == "result_json":
                return json.loads(response.result_json)
        return None

    def stream(self, tool: str, timeout_s: float = 60, **arguments: Any) -> Any:
        """Start a stream; to be read with read()."""
        return self.client.stream("default", tool, timeout_s, **arguments)

    def read(self, stream: Any) -> int:
        """Read a stream to its end, count its outcome, return its chunks."""
        chunks = 0
        try:
            for chunk in stream:
                chunks += bool(chunk.data)
            self.done["ok"] += 1
        except grpc.RpcError as error:
            self.done[error.code().name] += 1
        return chunks

    @staticmethod
    def outcome(future: Any, timeout_s: float = 180) -> str:
        try:
            response = future.result(timeout_s)
        except grpc.FutureCancelledError:
            return "CANCELLED"
        except grpc.RpcError as error:
            return str(error.code().name)
        return "ok" if response.WhichOneof("outcome") == "result_json" else "error"

    def waiting(self, active: int, queued: int = 0) -> None:
        """Wait until so many run and so many wait."""

        def there() -> bool:
            found = books(self.trial.world.inspect(INSTANCE))
            return (found["active"], found["queued"]) == (active, queued)

        wait_until(there, 10, f"{active} active and {queued} queued requests")

    def settle(self, *, seen: bool = True, **expected: int) -> Counter[str]:
        """Wait for every outcome; they are as expected, and the books say the same.

        Where `seen` is false a call that was cancelled may never have been sent, or may
        have been answered before that. An answer may be on its way when its caller's
        deadline passes, or the call not sent yet.
        """
        outcomes = Counter(self.outcome(future) for future in self.futures)
        outcomes.update(self.done)
        if expected:
            details = {f.details() for f in self.futures if f.code() != OK}
            assert outcomes == Counter(expected), (outcomes, details)
        wait_until(
            lambda: len(self.replies) == len(self.futures), 5, "a reply to each call"
        )
        assert set(self.replies.values()) <= {1}
        everything = sum(outcomes.values())
        doubtful = 0 if seen else outcomes["CANCELLED"]
        late = outcomes["DEADLINE_EXCEEDED"]

        def agree() -> bool:
            now = books(self.trial.world.inspect(INSTANCE))
            grown = {key: now[key] - self.first[key] for key in now}
            where = (grown, outcomes)
            assert 0 <= everything - grown["requests"] <= doubtful + late, where
            assert 0 <= grown["ok"] - outcomes["ok"] <= doubtful + late, where
            assert grown["ok"] + grown["error"] == grown["requests"], where
            return now["active"] == now["queued"] == 0

        wait_until(agree, 5, "books that agree with what clients were told")
        return outcomes


@contextlib.contextmanager
def undo(action: Callable[[], Any]) -> Iterator[None]:
    """Take back what was done to a process, whatever happens."""
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            action()
