"""A thousand workers that cost next to nothing: see standin_worker.c, standin_hub.c."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from typing_extensions import Self

__all__ = ["Hub"]


class Hub:
    """The one server behind all stand-in workers of a test; a context manager."""

    def __init__(self, build: Path, directory: Path) -> None:
        """Start it, with its socket in `directory` (0700)."""
        self._worker = build / "tests" / "standin_worker"
        self._socket = directory / "standin"
        self._process = subprocess.Popen(
            [build / "tests" / "standin_hub", self._socket],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout
        assert self._process.stdout.readline() == b"ready\n"

    def __enter__(self) -> Self:
        """Hand it out."""
        return self

    def __exit__(self, *_: object) -> None:
        """End it; its workers end with their runtime."""
        with self._process:
            assert self._process.stdin
            self._process.stdin.close()

    def pool(self, workers: int, **more: Any) -> dict[str, Any]:
        """Give the configuration of a pool of such workers."""
        return {
            "name": "default",
            "adapter": "standin.Adapter",
            "workers": workers,
            "python": str(self._worker),
            "script": str(self._socket),
            "startup": {"batch_size": 100},
            **more,
        }
