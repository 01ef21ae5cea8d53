"""`make install`, `make uninstall` and `make dist`, as a packager meets them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from segments import ROOT, SANITIZED

pytestmark = pytest.mark.skipif(
    SANITIZED, reason="what is installed is the release build"
)
# Of tools/monitoring, without what runs in the sources only.
MONITORING = (
    "alertmanager",
    "grafana/dashboards/",
    "grafana/provisioning",
    "otelcol",
    "prometheus",
    "tempo",
)


def make(*words: str, cwd: Path = ROOT) -> str:
    """Run a make of its own: not a part of the one that runs the tests."""
    env = {**os.environ, "MAKEFLAGS": "", "MAKELEVEL": ""}
    done = subprocess.run(
        ["make", "-s", *words],
        cwd=cwd, env=env, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def files(folder: Path) -> set[str]:
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_symlink() or not path.is_dir()
    }


@pytest.fixture(scope="module")
def debian_like(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("root")
    make(
        "install",
        f"DESTDIR={root}",
        "PREFIX=/usr",
        "LIBDIR=/usr/lib/x86_64-linux-gnu",
        "UNITDIR=/lib/systemd/system",
    )
    return root


def tracked(*patterns: str) -> set[str]:
    done = subprocess.run(
        ["git", "ls-files", *patterns],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return set(done.stdout.split())


def test_everything_a_user_needs_is_there(debian_like: Path) -> None:
    there = files(debian_like)
    built = {path.name for path in (ROOT / "build/bin").iterdir()}
    assert {f"usr/bin/{name}" for name in built} <= there
    # What is copied whole: nothing is forgotten when a file is added.
    for folder, place in (
        ("examples", "usr/share/snakepit/examples"),
        ("docs", "usr/share/doc/snakepit"),
        ("completions/bash", "usr/share/bash-completion/completions"),
        ("completions/fish", "usr/share/fish/vendor_completions.d"),
        ("completions/zsh", "usr/share/zsh/site-functions"),
        ("packaging/sysusers.d", "usr/lib/sysusers.d"),
        ("packaging/tmpfiles.d", "usr/lib/tmpfiles.d"),
        *(
            (f"tools/monitoring/{part}", f"usr/share/snakepit/monitoring/{part}")
            for part in MONITORING
        ),
    ):
        assert tracked(folder)
        for file in tracked(folder):
            assert f"{place}{file.removeprefix(folder)}" in there
    for file in tracked("priv/python/snakepit_bridge/*.py"):
        assert f"usr/share/snakepit/python{file.removeprefix('priv/python')}" in there
    generated = "usr/share/snakepit/python/snakepit_bridge/_generated/bridge_pb2.py"
    assert generated in there
    for file in tracked(":(glob)proto/*.proto"):
        assert f"usr/share/snakepit/{file}" in there
    for unit in tracked("packaging/systemd"):
        assert f"lib/systemd/system/{Path(unit).stem}" in there


def test_no_file_is_left_to_chance(debian_like: Path) -> None:
    """Nothing of a test, of the build or of a place that is not the prefix's."""
    for file in files(debian_like):
        assert file.startswith(("usr/", "lib/systemd/system/"))
        assert not re.search(r"__pycache__|node_modules|python/tests/|\.[od]$", file)
    for path in debian_like.rglob("*"):
        if path.is_dir() or path.is_symlink():
            continue
        executable = bool(path.stat().st_mode & 0o111)
        assert executable == (path.parent.name == "bin"), path
        if path.suffix in (".pc", ".service", ".socket"):
            text = path.read_text()
            assert not re.search(r"@[A-Z]+@|/usr/local", text), path


def test_runtime_of_an_installation_finds_its_parts(
    debian_like: Path, tmp_path: Path
) -> None:
    """The library of native beats and the package of adapters, in a foreign prefix."""
    config = tmp_path / "check.yaml"
    config.write_text("pools:\n  - adapter: demo_adapters.text.TextAdapter\n")
    done = subprocess.run(
        [debian_like / "usr/bin/snakepitd", "--check", "-c", config],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (debian_like / "usr/lib/snakepit/libsnakepit-beat.so").exists()


def test_uninstall_takes_away_what_install_has_put_there(tmp_path: Path) -> None:
    other = tmp_path / "opt/bin/other"
    other.parent.mkdir(parents=True)
    other.write_text("somebody's")
    place = (f"DESTDIR={tmp_path}", "PREFIX=/opt")
    make("install", *place)
    assert len(files(tmp_path)) > 100
    make("uninstall", *place)
    assert files(tmp_path) == {"opt/bin/other"}
    assert not list(tmp_path.rglob("*snakepit*"))


def test_dist_is_the_same_every_time_and_builds(tmp_path: Path) -> None:
    tarball = ROOT / make("dist").split()[-1]
    first = tarball.read_bytes()
    tarball.unlink()
    make("dist")
    assert tarball.read_bytes() == first
    subprocess.run(["tar", "-xzf", tarball, "-C", tmp_path], check=True)
    (folder,) = tmp_path.iterdir()
    assert re.fullmatch(r"snakepit-\d+\.\d+\.\d+", folder.name)
    head = subprocess.run(
        ["git", "ls-tree", "-r", "--name-only", "HEAD"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert files(folder) == set(head.stdout.split())
    # Without git and without what this checkout has built; `make deb` builds all of it.
    make("DEPS=:", "build/bin/snakepit-launch", cwd=folder)
    assert (folder / "build/bin/snakepit-launch").exists()
