"""Adapters for what real code does to its worker: crash, leak, fork, flood, lie."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import mmap
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from typing import Any

from fault_adapter import FaultAdapter
from snakepit_bridge import deadline, progress, telemetry
from snakepit_bridge.base_adapter import tool

_kept: list[Any] = []


def _sockets() -> list[int]:
    found = []
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            if os.readlink(f"/proc/self/fd/{name}").startswith("socket:"):
                found.append(int(name))
    return found


class ChaosAdapter(FaultAdapter):
    """Each tool is one thing that goes wrong."""

    __thread_safe__ = True

    @tool(description="Read address 0")
    def crash(self) -> None:
        ctypes.string_at(0)

    @tool(description="Compute in Python, and let others have the GIL")
    def spin(self, seconds: float) -> int:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            pass
        return os.getpid()

    @tool(description="Compute for so long and let nobody have the GIL")
    def hog(self, seconds: float) -> int:
        before = sys.getswitchinterval()
        sys.setswitchinterval(3600)  # nobody asks for it in that time
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            pass
        sys.setswitchinterval(before)
        return os.getpid()

    @tool(description="Hold up the event loop that serves this worker's calls")
    def block_loop(self, seconds: float) -> int:
        for loop in gc.get_objects():
            if isinstance(loop, asyncio.AbstractEventLoop) and loop.is_running():
                loop.call_soon_threadsafe(time.sleep, seconds)
        return os.getpid()

    @tool(description="Have SIGTERM ignored")
    def ignore_sigterm(self) -> int:
        ctypes.CDLL(None).signal(int(signal.SIGTERM), 1)
        return os.getpid()

    @tool(description="Start processes: a child, a grandchild left alone, a session")
    def fork_away(self) -> int:
        sleep = ["sleep", "600"]
        _kept.append(subprocess.Popen(sleep))
        subprocess.run(
            ["sh", "-c", "sleep 600 >/dev/null 2>&1 & sleep 600 >/dev/null 2>&1 &"],
            check=True,
        )
        _kept.append(subprocess.Popen(sleep, start_new_session=True))
        return os.getpid()

    @tool(description="Make every socket of this process nothing, and stay")
    def lose_sockets(self) -> None:
        nothing = os.open(os.devnull, os.O_RDWR)
        for fd in _sockets():
            os.dup2(nothing, fd)

    @tool(description="Use so much more memory, and so much time afterwards")
    def leak(self, mib: int, seconds: float = 0) -> int:
        _kept.append(bytearray(os.urandom(1 << 20)) * mib)
        time.sleep(seconds)
        return os.getpid()

    @tool(description="Write a file and read it over and over, as memory lets it")
    def churn(self, path: str, mib: int, seconds: float) -> int:
        end, total = time.monotonic() + seconds, 0
        with open(path, "wb") as file:
            file.writelines(bytes(1 << 20) for _ in range(mib))
        while time.monotonic() < end:
            with open(path, "rb") as file:
                while block := file.read(1 << 20):
                    total += len(block)
        return total

    @tool(description="Print so many MiB, to both streams")
    def flood(self, mib: int) -> int:
        line = b"x" * 200 + b"\n"
        for _ in range(mib * (1 << 20) // len(line) // 2):
            os.write(1, line)
            os.write(2, line)
        return os.getpid()

    @tool(description="Write anything into the page of this process's beats")
    def junk_page(self, seconds: float, seed: int = 1) -> int:
        fd = int(sys.argv[sys.argv.index("--beat-fd") + 1])
        thread = threading.Thread(target=_junk, args=(fd, seconds, seed), daemon=True)
        thread.start()
        return os.getpid()

    @tool(description="The variable of the environment")
    def variable(self, name: str) -> str | None:
        return os.environ.get(name)


def _junk(fd: int, seconds: float, seed: int) -> None:
    chance = random.Random(seed)
    edges = [0, 1, (1 << 63) - 1, 1 << 63, (1 << 64) - 1]
    with mmap.mmap(fd, 4096) as page:
        words = memoryview(page).cast("Q")
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for i in range(len(words)):
                words[i] = chance.choice([*edges, chance.getrandbits(64)])
        words.release()


class ExitingAdapter(ChaosAdapter):
    """Ends its process while it is made."""

    def __init__(self) -> None:
        super().__init__()
        os.write(2, b"no licence for this host\n")
        os._exit(7)


class SlowAdapter(ChaosAdapter):
    """Takes $SLOW_S to start, and says all the time that it gets on."""

    def initialize(self) -> None:
        end = time.monotonic() + float(os.environ["SLOW_S"])
        while time.monotonic() < end:
            time.sleep(0.05)
            progress()


class GatedAdapter(ChaosAdapter):
    """Does not start where the file $GATE is; with $GATE_SLOT, only in that slot."""

    def __init__(self) -> None:
        super().__init__()
        mine = sys.argv[sys.argv.index("--slot") + 1]
        if os.environ.get("GATE_SLOT", mine) == mine and os.path.exists(
            os.environ["GATE"]
        ):
            raise RuntimeError("the gate is shut")


class FailingAdapter(ChaosAdapter):
    """What the workers of an older system were broken by, in small."""

    @tool(description="Leave a dead child that nobody waits for")
    def leave_zombie(self) -> int:
        _kept.append(subprocess.Popen(["true"]))
        return os.getpid()

    @tool(description="The seconds that this call has left")
    def remaining(self) -> float | None:
        return deadline()

    @tool(description="The names of modules that could run what they read")
    def dangerous_modules(self) -> list[str]:
        return sorted({"pickle", "_pickle", "cPickle"} & set(sys.modules))

    @tool(description="Report a measurement that is a map")
    def report_map(self) -> int:
        telemetry.emit("model.load", {"nested": {"no": "number"}})
        return os.getpid()


class SlowToLeaveAdapter(FailingAdapter):
    """Needs a second and a half to clean up."""

    def cleanup(self) -> None:
        time.sleep(1.5)


class NoisyAdapter(FailingAdapter):
    """Prints what could be taken for a report that it is ready, long before it is."""

    def __init__(self) -> None:
        super().__init__()
        print('{"ready": true, "pid": 1, "protocol": 1, "capacity": 9}')
        print("GRPC_READY:50051", flush=True)
        time.sleep(1)


class CallingAdapter(FailingAdapter):
    """Cannot start where its host is not there yet."""

    def __init__(self) -> None:
        super().__init__()
        host = sys.argv[sys.argv.index("--host-address") + 1]
        with socket.socket(socket.AF_UNIX) as probe:
            probe.connect(host.removeprefix("unix:"))
