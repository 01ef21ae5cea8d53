"""Every reader says the same of the same bytes, however odd they are.

The golden segments are those of the writer (golden.c); the broken ones are changes of
the full golden one (broken.py). Readers are listed in readers.py.
"""

from __future__ import annotations

import difflib
import gzip
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from broken import cases_by_group, special_files
from broken_header import boundary_cases
from cases import Agreed, Case, Error, Fine, Outcome
from lab import Lab
from living import living_segment
from readers import Reader, by_name, number, parse, run, text_of
from segments import Segment

import golden
from golden import GOLDEN

NAMES = sorted(path.stem for path in GOLDEN.glob("*.json"))
GROUPS = cases_by_group()
LOOKS = 20
SHOWN_CASES, SHOWN_LINES = 30, 8
NOBODY = 65534

Data = dict[str, Any]


def golden_text(name: str) -> str:
    return (GOLDEN / f"{name}.json").read_text("utf-8")


def difference(expected: str, got: str) -> str:
    lines = difflib.unified_diff(
        expected.splitlines(), got.splitlines(), "expected", "got", n=1, lineterm=""
    )
    return "\n".join(list(lines)[:SHOWN_LINES])


# ---- golden --------------------------------------------------------------------------


def test_golden_segments_are_what_the_writer_makes(tmp_path: Path) -> None:
    """The format is frozen: where this fails, an old reader may not read a new file.

    `make golden` writes the files anew, for a metric that was added.
    """
    golden.make(tmp_path)
    made = {path.stem: path for path in tmp_path.glob("*.seg")}
    assert sorted(made) == NAMES
    for name, path in made.items():
        committed = gzip.decompress((GOLDEN / f"{name}.seg.gz").read_bytes())
        assert path.read_bytes() == committed, f"{name} has changed"


def test_golden(tiered: tuple[Reader, str], golden_dir: Path) -> None:
    reader, tier = tiered
    paths = [golden_dir / f"{name}.seg" for name in NAMES]
    for name, line in zip(NAMES, run(reader, tier, paths)):
        got = text_of(parse(line))
        assert got == golden_text(name), f"{name}\n{difference(golden_text(name), got)}"


# ---- broken --------------------------------------------------------------------------


class Corpus:
    """All cases as files, and what readers say of them: each runs once for all."""

    def __init__(
        self, directory: Path, groups: dict[str, list[Case]], full: Lab
    ) -> None:
        self.groups = groups
        self.paths: dict[str, list[Path]] = {name: [] for name in groups}
        self._said: dict[tuple[str, str], dict[str, list[str]]] = {}
        for name, cases in groups.items():
            for i, case in enumerate(cases):
                lab = Lab(bytes(full.data))
                case.make(lab)
                path = directory / f"{name}-{i}.seg"
                lab.write(path)
                self.paths[name].append(path)

    def said_by(self, reader: Reader, tier: str) -> dict[str, list[str]]:
        key = (reader.name, tier)
        if key not in self._said:
            everything = [path for paths in self.paths.values() for path in paths]
            lines = iter(run(reader, tier, everything))
            self._said[key] = {
                name: [text_of(parse(next(lines))) for _ in paths]
                for name, paths in self.paths.items()
            }
        return self._said[key]


@pytest.fixture(scope="module")
def corpus(full: Lab) -> Iterator[Corpus]:
    groups = {**GROUPS, "boundaries": list(boundary_cases(full))}
    with tempfile.TemporaryDirectory() as directory:
        yield Corpus(Path(directory), groups, full)


def error_text(error: Error) -> str:
    data = {"schema": 1, "error": {"kind": error.kind, "field": error.field}}
    return json.dumps(data, indent=1) + "\n"


def changed_golden(changes: dict[str, object]) -> str:
    """Return what is said of the full golden segment, but for some values."""
    lines = golden_text("full").splitlines(keepends=True)
    for path, value in changes.items():
        group, key = path.split(".")
        start = next(i for i, line in enumerate(lines) if line == f' "{group}": {{\n')
        at = next(
            i for i in range(start, len(lines)) if lines[i].startswith(f'  "{key}": ')
        )
        comma = "," if lines[at].endswith(",\n") else ""
        lines[at] = f'  "{key}": {json.dumps(value)}{comma}\n'
    return "".join(lines)


def expected_text(outcome: Outcome, of_c: str) -> str:
    if isinstance(outcome, Error):
        return error_text(outcome)
    if isinstance(outcome, Fine):
        return changed_golden(outcome.changes)
    assert isinstance(outcome, Agreed)
    return of_c


@pytest.mark.parametrize("group", [*GROUPS, "boundaries"])
def test_broken(tiered: tuple[Reader, str], group: str, corpus: Corpus) -> None:
    reader, tier = tiered
    wrong = []
    said = corpus.said_by(reader, tier)[group]
    of_c = corpus.said_by(by_name("c"), tier)[group]
    for case, got, reference in zip(corpus.groups[group], said, of_c):
        expected = expected_text(case.expected(tier), reference)
        if got != expected:
            wrong.append(f"{case.name}:\n{difference(expected, got)}")
    count = f"{len(wrong)} of {len(said)} cases\n"
    assert not wrong, count + "\n".join(wrong[:SHOWN_CASES])


def test_what_is_no_segment_file(
    tiered: tuple[Reader, str], full: Lab, tmp_path: Path
) -> None:
    reader, tier = tiered
    expected = special_files(tmp_path, full)
    for path, line in zip(expected, run(reader, tier, list(expected))):
        wanted = expected_text(expected[path], "")
        got = text_of(parse(line))
        assert got == wanted, f"{path}\n{difference(wanted, got)}"


# Runs as another user, who may read the file but has not written it.
AS_NOBODY = """
import os, sys
os.setgroups([]); os.setgid({id}); os.setuid({id})
os.execv(sys.argv[1], sys.argv[1:])
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_a_file_of_somebody_else_is_denied(reader: Reader, full: Lab) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        directory = Path(name)
        directory.chmod(0o755)
        theirs, unreadable = directory / "theirs", directory / "unreadable"
        for path, mode, owner in ((theirs, 0o644, 1), (unreadable, 0o600, 0)):
            full.write(path)
            path.chmod(mode)
            os.chown(path, owner, owner)
        script = AS_NOBODY.format(id=NOBODY)
        name_of_program, *words = reader.words(reader.program)
        path_of_program = shutil.which(name_of_program) or name_of_program
        as_nobody = [sys.executable, "-c", script, path_of_program, *words]
        environment = {**reader.environment(), "HOME": name}
        able = subprocess.run(
            [*as_nobody, directory / "missing"],
            env=environment,
            capture_output=True,
            check=False,
        )
        if b'"missing"' not in able.stdout:
            pytest.skip(f"another user cannot run {reader.name}")
        for path, field in ((theirs, "owner"), (unreadable, "path")):
            done = subprocess.run(
                [*as_nobody, path],
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            error = json.loads(done.stdout)["error"]
            assert (error["kind"], error["field"]) == ("denied", field), done


def test_exit_codes(reader: Reader, full: Lab, tmp_path: Path) -> None:
    """Those of snakepit-inspect; of several paths that of the last that failed."""
    good, bad, soon = (tmp_path / name for name in ("good", "bad", "soon"))
    full.write(good)
    bad.write_bytes(b"x")
    unfinished = Lab(bytes(full.data))
    unfinished.put(0x100, 0)
    unfinished.write(soon)
    missing = tmp_path / "missing"
    runs: list[tuple[list[Path], int]] = [
        ([good], 0),
        ([missing], 3),
        ([bad], 4),
        ([soon], 3),
    ]
    if reader.batch:
        runs += [([missing, bad, good], 4), ([bad, missing, good], 3)]
    for paths, expected in runs:
        done = subprocess.run(
            [*reader.words(reader.program), *paths],
            env=reader.environment(),
            capture_output=True,
            check=False,
        )
        assert done.returncode == expected, (paths, done)
        assert bool(done.stderr) == (expected != 0), done


# ---- a living writer -----------------------------------------------------------------


@pytest.fixture(scope="module")
def living() -> Iterator[Segment]:
    with living_segment() as segment:
        yield segment


def shape(data: Data) -> Data:
    """Return the keys of an answer, and those of the first of each kind of thing."""
    return {
        "": list(data),
        **{group: list(data[group]) for group in ("segment", "writer", "stats")},
        **{
            rows: [list(row) for row in data[rows][:1]]
            for rows in ("pools", "workers", "tools", "events")
        },
        "metrics": [(m["name"], list(m)) for m in data["metrics"]],
    }


def counters(data: Data) -> dict[tuple[str, ...], Decimal]:
    """Return every counter by the life of its row, and the counts of histograms."""
    values = {}
    lives = {(t["pool"], t["name"]): t["uid"] for t in data["tools"]}
    for metric in data["metrics"]:
        for series in metric["series"]:
            labels = series["labels"]
            life = lives.get((labels.get("pool"), labels.get("method")), "")
            key = (metric["name"], life, *labels.values())
            if metric["kind"] == "counter":
                values[key] = number(series["value"])
            elif metric["kind"] == "histogram":
                values[key] = number(series["count"])
    return values


def value(data: Data, name: str, pool: str) -> Decimal:
    """Return the sum of a metric's series of a pool."""
    metric = next(m for m in data["metrics"] if m["name"] == name)
    return sum(
        (number(s["value"]) for s in metric["series"] if s["labels"]["pool"] == pool),
        Decimal(0),
    )


def test_a_living_segment(tiered: tuple[Reader, str], living: Segment) -> None:
    reader, tier = tiered
    (line,) = run(by_name("c"), tier, [living.path])
    wanted = shape(parse(line))
    lines = run(reader, tier, [living.path] * LOOKS)
    before: dict[tuple[str, ...], Decimal] = {}
    for data in map(parse, lines):
        assert "error" not in data
        assert shape(data) == wanted
        assert data["writer"]["verdict"] == "alive"
        for pool in data["pools"]:
            parts = ("pool.request.outcomes", "request.active", "pool.queue.depth")
            sums = [value(data, f"snakepit.{part}", pool["name"]) for part in parts]
            assert sum(sums) == value(data, "snakepit.pool.requests", pool["name"])
        now = counters(data)
        for key in now.keys() & before.keys():
            assert now[key] >= before[key], key
        before = now
