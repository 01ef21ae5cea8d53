"""What tests look at: a runtime's log, and what its segment holds."""

from __future__ import annotations

import difflib
import json
import os
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, TypeVar, cast, final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Log", "find_programs", "inspect", "metric_value", "wait_until"]

_POLL_S = 0.01
_INSPECT_TIMEOUT_S = 60.0
_TAIL_LINES = 20
_DAEMON = "snakepitd"

T = TypeVar("T")


def wait_until(predicate: Callable[[], T], timeout_s: float, what: str) -> T:
    """Ask until the answer is true, and return it; AssertionError when it never is.

    The predicate may raise AssertionError, KeyError or OSError as long as what it looks
    at is not there. `what` completes the sentence "not seen within 10 s: ...".
    """
    deadline = time.monotonic() + timeout_s
    while True:
        last_chance = time.monotonic() >= deadline
        cause: Exception | None = None
        value: T | None = None
        try:
            value = predicate()
        except (AssertionError, KeyError, OSError) as error:
            cause = error
        if value:
            return value
        if last_chance:
            msg = f"not seen within {timeout_s:g} s: {what} (last: {value!r})"
            raise AssertionError(msg) from cause
        time.sleep(_POLL_S)


def find_programs(programs: str | os.PathLike[str] | None = None) -> Path:
    """Return the folder of snakepitd and the other programs.

    That is the one given, else the one that belongs to this package (of a checkout that
    was built, or of an installation), else the first of PATH that has them.
    """
    root = Path(__file__).resolve().parents[3]
    places = (
        [Path(programs)]
        if programs is not None
        else [
            root / "build" / "bin",  # <root>/priv/python/snakepit_bridge
            root.parent / "bin",  # <prefix>/share/snakepit/python/snakepit_bridge
            *(Path(place) for place in os.get_exec_path() if place),
        ]
    )
    for place in places:
        if os.access(place / _DAEMON, os.X_OK):
            return place.absolute()
    msg = (
        f"no {_DAEMON} in {', '.join(map(str, places))}: build it with 'make', add its"
        " folder to PATH, or name it with programs="
    )
    raise FileNotFoundError(msg)


def inspect(
    programs: Path, env: Mapping[str, str], options: Sequence[str] = ()
) -> dict[str, Any]:
    """Read a segment as `snakepit-inspect --json` does; OSError when it could not."""
    result = subprocess.run(  # noqa: S603 - a program of ours
        [programs / "snakepit-inspect", *options, "--json"],
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=_INSPECT_TIMEOUT_S,
    )
    if result.returncode != 0:
        raise OSError(result.returncode, result.stderr.strip())
    return cast("dict[str, Any]", json.loads(result.stdout))


def metric_value(report: Mapping[str, Any], name: str, /, **labels: str) -> float:
    """Sum a metric of inspect's report over the series that have these labels.

    Either of its names will do. Of a histogram it is the number of observations.
    KeyError: there is no such metric. AssertionError: it has no series with the labels.
    """
    names = set()
    for entry in report["metrics"]:
        both = {entry["name"], entry["prometheus_name"]}
        if name not in both:
            names |= both
            continue
        found = [
            series.get("value", series.get("count"))
            for series in entry["series"]
            if labels.items() <= series["labels"].items()
        ]
        if not found:
            there = sorted(str(series["labels"]) for series in entry["series"])
            msg = (
                f"{name} has no series with {labels}, but {', '.join(there) or 'none'}"
            )
            raise AssertionError(msg)
        total: float = sum(found)
        return total
    near = difflib.get_close_matches(name, names, 1)
    msg = f"no metric {name}" + (f"; did you mean {near[0]}?" if near else "")
    raise KeyError(msg)


@final
class Log:
    """The log of a runtime: JSON objects, a line each, also those of its workers."""

    def __init__(self, path: Path) -> None:
        """Look at the file of this name."""
        self.path = path

    def text(self) -> str:
        """Return all of it."""
        return self.path.read_text(errors="replace")

    def tail(self) -> str:
        """Return its last lines, for a message."""
        lines = self.text().splitlines()[-_TAIL_LINES:]
        return "".join(f"\n  {line}" for line in lines)

    def lines(self, **fields: Any) -> list[dict[str, Any]]:
        """Return complete lines that have these fields; each must be a JSON object."""
        found = []
        for text in self.text().split("\n")[:-1]:
            try:
                line = json.loads(text)
            except ValueError:
                line = None
            if not isinstance(line, dict):
                msg = f"not a JSON log line: {text!r}"
                raise AssertionError(msg)  # noqa: TRY004 - it is what is tested
            found.append(line)
        return [line for line in found if fields.items() <= line.items()]
