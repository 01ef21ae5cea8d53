"""tests/segment_chaos/sampler.c as a process: a reader that watches all counters."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

from segments import BUILD, DEADLINE_S
from typing_extensions import Self

if TYPE_CHECKING:
    from pathlib import Path


class Sampler:
    """Runs from the start of a `with` block to its end or to the first fall."""

    def __init__(self, path: Path, hz: int = 100) -> None:
        self.process = subprocess.Popen(
            [str(BUILD / "tests/segment_chaos/sampler"), str(path), str(hz)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process.stdout is not None
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def end(self) -> tuple[int, float]:
        """End it, fail with its words if something fell; its looks, its seconds."""
        self.process.terminate()
        text, _ = self.process.communicate(timeout=DEADLINE_S)
        assert self.process.returncode == 0, text
        match = re.fullmatch(r"(\d+) samples in ([\d.]+) s\n", text)
        assert match, text
        return int(match[1]), float(match[2])
