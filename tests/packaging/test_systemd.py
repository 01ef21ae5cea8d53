"""Units, users and folders of packaging/, by systemd's own programs (D01)."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from segments import ROOT, SANITIZED

pytestmark = [
    pytest.mark.skipif(SANITIZED, reason="nothing here is of this build"),
    pytest.mark.skipif(
        not shutil.which("systemd-analyze"), reason="no systemd-analyze"
    ),
]

MOST_EXPOSED = 2.0
SERVICES = (
    "snakepitd@.service",
    "snakepit-prometheus.service",
    "snakepit-statsd@.service",
    "snakepit-otlp@.service",
)


def analyze(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", *words],
        capture_output=True, text=True, check=False, env={"LC_ALL": "C.UTF-8"},
    )  # fmt: skip


@pytest.fixture(scope="module")
def units(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the units as they are installed, with programs that are there."""
    folder = tmp_path_factory.mktemp("units")
    for template in (ROOT / "packaging/systemd").glob("*.in"):
        text = template.read_text().replace("@BIN@", str(ROOT / "build/bin"))
        (folder / template.stem).write_text(text.replace("@DOC@", str(ROOT / "docs")))
    return folder


def test_there_is_a_unit_for_the_runtime_and_each_reader(units: Path) -> None:
    assert {path.name for path in units.iterdir()} == {
        *SERVICES,
        "snakepit-prometheus.socket",
    }


@pytest.mark.parametrize("service", SERVICES)
def test_units_are_exposed_by_two_at_most(units: Path, service: str) -> None:
    done = analyze(
        "security",
        "--offline=true",
        "--no-pager",
        f"--threshold={int(MOST_EXPOSED * 10)}",
        str(units / service),
    )
    found = re.search(r"Overall exposure level for .*: ([\d.]+)", done.stdout)
    assert found, done.stdout + done.stderr
    assert float(found[1]) <= MOST_EXPOSED, done.stdout
    assert done.returncode == 0


def test_units_are_valid(units: Path) -> None:
    # A template is verified as one of its instances.
    paths = []
    for unit in sorted(units.iterdir()):
        path = unit.with_name(unit.name.replace("@.", "@main."))
        if path != unit:
            path.symlink_to(unit)
        paths.append(str(path))
    done = analyze("verify", "--man=no", "--recursive-errors=yes", *paths)
    ours = [
        line
        for line in done.stderr.splitlines()
        # What other packages' units on this machine are blamed for is theirs.
        if "snakepit" in line or str(units) in line
    ]
    assert not ours, done.stderr


def test_readers_are_locked_down_alike(units: Path) -> None:
    """What one reader is denied, all are: a line that is missing in one is a slip."""
    locks = [
        {
            line
            for line in (units / service)
            .read_text()
            .split("# It reads")[1]
            .splitlines()
            if re.match(r"[A-Z]\w+=", line)
        }
        for service in SERVICES[1:]
    ]
    # Only Prometheus can do without a network: its sockets come from outside.
    assert locks[0] - locks[1] == {
        "PrivateNetwork=yes",
        "Also=snakepit-prometheus.socket",
    }
    assert locks[1] - locks[0] == {"WantedBy=multi-user.target"}
    assert locks[1] == locks[2]


def test_accounts_and_folders_are_made(tmp_path: Path) -> None:
    """In a root of their own, by the programs that do it at boot."""
    if not shutil.which("systemd-sysusers"):
        pytest.skip("no systemd-sysusers")
    etc = tmp_path / "etc"
    etc.mkdir()
    packaging = ROOT / "packaging"
    subprocess.run(
        [
            "systemd-sysusers",
            f"--root={tmp_path}",
            packaging / "sysusers.d/snakepit.conf",
        ],
        check=True,
        capture_output=True,
    )
    (account,) = (etc / "passwd").read_text().splitlines()
    assert account.startswith("snakepit:")
    assert "/var/lib/snakepit:/usr/sbin/nologin" in account
    subprocess.run(
        [
            "systemd-tmpfiles",
            "--create",
            f"--root={tmp_path}",
            packaging / "tmpfiles.d/snakepit.conf",
        ],
        check=True,
        capture_output=True,
    )
    uid, gid = (int(field) for field in account.split(":")[2:4])
    run = (tmp_path / "run/snakepit").stat()
    assert (run.st_mode & 0o777, run.st_uid, run.st_gid) == (0o750, uid, gid)
    config = (etc / "snakepit").stat()
    assert (config.st_mode & 0o777, config.st_uid, config.st_gid) == (0o750, 0, gid)
