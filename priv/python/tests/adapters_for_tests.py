"""Adapters that the workers under test serve."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import logging
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snakepit_bridge import (
    HostError,
    HostToolNotFoundError,
    cancelled,
    deadline,
    progress,
    request_recycle,
    telemetry,
)
from snakepit_bridge._proto import pb
from snakepit_bridge.base_adapter import BaseAdapter, tool
from snakepit_bridge.base_adapter_threaded import (
    ThreadSafeAdapter,
    thread_safe_method,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

_step: ContextVar[int] = ContextVar("step", default=0)


@dataclass(frozen=True)
class Point:
    x: int
    y: int


@dataclass(frozen=True)
class Chunk:
    data: object
    is_final: bool = False
    metadata: dict[str, str] | None = None


def _wait_for_file(path: str) -> None:
    pause = threading.Event()
    while not os.path.exists(path):
        pause.wait(0.005)


class Tools(BaseAdapter):
    """Tools of every shape; not thread-safe."""

    def __init__(self) -> None:
        super().__init__()
        self.made_on = threading.get_ident()
        self.active = 0
        self.peak = 0

    async def initialize(self) -> None:
        self.loop = asyncio.get_running_loop()

    def cleanup(self) -> None:
        marker = os.environ.get("TEST_CLEANUP_MARKER")
        if marker:
            Path(marker).write_text("cleaned up")

    # ---- values ----------------------------------------------------------------------

    @tool(description="Give the arguments back")
    def echo(self, **arguments: Any) -> dict[str, Any]:
        return arguments

    @tool()
    def add(self, a: int, b: int = 1) -> int:
        """Add two numbers."""
        return a + b

    @tool()
    async def add_async(self, a: int, b: int) -> int:
        assert asyncio.get_running_loop() is self.loop
        await asyncio.sleep(0)
        return a + b

    @tool()
    def point(self) -> list[Point]:
        return [Point(1, 2)]

    @tool()
    def blob(self, data: bytes) -> bytes:
        return data[::-1]

    @tool()
    def not_a_number(self) -> dict[str, list[float]]:
        return {"values": [1.0, float("nan")]}

    @tool()
    def a_set(self) -> dict[str, set[int]]:
        return {"values": {1}}

    def not_decorated(self) -> str:
        return "never called from outside"

    # ---- failing ---------------------------------------------------------------------

    @tool()
    def fail(self, message: str) -> None:
        raise ValueError(message)

    @tool()
    async def fail_async(self, message: str) -> None:
        raise KeyError(message)

    @tool()
    def leave(self) -> None:
        sys.exit(3)

    @tool()
    async def leave_async(self) -> None:
        sys.exit(3)

    @tool()
    def wrong_inner_tool(self) -> None:
        self.call_tool("no_such_helper")

    # ---- context ---------------------------------------------------------------------

    @tool()
    def whereabouts(self) -> dict[str, Any]:
        return {
            "correlation_id": telemetry.get_correlation_id(),
            "session_id": self.session_id,
            "same_thread": threading.get_ident() == self.made_on,
            "main_thread": threading.current_thread() is threading.main_thread(),
            "outgoing": telemetry.outgoing_metadata(),
            "metadata": self.session_context.request_metadata
            if self.session_context
            else None,
        }

    @tool()
    async def correlation_async(self) -> str | None:
        await asyncio.sleep(0)
        return await asyncio.to_thread(telemetry.get_correlation_id)

    @tool()
    def loaded(self, name: str) -> bool:
        return name in sys.modules

    @tool()
    def log(self, text: str) -> None:
        logging.getLogger("adapter").warning(text)

    @tool()
    def emit(self, count: int, name: str = "test.event") -> None:
        for number in range(count):
            telemetry.emit(name, {"number": number, "ratio": 0.5}, {"key": "value"})

    @tool()
    def call_host(self, name: str, value: int) -> Any:
        assert self.session_context is not None
        try:
            return self.session_context.call_elixir_tool(name, value=value)
        except HostToolNotFoundError:
            return "not found"
        except HostError as exc:
            kind = None if exc.kind is None else exc.kind.name
            error_type = getattr(exc, "error_type", None)
            return [type(exc).__name__, str(exc), kind, error_type]

    @tool()
    def time_left(self) -> list[float | None]:
        assert self.session_context is not None
        context = self.session_context
        with ThreadPoolExecutor(1) as pool:  # a thread without the call's context
            elsewhere = pool.submit(lambda: context.deadline_remaining_s).result()
        return [deadline(), context.deadline_remaining_s, elsewhere]

    @tool()
    def call_stub(self) -> None:
        """Use the host's stub as adapters do, without a thought of metadata."""
        assert self.session_context is not None
        self.session_context.stub.CleanupSession(
            pb.CleanupSessionRequest(session_id=self.session_id or "")
        )

    @tool()
    def list_host_tools(self) -> Any:
        assert self.session_context is not None
        return self.session_context.elixir_tools

    @tool()
    def inherited_descriptors(self) -> list[str]:
        listing = "import os; print(*os.listdir('/proc/self/fd'))"
        command = [sys.executable, "-c", listing]
        return subprocess.run(
            command, check=True, capture_output=True, text=True, close_fds=False
        ).stdout.split()

    # ---- time ------------------------------------------------------------------------

    @tool()
    def hold(self, started: str, release: str) -> str:
        Path(started).touch()
        _wait_for_file(release)
        return "released"

    @tool()
    def until_cancelled(self, started: str, ended: str) -> None:
        Path(started).touch()
        pause = threading.Event()
        while not cancelled():
            pause.wait(0.002)
        Path(ended).touch()

    @tool()
    async def hold_async(self, started: str, ended: str) -> None:
        Path(started).touch()
        try:
            await asyncio.Event().wait()
        finally:
            Path(ended).touch()

    @tool()
    def compute(self, started: str, release: str) -> int:
        """Keep the interpreter busy without ever letting go of it voluntarily."""
        Path(started).touch()
        rounds = 0
        while rounds % 100_000 or not os.path.exists(release):
            rounds += 1
        return rounds

    @tool()
    def overlap(self) -> int:
        self.active += 1
        self.peak = max(self.peak, self.active)
        time.sleep(0.005)  # gives others the chance they must not have
        self.active -= 1
        return self.peak

    # ---- signs of life ---------------------------------------------------------------

    @tool()
    def collect(self) -> None:
        gc.collect()

    @tool()
    def come_forward(self, times: int) -> None:
        for _ in range(times):
            progress()

    @tool()
    def wish_recycle(self) -> None:
        request_recycle()

    @tool()
    def fork_and_beat(self) -> int:
        pid = os.fork()
        if pid == 0:
            try:
                request_recycle()
                progress()
                gc.collect()
            finally:
                os._exit(0)
        return os.waitpid(pid, 0)[1]

    @tool()
    def hold_lock(self, fifo: str) -> int:
        """Read a byte with the interpreter's lock held, as bad C code does."""
        with open(fifo, "rb", buffering=0) as source:
            byte = ctypes.create_string_buffer(1)
            return int(ctypes.PyDLL(None).read(source.fileno(), byte, 1))

    @tool()
    def start_child(self) -> int:
        return subprocess.Popen([sys.executable, "-c", "input()"], stdin=-1).pid

    # ---- streams ---------------------------------------------------------------------

    @tool(supports_streaming=True)
    def count(self, to: int) -> Iterator[int]:
        yield from range(to)

    @tool(supports_streaming=True)
    async def count_async(self, to: int) -> AsyncIterator[int]:
        for number in range(to):
            _step.set(number)
            await asyncio.sleep(0)
            yield _step.get()

    @tool(supports_streaming=True)
    async def make_stream(self, to: int) -> Iterator[int]:
        await asyncio.sleep(0)
        return iter(range(to))

    @tool(supports_streaming=True)
    def described(self) -> Iterator[Chunk]:
        yield Chunk({"part": 1}, metadata={"unit": "page"})
        yield Chunk(b"\x00\xff", is_final=True)

    @tool(supports_streaming=True)
    def breaks(self) -> Iterator[int]:
        yield 1
        msg = "second chunk\nfailed: %"
        raise RuntimeError(msg)

    @tool(supports_streaming=True)
    def endless(self, ended: str, size: int = 1) -> Iterator[str]:
        thread = threading.get_ident()
        try:
            while True:
                yield "x" * size
        finally:
            Path(ended).write_text(str(thread == threading.get_ident()))

    @tool(supports_streaming=True)
    async def endless_async(self, ended: str) -> AsyncIterator[int]:
        try:
            yield 1
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            Path(ended).touch()


class ThreadedTools(BaseAdapter):
    """Tools that may run in parallel."""

    __thread_safe__ = True

    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.Lock()
        self.barriers: dict[int, threading.Barrier] = {}
        self.active = 0
        self.peak = 0
        self.produced = 0

    @tool()
    def meet(self, parties: int) -> int:
        """Return once `parties` calls are here at the same time."""
        with self.lock:
            self.active += 1
            self.peak = max(self.peak, self.active)
            barrier = self.barriers.setdefault(parties, threading.Barrier(parties))
        barrier.wait(15)
        with self.lock:
            self.active -= 1
            return self.peak

    @tool()
    async def meet_async(self, parties: int) -> str | None:
        return await asyncio.to_thread(self.meet_for_session, parties)

    @tool()
    def meet_for_session(self, parties: int) -> str | None:
        before = self.session_id
        self.meet(parties)
        assert self.session_id == before
        return self.session_id

    @tool()
    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    @tool()
    def how_many(self) -> int:
        return self.produced

    @tool(supports_streaming=True)
    def flood(self, chunks: int, size: int) -> Iterator[bytes]:
        self.produced = 0
        for _ in range(chunks):
            self.produced += 1
            yield bytes(size)


class Remembers(BaseAdapter):
    """Keeps what it saw in an attribute, and all that happened in the class."""

    history: list[str] = []  # noqa: RUF012 - shared, and meant to be

    def initialize(self) -> None:
        self.seen: list[str] = []
        self.history.append(f"initialize {self.session_id}")

    async def cleanup(self) -> None:
        self.history.append("cleanup")

    @tool()
    def see(self, what: str) -> list[str]:
        self.seen.append(what)
        return self.seen

    @tool(supports_streaming=True)
    def stream(self) -> Iterator[str]:
        yield "chunk"
        self.history.append("streamed")

    @tool()
    def tell(self) -> list[str]:
        return self.history


class OldThreaded(ThreadSafeAdapter):
    """Written for the thread profile, with all its helpers."""

    __thread_safe__ = True

    def __init__(self) -> None:
        super().__init__()
        self.log: list[str] = []

    @thread_safe_method
    @tool(description="Remember words")
    def remember(self, word: str) -> dict[str, Any]:
        words = self.get_thread_local("words", [])
        self.set_thread_local("words", [*words, word])
        with self.acquire_lock(), self.acquire_lock():
            self.log.append(word)
        kept = self.get_thread_local("words")
        self.clear_thread_local("words")
        return {"kept": kept, "left": self.get_thread_local("words"), "log": self.log}

    @tool()
    def stats(self) -> dict[str, Any]:
        return self.get_stats()


class StartsSlowly(BaseAdapter):
    def initialize(self) -> None:
        while not os.path.exists(os.environ["TEST_RELEASE"]):
            progress()


class FailsToInitialize(BaseAdapter):
    def initialize(self) -> None:
        msg = "no model file"
        raise FileNotFoundError(msg)


class Positional:
    """An adapter of the old kind: no base class, other names for the arguments."""

    def execute_tool(self, name: str, args: dict[str, Any], ctx: Any) -> Any:
        return {"name": name, "args": args, "session": ctx.session_id}
