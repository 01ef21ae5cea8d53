"""`snakepit doctor`: each check finds what is wrong, provoked for real."""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from cli_tools import BIN, Cli, exporter_port_taken, private_dir, wait_for
from harness import ROOT, World
from runtime_kit import ADAPTERS, RunDaemon, config, free_port

CHECKS = re.findall(
    r"^DOCTOR_CHECK\((\w+),",
    (ROOT / "tools/snakepit/doctor_checks.def").read_text(),
    re.MULTILINE,
)
NOBODY = 65534
HARD_NPROC = resource.getrlimit(resource.RLIMIT_NPROC)[1]
Findings = list[dict[str, Any]]


@pytest.fixture
def cli() -> Iterator[Cli]:
    with private_dir() as directory:
        yield Cli(directory)


def doctor(cli: Cli, *arguments: str, **more: Any) -> Findings:
    """Run checks; what holds for every report is asserted here."""
    result = cli.run("doctor", "--json", *arguments, **more)
    report = json.loads(result.stdout)
    findings: Findings = report["findings"]
    failed = any(finding["level"] == "FAIL" for finding in findings)
    assert result.returncode == (1 if failed else 0)
    assert report["healthy"] is not failed
    for finding in findings:
        assert bool(finding["advice"]) == (finding["level"] != "ok"), finding
        assert finding["check"] in CHECKS
    return findings


def one(findings: Findings, check: str, text: str) -> dict[str, Any]:
    """Return the one finding of a check that says so."""
    found = [f for f in findings if f["check"] == check and re.search(text, f["text"])]
    assert len(found) == 1, findings
    return found[0]


def level(findings: Findings, check: str, text: str) -> str:
    word: str = one(findings, check, text)["level"]
    return word


def written(folder: Path, **more: Any) -> str:
    path = folder / "doctor.yaml"
    path.write_text(json.dumps({**config(workers=1), **more}))
    return str(path)


def as_nobody() -> None:
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user")


@contextmanager
def small_tmpfs(cli: Cli, size: str) -> Iterator[Callable[..., Findings]]:
    """Give doctor() with a directory that is a tmpfs of that size, for it alone."""
    words = ["unshare", "--mount", "sh", "-c"]
    probe = subprocess.run([*words, "true"], capture_output=True, check=False)
    if probe.returncode != 0:
        pytest.skip(f"no mount namespace: {probe.stderr.decode().strip()}")

    def run(*arguments: str) -> Findings:
        mount = f"mount -t tmpfs -o size={size},mode=750 small '{cli.dir}'"
        program = " ".join([str(BIN / "snakepit"), "doctor", "--json", *arguments])
        result = subprocess.run(
            [*words, f"{mount} && {program}"],
            env=cli.env,
            capture_output=True,
            text=True,
            check=False,
        )
        findings: Findings = json.loads(result.stdout)["findings"]
        return findings

    yield run


class TestAll:
    def test_a_complete_checkout_has_no_failure(self, cli: Cli, tmp_path: Path) -> None:
        result = cli.run("doctor", "-c", written(tmp_path))
        assert result.returncode == 0, result.stdout
        lines = result.stdout.splitlines()
        assert list(dict.fromkeys(line.split()[1] for line in lines)) == CHECKS
        assert "FAIL" not in result.stdout

    def test_only_checks_that_are_named_are_made(self, cli: Cli) -> None:
        findings = doctor(cli, "limits", "collector")
        assert {f["check"] for f in findings} == {"limits", "collector"}

    def test_what_a_file_says_reaches_the_terminal_without_control_characters(
        self, cli: Cli, tmp_path: Path
    ) -> None:
        path = tmp_path / "x\x1b]0;owned\x07.yaml"
        path.write_text(json.dumps(config(workers=1)))
        assert "\x1b" not in cli.run("doctor", "-c", str(path), "config").stdout


class TestPrograms:
    @pytest.fixture
    def alone(self, tmp_path: Path) -> Path:
        """Copy `snakepit` to where no other program is."""
        return Path(shutil.copy(BIN / "snakepit", tmp_path))

    def look(self, program: Path, cli: Cli) -> Findings:
        result = subprocess.run(
            [program, "doctor", "--json", "programs"],
            env={**cli.env, "PATH": "/nowhere"},
            capture_output=True,
            text=True,
            check=False,
        )
        findings: Findings = json.loads(result.stdout)["findings"]
        return findings

    def test_those_that_are_missing_are_named(self, alone: Path, cli: Cli) -> None:
        findings = self.look(alone, cli)
        assert level(findings, "programs", "no program 'snakepitd'") == "FAIL"
        assert level(findings, "programs", "no program 'snakepit-guard'") == "FAIL"
        assert level(findings, "programs", "no program 'snakepit-statsd'") == "warn"

    def test_one_that_does_not_run_is_told_with_its_words(
        self, alone: Path, cli: Cli
    ) -> None:
        broken = alone.with_name("snakepitd")
        broken.write_text("#!/bin/sh\necho libgrpc.so.29: cannot open >&2; exit 127\n")
        broken.chmod(0o755)
        findings = self.look(alone, cli)
        assert level(findings, "programs", r"\(127\): libgrpc.so.29") == "FAIL"


class TestPython:
    def stub(self, tmp_path: Path, script: str) -> dict[str, str]:
        python = tmp_path / "python"
        python.write_text(f"#!/bin/sh\n{script}\n")
        python.chmod(0o755)
        return {"SNAKEPIT_PYTHON": str(python)}

    def test_one_that_is_none_fails(self, cli: Cli, tmp_path: Path) -> None:
        env = {"SNAKEPIT_PYTHON": str(tmp_path / "nothing")}
        assert level(doctor(cli, "python", env=env), "python", "no program") == "FAIL"

    def test_an_old_one_without_packages_fails(self, cli: Cli, tmp_path: Path) -> None:
        env = self.stub(
            tmp_path,
            "echo 3.8.1; echo 'grpc ! ModuleNotFoundError: no grpc';"
            "echo 'sqlite3 ! ImportError: none'",
        )
        findings = doctor(cli, "python", env=env)
        assert level(findings, "python", r"is Python 3\.8\.1") == "FAIL"
        assert level(findings, "python", "import grpc: .*no grpc") == "FAIL"
        assert level(findings, "python", "import sqlite3") == "warn"

    def test_one_that_crashes_fails_with_its_words(
        self, cli: Cli, tmp_path: Path
    ) -> None:
        env = self.stub(tmp_path, "echo no such library >&2; exit 127")
        assert level(doctor(cli, "python", env=env), "python", "no such lib") == "FAIL"


class TestConfig:
    def test_a_bad_one_fails_with_the_place(self, cli: Cli, tmp_path: Path) -> None:
        path = tmp_path / "bad.yaml"
        path.write_text("pools:\n  - name: p\n    wokers: 2\n")
        findings = doctor(cli, "-c", str(path), "config", "adapters")
        assert level(findings, "config", r"bad\.yaml:3:\d+: .*wokers") == "FAIL"
        assert level(findings, "adapters", "not looked at") == "ok"

    def test_a_runtime_that_ends_without_a_word_is_told(
        self, cli: Cli, tmp_path: Path
    ) -> None:
        program = Path(shutil.copy(BIN / "snakepit", tmp_path))
        mute = program.with_name("snakepitd")
        mute.write_text("#!/bin/sh\nkill -9 $$\n")
        mute.chmod(0o755)
        result = subprocess.run(
            [program, "doctor", "--json", "-c", written(tmp_path), "config"],
            env=cli.env,
            capture_output=True,
            text=True,
            check=False,
        )
        findings: Findings = json.loads(result.stdout)["findings"]
        assert level(findings, "config", "it ended without a word") == "FAIL"

    def test_its_directory_is_where_is_looked(self, cli: Cli, tmp_path: Path) -> None:
        with private_dir() as other:
            path = written(tmp_path, data_dir=str(other))
            findings = doctor(cli, "-c", path, "directory")
        assert level(findings, "directory", f"^{other} has") == "ok"


class TestAdapters:
    def pools(self, tmp_path: Path, *pools: dict[str, Any]) -> str:
        common = {"workers": 1, "pythonpath": [ADAPTERS]}
        return written(tmp_path, pools=[{**common, **pool} for pool in pools])

    def test_each_is_imported_as_its_workers_would(
        self, cli: Cli, tmp_path: Path
    ) -> None:
        (tmp_path / "wants.py").write_text(
            "import os\n"
            "from snakepit_bridge import BaseAdapter\n"
            "if os.environ['WANTED'] != '7': raise RuntimeError('not 7')\n"
            "class Wants(BaseAdapter): pass\n"
        )
        wants = {"adapter": "wants.Wants", "pythonpath": [str(tmp_path)]}
        path = self.pools(
            tmp_path,
            {"name": "good", **wants, "env": ["WANTED=7"]},
            {"name": "bad", **wants, "env": ["WANTED=8"]},
            {"name": "typo", "adapter": "fault_adapter.FautlAdapter"},
            {"name": "own", "adapter": "x.Y", "script": "/own/server.py"},
        )
        findings = doctor(cli, "-c", path, "adapters")
        assert level(findings, "adapters", "pool good: .*can be imported") == "ok"
        assert level(findings, "adapters", "pool bad: .*RuntimeError: not 7") == "FAIL"
        assert level(findings, "adapters", "pool typo: .*'FaultAdapter'") == "FAIL"
        assert level(findings, "adapters", "pool own: not looked at") == "ok"

    def test_an_interpreter_that_is_none_fails(self, cli: Cli, tmp_path: Path) -> None:
        path = self.pools(
            tmp_path,
            {"name": "p", "adapter": "fault_adapter.FaultAdapter", "python": "/no/py"},
        )
        findings = doctor(cli, "-c", path, "adapters")
        assert level(findings, "adapters", "cannot run '/no/py'") == "FAIL"


class TestEnvironment:
    @pytest.mark.parametrize(
        ("name", "text", "word"),
        [
            ("SNAKEPIT_DRI", "SNAKEPIT_DRI is .* did you mean SNAKEPIT_DIR", "warn"),
            ("SNAKEPIT_SOMETHING_ELSE", "ELSE is read by nobody$", "warn"),
            ("SNAKEPIT_WORKER_KEY", "the runtime's to tell", "warn"),
            ("OTEL_CONFIG_FILE", "no effect here", "warn"),
            ("OTEL_TRACES_EXPORTER", "decides about telemetry", "ok"),
            ("OTEL_OF_SOMEBODY_ELSE", "no variable turns telemetry", "ok"),
        ],
    )
    def test_variables_are_told(
        self, cli: Cli, name: str, text: str, word: str
    ) -> None:
        for known in [n for n in cli.env if n.startswith("OTEL_")]:
            del cli.env[known]
        findings = doctor(cli, "environment", env={name: "x"})
        assert level(findings, "environment", text) == word

    def test_an_empty_one_is_not_set(self, cli: Cli) -> None:
        findings = doctor(cli, "environment", env={"SNAKEPIT_DRI": ""})
        assert "SNAKEPIT_DRI" not in str(findings)


class TestDirectory:
    def test_one_open_to_everybody_fails(self, cli: Cli) -> None:
        cli.dir.chmod(0o777)
        findings = doctor(cli, "directory")
        assert level(findings, "directory", "writable by everybody") == "FAIL"

    def test_one_that_is_a_file_fails(self, cli: Cli) -> None:
        (cli.dir / "file").touch()
        findings = doctor(cli, "directory", env={"SNAKEPIT_DIR": f"{cli.dir}/file"})
        assert level(findings, "directory", "not a directory") == "FAIL"

    def test_one_yet_to_be_made_is_fine_and_is_not_made(self, cli: Cli) -> None:
        findings = doctor(cli, "directory", env={"SNAKEPIT_DIR": f"{cli.dir}/a/b"})
        assert level(findings, "directory", "will be made") == "ok"
        assert not (cli.dir / "a").exists()

    @needs_root
    def test_one_that_is_not_ours_to_write_fails(self, cli: Cli) -> None:
        cli.dir.chmod(0o755)
        findings = doctor(cli, "directory", preexec_fn=as_nobody)
        assert level(findings, "directory", "not writable for us") == "FAIL"

    @needs_root
    @pytest.mark.parametrize(("become", "word"), [(as_nobody, "FAIL"), (None, "warn")])
    def test_one_of_another_user_is_for_that_user(
        self, cli: Cli, become: Callable[[], None] | None, word: str
    ) -> None:
        """Root may look on behalf of a service; the runtime refuses it in any case."""
        cli.dir.chmod(0o770)
        os.chown(cli.dir, NOBODY - 1, NOBODY)
        findings = doctor(cli, "directory", preexec_fn=become)
        assert level(findings, "directory", f"of uid {NOBODY - 1}") == word

    def test_a_socket_directory_that_others_may_enter_fails(
        self, cli: Cli, tmp_path: Path
    ) -> None:
        sockets = cli.dir / "it.d"
        sockets.mkdir(mode=0o755)
        findings = doctor(cli, "-c", written(tmp_path), "directory")
        assert level(findings, "directory", "it.d must be .* mode 0700") == "FAIL"
        sockets.chmod(0o700)
        assert "it.d" not in str(doctor(cli, "-c", written(tmp_path), "directory"))

    def test_one_on_a_disk_is_warned_of_unless_allowed(
        self, cli: Cli, tmp_path: Path
    ) -> None:
        kind = subprocess.check_output(["stat", "-f", "-c", "%T", tmp_path], text=True)
        if kind.strip() in {"tmpfs", "ramfs"}:
            pytest.skip("what is to be a disk is in memory")
        env = {"SNAKEPIT_DIR": str(tmp_path)}
        path = written(tmp_path)
        findings = doctor(cli, "-c", path, "directory", env=env)
        assert level(findings, "directory", "is not in memory") == "warn"
        path = written(tmp_path, segment={"allow_disk": True})
        findings = doctor(cli, "-c", path, "directory", env=env)
        assert "not in memory" not in str(findings)

    def test_too_little_room_fails_and_little_is_warned_of(
        self, cli: Cli, tmp_path: Path
    ) -> None:
        with small_tmpfs(cli, "4m") as look:
            assert level(look("directory"), "directory", "KiB left") == "FAIL"
        with small_tmpfs(cli, "32m") as look:
            assert level(look("directory"), "directory", "only 32 MiB") == "warn"
            more = written(tmp_path, segment={"max_tool_rows": 60000})
            text = "KiB left, the segment takes"
            findings = look("-c", more, "directory")
            assert level(findings, "directory", text) == "FAIL"


class TestSegments:
    def test_leftovers_are_warned_of(self, cli: Cli) -> None:
        with cli.segment("gone"):
            assert level(doctor(cli, "segments"), "segments", "'gone' is run") == "ok"
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(cli.dir / "gone.sock"))
            listener.listen()
            assert "sock" not in str(doctor(cli, "segments"))
        findings = doctor(cli, "segments")
        assert level(findings, "segments", "nobody listens on .*gone.sock") == "warn"
        assert level(findings, "segments", "'gone' died") == "warn"

    def test_one_that_hangs_is_warned_of(self, cli: Cli) -> None:
        with cli.segment("stuck") as writer:
            writer.send_signal(signal.SIGSTOP)
            # Its last beat has to be old first.
            findings = wait_for(
                lambda: doctor(cli, "segments"),
                lambda seen: "does not move" in seen[0]["text"],
            )
        assert level(findings, "segments", "'stuck' .*does not move") == "warn"

    def test_one_that_is_no_segment_is_warned_of(self, cli: Cli) -> None:
        (cli.dir / "junk.seg").write_bytes(b"x" * 8192)
        assert level(doctor(cli, "segments"), "segments", r"junk\.seg") == "warn"

    @needs_root
    def test_one_that_this_user_cannot_read_fails(self, cli: Cli) -> None:
        cli.dir.chmod(0o755)
        with cli.segment("closed"):
            (cli.dir / "closed.seg").chmod(0o600)
            findings = doctor(cli, "segments", preexec_fn=as_nobody)
        found = one(findings, "segments", r"closed\.seg")
        assert (found["level"], "group" in found["advice"]) == ("FAIL", True)


class TestLimits:
    @pytest.mark.parametrize(
        ("limit", "word"), [(100, "FAIL"), (1024, "warn"), (4096, "ok")]
    )
    def test_few_descriptors_are_warned_of_and_too_few_fail(
        self, cli: Cli, limit: int, word: str
    ) -> None:
        findings = doctor(
            cli,
            "limits",
            preexec_fn=lambda: resource.setrlimit(
                resource.RLIMIT_NOFILE, (limit, limit)
            ),
        )
        assert level(findings, "limits", f"^{limit} open files") == word

    @pytest.mark.parametrize(("workers", "word"), [(100, "FAIL"), (10, "ok")])
    def test_descriptors_are_counted_for_the_workers_there_will_be(
        self, cli: Cli, tmp_path: Path, workers: int, word: str
    ) -> None:
        path = written(tmp_path, **config(workers=workers))
        findings = doctor(
            cli,
            "-c",
            path,
            "limits",
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (800, 800)),
        )
        assert level(findings, "limits", "^800 open files") == word

    @needs_root
    @pytest.mark.parametrize(("limit", "word"), [(20, "FAIL"), (HARD_NPROC, "ok")])
    def test_too_few_processes_fail(self, cli: Cli, limit: int, word: str) -> None:
        def become() -> None:
            resource.setrlimit(resource.RLIMIT_NPROC, (limit, HARD_NPROC))
            as_nobody()

        findings = doctor(cli, "limits", preexec_fn=become)
        if limit == resource.RLIM_INFINITY:
            assert "processes" not in str(findings)
        else:
            assert level(findings, "limits", f"^{limit} processes") == word

    def test_a_runtime_needs_no_more_than_is_said(
        self, run_daemon: RunDaemon, world: World
    ) -> None:
        """The numbers of the plan are above those of a runtime that works."""
        daemon = run_daemon(config(workers=4))
        daemon.wait_ready(4)
        plan = world.run("snakepitd", "-c", str(daemon.config), "--plan").stdout
        needs = dict(line.split(" ", 1) for line in plan.splitlines())
        tasks = sum(
            len(list(Path(f"/proc/{pid}/task").iterdir())) for pid in daemon.processes()
        )
        files = len(list(Path(f"/proc/{daemon.pid}/fd").iterdir()))
        assert files < int(needs["descriptors"]) < 10 * files
        assert tasks < int(needs["tasks"]) < 10 * tasks
        size = world.inspect()["segment"]["size_bytes"]
        assert int(needs["segment"]) == size


class TestPorts:
    @contextmanager
    def taken(self) -> Iterator[str]:
        with socket.create_server(("127.0.0.1", 0)) as server:
            yield f"127.0.0.1:{server.getsockname()[1]}"

    def test_the_exporters_default_is_warned_of_when_taken(self, cli: Cli) -> None:
        with exporter_port_taken():
            assert level(doctor(cli, "ports"), "ports", ":9568") == "warn"

    def test_those_of_the_configuration_fail_when_taken(
        self, cli: Cli, tmp_path: Path
    ) -> None:
        free = f"127.0.0.1:{free_port()}"
        with self.taken() as front, self.taken() as page:
            readers = {"prometheus": {"enabled": True, "listen": page}}
            path = written(tmp_path, listen=[front, free], readers=readers)
            findings = doctor(cli, "-c", path, "ports")
        assert level(findings, "ports", f"^{front}, for clients: .* use$") == "FAIL"
        assert level(findings, "ports", f"^{free} is free for clients") == "ok"
        assert level(findings, "ports", f"^{page}, for snakepit-prom") == "FAIL"

    def test_an_address_of_another_machine_fails(
        self, cli: Cli, tmp_path: Path
    ) -> None:
        there = "192.0.2.1:7777"
        path = written(tmp_path, listen=[there], listen_insecure=True)
        findings = doctor(cli, "-c", path, "ports")
        found = one(findings, "ports", there)
        assert found["level"] == "FAIL"
        assert found["advice"] == "take an address of this machine"

    @needs_root
    def test_what_is_for_root_alone_fails_for_others(self, cli: Cli) -> None:
        os.chown(cli.dir, NOBODY, NOBODY)
        if int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text()) < 2:
            pytest.skip("every port is for everybody")
        path = written(cli.dir, listen=["127.0.0.1:1", "unix:/root/x.sock"])
        findings = doctor(cli, "-c", path, "ports", preexec_fn=as_nobody)
        assert level(findings, "ports", "^127.0.0.1:1: ") == "FAIL"
        assert level(findings, "ports", "no socket can be made in /root") == "FAIL"

    def test_those_of_a_runtime_that_runs_are_its_own(
        self, cli: Cli, run_daemon: RunDaemon, world: World
    ) -> None:
        address = f"127.0.0.1:{free_port()}"
        daemon = run_daemon({**config(workers=1), "listen": [address]})
        daemon.wait_ready(1)
        cli.env["SNAKEPIT_DIR"] = str(world.directory)
        findings = doctor(cli, "-c", str(daemon.config), "ports")
        assert level(findings, "ports", "runs and has its own") == "ok"


class TestPrometheus:
    def test_one_that_answers_is_well_and_one_that_hangs_or_is_not_there_is_not(
        self, cli: Cli, run_daemon: RunDaemon, world: World, tmp_path: Path
    ) -> None:
        def with_page(port: int) -> dict[str, Any]:
            listen = f"127.0.0.1:{port}"
            return {"prometheus": {"enabled": True, "listen": listen}}

        port = free_port()
        daemon = run_daemon({**config(workers=1), "readers": with_page(port)})
        daemon.wait_ready(1)
        daemon.wait_log(msg="reader started")
        cli.env["SNAKEPIT_DIR"] = str(world.directory)
        args = ("-c", str(daemon.config), "prometheus")
        wanted = f"answers at 127.0.0.1:{port}"
        findings = wait_for(  # until it listens
            lambda: doctor(cli, *args), lambda seen: seen[-1]["level"] == "ok"
        )
        assert level(findings, "prometheus", wanted) == "ok"

        elsewhere = written(tmp_path, readers=with_page(free_port()))
        findings = doctor(cli, "-c", elsewhere, "prometheus")
        assert level(findings, "prometheus", "nobody answers") == "FAIL"

        reader = daemon.wait_log(msg="reader started")["reader_pid"]
        os.kill(reader, signal.SIGSTOP)
        findings = doctor(cli, *args)
        os.kill(reader, signal.SIGCONT)
        assert level(findings, "prometheus", f"what {wanted} says nothing") == "warn"

    def test_it_starts_with_the_runtime(self, cli: Cli, tmp_path: Path) -> None:
        path = written(tmp_path, readers={"prometheus": {"enabled": True}})
        findings = doctor(cli, "-c", path, "prometheus")
        assert level(findings, "prometheus", "starts with the runtime") == "ok"


class TestCollector:
    @pytest.fixture(autouse=True)
    def no_endpoint(self, cli: Cli) -> None:
        for name in [name for name in cli.env if name.startswith("OTEL_")]:
            del cli.env[name]

    def look(self, cli: Cli, url: str, *more: str) -> Findings:
        env = {"OTEL_EXPORTER_OTLP_ENDPOINT": url}
        return doctor(cli, *more, "collector", env=env)

    @pytest.mark.parametrize(
        "url", ["http://{}", "https://{}/v1", "{}", "http://{}/a@b"]
    )
    def test_one_that_listens_can_be_reached(self, cli: Cli, url: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            address = f"127.0.0.1:{server.getsockname()[1]}"
            findings = self.look(cli, url.format(address))
        assert level(findings, "collector", f"^{address} can be reached") == "ok"

    def test_one_that_does_not_is_warned_of(self, cli: Cli) -> None:
        findings = self.look(cli, f"http://127.0.0.1:{free_port()}")
        assert level(findings, "collector", "Connection refused$") == "warn"

    def test_one_that_never_answers_is_given_up(self, cli: Cli) -> None:
        with ExitStack() as stack:
            server = stack.enter_context(
                socket.create_server(("127.0.0.1", 0), backlog=0)
            )
            # Whose queue is full: the kernel lets further ones wait.
            for _ in range(4):
                client = stack.enter_context(socket.socket())
                client.settimeout(0)
                client.connect_ex(server.getsockname())
            port = server.getsockname()[1]
            findings = self.look(cli, f"http://127.0.0.1:{port}")
        assert level(findings, "collector", "timed out$") == "warn"

    @pytest.mark.parametrize("url", ["http://", "http://127.0.0.1:99999", "http://a:b"])
    def test_one_that_is_no_address_is_warned_of(self, cli: Cli, url: str) -> None:
        assert level(self.look(cli, url), "collector", "^OTEL_EXPORTER_OTLP") == "warn"

    def test_a_password_in_it_is_warned_of_and_not_printed(self, cli: Cli) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            address = f"127.0.0.1:{server.getsockname()[1]}"
            findings = self.look(cli, f"http://user:secret@{address}")
        assert level(findings, "collector", "OTEL_EXPORTER_OTLP_HEADERS$") == "warn"
        assert "secret" not in json.dumps(findings)

    def test_that_of_the_configuration_counts_where_the_environment_has_none(
        self, cli: Cli, tmp_path: Path
    ) -> None:
        endpoint = f"http://127.0.0.1:{free_port()}"
        readers = {"otlp": {"enabled": True, "endpoint": endpoint}}
        path = written(tmp_path, readers=readers)
        findings = doctor(cli, "-c", path, "collector")
        assert level(findings, "collector", "^readers.otlp.endpoint is") == "warn"
        with socket.create_server(("127.0.0.1", 0)) as server:
            url = f"http://127.0.0.1:{server.getsockname()[1]}"
            findings = self.look(cli, url, "-c", path)
        assert level(findings, "collector", "can be reached") == "ok"

    def test_without_any_nothing_is_sent(self, cli: Cli) -> None:
        assert level(doctor(cli, "collector"), "collector", "nothing is sent") == "ok"
