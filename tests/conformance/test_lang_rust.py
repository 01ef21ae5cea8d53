"""The Rust reader: its own tests and checks, and what the document shows of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from language import available, example, run, written
from readers import ROOT, Reader
from segments import Segment

CRATE = ROOT / "reader" / "lang" / "rust"
OFFLINE = ["--offline", "--quiet"]


@pytest.fixture
def rust() -> Reader:
    return available("rust")


def test_clippy(rust: Reader) -> None:
    if not shutil.which("cargo-clippy"):
        pytest.skip("there is no cargo-clippy on PATH")
    strict = ["--all-targets", "--", "--deny", "warnings"]
    run(rust, ["cargo", "clippy", *OFFLINE, *strict], CRATE)


def test_format(rust: Reader) -> None:
    if not shutil.which("cargo-fmt"):
        pytest.skip("there is no cargo-fmt on PATH")
    run(rust, ["cargo", "fmt", "--check"], CRATE)


def test_unit(rust: Reader) -> None:
    run(rust, ["cargo", "test", *OFFLINE], CRATE)


def test_tear(rust: Reader, tmp_path: Path) -> None:
    """Nothing torn is seen in a segment that is written as fast as possible."""
    only = ["--lib", "tests::writer", "--", "--ignored", "--test-threads=1"]
    with written(tmp_path) as segment:
        path = segment.path
        command = ["cargo", "test", *OFFLINE, *only]
        output = run(rust, command, CRATE, SNAKEPIT_TEST_SEGMENT=path)
    assert "4 passed; 0 failed" in output, output


def test_example(rust: Reader, tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "main.rs").write_text(example("Rust"), "utf-8")
    (tmp_path / "Cargo.toml").write_text(
        '[package]\nname = "example"\nversion = "0.1.0"\nedition = "2021"\n\n'
        f'[dependencies]\nsnakepit-segment = {{ path = "{CRATE}" }}\n',
        "utf-8",
    )
    segment = Segment(tmp_path)
    output = run(rust, ["cargo", "run", *OFFLINE, "--", str(segment.path)], tmp_path)
    segment.close()
    lines = output.splitlines()
    assert lines[0] == "test alive"
    assert any("snakepit.requests" in line and "word_stats" in line for line in lines)
    assert any("snakepit.request.duration p99 " in line for line in lines)
    assert any(line.endswith(" worker_moved ready") for line in lines)
