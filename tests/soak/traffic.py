"""Clients of all kinds, and what each of their calls came to."""

from __future__ import annotations

import random
import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import grpc
from client import Client, request
from runtime_kit import INSTANCE
from typing_extensions import Self

# Of whom an error says that it died with the request: "worker default/3#7 died while".
DIED = re.compile(r"worker (\S+/\d+#\d+) died")
# How a call may end that the runtime could not, or was told not to, finish.
REFUSED = {"UNAVAILABLE", "RESOURCE_EXHAUSTED", "DEADLINE_EXCEEDED", "CANCELLED"}
OUTCOMES = {"ok", "error", "ABORTED", *REFUSED}
SESSIONS = 20
MIB = 1 << 20

Kind = Callable[[Client, random.Random, str], str]


def plain(client: Client, chance: random.Random, pool: str) -> str:
    """Call a tool that answers, fails, or takes its time."""
    tool = chance.choice(["echo", "echo", "fail", "sleep"])
    arguments = {"seconds": chance.random() / 20} if tool == "sleep" else {}
    response = client.pool.Execute(request(pool, tool, **arguments), timeout=20)
    return "ok" if response.WhichOneof("outcome") == "result_json" else "error"


def large(client: Client, chance: random.Random, pool: str) -> str:
    """Get up to a mebibyte."""
    client.call(pool, "big", size=chance.randrange(MIB))
    return "ok"


def session(client: Client, chance: random.Random, pool: str) -> str:
    """Call as one of a few sessions, each bound to a worker."""
    message = request(pool, "echo")
    message.session_id = f"s{chance.randrange(SESSIONS)}"
    client.pool.Execute(message, timeout=20)
    return "ok"


def hasty(client: Client, chance: random.Random, pool: str) -> str:
    """Give up early, by a deadline or by cancelling."""
    message = request(pool, "sleep", seconds=0.05)
    if chance.random() < 0.5:
        client.pool.Execute(message, timeout=0.02)
        return "ok"
    future = client.pool.Execute.future(message, timeout=20)
    timer = threading.Timer(chance.random() / 20, future.cancel)
    timer.start()
    try:
        future.result()
    finally:
        timer.cancel()
        timer.join()
    return "ok"


def stream(client: Client, chance: random.Random, pool: str) -> str:
    """Read a stream, or leave it."""
    chunks = client.stream(pool, "count", to=50, delay_s=0.002)
    leave = chance.randrange(100)
    for n, _ in enumerate(chunks):
        if n == leave:
            chunks.cancel()
    return "ok"


def slow_stream(client: Client, chance: random.Random, pool: str) -> str:
    """Take time over chunks that are big."""
    for _ in client.stream(pool, "count", to=40, size=1 << 16):
        time.sleep(chance.random() / 50)
    return "ok"


# How many threads do what; each of them in turn against every pool.
KINDS: tuple[Kind, ...] = (
    *(plain, plain, plain),
    *(session, session),
    *(hasty, hasty),
    *(stream, stream),
    *(slow_stream, large),
)


class Traffic:
    """Clients in threads until they are told to stop."""

    def __init__(self, directory: Path, pools: list[str], seed: int) -> None:
        self.outcomes: Counter[str] = Counter()
        self.lost: Counter[str] = Counter()  # requests that died, by worker_id
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._pools = pools
        self._clients = [Client(directory, INSTANCE) for _ in range(2)]
        self._threads = [
            threading.Thread(target=self._run, args=(kind, random.Random(seed + n)))
            for n, kind in enumerate(KINDS)
        ]

    def _run(self, kind: Kind, chance: random.Random) -> None:
        while not self._stop.is_set():
            worker = ""
            try:
                client, pool = chance.choice(self._clients), chance.choice(self._pools)
                outcome = kind(client, chance, pool)
            except grpc.FutureCancelledError:
                outcome = "CANCELLED"
            except grpc.RpcError as error:
                outcome = error.code().name
                found = DIED.search(error.details() or "")
                worker = found[1] if found else ""
            with self._lock:
                self.outcomes[outcome] += 1
                if worker:
                    self.lost[worker] += 1

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        for client in self._clients:
            client.close()
