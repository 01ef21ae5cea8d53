"""An adapter that does what a test tells it to, good and bad."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import os
import random
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from snakepit_bridge import telemetry
from snakepit_bridge.base_adapter import BaseAdapter, tool


class FaultAdapter(BaseAdapter):
    """Echo, wait, hold the GIL, fail, die, stream."""

    __thread_safe__ = True

    @tool(description="Return what it got")
    def echo(self, **values: Any) -> dict[str, Any]:
        return {"pid": os.getpid(), **values}

    @tool(description="Wait without holding the GIL")
    def sleep(self, seconds: float) -> int:
        time.sleep(seconds)
        return os.getpid()

    @tool(description="Wait until there is such a file")
    def wait_for(self, path: str) -> int:
        while not os.path.exists(path):
            time.sleep(0.01)
        return os.getpid()

    @tool(description="Wait holding the GIL: nothing else runs in this process")
    def hold_gil(self, seconds: float) -> int:
        ctypes.PyDLL(None).usleep(int(seconds * 1_000_000))
        return os.getpid()

    @tool(description="Wait for a FIFO's writer holding the GIL")
    def hold_gil_for(self, fifo: str) -> int:
        libc = ctypes.PyDLL(None)
        libc.close(libc.open(fifo.encode(), os.O_RDONLY))
        return os.getpid()

    @tool(description="Compute for so long in one call that never lets go of the GIL")
    def hog_gil(self, seconds: float) -> int:
        probe = 10_000_000
        began = time.thread_time()  # others may want the processor too
        sum(range(probe))
        sum(range(int(probe * seconds / (time.thread_time() - began))))
        return os.getpid()

    @tool(description="Sort so many random numbers")
    def sort(self, count: int) -> int:
        numbers = [random.random() for _ in range(count)]
        numbers.sort()
        return os.getpid()

    @tool(description="Collect garbage among so many containers")
    def collect(self, count: int) -> int:
        kept = [[] for _ in range(count)]  # type: list[list[int]]
        gc.collect()
        del kept
        return os.getpid()

    @tool(description="Wait for ever in C code, holding the GIL")
    def deadlock(self) -> None:
        libc = ctypes.PyDLL(None)
        semaphore = ctypes.create_string_buffer(64)
        libc.sem_init(semaphore, 0, 0)
        libc.sem_wait(semaphore)

    @tool(description="Raise")
    def fail(self, message: str = "asked to fail") -> None:
        raise ValueError(message)

    @tool(description="End the process, with these words on stderr")
    def die(self, status: int = 3, words: str = "") -> None:
        os.write(2, words.encode())
        os._exit(status)

    @tool(description="End the process unless this file exists, which it makes")
    def die_once(self, mark: str) -> int:
        with contextlib.suppress(FileExistsError):
            os.close(os.open(mark, os.O_CREAT | os.O_EXCL))
            os._exit(3)
        return os.getpid()

    @tool(description="Wait on the event loop")
    async def async_sleep(self, seconds: float) -> int:
        await asyncio.sleep(seconds)
        return os.getpid()

    @tool(description="Call a tool of the host")
    def call_host(self, tool_name: str) -> Any:
        assert self.session_context is not None
        return self.session_context.call_host_tool(tool_name)

    @tool(description="Cut the connections that others made to this process")
    def hang_up(self, after_s: float = 0) -> None:
        """Do it before this call ends, or some time afterwards."""
        if after_s:
            threading.Timer(after_s, self.hang_up).start()
            return
        for name in os.listdir("/proc/self/fd"):
            with contextlib.suppress(OSError):
                end = socket.socket(fileno=os.dup(int(name)))
                with end:
                    if str(end.getsockname()).endswith(".sock"):
                        end.shutdown(socket.SHUT_RDWR)

    @tool(description="A variable of this process's environment")
    def environment(self, name: str) -> str | None:
        return os.environ.get(name)

    @tool(description="Ask the host for twice the number")
    def host_double(self, **arguments: Any) -> Any:
        assert self.session_context is not None
        return self.session_context.call_host_tool("double_it", **arguments)

    @tool(description="A result of so many bytes")
    def big(self, size: int) -> str:
        return "x" * size

    @tool(description="Count, in a stream", supports_streaming=True)
    def count(self, to: int, size: int = 0, delay_s: float = 0.0) -> Iterator[Any]:
        for i in range(to):
            if delay_s:
                time.sleep(delay_s)
            yield {"i": i, "pad": "x" * size}


class TellingAdapter(FaultAdapter):
    """Reports events: at its start, when asked, and from a thread of its own."""

    def initialize(self) -> None:
        telemetry.emit("adapter.start", {"answer": 42})

    @tool(description="Report so many events")
    def report(self, count: int, event: str = "model.load.stop") -> None:
        for i in range(count):
            telemetry.emit(event, {"duration": i}, {"secret": "not for logs"})

    @tool(description="Report an event from a thread that is no request's")
    def report_from_thread(self) -> None:
        args = ("cache.flush", {"entries": 3})
        thread = threading.Thread(target=telemetry.emit, args=args)
        thread.start()
        thread.join()


class BrokenAdapter(BaseAdapter):
    """Cannot be made."""

    def __init__(self) -> None:
        super().__init__()
        raise RuntimeError("the model file is missing")


class SecondSleepsAdapter(BaseAdapter):
    """All but the second of a directory start at once; that one waits for a file."""

    def initialize(self) -> None:
        here = Path(os.environ["STARTS"])
        number = 1
        while True:
            try:
                (here / str(number)).touch(exist_ok=False)
                break
            except FileExistsError:
                number += 1
        while number == 2 and not (here / "go").exists():
            time.sleep(0.01)


class SleepyAdapter(BaseAdapter):
    """Is never done with its start."""

    def initialize(self) -> None:
        time.sleep(600)
