"""A steady load: callers that take turns at good, failing, slow and streaming calls."""

from __future__ import annotations

import itertools
import json
import os
import random
import sysconfig
import threading
import time
from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Tuple

import grpc
from snakepit_bridge._generated import pool_pb2, pool_pb2_grpc

from .ledger import OK, TOOL_ERROR, Ledger

__all__ = ["Load", "Task", "perform", "tasks"]

_CORRELATION = "x-snakepit-correlation-id"
_LICENCES = "/usr/share/common-licenses"
_WORDS = ("free", "software", "warranty", "licence", "copyright", "parse", "socket")

# Only a net: the pools' own timeouts end a request long before, so that both sides see
# the same outcome. A deadline of ours would race with the answer.
_NET_SECONDS = 120.0
_THINK_SECONDS = 0.08


@dataclass(frozen=True)
class Task:
    """A call to make."""

    pool: str
    tool: str
    arguments: Dict[str, Any]
    streams: bool = False


_Maker = Callable[[random.Random], Task]


def tasks() -> List[Tuple[int, _Maker]]:
    """Return what the load is mixed from: weight, and how to make such a call."""
    texts = _files(_LICENCES) or [os.path.abspath(__file__)]
    sources = _files(sysconfig.get_path("stdlib"), ".py")
    return [
        (30, lambda r: Task("default", "word_stats", {"path": r.choice(texts)})),
        (
            12,
            lambda r: Task("default", "compression_ratios", {"path": r.choice(texts)}),
        ),
        (15, lambda r: Task("default", "ast_metrics", {"path": r.choice(sources)})),
        (
            10,
            lambda r: Task(
                "default",
                "stream_lines",
                {"path": r.choice(texts), "every": 50},
                streams=True,
            ),
        ),
        (3, lambda r: Task("default", "slow", {"seconds": r.uniform(0.3, 1.2)})),
        (5, lambda r: Task("default", "fail", {"kind": r.choice(["value", "key"])})),
        (2, lambda _: Task("default", "word_stats", {"path": "/nowhere"})),
        (1, lambda _: Task("default", "no_such_tool", {})),
        (1, lambda _: Task("no_such_pool", "search", {"query": "x"})),
        (
            30,
            lambda r: Task(
                "search", "search", {"query": " ".join(r.sample(_WORDS, 2))}
            ),
        ),
        (3, lambda _: Task("search", "stats", {})),
        (2, lambda _: Task("search", "search", {"query": ""})),
    ]


def _files(folder: str, suffix: str = "") -> List[str]:
    with os.scandir(folder) as entries:
        return sorted(
            e.path for e in entries if e.is_file() and e.name.endswith(suffix)
        )


def perform(stub: Any, task: Task, correlation_id: str) -> str:
    """Make the call and say how it ended: OK, TOOL_ERROR, or the status's name."""
    request = pool_pb2.ExecuteRequest(
        pool=task.pool,
        tool=task.tool,
        arguments={k: json.dumps(v).encode() for k, v in task.arguments.items()},
    )
    metadata = [(_CORRELATION, correlation_id)]
    try:
        if task.streams:
            chunks = stub.ExecuteStream(request, _NET_SECONDS, metadata)
            return OK if [c.final for c in chunks][-1:] == [True] else "NOT_FINAL"
        reply = stub.Execute(request, _NET_SECONDS, metadata)
        return OK if reply.WhichOneof("outcome") == "result_json" else TOOL_ERROR
    except grpc.RpcError as exc:
        return str(exc.code().name)


class Load:
    """Callers on threads of their own, from start() to stop()."""

    def __init__(
        self, address: str, ledger: Ledger, callers: int, seed: int = 1
    ) -> None:
        """Prepare; `address` is the front door's."""
        self._ledger = ledger
        self._channel = grpc.insecure_channel(address)
        self._stub = pool_pb2_grpc.PoolStub(self._channel)
        self._numbers = itertools.count(1)
        self._run = f"demo-{os.getpid()}-{time.time_ns() // 1_000_000}"
        self._stop = threading.Event()
        self._errors: List[BaseException] = []
        self._threads = [
            threading.Thread(
                target=self._caller, args=(random.Random(seed + n),), daemon=True
            )
            for n in range(callers)
        ]

    def start(self) -> None:
        """Begin to call."""
        for thread in self._threads:
            thread.start()

    def stop(self, seconds: float) -> None:
        """Let every caller finish its call, for at most so long; raises its error."""
        self._stop.set()
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        if self._errors:
            raise self._errors[0]

    def close(self) -> None:
        """Drop the connection, and with it any call that still runs."""
        self._stop.set()
        self._channel.close()

    def _caller(self, chance: random.Random) -> None:
        mix = tasks()
        weights = [weight for weight, _ in mix]
        makers = [maker for _, maker in mix]
        try:
            while not self._stop.wait(chance.expovariate(1 / _THINK_SECONDS)):
                (maker,) = chance.choices(makers, weights)
                self._call(maker(chance))
        except BaseException as exc:  # noqa: BLE001 - stop() raises it
            self._errors.append(exc)

    def _call(self, task: Task) -> None:
        correlation_id = f"{self._run}-{next(self._numbers)}"
        pool = "" if task.pool == "no_such_pool" else task.pool
        self._ledger.open(correlation_id, pool, task.tool)
        started = time.monotonic()
        code = perform(self._stub, task, correlation_id)
        self._ledger.close(correlation_id, code, time.monotonic() - started)
