"""Each check of tools/lint passes a clean tree and finds what it is there to find."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SPDX = "/* SPDX-License-Identifier: Apache-2.0 */\n"
CLEAN = {
    "shm/include/snakepit/read.h": SPDX + "int snp_thing_read(void);\n",
    "shm/include/snakepit/write.h": SPDX + "int snp_thing_write(void);\n",
    "shm/src/thing.c": SPDX
    + """#include "snakepit/read.h"

int snp_thing_read(void)
{
	return 0;
}
""",
    "runtime/log/include/log/log.h": SPDX + "int snp_log_line(void);\n",
    "reader/model/include/model/rate.h": SPDX + "int snp_rate(void);\n",
    "reader/top/main.c": SPDX
    + """#include "model/rate.h"
#include "snakepit/read.h"

int main(void)
{
	return snp_thing_read();
}
""",
    "tools/hello.sh": "#!/bin/sh\necho hello\n",
}
READER = CLEAN["reader/top/main.c"]
FINDINGS = {
    # name: (check, file, contents, words the check must say)
    "unformatted": (
        "clang-format",
        "shm/src/thing.c",
        SPDX + "int snp_x(void);\nint  snp_x(void) { return 0; }\n",
        "shm/src/thing.c: not formatted",
    ),
    "long_function": (
        "clang-tidy",
        "shm/src/thing.c",
        SPDX
        + "int snp_x(int a);\nint snp_x(int a)\n{\n"
        + "\ta++;\n" * 61
        + "\treturn a;\n}\n",
        "readability-function-size",
    ),
    "freed_twice": (
        "analyzer",
        "shm/src/thing.c",
        SPDX
        + "#include <stdlib.h>\n"
        + "static void drop(char *p)\n{\n\tfree(p);\n}\n"
        + "int snp_x(void);\n"
        + "int snp_x(void)\n{\n\tchar *p = malloc(8);\n\n\tdrop(p);\n"
        + "\tdrop(p);\n\treturn 0;\n}\n",
        "-Wanalyzer-double-free",
    ),
    "null_dereference": (
        "cppcheck",
        "shm/src/thing.c",
        SPDX + "int snp_x(void);\nint snp_x(void)\n{\n\tint *p = 0;\n\treturn *p;\n}\n",
        "nullPointer",
    ),
    "header_leans_on_its_includer": (
        "headers",
        "shm/include/snakepit/read.h",
        SPDX + "size_t snp_thing_read(void);\n",
        "read.h does not compile alone",
    ),
    "public_header_needs_private_one": (
        "headers",
        "shm/include/snakepit/read.h",
        SPDX + '#include "private.h"\nint snp_thing_read(void);\n',
        "read.h does not compile alone",
    ),
    "reader_writes": (
        "layers",
        "reader/top/main.c",
        READER.replace("read.h", "write.h"),
        "readers never write",
    ),
    "reader_includes_runtime_by_path": (
        "layers",
        "reader/top/main.c",
        READER.replace("model/rate.h", "../../runtime/log/include/log/log.h"),
        "of a layer not its own",
    ),
    "header_smuggles_the_writer_in": (
        "layers",
        "reader/model/include/model/rate.h",
        SPDX + '#include "snakepit/write.h"\n',
        "reader/top/main.c: includes shm/include/snakepit/write.h",
    ),
    "curses_outside_the_screen": (
        "layers",
        "reader/top/main.c",
        READER.replace('"model/rate.h"', "<curses.h>"),
        "<curses.h> may be included only in reader/top/screen*.c",
    ),
    "grpc_outside_rpc": (
        "layers",
        "runtime/launch/launch.c",
        SPDX + "#include <grpc/grpc.h>\nint main(void)\n{\n\treturn 0;\n}\n",
        "<grpc/grpc.h> may be included only in runtime/rpc/*",
    ),
    "never_compiled": (
        "layers",
        "attic/old.c",
        SPDX + "int main(void)\n{\n\treturn 0;\n}\n",
        "attic/old.c: make does not compile it",
    ),
    "strange_symbol": (
        "symbols",
        "shm/src/thing.c",
        SPDX + "int helper(void);\nint helper(void)\n{\n\treturn 0;\n}\n",
        "exports names other than snp_*:\n        helper",
    ),
    "python_unused_import": ("ruff", "tools/x.py", "import os\n", "F401"),
    "python_unformatted": ("ruff", "tools/x.py", '"""X."""\n\nx  = 1\n', "x  = 1"),
    "python_untyped": (
        "mypy",
        "tools/x.py",
        "def f(a):\n    return a\n",
        "missing a type annotation",
    ),
    "shell_unquoted": (
        "shellcheck",
        "tools/hello.sh",
        "#!/bin/sh\necho $1\n",
        "SC2086",
    ),
    "completion_unquoted": (
        "shellcheck",
        "completions/bash/hello",
        "# shellcheck shell=bash\necho $1\n",
        "SC2086",
    ),
    "no_licence": (
        "text",
        "shm/src/thing.c",
        "int snp_x;\n",
        "the first line must say",
    ),
    "em_dash": ("text", "notes.md", "yes \N{EM DASH} no\n", "notes.md:1: em-dash"),
    "workplace": ("text", "notes.md", "see /" + "work/x\n", "path of a workplace"),
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Make a small clean checkout with the real Makefile, settings and checks."""
    for name in ("Makefile", ".clang-format", ".clang-tidy", "proto", "priv", "tools"):
        copy(ROOT / name, tmp_path / name)
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    for name, text in CLEAN.items():
        write(tmp_path / name, text)
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    track(tmp_path)
    return tmp_path


def copy(source: Path, target: Path) -> None:
    """Copy a file, or of a folder what the checks need to run."""
    if source.name == "tools":
        target.mkdir()
        for name in ("lint", "lint.d", "toolchain"):
            copy(source / name, target / name)
        for name in ("install-deps", "gen-python-proto"):
            write(target / name, "#!/bin/sh\n")
            (target / name).chmod(0o755)
    elif source.name == "priv":
        copy(source / "python" / "pyproject.toml", target / "python" / "pyproject.toml")
        for name in ("grpc_server", "snakepit_bridge/__init__", "tests/test_nothing"):
            write(target / "python" / f"{name}.py", '"""Nothing."""\n')
        (target / "python" / "snakepit_bridge" / "_generated").mkdir()
    elif source.is_dir():
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(source, target, ignore=ignore)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def track(tree: Path) -> None:
    subprocess.run(["git", "-C", tree, "add", "-A", "."], check=True)


def lint(tree: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [tree / "tools" / "lint", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def all_checks() -> list[str]:
    return lint(ROOT, "--list").stdout.split()


def test_every_check_has_a_finding() -> None:
    assert {check for check, *_ in FINDINGS.values()} == set(all_checks())


@pytest.mark.parametrize("check", all_checks())
def test_clean_tree_passes(check: str, tree: Path) -> None:
    result = lint(tree, "--only", check)

    assert result.stdout.splitlines()[-1] == "1 passed, 0 failed, 0 skipped", (
        result.stdout
    )
    assert result.returncode == 0


@pytest.mark.parametrize("finding", FINDINGS)
def test_finding_fails(finding: str, tree: Path) -> None:
    check, name, text, words = FINDINGS[finding]
    write(tree / name, text)
    track(tree)

    result = lint(tree, "--only", check)

    assert words in result.stdout
    assert result.stdout.splitlines()[-1] == "0 passed, 1 failed, 0 skipped"
    assert result.returncode == 1


def test_a_failing_check_does_not_keep_others_from_running(tree: Path) -> None:
    write(tree / "notes.md", "\N{EM DASH}\n")
    track(tree)

    result = lint(tree, "--only", "text", "--only", "symbols")

    assert result.stdout.splitlines()[-1] == "1 passed, 1 failed, 0 skipped"
    assert result.returncode == 1


def test_a_long_file_is_a_warning(tree: Path) -> None:
    write(tree / "long.py", "\n" * 701)
    track(tree)

    result = lint(tree, "--only", "text")

    assert "warning: long.py has 701 lines" in result.stdout
    assert result.returncode == 0


def test_an_unknown_check_is_a_usage_error(tree: Path) -> None:
    result = lint(tree, "--only", "taste")

    assert result.returncode == 2
    assert "no check taste" in result.stderr
