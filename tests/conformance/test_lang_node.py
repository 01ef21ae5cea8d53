"""The Node.js reader: its own tests, a living writer, and what the document shows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from language import available, example, run
from living import living_segment
from readers import ROOT, Reader

PACKAGE = ROOT / "reader/lang/node"
NODE_TEST = ("node", "--test", "--test-reporter=tap")
TEAR_SECONDS = "2"


@pytest.fixture
def node() -> Reader:
    return available("node")


def test_unit(node: Reader) -> None:
    output = run(node, [*NODE_TEST, "test/segment.test.js"], PACKAGE)
    assert int(re.findall(r"^# pass (\d+)$", output, re.MULTILINE)[-1]) > 0


def test_tear(node: Reader) -> None:
    """Nothing torn is seen in a segment that is written as fast as possible."""
    command = [*NODE_TEST, "test/living.test.js"]
    with living_segment(hasty=True) as segment:
        output = run(node, command, PACKAGE, SEGMENT=segment.path, SECONDS=TEAR_SECONDS)
    assert "\n# skipped 0\n" in output


def test_syntax(node: Reader) -> None:
    for file in PACKAGE.rglob("*.js"):
        run(node, ["node", "--check", file], PACKAGE)


def test_example(node: Reader, golden_dir: Path, tmp_path: Path) -> None:
    packages = tmp_path / "node_modules"
    packages.mkdir()
    (packages / "snakepit-segment").symlink_to(PACKAGE)
    (tmp_path / "example.mjs").write_text(example("Node.js"), "utf-8")
    command = ["node", "example.mjs", str(golden_dir / "full.seg")]
    lines = run(node, command, tmp_path).splitlines()
    assert lines[0] == "full old"
    assert "{ pool: 'default', method: 'café' } 22" in lines
    assert any(line.endswith("worker_moved lost") for line in lines)
