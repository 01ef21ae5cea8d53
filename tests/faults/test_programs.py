"""Programs that run once, with each of their allocations and system calls failing.

Whatever fails, a program does all that it would have done, or exits with status 1 and
says in one line what is wrong. It never dies of it, never hangs, leaves no file behind,
and never takes its own trouble for another's: status 3 (nothing runs) and 4 (damaged)
are not for what failed here.
"""

from __future__ import annotations

import difflib
import re
from pathlib import Path

import fault_runs
import pytest
from fault_runs import Fault, Ran
from segments import BUILD, ROOT, Segment

FAILURE = 1


# What tells when a program ran, or how long it took; all else is of the segment.
CLOCKS = re.compile(
    r"""(?:heartbeat_age_[mn]s|snapshot_ns|"time_ns")\W+(?:value\W+)?\d+"""
    r"""|(?:DEAD|last[ ]heard[ ]of)[ ].+?[ ]ago"""
    r"""|\d{4}-\d\d-\d\d[ ]\d\d:\d\d:\d\d"""
    r"""|^\d{19}(?=,)""",
    re.MULTILINE,
)


def shape(text: str) -> str:
    """Leave out what differs from run to run."""
    return CLOCKS.sub("then", text)


def difference(first: Ran, ran: Ran) -> str:
    lines = difflib.unified_diff(
        shape(first.out).splitlines(), shape(ran.out).splitlines(), lineterm="", n=0
    )
    return "".join(line[:80] for line in list(lines)[3:9])


def whole_or_said(first: Ran, name: str) -> fault_runs.Judge:
    """Make a judge of runs that do as the first, or fail with one line."""
    other = OTHER_WAYS.get(name)

    def judge(ran: Ran, name: str) -> str:
        if (ran.status, shape(ran.out)) == (first.status, shape(first.out)):
            return ""
        if other and re.search(other, ran.out + ran.err, re.MULTILINE):
            return ""
        if name in UNKNOWABLE:
            return ""
        said = ran.err.count("\n") - first.err.count("\n")
        if ran.status == FAILURE and said in (0, 1) and ran.err:
            return ""
        if ran.status == first.status:
            return f"not all was done, and nothing was said: {difference(first, ran)}"
        return "neither done nor status 1 and one line"

    return judge


PROGRAMS = {
    "inspect": ["snakepit-inspect", "-n", "{dead}"],
    "inspect-json": ["snakepit-inspect", "-n", "{dead}", "--json", "--all"],
    "inspect-csv": ["snakepit-inspect", "-n", "{dead}", "--csv", "--all"],
    "inspect-log": ["snakepit-inspect", "-n", "{dead}", "--log"],
    "inspect-filter": ["snakepit-inspect", "-n", "{dead}", "--filter", "pool~def"],
    "inspect-field": [
        *("snakepit-inspect", "-n", "{dead}"),
        *("--field", "snakepit.heartbeat.latency{pool=default}:p99"),
    ],
    "inspect-only-one": ["snakepit-inspect", "--field", "writer.verdict"],
    "inspect-verify": ["snakepit-inspect", "-n", "{dead}", "--verify"],
    "inspect-snap": ["snakepit-inspect", "-n", "{dead}", "--tier", "snap", "--all"],
    "top": ["snakepit-top", "-n", "{dead}", "--once"],
    "top-json": ["snakepit-top", "-n", "{dead}", "--json"],
    "top-csv": ["snakepit-top", "-n", "{dead}", "--csv", "-F", "rss>1M"],
    "top-check": ["snakepit-top", "-n", "{dead}", "--check", "workers_down=0"],
    "top-all": ["snakepit-top", "--all", "--once"],
    "top-replay": ["snakepit-top", "--replay", "{recording}", "--json"],
    "top-diff": ["snakepit-top", "--diff", "{recording}", "{recording}"],
    "ls": ["snakepit", "ls"],
    "status": ["snakepit", "status", "-n", "{dead}"],
    "config-default": ["snakepit-config", "default"],
    "config-check": ["snakepit-config", "check", "{config}"],
    "config-show": ["snakepit-config", "show", "{config}"],
    "config-diff": ["snakepit-config", "diff", "{config}", "{config}"],
}


# Those that have another way of telling: what shows in their output then.
CANNOT_READ = "cannot (open|read) the configuration file"  # status 2, as for a bad one
OTHER_WAYS = {
    "ls": "unreadable",  # a row for each instance, also for one it cannot look at
    "top-all": "UNREADABLE|DEAD",  # the same; what it lacks for rates is a dash
    "status": "^snakepit: status: ",  # status 4, unknown: 1 says that it is dead
    "config-check": CANNOT_READ,
    "config-show": CANNOT_READ,
    "config-diff": CANNOT_READ,
}

# Whether the writer still has its lock cannot be told then: the heartbeat decides
# alone, which of one that died a moment ago says that it lives.
UNKNOWABLE = {"fcntl"}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Name what the command lines above speak of.

    The writer is dead, so that what readers say of it stays as it is, however late they
    are.
    """
    folder = tmp_path_factory.mktemp("dead")
    dead = Segment(folder, "dead")
    dead.tell("step")
    recording = folder / "a.rec"
    top = [str(BUILD / "bin/snakepit-top"), "-n", str(dead.path), "--jsonl"]
    ran, _ = fault_runs.run(
        [*top, "--record", str(recording), "-N", "3", "-d", "0.05"], Fault(), folder
    )
    assert ran.status == 0, ran
    dead.kill()
    return {
        "folder": str(folder),
        "dead": str(dead.path),
        "recording": str(recording),
        "config": str(ROOT / "tests/unit/config/example.yaml"),
    }


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_does_it_all_or_says_why_not(
    name: str,
    files: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SNAKEPIT_DIR", files["folder"])
    folder = Path(files["folder"])
    monkeypatch.setenv("COLUMNS", "200")
    words = list(PROGRAMS[name])
    for key, value in files.items():
        words = [word.replace("{" + key + "}", value) for word in words]
    command = [str(BUILD / "bin" / words[0]), *words[1:]]
    first, _ = fault_runs.run(command, Fault(), folder)
    failed = fault_runs.drive(command, whole_or_said(first, name), folder)
    fault_runs.keep(name, failed)
    failed_of.setdefault(words[0], {})[name] = set(failed)


failed_of: dict[str, dict[str, set[str]]] = {}  # by program and case, as tests run


@pytest.mark.parametrize("program", sorted({words[0] for words in PROGRAMS.values()}))
def test_no_call_of_a_program_goes_untried(program: str) -> None:
    cases = {name for name, words in PROGRAMS.items() if words[0] == program}
    tried = failed_of.get(program, {})
    if set(tried) != cases:
        pytest.skip("not all of its cases were run, or not all passed")
    assert fault_runs.untried(program, set().union(*tried.values())) == set()
