"""What packaging/deb-check runs in a booted Debian that has the packages.

As an administrator would: a configuration, `systemctl start`, calls, a look at who runs
what and who may read what. Nothing but the standard library is there.
"""

from __future__ import annotations

import grp
import http.server
import json
import os
import pwd
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

SEGMENT = Path("/run/snakepit/check.seg")
CONFIG = """\
instance: check
pools:
  - name: default
    adapter: demo_adapters.text.TextAdapter
    workers: 2
    pythonpath: [/usr/share/snakepit/examples/adapters]
heartbeat: {enabled: true, ping_interval_ms: 500}
"""
LICENCE = "/usr/share/common-licenses/Apache-2.0"


def run(*command: str, user: str = "") -> str:
    """Run a command, return what it printed; it must end with 0."""
    words = ["runuser", "-u", user, "--", *command] if user else list(command)
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise AssertionError(
            f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
        )
    return done.stdout


def wait_for(look: Callable[[], bool], what: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not look():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {seconds} s")
        time.sleep(0.1)


def property_of(unit: str, name: str) -> str:
    return run("systemctl", "show", "--value", "-p", name, unit).strip()


def user_of(unit: str) -> str:
    """Return who the unit's main process runs as."""
    pid = property_of(unit, "MainPID")
    uid = Path(f"/proc/{pid}").stat().st_uid
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def processes() -> list[Path]:
    """Return what runs as the packages' user."""
    uid = pwd.getpwnam("snakepit").pw_uid
    return [p for p in Path("/proc").glob("[0-9]*") if p.stat().st_uid == uid]


# ---- the checks, in order ------------------------------------------------------------


def the_runtime_starts_and_says_it_is_ready() -> None:
    path = Path("/etc/snakepit/check.yaml")
    path.write_text(CONFIG)
    os.chown(path, 0, grp.getgrnam("snakepit").gr_gid)
    path.chmod(0o640)
    # Type=notify: this returns when every pool has a worker.
    run("systemctl", "start", "snakepitd@check")
    run("snakepit", "status", "-n", "check")
    assert user_of("snakepitd@check") == "snakepit"


def a_worker_answers() -> None:
    arguments = json.dumps({"path": LICENCE})
    answer = run("snakepit", "exec", "-n", "check", "default", "word_stats", arguments)
    assert "words" in answer, answer


def the_segment_is_for_its_group_only() -> None:
    status = SEGMENT.stat()
    assert status.st_mode & 0o777 == 0o640, oct(status.st_mode)
    assert grp.getgrgid(status.st_gid).gr_name == "snakepit"
    assert SEGMENT.parent.stat().st_mode & 0o777 == 0o750
    done = subprocess.run(
        ["runuser", "-u", "nobody", "--", "cat", SEGMENT],
        capture_output=True, check=False,
    )  # fmt: skip
    assert b"Permission denied" in done.stderr


def workers_beat_natively() -> None:
    """libsnakepit-beat.so is found where Debian has it."""

    def beats() -> list[int]:
        return [
            series["value"]
            for metric in json.loads(run("snakepit", "dump", "-n", "check"))["metrics"]
            if metric["name"] == "snakepit.worker.beat.timestamp"
            for series in metric["series"]
        ]

    wait_for(lambda: len(beats()) == 2 and all(beats()), "the beat of both workers")


def prometheus_is_started_by_its_socket() -> None:
    run("systemctl", "start", "snakepit-prometheus.socket")
    assert property_of("snakepit-prometheus.service", "ActiveState") == "inactive"
    with urllib.request.urlopen("http://127.0.0.1:9568/metrics", timeout=30) as page:
        text = page.read().decode()
    for sample in (
        r"snakepit_up(\{.*\})? 1",
        r"snakepit_requests_total\{.*word_stats.*\} 1",
    ):
        assert re.search(f"(?m)^{sample}$", text), text[:2000]
    assert user_of("snakepit-prometheus") == "snakepit"


def statsd_sends_to_this_machine() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 8125))
        receiver.settimeout(60)
        run("systemctl", "start", "snakepit-statsd@check")
        assert b"snakepit.up:1|g" in receiver.recv(65536)
        assert user_of("snakepit-statsd@check") == "snakepit"
        run("systemctl", "stop", "snakepit-statsd@check")


def otlp_sends_to_this_machine() -> None:
    paths: set[str] = set()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            paths.add(self.path)
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.HTTPServer(("127.0.0.1", 4318), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    run("systemctl", "start", "snakepit-otlp@check")
    assert user_of("snakepit-otlp@check") == "snakepit"
    run("systemctl", "stop", "snakepit-otlp@check")  # sends what is left
    wait_for(lambda: "/v1/metrics" in paths, f"metrics over OTLP, not {paths}")
    server.shutdown()


def nothing_failed_and_nothing_was_refused() -> None:
    """No unit had to be started again, none was denied anything."""
    for unit in ("snakepitd@check", "snakepit-prometheus"):
        assert property_of(unit, "NRestarts") == "0", unit
        assert property_of(unit, "ActiveState") == "active", unit
    journal = run("journalctl", "-u", "snakepit*", "--no-pager", "-o", "cat")
    assert not re.search(r"level=error|level=warn|Traceback|denied", journal), journal


def a_reload_is_answered() -> None:
    run("systemctl", "reload", "snakepitd@check")
    run("systemctl", "is-active", "snakepitd@check")


def the_doctor_finds_nothing_wrong() -> None:
    for user in ("", "snakepit"):
        report = run(
            "env", "SNAKEPIT_DIR=/run/snakepit", "snakepit", "doctor", user=user
        )
        assert "FAIL" not in report, report
        print(report)


def a_program_embeds_the_library() -> None:
    """libsnakepit-dev, and the library of a multiarch folder finds the programs."""
    flags = run("pkg-config", "--cflags", "--libs", "snakepit").split()
    # Its adapters are found from here.
    os.chdir("/usr/share/snakepit")
    program = "/srv/embed"
    run("gcc", "-D_GNU_SOURCE", "-o", program, "examples/embed/embed.c", *flags)
    Path("/dev/shm/embed").mkdir(mode=0o700)
    answer = run("env", "SNAKEPIT_DIR=/dev/shm/embed", program, LICENCE)
    assert '"item":"lamp"' in answer, answer
    assert "UNAVAILABLE" not in answer, answer


def a_stop_leaves_no_segment_and_no_process() -> None:
    run("systemctl", "stop", "snakepitd@check", "snakepit-prometheus.socket")
    run("systemctl", "stop", "snakepit-prometheus.service")
    assert property_of("snakepitd@check", "Result") == "success"
    assert not SEGMENT.exists()
    assert not processes()


def an_upgrade_leaves_readers_running() -> None:
    """Install the same version again, which is an upgrade, too."""
    (package,) = Path("/srv/debs").glob("snakepit-readers_*.deb")
    run("dpkg", "--install", str(package))
    run("systemctl", "is-active", "snakepit-prometheus.socket")
    run("systemctl", "is-active", "snakepit-prometheus.service")


def a_removal_stops_what_runs() -> None:
    for unit in ("snakepitd@check", "snakepit-prometheus", "snakepit-statsd@check"):
        run("systemctl", "start", unit)
    assert processes()
    readers_and_what_depends = ("snakepit-readers", "libsnakepit-dev", "libsnakepit0")
    run("dpkg", "--remove", *readers_and_what_depends, "snakepit")
    assert not processes()
    assert not SEGMENT.exists()


CHECKS = (
    the_runtime_starts_and_says_it_is_ready,
    a_worker_answers,
    the_segment_is_for_its_group_only,
    workers_beat_natively,
    prometheus_is_started_by_its_socket,
    statsd_sends_to_this_machine,
    otlp_sends_to_this_machine,
    a_reload_is_answered,
    the_doctor_finds_nothing_wrong,
    a_program_embeds_the_library,
    nothing_failed_and_nothing_was_refused,
    an_upgrade_leaves_readers_running,
    a_stop_leaves_no_segment_and_no_process,
    a_removal_stops_what_runs,
)


def main() -> int:
    # As on a machine: systemd-nspawn has put a boot id of its own over the kernel's,
    # which sandboxes do not see (docs/deployment.md).
    run("umount", "/proc/sys/kernel/random/boot_id")
    failed = 0
    for check in CHECKS:
        try:
            check()
            print("ok    ", check.__name__)
        except Exception as problem:  # noqa: BLE001  whatever it is, go on
            failed += 1
            print("FAILED", check.__name__, problem, sep="\n")
    if failed:
        print(subprocess.run(
            ["journalctl", "--no-pager", "-n", "100"],
            capture_output=True, text=True, check=False,
        ).stdout)  # fmt: skip
    print(f"{len(CHECKS) - failed} passed, {failed} failed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
