"""One page's commands, executed in one shell as a reader would.

A page has a folder that looks like a clone of the repository after `make`: links to
what is there, and room for the files that the page tells its reader to write. Its shell
is the first process of namespaces of its own: ports of the page are free whatever runs
beside it, and nothing that it leaves running survives it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from harness import BUILD, PATIENCE
from pages import NUMBERS_VARY, ROOT, Block, Page

__all__ = ["Failure", "differs", "namespaces", "run_page"]

SHOWN_LINES, SHOWN_CHARS = 40, 200
TIMEOUT_S = 30 * PATIENCE
# Begins the page's shell: loopback is up, and the real tree cannot be changed.
PRELUDE = """\
import fcntl, os, socket, struct, subprocess, sys
with socket.socket() as any_socket:
    fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh14x", b"lo", 0x41))
tree = sys.argv[1]
for words in (["--bind", tree], ["-o", "remount,bind,ro"]):
    subprocess.run(["mount", *words, tree], check=True)
os.execvp(sys.argv[2], sys.argv[2:])
"""


@dataclasses.dataclass(frozen=True)
class Failure:
    """What went wrong, and where in the page."""

    page: str
    block: Block
    why: str

    def __str__(self) -> str:
        return f"{self.page}:{self.block.line}: {self.why}\n\n{self.block.text}"


@functools.cache
def namespaces() -> list[str] | None:
    """Words that start a program in namespaces of its own; None: not allowed here."""
    own = ["unshare", "--net", "--pid", "--mount-proc", "--fork", "--kill-child"]
    for words in (own, [*own, "--user", "--map-root-user"]):
        with contextlib.suppress(FileNotFoundError):
            probe = [*words, sys.executable, "-c", PRELUDE, str(ROOT), "true"]
            done = subprocess.run(probe, capture_output=True, check=False)
            if done.returncode == 0:
                return words
    return None


def run_page(page: Page) -> list[Failure]:
    """Execute the commands of a page; an empty list says that all is as it says."""
    blocks = [block for block in page.blocks if block.runs or block.path]
    if not any(block.runs for block in blocks):
        return []
    with _clone() as clone:
        script = _script(clone, blocks)
        started = namespaces()
        assert started is not None
        shell = subprocess.Popen(
            [*started, sys.executable, "-c", PRELUDE, ROOT, "bash", script],
            cwd=clone / "snakepit",
            env=_environment(clone),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            shell.wait(TIMEOUT_S)
        except subprocess.TimeoutExpired:
            os.killpg(shell.pid, signal.SIGKILL)
            shell.wait()
        return _judge(page, blocks, clone)


@contextlib.contextmanager
def _clone() -> Iterator[Path]:
    """Give a folder with `snakepit`, the clone, and `dir`, the place of segments."""
    with tempfile.TemporaryDirectory(
        prefix="snakepit-docs-", dir="/dev/shm", ignore_cleanup_errors=True
    ) as name:
        top = Path(name)
        clone = top / "snakepit"
        for made in (clone, top / "dir", top / "home", top / "tmp", top / "blocks"):
            made.mkdir(mode=0o700)
        for entry in ROOT.iterdir():
            if entry.name not in (".git", "build"):
                (clone / entry.name).symlink_to(entry)
        (clone / "build").mkdir()
        for entry in (ROOT / "build").iterdir():
            (clone / "build" / entry.name).symlink_to(entry)
        (clone / "build" / "bin").unlink()
        (clone / "build" / "bin").symlink_to(BUILD / "bin")
        yield top


def _environment(top: Path) -> dict[str, str]:
    ours = re.compile(r"(SNAKEPIT|OTEL|SNP|PYTHON|XDG|MAKE)")
    return {
        **{k: v for k, v in os.environ.items() if not ours.match(k)},
        "PATH": f"{top}/snakepit/build/bin:{os.environ['PATH']}",
        "SNAKEPIT_DIR": str(top / "dir"),
        "HOME": str(top / "home"),
        "TMPDIR": str(top / "tmp"),
        "TERM": "dumb",
        "LC_ALL": "C.UTF-8",
    }


def _script(top: Path, blocks: list[Block]) -> Path:
    """Write the program of the page: each block, and the status that it ended with."""
    folder = top / "blocks"
    lines = ["set -eu"]
    for number, block in enumerate(blocks):
        text = folder / f"{number}.text"
        text.write_text(block.text)
        if block.path:
            lines.append(f"mkdir -p {Path(block.path).parent}")
            lines.append(f"cp {text} {block.path}")
            continue
        run = f"source {text} >{folder}/{number}.out 2>&1"
        lines.append(run if block.status == 0 else f"set +e; {run}; status=$?; set -e")
        lines.append(f"echo ${{status-0}} >{folder}/{number}.status; unset status")
    script = folder / "script"
    script.write_text("\n".join(lines) + "\n")
    return script


def _judge(page: Page, blocks: list[Block], top: Path) -> list[Failure]:
    failures: list[Failure] = []
    for number, block in enumerate(blocks):
        if block.path:
            continue
        out = top / "blocks" / f"{number}.out"
        printed = out.read_text(errors="replace") if out.exists() else ""
        status = out.with_suffix(".status")
        if not status.exists():
            why = "a command failed, or took too long; it printed\n"
            return [*failures, Failure(page.name, block, why + _last_words(printed))]
        if int(status.read_text()) != block.status:
            why = f"exit status {status.read_text().strip()}, not {block.status}"
            failures.append(
                Failure(page.name, block, f"{why}; it printed\n{_last_words(printed)}")
            )
        shown = page.output_of(block)
        if shown and (difference := differs(shown, printed)):
            failures.append(Failure(page.name, shown, difference))
    return failures


def differs(shown: Block, printed: str) -> str | None:
    """Say where an output is not what a page shows; None: it is."""
    blur = _blurred if NUMBERS_VARY in shown.options else str.rstrip
    expected = [blur(line) for line in shown.text.splitlines()]
    found = [blur(line) for line in printed.splitlines()]
    pattern = "".join(
        r"(?:.*\n)*?"
        if line.strip() == "..."
        else ".*?".join(re.escape(part) for part in line.split("...")) + r"\n"
        for line in expected
    )
    if re.fullmatch(pattern, "".join(f"{line}\n" for line in found)):
        return None
    return f"the page shows what is not printed; printed is\n{_last_words(printed)}"


def _last_words(printed: str) -> str:
    lines = printed.splitlines()[-SHOWN_LINES:]
    return "".join(f"{line[:SHOWN_CHARS]}\n" for line in lines)


def _blurred(line: str) -> str:
    """One line without its numbers, ids and widths of columns."""
    line = re.sub(r"\b(?=[0-9a-f]*[0-9])[0-9a-f]{16,}\b", "ID", line.rstrip())
    return re.sub(r" +", " ", re.sub(r"[0-9]+(\.[0-9]+)?", "N", line))
