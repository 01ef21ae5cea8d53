"""What tests do to the surroundings of a runtime: its clocks, its limits, its start."""

from __future__ import annotations

import contextlib
import ctypes
import os
import stat
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import BUILD, World, wait_until

__all__ = ["Clock", "confined", "traced", "wrapped"]


def wrapped(world: World, shell: str) -> None:
    """Have snakepitd started by a shell line; "$@" there is the command itself."""
    build = world.directory / "build"
    (build / "bin").mkdir(parents=True)
    for program in (BUILD / "bin").iterdir():
        (build / "bin" / program.name).symlink_to(program)
    if (BUILD / "lib").exists():
        (build / "lib").symlink_to(BUILD / "lib")
    wrapper = build / "bin" / "snakepitd"
    wrapper.unlink()
    real = BUILD / "bin" / "snakepitd"
    wrapper.write_text(f"#!/bin/sh\nset -e\nset -- '{real}' \"$@\"\n{shell}\n")
    wrapper.chmod(wrapper.stat().st_mode | stat.S_IXUSR)
    world.build = build


class Clock:
    """The clocks of what is started in a world, to be stepped."""

    def __init__(self, world: World) -> None:
        library = BUILD / "tests" / "chaos" / "clock_shift.so"
        if not library.exists():
            pytest.skip(f"{library} is not built")
        self._path = world.directory / "clock"
        self.shift()
        world.env["LD_PRELOAD"] = str(library)
        world.env["SNP_CLOCK_FILE"] = str(self._path)

    def shift(self, wall_ns: int = 0, boot_ns: int = 0) -> None:
        words = struct.pack("qq", wall_ns, boot_ns)
        if not self._path.exists():
            self._path.write_bytes(words)
            return
        with self._path.open("r+b") as file:
            file.write(words)


def own_group(controller: str) -> Path:
    """Give a cgroup below our own, or skip."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, names, path = line.split(":", 2)
        if controller in names.split(","):
            base = Path("/sys/fs/cgroup", controller, path.lstrip("/"))
            group = base / f"snakepit-test-{os.getpid()}"
            try:
                group.mkdir()
            except OSError as error:
                pytest.skip(f"no {controller} cgroup of our own: {error}")
            return group
    pytest.skip(f"no {controller} controller of cgroup v1")


@contextlib.contextmanager
def confined(controller: str, pids: list[int]) -> Iterator[Path]:
    """Put processes into a cgroup of their own; they return when the block ends."""
    group = own_group(controller)
    try:
        for pid in pids:
            (group / "cgroup.procs").write_text(f"{pid}\n")
        yield group
    finally:

        def gone() -> bool:
            for pid in (group / "cgroup.procs").read_text().split():
                with contextlib.suppress(OSError):
                    (group.parent / "cgroup.procs").write_text(f"{pid}\n")
            group.rmdir()
            return True

        wait_until(gone, 10, "the end of the cgroup")


@contextlib.contextmanager
def traced(pid: int) -> Iterator[None]:
    """Hold a process as a debugger does."""
    seize, interrupt, detach = 0x4206, 0x4207, 17
    ptrace = ctypes.CDLL(None, use_errno=True).ptrace
    ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
    if ptrace(seize, pid, None, None) < 0:
        pytest.skip(f"may not trace: {os.strerror(ctypes.get_errno())}")
    try:
        assert ptrace(interrupt, pid, None, None) == 0
        yield
    finally:
        assert ptrace(detach, pid, None, None) == 0
