"""Whole programs, of which the Nth allocation or system call fails.

`drive` runs a program under tests/lib/fault_preload.c. A first run tells which calls it
makes, and the way to each through the program. Then the first call of each function by
each way fails, every other time with all that follow by that way; with SNP_CHAOS=full
the Nth call of all for each N, alone and with all that follow.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from segments import BUILD, ROOT

__all__ = [
    "FULL",
    "Call",
    "Fault",
    "Judge",
    "Ran",
    "drive",
    "failing",
    "imports",
    "keep",
    "run",
    "untried",
]

FULL = os.environ.get("SNP_CHAOS") == "full"
LIBRARY = BUILD / "tests" / "fault_preload.so"
TIMEOUT_S = 60.0
COUNTS = BUILD / "faults"


@dataclasses.dataclass(frozen=True)
class Call:
    """A call that a program made, and the return addresses in it that led there."""

    name: str
    way: str


@dataclasses.dataclass(frozen=True)
class Fault:
    """Which call is to fail: the `at`th, of this way if there is one."""

    at: int = 0
    way: str = ""
    lasts: bool = False


@dataclasses.dataclass(frozen=True)
class Ran:
    status: int
    out: str
    err: str


class Log:
    """The file in which the library notes calls."""

    def __init__(self) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        self.fd = self._file.fileno()

    def calls(self) -> list[Call]:
        self._file.seek(0)
        lines = self._file.read().decode().splitlines()
        self._file.close()
        return [Call(*line.split(" ")) for line in lines]


def environment(log: Log, fault: Fault) -> dict[str, str]:
    """Give what makes a program fail so; its descriptor has to be passed on, too."""
    env = {
        **os.environ,
        "LD_PRELOAD": str(LIBRARY),
        "SNP_FAULT_FD": str(log.fd),
        "SNP_FAULT_AT": str(fault.at),
    }
    if fault.way:
        env["SNP_FAULT_WAY"] = fault.way
    if fault.lasts:
        env["SNP_FAULT_LASTS"] = "1"
    return env


# What is wrong with how it ended after a call of this name failed; "" for nothing.
Judge = Callable[[Ran, str], str]


def breach(ran: Ran) -> str:
    """Tell what no program may do, whatever failed."""
    if ran.status < 0:
        return f"killed by signal {-ran.status}"
    if re.search(r"[^\n -~\x80-\U0010ffff]", ran.err):
        return "control characters on stderr"
    return ""


def run(command: list[str], fault: Fault, directory: Path) -> tuple[Ran, list[Call]]:
    """Run it to its end with this fault, and give the calls that were noted."""
    log = Log()
    done = subprocess.run(
        command,
        env=environment(log, fault),
        pass_fds=[log.fd],
        cwd=directory,
        capture_output=True,
        check=False,
        timeout=TIMEOUT_S,
    )
    out, err = (text.decode(errors="replace") for text in (done.stdout, done.stderr))
    return Ran(done.returncode, out, err), log.calls()


def faults_of(calls: list[Call], *, lasting: bool) -> Iterator[Fault]:
    """Choose what is to fail, of the calls that are made without a fault."""
    if FULL:
        for at in range(1, len(calls) + 1):
            yield Fault(at)
            if lasting:
                yield Fault(at, lasts=True)
    else:
        # Calls at the ends of functions may share a way: each has its turn there.
        made = Counter[str]()
        firsts: dict[Call, int] = {}
        for call in calls:
            made[call.way] += 1
            firsts.setdefault(call, made[call.way])
        for i, (call, at) in enumerate(firsts.items()):
            yield Fault(at, call.way, lasts=lasting and i % 2 == 1)


def drive(
    command: list[str], judge: Judge, directory: Path, *, lasting: bool = True
) -> Counter[str]:
    """Let each call fail in turn; how often which did. Fails with all that is wrong.

    Without `lasting` each fails but once: for programs that try again for long.
    """
    first, calls = run(command, Fault(), directory)
    assert not breach(first), first
    assert not judge(first, ""), first
    files = sorted(directory.rglob("*"))
    failed: Counter[str] = Counter()
    wrong = []
    for fault in faults_of(calls, lasting=lasting):
        try:
            ran, hits = run(command, fault, directory)
            name = hits[0].name if hits else "nothing"
        except subprocess.TimeoutExpired:
            wrong.append(f"{fault}: hangs")
            continue
        failed.update(call.name for call in hits[:1])
        problem = breach(ran) or judge(ran, name)
        left = sorted(directory.rglob("*"))
        if left != files:
            problem = problem or f"leaves {set(left) ^ set(files)}"
            files = left
        if problem:
            wrong.append(
                f"{name} failed ({fault}): {problem}: {ran.status} {ran.err!r}"
            )
    assert not wrong, "\n".join([f"{len(wrong)} of {failed.total()}:", *wrong])
    return failed


# ---- what programs call, and what of that can fail here ------------------------------

_ROW = re.compile(r"^\s*X\((\w+), ", re.MULTILINE)
# What the cases of tests/faults do not come to, by program; nothing else may be here.
# In full some do, on the way out of another failure that lasts.
UNREACHED = {
    # Commands that start programs or ask the system (run, demo, doctor, exec).
    "snakepit": """
        access bind closedir connect execv getaddrinfo getrlimit lstat newlocale opendir
        pipe2 poll posix_spawn posix_spawn_file_actions_adddup2
        posix_spawn_file_actions_addopen posix_spawn_file_actions_init read readlink
        recv send setenv setsockopt socket statfs strdup waitpid write""",
    # It is linked with what reads segments, and reads none; asprintf is of errors.
    "snakepit-config": "asprintf madvise mmap newlocale scandir statfs write",
    # --help, --follow, numbers in a language of their own, the default directory.
    "snakepit-inspect": "fflush newlocale statfs strdup",
    # By pthread_once(); answers that are compressed or JSON, gRPC; --help.
    "snakepit-otlp": """
        curl_global_init fflush inflateInit2_ json_loadb newlocale poll scandir
        statfs""",
    # Without --once: a thread that looks names up, and how long it waits at first.
    "snakepit-statsd": "getrandom newlocale poll pthread_create scandir statfs",
    # The screen, its settings file, recording.
    "snakepit-top": """
        access dup2 fdopen fsync ftruncate ioctl lseek memfd_create mkdir
        mkostemp newterm ppoll read realpath regcomp rename sendfile setupterm signalfd
        statfs tcgetattr tcsetattr unlink yaml_parser_initialize""",
}
OTHERS = ("asprintf", "MHD_start_daemon")  # written out in fault_preload.c


def plain(name: str) -> str:
    """Name what a checked variant of _FORTIFY_SOURCE stands for."""
    match = re.fullmatch(r"__(\w+)_chk", name)
    return match[1] if match else name


def failing() -> set[str]:
    """Name all calls that the library can have fail."""
    table = (ROOT / "tests/lib/fault_table.h").read_text()
    return {plain(name) for name in _ROW.findall(table)} | set(OTHERS)


def imports(program: str) -> set[str]:
    """Name the functions of libraries that a program calls."""
    listed = subprocess.run(
        ["nm", "-D", "--undefined-only", str(BUILD / "bin" / program)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    names = (line.split()[-1].partition("@")[0] for line in listed.splitlines())
    return {plain(name) for name in names}


def untried(program: str, tried: set[str]) -> set[str]:
    """Name what a program calls, can fail here, and neither failed nor has a reason."""
    reached = {plain(name) for name in tried}
    unreached = set(UNREACHED.get(program, "").split())
    again = reached & unreached
    assert FULL or not again, f"no longer unreached: {again}"
    return (imports(program) & failing()) - reached - unreached


def keep(case: str, failed: Counter[str]) -> None:
    """Write down how often which call failed, for docs/reliability.md."""
    COUNTS.mkdir(parents=True, exist_ok=True)
    row = {"case": case, "full": FULL, "failed": dict(sorted(failed.items()))}
    (COUNTS / f"{case}.json").write_text(json.dumps(row, indent=1) + "\n")
