"""Programs and libraries are built the way distributions harden theirs."""

from __future__ import annotations

import os
import platform
import re
import stat
import subprocess
from pathlib import Path

import pytest

BUILD = Path(os.environ.get("SNP_BUILD", Path(__file__).parents[2] / "build"))
WEAK = ["-no-pie", "-fno-stack-protector", "-U_FORTIFY_SOURCE", "-Wl,-z,norelro",
        "-fno-stack-clash-protection", "-fcf-protection=none",
        "-Wl,-z,lazy", "-Wl,-z,execstack", "-Wl,-rpath,/tmp"]  # fmt: skip
# Of what _FORTIFY_SOURCE has checked versions.
HAS_TWIN = r" (v?s?n?printf|v?fprintf|mem(cpy|set|move)|str(cpy|cat)|read)@"

pytestmark = pytest.mark.skipif(
    BUILD.name in ("asan", "tsan"), reason="sanitizers replace the hardening"
)


def readelf(*words: str | Path) -> str:
    return subprocess.run(
        ["readelf", "-W", *words], check=True, capture_output=True, text=True
    ).stdout


def producers(path: Path) -> list[str]:
    """Give what compiled the files of a program, with the options that made code."""
    return re.findall(r"GNU C\d+ .*", readelf("-p", ".debug_str", path))


def weaknesses(path: Path) -> list[str]:
    """Name what an attacker who found a bug would be glad of."""
    segments, dynamic = readelf("-l", path), readelf("-d", path)
    symbols, made = readelf("-s", path), producers(path)
    # The mark in the program itself needs a libc whose startup files have it.
    branches = "X86-64" in readelf("-h", path)
    stack = re.search(r"GNU_STACK +(?:\S+ +){5}(\S+)", segments)
    is_program = ".so" not in path.name
    found = {
        "not position-independent": "DYN" not in readelf("-h", path),
        "no PIE": is_program and "PIE" not in dynamic,
        "stack may be executed": not stack or "E" in stack[1],
        "no RELRO": "GNU_RELRO" not in segments,
        "symbols bound late": "BIND_NOW" not in dynamic,
        "text is relocated": "TEXTREL" in dynamic,
        "looks for libraries in a place of its own": bool(
            re.search("RPATH|RUNPATH", dynamic)
        ),
        "no stack canaries": "__stack_chk_fail" not in symbols,
        "no checked functions of libc": bool(re.search(HAS_TWIN, symbols))
        and not re.search(r"__\w+_chk\b", symbols),
        "stack may be jumped over": not made
        or not all("-fstack-clash-protection" in text for text in made),
        "branches may be led elsewhere": branches
        and not all("-fcf-protection=full" in text for text in made),
        "writable and executable": bool(re.search(r"LOAD .* RWE ", segments)),
    }
    return [weakness for weakness, there in found.items() if there]


def built() -> list[Path]:
    programs = [p for p in (BUILD / "bin").iterdir() if os.access(p, os.X_OK)]
    libraries = [p for p in (BUILD / "lib").glob("*.so*") if not p.is_symlink()]
    return sorted(programs + libraries)


def test_every_program_and_library_is_hardened() -> None:
    names = {path.name for path in built()}
    assert {"snakepitd", "snakepit-top", "snakepit-prometheus"} <= names
    assert {path.name: found for path in built() if (found := weaknesses(path))} == {}


def test_none_has_more_rights_than_who_runs_it() -> None:
    special = stat.S_ISUID | stat.S_ISGID | stat.S_IWOTH
    assert [path.name for path in built() if path.stat().st_mode & special] == []


def test_a_weak_program_is_noticed(tmp_path: Path) -> None:
    source, program = tmp_path / "weak.c", tmp_path / "weak"
    source.write_text(
        "#include <stdio.h>\n"
        'int main(int c, char **v) { return printf("%d %s", c, *v) < 0; }\n'
    )
    subprocess.run(["gcc", "-O2", "-g", *WEAK, source, "-o", program], check=True)
    assert set(weaknesses(program)) >= {
        "not position-independent", "no PIE", "stack may be executed", "no RELRO",
        "symbols bound late", "looks for libraries in a place of its own",
        "no stack canaries", "no checked functions of libc", "stack may be jumped over",
        *(["branches may be led elsewhere"] if platform.machine() == "x86_64" else []),
    }  # fmt: skip
