"""The format's offsets hold for every kind of machine, not only the one we build on.

The static assertions of format.h are compiled for targets with other word sizes, other
alignments and the other byte order. Only the compiler is needed: no library of the
target, nothing is linked or run.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CLANG = next(
    (found for version in range(14, 22) if (found := shutil.which(f"clang-{version}"))),
    None,
)
TARGETS = {
    "x86_64-linux-gnu": "64 bits, little-endian",
    "aarch64-linux-gnu": "64 bits, little-endian",
    "i686-linux-gnu": "32 bits; aligns 64-bit members of structures to 4 bytes",
    "armv7-linux-gnueabihf": "32 bits",
    "riscv64-linux-gnu": "64 bits, little-endian",
    "powerpc64le-linux-gnu": "64 bits, little-endian",
    "s390x-linux-gnu": "64 bits, big-endian",
}


def compile_for(target: str, folder: Path, source: str) -> str:
    """Compile without any header of a C library; return what the compiler said."""
    (folder / "assert.h").write_text("#define static_assert _Static_assert\n")
    path = folder / "layout.c"
    path.write_text(source)
    done = subprocess.run(
        [
            *(str(CLANG), f"--target={target}", "-std=c11", "-fsyntax-only"),
            *("-ffreestanding", "-nostdlibinc", "-Wall", "-Werror", "-Wpadded"),
            *("-isystem", str(folder), "-I", str(ROOT / "shm/include")),
            *("-I", str(ROOT / "shm"), str(path)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stderr


@pytest.mark.skipif(CLANG is None, reason="no clang")
@pytest.mark.parametrize("target", TARGETS)
def test_offsets_hold_and_no_padding_is_hidden(target: str, tmp_path: Path) -> None:
    said = compile_for(target, tmp_path, '#include "snakepit/format.h"\n')
    assert said == "", f"{target} ({TARGETS[target]}): {said}"


@pytest.mark.skipif(CLANG is None, reason="no clang")
def test_a_wrong_offset_would_be_found(tmp_path: Path) -> None:
    said = compile_for(
        "i686-linux-gnu",
        tmp_path,
        '#include "snakepit/format.h"\n'
        "struct bad { uint32_t a; uint64_t b; };\n"
        'static_assert(offsetof(struct bad, b) == 8, "bad");\n',
    )
    assert "bad" in said
