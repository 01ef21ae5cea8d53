"""The command line against a real runtime with the demo's pools."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from cli_tools import BIN, ROOT, TIMEOUT_S, Cli, one_line, private_dir, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GPL = "/usr/share/common-licenses/GPL-3"

BROKEN_POOL = """
  - name: broken
    adapter: broken_adapter.Adapter
    workers: 1
    pythonpath: [{folder}]
"""


class Runtime:
    """snakepitd, started by `snakepit run`, with its log in a file."""

    def __init__(self, cli: Cli, log: Path, config: Path) -> None:
        self.cli = cli
        self.log = log
        with log.open("wb") as file:
            self.process = subprocess.Popen(
                [str(BIN / "snakepit"), "run", "-c", str(config)],
                env=cli.env,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
            )

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def status(self) -> dict[str, Any]:
        out = self.cli.run("status", "--json").stdout
        return dict(json.loads(out)) if out else {}

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.terminate()
        try:
            return self.process.wait(TIMEOUT_S)
        finally:
            self.process.kill()


@pytest.fixture
def cli() -> Iterator[Cli]:
    with private_dir() as directory:
        yield Cli(directory)


@pytest.fixture
def runtime(cli: Cli, tmp_path: Path) -> Iterator[Runtime]:
    runtime = Runtime(cli, tmp_path / "log", ROOT / "examples" / "demo.yaml")
    wait_for(lambda: cli.run("status", "--quiet").returncode, lambda code: code == 0)
    yield runtime
    runtime.stop()


class TestLiveRuntime:
    def test_a_result_and_one_correlation_id_in_all_logs(
        self, cli: Cli, runtime: Runtime
    ) -> None:
        arguments = json.dumps({"path": GPL})
        result = cli.run(
            "exec", "--correlation-id=ask:1", "default", "word_stats", arguments
        )
        assert result.returncode == 0, result.stderr
        stats = json.loads(result.stdout)
        with open(GPL) as file:
            assert stats["chars"] == len(file.read())

        def both() -> list[dict[str, Any]]:
            return [x for x in runtime.lines() if x.get("correlation_id") == "ask:1"]

        wait_for(
            both, lambda lines: {"component", "logger"} <= {k for x in lines for k in x}
        )

    def test_streams_failures_and_unknown_names(
        self, cli: Cli, runtime: Runtime
    ) -> None:
        lines = cli.run(
            "exec",
            "--stream",
            "default",
            "stream_lines",
            json.dumps({"path": GPL, "every": 100}),
        ).stdout.splitlines()
        assert [json.loads(line)["line"] for line in lines] == [*range(1, 675, 100)]
        for args, message in (
            (["default", "fail"], "default/fail failed: ValueError: the caller asked"),
            (["default", "nosuch"], "default/nosuch: NOT_FOUND: "),
            (
                ["nosuch", "fail"],
                "nosuch/fail: NOT_FOUND: no pool 'nosuch'; there are: default, search",
            ),
            (
                ["defualt", "fail"],
                "defualt/fail: NOT_FOUND: no pool 'defualt'; did you mean 'default'?",
            ),
            (
                ["--stream", "default", "stream_lines", '{"path": 3}'],
                "default/stream_lines failed: ValueError: path must be text",
            ),
        ):
            result = cli.run("exec", *args)
            assert result.returncode == 1
            assert one_line(result.stderr).startswith(f"exec: {message}")
        assert runtime.process.poll() is None

    def test_status_ls_and_doctor_see_it(self, cli: Cli, runtime: Runtime) -> None:
        status = runtime.status()
        assert status["status"] == "running"
        assert status["pid"] == runtime.process.pid
        assert {pool["name"]: len(pool["workers"]) for pool in status["pools"]} == {
            "default": 4,
            "search": 2,
        }
        assert "default(4) search(2)" in cli.run("ls").stdout
        doctor = cli.run("doctor")
        assert doctor.returncode == 0, doctor.stdout
        assert "instance 'demo' is running" in doctor.stdout

    def test_after_kill_9_status_is_1_and_exec_is_3(
        self, cli: Cli, runtime: Runtime
    ) -> None:
        runtime.process.kill()
        runtime.process.wait(TIMEOUT_S)
        result = cli.run("status")
        assert result.returncode == 1
        assert result.stdout.startswith("demo  dead  pid ")
        result = cli.run("exec", "default", "fail")
        assert result.returncode == 3
        assert "'demo' is dead" in one_line(result.stderr)

    def test_after_a_clean_stop_nothing_runs_and_exec_is_3(
        self, cli: Cli, runtime: Runtime
    ) -> None:
        assert runtime.stop() == 0
        assert cli.run("status").returncode == 3
        assert cli.run("exec", "default", "fail").returncode == 3
        assert not list(cli.dir.glob("*.sock"))

    def test_a_stopped_runtime_is_said_to_hang(
        self, cli: Cli, runtime: Runtime
    ) -> None:
        runtime.process.send_signal(signal.SIGSTOP)
        try:
            code = wait_for(lambda: cli.run("status").returncode, bool)
        finally:
            runtime.process.send_signal(signal.SIGCONT)
        assert code == 4


def test_run_passes_on_the_exit_code_of_a_bad_configuration(
    cli: Cli, tmp_path: Path
) -> None:
    config = tmp_path / "bad.yaml"
    config.write_text("pools: []\n")
    result = cli.run("run", "-c", str(config))
    assert result.returncode == 2
    assert "bad.yaml:1:" in result.stderr


def test_a_failed_start_shows_the_traceback_in_status(cli: Cli, tmp_path: Path) -> None:
    demo = (ROOT / "examples" / "demo.yaml").read_text()
    (tmp_path / "broken_adapter.py").write_text("ANSWER = 42 / 0\n")
    config = tmp_path / "config.yaml"
    config.write_text(
        demo.replace("[examples/adapters]", f"[{ROOT}/examples/adapters]").replace(
            "\nheartbeat:", BROKEN_POOL.format(folder=tmp_path) + "\nheartbeat:"
        )
    )
    runtime = Runtime(cli, tmp_path / "log", config)
    try:

        def broken() -> str:
            for pool in runtime.status().get("pools", []):
                if pool["name"] == "broken":
                    return str(pool["workers"][0]["last_error"])
            return ""

        text = wait_for(broken, bool)
        assert "ANSWER = 42 / 0" in text
        assert "ZeroDivisionError: division by zero" in text
        wait_for(
            lambda: cli.run("status", "default").returncode, lambda code: code == 0
        )
        whole = cli.run("status", "broken")
        assert whole.returncode == 4
        assert "a pool has no worker that takes requests" in whole.stdout
        assert "broken/0: the last start that failed ended with\n  | " in whole.stdout
        assert "  | ZeroDivisionError: division by zero\n" in whole.stdout
        assert cli.run("status", "broken", "--allow-starting").returncode == 0
    finally:
        assert runtime.stop() == 0
    assert os.listdir(cli.dir) == []
