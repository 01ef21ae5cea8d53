"""What is kept of a soak for docs/reliability.md, under its seed.

It is written down at the start, as a run that did not end, and is no longer one that
failed only when all of the test has passed: what is seen while it runs, what is held
against it at the end, and that nothing is left when the runtime has gone.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

__all__ = ["LONG_S", "UNENDED", "SoakRecord"]

UNENDED = "it did not end"
LONG_S = 600  # from then on a run is a full one, and memory has found its level


class SoakRecord:
    """The file of one run."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._run: dict[str, Any] = {}

    @property
    def is_long(self) -> bool:
        return bool(self._run.get("seconds", 0) >= LONG_S)

    def begin(self, seed: int, **facts: Any) -> None:
        self._run = {"seed": seed, **facts, "failed": UNENDED}
        self._write()

    def add(self, **facts: Any) -> None:
        self._run |= facts
        self._write()

    def phase_ended(self, phase: str, error: BaseException | None) -> None:
        """Tell how a phase of the test (as pytest calls them) ended; the last decides.

        The first error stays.
        """
        failed = self._run.get("failed")
        if not failed:
            return  # it has not begun, or is over
        if error and failed == UNENDED:
            text = str(error).strip().partition("\n")[0]
            self.add(failed=text or type(error).__name__)
        elif phase == "teardown" and not error and failed == UNENDED:
            self.add(failed="")

    def _write(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"{self._run['seed']}.json"
        path.write_text(json.dumps(self._run, indent=1) + "\n")
