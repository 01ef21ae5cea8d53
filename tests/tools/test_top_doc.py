"""docs/top.md shows what the program draws."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NEEDED = (
    "tools/gen-top-doc",
    *sorted(
        str(path.relative_to(ROOT)) for path in (ROOT / "reader/top").glob("*.def")
    ),
    "docs/top.md",
)


def check(root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(root / "tools/gen-top-doc"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_page_is_what_the_program_draws() -> None:
    done = check(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_view_drawn_otherwise_is_noticed(tmp_path: Path) -> None:
    for name in NEEDED:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    golden = tmp_path / "tests/golden/top"
    shutil.copytree(ROOT / "tests/golden/top", golden)
    assert check(tmp_path).returncode == 0
    view = golden / "lints-80x24.txt"
    view.write_text(view.read_text().replace("stuck-worker", "struck-worker", 1))
    done = check(tmp_path)
    assert done.returncode == 1
    assert "docs/top.md" in done.stdout
