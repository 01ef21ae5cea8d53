"""The Java reader: its own tests, a living writer, what the document shows of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from language import available, example, run
from living import living_segment
from readers import LANG, ROOT, Reader
from segments import Segment

import golden

TREE = ROOT / "reader" / "lang" / "java"
CLASSES, TEST_CLASSES = LANG / "java" / "classes", LANG / "java" / "test-classes"
PACKAGE = "dev.snakepit.segment"


@pytest.fixture(scope="module")
def java() -> Reader:
    """Return the reader; its tests are compiled, too."""
    reader = available("java")
    sources = sorted((TREE / "src" / "test").rglob("*.java"))
    strict = ["--release", "17", "-Xlint:all", "-Werror"]
    places: list[str | Path] = ["-cp", CLASSES, "-d", TEST_CLASSES]
    run(reader, ["javac", *strict, *places, *sources], TREE)
    return reader


def run_tests(java: Reader, properties: dict[str, Path], *names: str) -> str:
    command = ["java", "-cp", f"{CLASSES}:{TEST_CLASSES}"]
    command += [f"-D{key}={value}" for key, value in properties.items()]
    classes = [f"{PACKAGE}.{name}" for name in names]
    return run(java, [*command, f"{PACKAGE}.Tests", *classes], TREE)


def test_unit(java: Reader) -> None:
    names = ("SegmentTest", "FormatTest", "cli.JsonWriterTest")
    run_tests(java, {"golden": golden.GOLDEN}, *names)


def test_tear(java: Reader) -> None:
    """Nothing torn is seen in a segment that is written as fast as possible."""
    with living_segment(hasty=True) as segment:
        output = run_tests(java, {"segment": segment.path}, "LivingTest")
    assert "7 passed, 0 failed" in output, output


def test_example(java: Reader, tmp_path: Path) -> None:
    source = tmp_path / "Example.java"
    source.write_text(example("Java"), "utf-8")
    segment = Segment(tmp_path)
    command: list[str | Path] = ["java", "-cp", CLASSES, source, segment.path]
    lines = run(java, command, tmp_path).splitlines()
    segment.close()
    assert lines[0] == "test alive"
    assert any("default" in line and "word_stats" in line for line in lines)
    assert any(line.endswith(" ns") for line in lines)
    assert any(line.endswith(" worker_moved ready") for line in lines)


def test_lines_are_short() -> None:
    """What is left of a formatter that JDKs do not have: 100 columns, no tabs."""
    for path in TREE.rglob("*.java"):
        for line in path.read_text("utf-8").splitlines():
            assert len(line) <= 100 and "\t" not in line, (path, line)
