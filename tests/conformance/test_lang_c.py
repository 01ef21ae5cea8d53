"""The C reader: what the document shows; its own tests are in tests/unit/shm."""

from __future__ import annotations

from pathlib import Path

import pytest
from language import example, run
from readers import BUILD, ROOT, by_name

from golden import GOLDEN, WITH_CSV, series_of


def test_example(golden_dir: Path, tmp_path: Path) -> None:
    """As a user of the library would; tests/tools/test_package.py installs it."""
    source, program = tmp_path / "example.c", tmp_path / "example"
    source.write_text(example("C"), "utf-8")
    sanitizers = {"asan": "address,undefined", "tsan": "thread"}
    compiler = ["gcc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-pthread"]
    if BUILD.name in sanitizers:
        compiler.append(f"-fsanitize={sanitizers[BUILD.name]}")
    includes = ["-Ishm/include", "-Ishm"]
    library = str(BUILD / "lib/libsnp-shm.a")
    paths = [str(source), library, "-lm", "-o", str(program)]
    run(by_name("c"), [*compiler, *includes, *paths], ROOT)
    segment = golden_dir / "full.seg"
    lines = run(by_name("c"), [program, segment], ROOT).splitlines()
    assert "default café 22" in lines


@pytest.mark.parametrize("name", WITH_CSV)
def test_csv_is_what_it_was(golden_dir: Path, name: str) -> None:
    """Lines are put together from prepared pieces: no byte may get lost on the way."""
    kept = (GOLDEN / f"{name}.csv").read_bytes()
    assert series_of(golden_dir / f"{name}.seg") == kept
