"""What the tests of the languages' readers share."""

from __future__ import annotations

import contextlib
import re
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from readers import ROOT, Reader, by_name, why_missing
from segments import Segment

DOCUMENT = ROOT / "docs" / "reading-from-other-languages.md"


def available(name: str) -> Reader:
    """Return the reader, built, or skip the test with the reason why not."""
    reason = why_missing(name)
    if reason:
        pytest.skip(reason)
    return by_name(name)


def run(
    reader: Reader, command: Sequence[str | Path], cwd: Path, **env: str | Path
) -> str:
    """Return the output of a command of the reader's toolchain; fail if that does."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**reader.environment(), **{k: str(v) for k, v in env.items()}},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    return done.stdout


@contextlib.contextmanager
def written(directory: Path) -> Iterator[Segment]:
    """Yield a segment whose writer counts and recycles rows as fast as it can."""
    segment = Segment(directory, "test", "2", "3", "4", "quarantine=1")
    try:
        segment.tell("churn on")
        segment.tell("load on")
        yield segment
    finally:
        segment.kill()


def example(heading: str) -> str:
    """Return the program that the document shows for a language."""
    text = DOCUMENT.read_text("utf-8")
    section = text.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    match = re.search(r"^```\w+\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)
    assert match, f"no program under {heading}"
    return match[1]
