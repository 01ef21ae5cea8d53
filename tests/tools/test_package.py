"""`make install` as a packager and a user of libsnakepit-shm meet it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from segments import ROOT, SANITIZED, Segment

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(
    SANITIZED, reason="what is installed is the release build"
)

SONAME = "libsnakepit-shm.so.1"
SHM_HEADERS = {
    *("cells.h", "err.h", "format.h", "read.h", "testing.h", "time.h", "write.h")
}
C11 = ("-std=c11", "-D_POSIX_C_SOURCE=200809L")
WARNINGS = ("-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror")

PROGRAM = """
#include <stdio.h>
#include <snakepit/read.h>

int main(int argc, char **argv)
{
    struct snp_segment *seg = NULL;
    struct snp_snapshot *snap = NULL;
    struct snp_err err = {0};
    const struct snp_metric *requests;

    if (argc != 2 || snp_segment_attach(argv[1], &seg, &err) < 0 ||
        snp_segment_snapshot_from(seg, SNP_TIER_SNAP, &snap, &err) < 0) {
        fprintf(stderr, "%s: %s\\n", err.field, err.msg);
        return 1;
    }
    requests = snp_snapshot_metric_find(snap, "snakepit.requests");
    printf("%llu\\n", (unsigned long long)snp_snapshot_value(snap, requests, 0, 0));
    snp_snapshot_destroy(&snap);
    snp_segment_detach(&seg);
    return 0;
}
"""


def run(*command: str, **env: str) -> str:
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, **env},
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def install(*variables: str) -> None:
    # Not the make that runs the tests: this one is a packager's.
    run("make", "-s", "install", *variables, MAKEFLAGS="", MAKELEVEL="")


@pytest.fixture(scope="module")
def prefix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    prefix = tmp_path_factory.mktemp("prefix")
    install(f"PREFIX={prefix}")
    return prefix


@pytest.fixture
def segment(tmp_path: Path) -> Iterator[Segment]:
    segment = Segment(tmp_path)
    yield segment
    segment.close()


def flags(prefix: Path, *which: str, name: str = "snakepit-shm") -> list[str]:
    return run(
        "pkg-config",
        *which,
        name,
        PKG_CONFIG_PATH=str(prefix / "lib/pkgconfig"),
    ).split()


def build(prefix: Path, program: Path, *how: str) -> Path:
    source = program.with_suffix(".c")
    source.write_text(PROGRAM)
    libs = flags(prefix, "--libs", *(["--static"] if "-static" in how else []))
    compiler = ["gcc", *C11, *WARNINGS, *how, "-o", str(program), str(source)]
    run(*compiler, *flags(prefix, "--cflags"), *libs)
    return program


def test_program_links_the_shared_library(
    prefix: Path, segment: Segment, tmp_path: Path
) -> None:
    program = build(prefix, tmp_path / "shared")
    assert f"[{SONAME}]" in run("readelf", "-d", str(program))
    library = str(prefix / "lib")
    assert run(str(program), str(segment.path), LD_LIBRARY_PATH=library) == "10\n"
    segment.tell("step")
    assert run(str(program), str(segment.path), LD_LIBRARY_PATH=library) == "20\n"


def test_program_links_the_static_library(
    prefix: Path, segment: Segment, tmp_path: Path
) -> None:
    program = build(prefix, tmp_path / "static", "-static")
    assert "There is no dynamic section" in run("readelf", "-d", str(program))
    assert run(str(program), str(segment.path)) == "10\n"


def test_installed_programs_run(prefix: Path, segment: Segment) -> None:
    inspect = str(prefix / "bin/snakepit-inspect")
    assert run(inspect, "-n", str(segment.path), "--field", "writer.verdict") == (
        "alive\n"
    )
    assert "snakepit" in run(str(prefix / "bin/snakepit"), "version")


def test_destdir_is_where_files_go_and_prefix_where_they_will_be(
    tmp_path: Path,
) -> None:
    install(f"DESTDIR={tmp_path}", "PREFIX=/opt/snakepit")
    root = tmp_path / "opt/snakepit"
    assert [entry.name for entry in tmp_path.iterdir()] == ["opt"]
    pc = (root / "lib/pkgconfig/snakepit-shm.pc").read_text()
    assert pc.startswith("prefix=/opt/snakepit\n")
    assert "Version: 1.0.0\n" in pc
    assert "@" not in pc
    assert (root / "lib/libsnakepit-shm.so").resolve().name == f"{SONAME}.0.0"
    assert (root / "share/snakepit/python/grpc_server.py").exists()
    pages = {page.name.removesuffix(".scd.in") for page in (ROOT / "man").iterdir()}
    installed = {page.name for page in (root / "share/man").rglob("*.?")}
    aliases = {"dump", "events", "help", "run", "version"}
    assert installed == pages | {f"snakepit-{alias}.1" for alias in aliases}
    # Nothing that is there points back into the build.
    for link in root.rglob("*"):
        if link.is_symlink():
            assert not link.readlink().is_absolute()


# ---- what the library promises -------------------------------------------------------


def exported(library: Path) -> set[str]:
    lines = run("nm", "-D", "--defined-only", str(library)).splitlines()
    names = {line.split()[2].partition("@")[0] for line in lines}
    return {name for name in names if not name.startswith("SNAKEPIT_")}


def in_map(path: str) -> set[str]:
    text = (ROOT / path).read_text()
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    text = text.partition("global:")[2].partition("local:")[0]
    return set(re.findall(r"(\w+);", text))


def declared(prefix: Path, tmp_path: Path, headers: set[str]) -> set[str]:
    """Return what these installed headers declare and do not define themselves."""
    source = tmp_path / "all.c"
    source.write_text("".join(f"#include <snakepit/{h}>\n" for h in sorted(headers)))
    info = tmp_path / "prototypes"
    include = f"-I{prefix / 'include'}"
    run("gcc", *C11, include, "-aux-info", str(info), "-S", "-o/dev/null", str(source))
    prototype = re.compile(r"/\* .*/(\w+\.h):.*\*/ extern [^(]*?\b(snp_\w+) \(")
    prototypes = prototype.findall(info.read_text())
    functions = {name for header, name in prototypes if header in headers}
    text = run("gcc", *C11, include, "-E", "-P", str(source))
    data = re.findall(r"extern const \w+ (snp_\w+)\[", text)
    return {*functions, *data}


def test_exports_are_what_the_map_and_the_headers_say(
    prefix: Path, tmp_path: Path
) -> None:
    names = exported(prefix / "lib" / SONAME)
    assert names == in_map("shm/libsnakepit-shm.map")
    assert names == declared(prefix, tmp_path, SHM_HEADERS)
    private = {name for name in names if name.startswith("snp__")}
    # Tables that the inline snp_hist_record() of write.h looks up.
    assert private == {"snp__hist_guess", "snp__hist_upper"}


def test_the_runtimes_library_exports_its_header_and_nothing_else(
    prefix: Path, tmp_path: Path
) -> None:
    names = exported(prefix / "lib/libsnakepit.so")
    assert names == in_map("runtime/libsnakepit.map")
    assert names == declared(prefix, tmp_path, {"runtime.h"})


def test_the_example_of_embedding_builds_as_it_says(
    prefix: Path, tmp_path: Path
) -> None:
    source, program = ROOT / "examples/embed/embed.c", tmp_path / "embed"
    libs = flags(prefix, "--cflags", "--libs", name="snakepit")
    compiler = ["gcc", "-D_GNU_SOURCE", *WARNINGS, "-o", str(program), str(source)]
    run(*compiler, *libs)
    with tempfile.TemporaryDirectory(dir="/dev/shm") as directory:
        env = {"LD_LIBRARY_PATH": str(prefix / "lib"), "SNAKEPIT_DIR": directory}
        assert '"item":"lamp"' in run(str(program), "LICENSE", **env)


def test_soname_is_the_major_version_of_the_abi(prefix: Path) -> None:
    dynamic = run("readelf", "-d", str(prefix / "lib" / SONAME))
    assert f"Library soname: [{SONAME}]" in dynamic


def test_every_header_compiles_alone(prefix: Path, tmp_path: Path) -> None:
    include = f"-I{prefix / 'include'}"
    headers = {h.name for h in (prefix / "include/snakepit").glob("*.h")}
    # Those for writers are C alone: their inline functions are C11 atomics.
    writers = {"cells.h", "write.h"}
    assert headers == SHM_HEADERS | {"runtime.h"}
    assert writers < SHM_HEADERS
    for name in headers:
        source = tmp_path / "alone.c"
        source.write_text(f"#include <snakepit/{name}>\ntypedef int not_empty;\n")
        for standard in (C11, C11[:1]):  # the second is ISO C and nothing else
            run("gcc", *standard, *WARNINGS, include, "-fsyntax-only", str(source))
        if name not in writers:
            cxx = ("-x", "c++", "-std=c++17")
            run("g++", *cxx, *WARNINGS, include, "-fsyntax-only", str(source))


def test_header_means_the_same_in_cxx(prefix: Path, tmp_path: Path) -> None:
    """C++ sees plain words where C has atomics: sizes and offsets must agree."""
    source = tmp_path / "layout.cc"
    source.write_text(
        "#include <snakepit/read.h>\n"
        "static_assert(sizeof(snp_fmt_header) == 4096 && alignof(snp_fmt_row) == 8);\n"
        "int main() { snp_err err{}; snp_segment *seg = nullptr;\n"
        '  return snp_segment_attach("/nowhere/x.seg", &seg, &err) == -2 ? 0 : 1; }\n'
    )
    program = tmp_path / "layout"
    run(
        *("g++", "-std=c++17", "-o", str(program), str(source)),
        *flags(prefix, "--cflags", "--libs"),
    )
    run(str(program), LD_LIBRARY_PATH=str(prefix / "lib"))
