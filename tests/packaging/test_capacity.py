"""The capacity table of docs/operations.md, held to what the runtime plans for."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from segments import BUILD, ROOT, SANITIZED

pytestmark = pytest.mark.skipif(SANITIZED, reason="the numbers are those of any build")

PAGE = (ROOT / "docs/operations.md").read_text()
OFF_BY = 0.05  # of the whole: pages, and text of names
TRACES_MB, TRACES_STEP_MB = 24.4, 12.2
# The number of processors, as a program that is preloaded says it.
PROCESSORS = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>
long sysconf(int name)
{
    long (*real)(int) = (long (*)(int))dlsym(RTLD_NEXT, "sysconf");
    const char *processors = getenv("TEST_PROCESSORS");
    return name == _SC_NPROCESSORS_ONLN && processors ? atol(processors) : real(name);
}
"""


class Shape(NamedTuple):
    """What a configuration asks for."""

    pools: int
    slots: int
    threads: int
    tools: int
    history: int


SHAPES = (
    Shape(pools=1, slots=256, threads=1, tools=512, history=600),
    Shape(pools=1, slots=2, threads=1, tools=2, history=1),
    Shape(pools=1, slots=1000, threads=1, tools=512, history=600),
    Shape(pools=20, slots=256, threads=1, tools=512, history=600),
    Shape(pools=4, slots=256, threads=64, tools=512, history=600),
    Shape(pools=2, slots=64, threads=8, tools=4000, history=600),
    Shape(pools=2, slots=256, threads=4, tools=512, history=3600),
)


def row(what: str) -> list[str]:
    """Return the cells behind the one that is `what`, or is that with more words."""
    found = re.search(rf"(?m)^\| {what}(?: [(].*?[)])? \| (.+) \|$", PAGE)
    assert found, what
    return found[1].split(" | ")


def formula(shape: Shape, cpus: int) -> int:
    count = {
        "segment": 1,
        "pool": shape.pools,
        "worker slot": shape.slots,
        "request at a time, for each worker slot": shape.slots * shape.threads,
        "tool row": shape.tools,
    }
    step = min(cpus // 8, 4)
    total = 0.0
    for what, number in count.items():
        each, per_second, per_step = (float(cell) for cell in row(what))
        total += number * (each + per_second * shape.history + per_step * step)
    return round(total)


Plan = Callable[..., dict[str, int]]


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    folder = tmp_path_factory.mktemp("plan")
    source, library = folder / "processors.c", folder / "processors.so"
    source.write_text(PROCESSORS)
    subprocess.run(
        ["gcc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True
    )

    env = {**os.environ, "LD_PRELOAD": str(library)}

    def ask(
        pools: int, workers: int, threads: int, cpus: int, more: str
    ) -> dict[str, int]:
        kind = f"profile: thread, threads_per_worker: {threads}"
        text = "".join(
            f"  - {{name: p{i}, adapter: a.B, workers: {workers}, {kind}}}\n"
            for i in range(pools)
        )
        config = folder / "plan.yaml"
        config.write_text(f"pools:\n{text}{more}")
        done = subprocess.run(
            [BUILD / "bin/snakepitd", "--plan", "-c", config],
            env={**env, "TEST_PROCESSORS": str(cpus)},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        pairs = [line.split() for line in done.stdout.splitlines()]
        numbers = ("segment", "descriptors", "tasks")
        return {key: int(value[0]) for key, *value in pairs if key in numbers}

    return ask


@pytest.mark.parametrize("cpus", [2, 8, 64])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_segment_is_as_large_as_the_table_says(
    plan: Plan, shape: Shape, cpus: int
) -> None:
    segment = (
        f"segment: {{max_worker_slots: {shape.slots}, max_tool_rows: {shape.tools},"
        f" history_seconds: {shape.history}}}\n"
    )
    real = plan(shape.pools, 1, shape.threads, cpus, segment)["segment"]
    assert formula(shape, cpus) == pytest.approx(real, rel=OFF_BY)


def test_defaults_and_spans_take_what_the_page_says(plan: Plan) -> None:
    default = plan(1, 1, 1, 2, "")["segment"]
    assert f"that is {default / 1e6:.1f} MB" in PAGE
    assert f"take {TRACES_MB} MB more, and\n{TRACES_STEP_MB} MB with each step" in PAGE
    traces = "telemetry: {traces: {enabled: true}}\n"
    for cpus in (2, 8, 16):
        more = (
            plan(1, 1, 1, cpus, traces)["segment"] - plan(1, 1, 1, cpus, "")["segment"]
        )
        assert more / 1e6 == pytest.approx(TRACES_MB + cpus // 8 * TRACES_STEP_MB, 0.01)


def test_limits_are_what_the_runtime_plans_for(plan: Plan) -> None:
    (files, tasks), (worker_files, worker_tasks) = row("runtime"), row("worker")
    assert worker_tasks == "16, and one for each request at a time"
    more = 60 - 6  # half as many again as 40 and as 4
    for threads in (1, 4):
        few, many = (plan(1, workers, threads, 2, "") for workers in (4, 40))
        assert many["descriptors"] - few["descriptors"] == more * int(worker_files)
        assert many["tasks"] - few["tasks"] == more * (16 + threads)
    one, two = plan(1, 1, 1, 2, ""), plan(2, 1, 1, 2, "")
    assert 2 * one["descriptors"] - two["descriptors"] == int(files)
    assert 2 * one["tasks"] - two["tasks"] == int(tasks)
