"""What goes wrong, or what an operator does, at random; and what was done about it."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import random
import resource
import signal
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from account import quantile, steps
from client import Client, request
from harness import Daemon, World
from runtime_kit import INSTANCE
from traffic import DIED
from trials import undo, wait_for_s

ENDING = {"draining", "stopping", "killing", "exited"}  # what a deed leads to
QUEUE = 100  # places in that of a pool
HARD_MIB = 256  # more than that a worker may not have
Event = dict[str, Any]
Settings = Callable[[int], dict[str, Any]]


@dataclasses.dataclass
class Deed:
    """One thing that was done, to whom, and what came of it."""

    fault: str
    at_ns: int  # CLOCK_MONOTONIC, as the events have it
    worker_id: str = ""  # "" where it was no single worker's
    told: tuple[str, ...] = ()  # and then, how the kinds of its events begin
    called: str = ""
    did: list[str] = dataclasses.field(default_factory=list)
    detected_ms: float | None = None
    recovered_ms: float | None = None


@dataclasses.dataclass(frozen=True)
class Worker:
    pool: str
    slot: int
    pid: int
    worker_id: str


class Trouble:
    """Deals out faults from a seed, and remembers them."""

    def __init__(
        self, world: World, daemon: Daemon, settings: Settings, seed: int
    ) -> None:
        self.deeds: list[Deed] = []
        self._world, self._daemon, self._settings = world, daemon, settings
        self._chance = random.Random(seed)
        self._client = Client(world.directory, INSTANCE)
        self._generation = 0
        self._stopped: list[int] = []
        self._calls: list[tuple[Deed, Any]] = []  # whose outcome is a worker's death
        pools = settings(0)["pools"]
        self._sizes = {pool["name"]: pool["workers"] for pool in pools}
        ends = (self.kill, self.terminate, self.stop, self.crash, self.exit, self.hang)
        odd = (self.hog, self.block, self.mute, self.leak, self.flood, self.lie)
        host = (self.massacre, self.pause, self.starve, self.shout, self.crowd)
        operator = (
            self.recycle,
            self.reload,
            self.misconfigure,
            self.scale,
            self.drain,
        )
        # What ends a worker comes twice as often as anything else.
        self._bag: list[Callable[[], None]] = [*ends * 2, *odd, *host, *operator]
        self._left: list[Callable[[], None]] = []

    def make(self) -> None:
        """Do the next thing: all of them come once before one comes again."""
        if not self._left:
            self._left = self._chance.sample(self._bag, len(self._bag))
        self._left.pop()()

    def _note(self, fault: str, worker_id: str = "", *told: str) -> None:
        """Say what is about to be done: what comes of it has a later time."""
        self.deeds.append(Deed(fault, time.monotonic_ns(), worker_id, told))

    def _workers(self) -> list[Worker]:
        return [
            Worker(row["pool"], row["slot"], row["pid"], row["worker_id"])
            for row in self._world.inspect(INSTANCE)["workers"]
            if row["status"] in ("idle", "busy") and row["pid"] not in self._stopped
        ]

    def _worker(self) -> Worker | None:
        found = self._workers()
        return self._chance.choice(found) if found else None

    def _pool(self) -> str:
        name: str = self._chance.choice(list(self._sizes))
        return name

    def _cli(self, *words: str) -> None:
        self._world.run("snakepit", *words)

    # ---- to a worker

    def _hit(self, fault: str, worker: Worker, number: signal.Signals) -> None:
        self._note(fault, worker.worker_id)
        try:
            os.kill(worker.pid, number)
        except ProcessLookupError:
            self.deeds.pop()

    def _signal(self, fault: str, number: signal.Signals) -> int:
        worker = self._worker()
        if worker:
            self._hit(fault, worker, number)
        return worker.pid if worker else 0

    def kill(self) -> None:
        self._signal("SIGKILL", signal.SIGKILL)

    def terminate(self) -> None:
        self._signal("SIGTERM from outside", signal.SIGTERM)

    def stop(self) -> None:
        """Stop one, and let go on the one that was stopped before."""
        self._let_go()
        if pid := self._signal("SIGSTOP", signal.SIGSTOP):
            self._stopped.append(pid)

    def _let_go(self) -> None:
        for pid in self._stopped:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        self._stopped.clear()

    def _call(self, fault: str, tool: str, **arguments: Any) -> None:
        """Have a tool do it; whose worker that was, the error will say."""
        message = request(self._pool(), tool, **arguments)
        self._note(fault)
        call = self._client.pool.Execute.future(message, timeout=60)
        self._calls.append((self.deeds[-1], call))

    def crash(self) -> None:
        self._call("segmentation fault in C code", "crash")

    def exit(self) -> None:
        self._call("os._exit() in a tool", "die", status=self._chance.choice([0, 3]))

    def hang(self) -> None:
        self._call("deadlock in C code, with the GIL", "deadlock")

    def hog(self) -> None:
        self._call("GIL held by C code for 2 s", "hog", seconds=2)

    def block(self) -> None:
        self._call("event loop held up for 3 s", "block_loop", seconds=3)

    def mute(self) -> None:
        self._call("sockets of a worker gone", "lose_sockets")

    def leak(self) -> None:
        self._call("memory over the hard limit", "leak", mib=HARD_MIB, seconds=50)

    def flood(self) -> None:
        self._call("4 MiB of output", "flood", mib=4)

    def lie(self) -> None:
        self._call("junk in the page of beats", "junk_page", seconds=1)

    # ---- to the host, by clients

    def massacre(self) -> None:
        """Kill all workers of a pool at once."""
        pool = self._pool()
        for worker in self._workers():
            if worker.pool == pool:
                self._hit("SIGKILL of a whole pool", worker, signal.SIGKILL)

    def pause(self) -> None:
        self._note("SIGSTOP of the runtime for 2 s", "", "runtime_")
        os.kill(self._daemon.pid, signal.SIGSTOP)
        with undo(lambda: os.kill(self._daemon.pid, signal.SIGCONT)):
            wait_for_s(2)

    def starve(self) -> None:
        """Leave the runtime no descriptor while it needs one for a new worker."""
        pid = self._daemon.pid
        limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        used = len(os.listdir(f"/proc/{pid}/fd"))
        with undo(lambda: resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)):
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (used, limits[1]))
            self._signal("SIGKILL, and no descriptors for 1 s", signal.SIGKILL)
            wait_for_s(1)

    def shout(self) -> None:
        """Speak no HTTP/2 at the front door."""
        self._note("garbage at the front door")
        for size in (10, 1 << 16):
            with socket.socket(socket.AF_UNIX) as peer:
                peer.connect(str(self._world.directory / f"{INSTANCE}.sock"))
                with contextlib.suppress(OSError):  # it is shown the door
                    peer.sendall(self._chance.randbytes(size))

    def crowd(self) -> None:
        """Ask for more than the queue may hold."""
        self._note("three times as many calls as places")
        message = request(self._pool(), "sleep", seconds=0.01)
        for _ in range(3 * QUEUE):
            call = self._client.pool.Execute.future(message, timeout=60)
            self._calls.append((self.deeds[-1], call))

    # ---- by an operator

    def recycle(self) -> None:
        if worker := self._worker():
            self._note("snakepit recycle", worker.worker_id)
            self._cli("recycle", f"{worker.pool}/{worker.slot}")

    def scale(self) -> None:
        pool = self._pool()
        size = self._sizes[pool]
        self._note("snakepit scale", "", "pool_")
        self._cli("scale", pool, str(self._chance.randint(size // 2, size + 2)))

    def drain(self) -> None:
        pool = self._pool()
        self._note("snakepit drain, resume", "", "pool_")
        self._cli("drain", pool)
        self._cli("resume", pool)

    def reload(self) -> None:
        self._generation += 1
        self._note("snakepit reload", "", "config_", "roll_")
        self._daemon.config.write_text(json.dumps(self._settings(self._generation)))
        self._cli("reload")

    def misconfigure(self) -> None:
        self._note("snakepit reload of nonsense", "", "config_")
        good = self._daemon.config.read_text()
        self._daemon.config.write_text('{"pools": 7}')
        self._cli("reload")
        self._daemon.config.write_text(good)

    def settle(self) -> None:
        """Undo what stays as it is until somebody does."""
        self._let_go()
        for pool, size in self._sizes.items():
            self._cli("resume", pool)
            self._cli("scale", pool, str(size))

    def end(self) -> tuple[Counter[str], Counter[str]]:
        """Settle; tell what the calls that did harm came to, and who died of them."""
        self.settle()
        outcomes: Counter[str] = Counter()
        lost: Counter[str] = Counter()
        for deed, call in self._calls:
            error = call.exception()
            outcomes[error.code().name if error else "ok"] += 1
            if error and (found := DIED.search(error.details() or "")):
                deed.worker_id = found[1]
                lost[found[1]] += 1
        self._client.close()
        return outcomes, lost


def follow_up(deeds: list[Deed], events: list[Event]) -> None:
    """Say of each deed when it was noticed, as what, and what was done about it."""
    moves: dict[tuple[str, int], list[Event]] = {}
    ends = [deed.at_ns for deed in deeds[1:]] + [sys.maxsize]
    for deed, end in zip(deeds, ends):
        mine = [
            event
            for event in events
            if deed.told
            and event["kind"].startswith(deed.told)
            and deed.at_ns <= event["mono_ns"] < end
        ]
        if mine:
            deed.did = steps(mine)
            deed.detected_ms = (mine[0]["mono_ns"] - deed.at_ns) / 1e6
    for event in events:
        if event["kind"] == "worker_moved":
            moves.setdefault((event["pool"], event["slot"]), []).append(event)
    for deed in deeds:
        if deed.worker_id:
            name, incarnation = deed.worker_id.split("#")
            pool, slot = name.rsplit("/", 1)
            _judge(deed, moves.get((pool, int(slot)), []), int(incarnation))


def _judge(deed: Deed, moves: list[Event], incarnation: int) -> None:
    after = [move for move in moves if move["mono_ns"] >= deed.at_ns]
    own = [
        move
        for move in after
        if move["incarnation"] == incarnation and move["to"] in ENDING
    ]
    new = [
        move
        for move in after
        if move["to"] == "ready" and move["incarnation"] > incarnation
    ]
    if own:
        deed.called = own[0]["reason"]
        deed.detected_ms = (own[0]["mono_ns"] - deed.at_ns) / 1e6
        until = new[0]["mono_ns"] if new else own[-1]["mono_ns"]
        deed.did = steps(move for move in after if move["mono_ns"] <= until)
    if own and new:
        deed.recovered_ms = (new[0]["mono_ns"] - deed.at_ns) / 1e6


def usual(deeds: list[Deed]) -> list[Deed]:
    """Give those that came to what a fifth of them, at least, came to.

    Of the others somebody else was quicker: workers are recycled all the time.
    """
    reasons = Counter(deed.called for deed in deeds)
    return [deed for deed in deeds if 5 * reasons[deed.called] >= len(deeds)]


def table(deeds: list[Deed], lost: Mapping[str, int]) -> list[dict[str, Any]]:
    """Sum the deeds up, a row for each kind of fault."""
    rows = []
    for fault in sorted({deed.fault for deed in deeds}):
        mine = [deed for deed in deeds if deed.fault == fault]
        row: dict[str, Any] = {"fault": fault, "times": len(mine)}
        followed = usual([deed for deed in mine if deed.did])
        row["called"] = sorted({deed.called for deed in followed if deed.called})
        for key in ("detected_ms", "recovered_ms"):
            known = [v for deed in followed if (v := getattr(deed, key)) is not None]
            row[key] = [quantile(known, q) for q in (0.5, 0.99)] if known else None
        row["did"] = [deed.did for deed in followed]
        row["lost"] = sum(lost.get(deed.worker_id, 0) for deed in mine)
        rows.append(row)
    return rows
