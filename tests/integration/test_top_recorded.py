"""Every view of snakepit-top, drawn from segments that a runtime left behind.

tests/golden/segments holds files of writers that are gone; `--post-mortem` shows one at
the time of its last heartbeat, so a frame is the same whenever it is drawn. `full` has
some of everything and is compared with tests/golden/top/recorded-*.txt; with
SNP_GOLDEN_UPDATE=1 those are written anew (`make docs-top`).
"""

from __future__ import annotations

import gzip
import os
import subprocess
import unicodedata
from pathlib import Path

import pytest
from harness import BUILD, ROOT

SEGMENTS = ROOT / "tests/golden/segments"
GOLDEN = ROOT / "tests/golden/top"
VIEWS = ("overview", "workers", "requests", "latency", "events", "lints")
SIZES = ("80x24", "160x45", "39x10", "20x5")
CHARSETS = {"utf-8": (), "ascii": ("--ascii",)}


def segment(name: str, folder: Path) -> Path:
    path = folder / f"{name}.seg"
    path.write_bytes(gzip.decompress((SEGMENTS / f"{name}.seg.gz").read_bytes()))
    path.chmod(0o640)
    return path


def frame(path: Path, view: int, size: str, *options: str) -> str:
    """Draw one view of a segment."""
    what = (f"--dump-frame={size}", f"--keys={view + 1}", *options)
    return subprocess.run(
        [BUILD / "bin/snakepit-top", "--post-mortem", path, *what],
        env={"LC_ALL": "C.UTF-8", "TZ": "UTC", "HOME": str(path.parent)},
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout


def drawn(path: Path, view: int) -> str:
    """Draw one view in all sizes and with both character sets."""
    parts = [
        f"---- {size} {charset}\n{frame(path, view, size, *options)}"
        for size in SIZES
        for charset, options in CHARSETS.items()
    ]
    return "\n".join(parts)


@pytest.mark.parametrize("view", VIEWS)
def test_a_recorded_segment_is_drawn_as_the_golden_frames(
    view: str, tmp_path: Path
) -> None:
    golden = GOLDEN / f"recorded-{view}.txt"
    text = drawn(segment("full", tmp_path), VIEWS.index(view))
    if os.environ.get("SNP_GOLDEN_UPDATE"):
        golden.write_text(text)
    assert text == golden.read_text()


@pytest.mark.parametrize("name", ["hostile", "retired", "overflow", "empty", "closed"])
def test_any_recorded_segment_is_drawn_within_its_frame(
    name: str, tmp_path: Path
) -> None:
    path = segment(name, tmp_path)
    for view in range(len(VIEWS)):
        for size in SIZES:
            cols, rows = map(int, size.split("x"))
            lines = frame(path, view, size).removesuffix("\n").split("\n")
            assert len(lines) <= rows
            assert max(map(len, lines)) <= cols
            for char in "".join(lines):
                assert unicodedata.category(char) not in ("Cc", "Cf", "Cs"), repr(char)


def test_ascii_is_ascii(tmp_path: Path) -> None:
    for view in range(len(VIEWS)):
        text = frame(segment("hostile", tmp_path), view, "160x45", "--ascii")
        assert text.isascii()
