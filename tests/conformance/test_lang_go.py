"""The Go reader: its own tests and checks, and what the document shows of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from language import available, example, run, written
from readers import ROOT, Reader
from segments import Segment

MODULE = ROOT / "reader" / "lang" / "go"


@pytest.fixture
def go() -> Reader:
    return available("go")


def test_vet(go: Reader) -> None:
    run(go, ["go", "vet", "./..."], MODULE)


def test_format(go: Reader) -> None:
    if not shutil.which("gofmt"):
        pytest.skip("there is no gofmt on PATH")
    assert run(go, ["gofmt", "-l", "."], MODULE) == ""


def test_unit(go: Reader) -> None:
    run(go, ["go", "test", "./..."], MODULE)


def test_tear(go: Reader, tmp_path: Path) -> None:
    """Nothing torn is seen in a segment that is written as fast as possible."""
    tests = "LiveWriter|Latch|Sum|RecycledRows"
    command = ["go", "test", "-count=1", "-v", "-run", tests, "."]
    with written(tmp_path) as segment:
        output = run(go, command, MODULE, SNAKEPIT_TEST_SEGMENT=segment.path)
    assert output.count("--- PASS") == 4, output


def test_example(go: Reader, tmp_path: Path) -> None:
    (tmp_path / "main.go").write_text(example("Go"), "utf-8")
    (tmp_path / "go.mod").write_text(
        "module example\n\ngo 1.19\n\nrequire snakepit.dev/segment v0.0.0\n\n"
        f"replace snakepit.dev/segment => {MODULE}\n",
        "utf-8",
    )
    assert run(go, ["gofmt", "-l", "."], tmp_path) == ""
    segment = Segment(tmp_path)
    output = run(go, ["go", "run", ".", segment.path], tmp_path)
    segment.close()
    lines = output.splitlines()
    assert lines[0] == "test live"
    assert any("default" in line and "word_stats" in line for line in lines)
    assert any(line.endswith(" ns") for line in lines)
    assert any(line.endswith(" worker_moved ready") for line in lines)
