"""`snakepit`: help, suggestions, finding programs, ls, status, doctor."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
from typing import TYPE_CHECKING

import pytest
from cli_tools import BIN, Cli, one_line, private_dir, tell, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COMMANDS = (
    "run exec ls status top dump events doctor demo version help".split()  # noqa: SIM905
)


@pytest.fixture
def cli() -> Iterator[Cli]:
    with private_dir() as directory:
        yield Cli(directory)


class TestHelp:
    def test_help_leads_with_examples_and_lists_every_command(self, cli: Cli) -> None:
        result = cli.run("help")
        assert result.returncode == 0
        assert "\n\nexamples:\n" in result.stdout
        for command in COMMANDS:
            assert f"\n  {command} " in result.stdout
        assert cli.run("--help").stdout == cli.run("-h").stdout == result.stdout
        assert max(map(len, result.stdout.splitlines())) <= 90

    @pytest.mark.parametrize("command", ["ls", "status", "doctor", "demo", "exec"])
    def test_help_of_a_command_is_the_same_in_all_forms(
        self, cli: Cli, command: str
    ) -> None:
        result = cli.run("help", command)
        assert result.returncode == 0
        assert result.stdout.startswith(f"snakepit {command} - ")
        assert "\n\nexamples:\n" in result.stdout
        assert f"usage: snakepit {command}" in result.stdout
        assert result.stdout.count("\n") <= 40
        for form in ("-h", "--help"):
            assert cli.run(command, form).stdout == result.stdout

    def test_version_says_program_and_format(self, cli: Cli) -> None:
        result = cli.run("version")
        assert result.returncode == 0
        assert result.stdout.startswith("snakepit 0.")
        assert "segment format 1.0" in result.stdout
        assert cli.run("-V").stdout == cli.run("--version").stdout == result.stdout

    @pytest.mark.parametrize("args", [["help"], ["config", "default"]])
    def test_a_full_disk_is_an_error(self, cli: Cli, args: list[str]) -> None:
        with open("/dev/full", "w") as full:
            result = cli.run(*args, stdout=full)
        assert result.returncode == 1
        assert "cannot write the output" in one_line(result.stderr)


class TestUsage:
    @pytest.mark.parametrize(
        ("args", "message"),
        [
            ([], "no command given; see 'snakepit help'"),
            (["--"], "no command given; see 'snakepit help'"),
            (["statsu"], "unknown command 'statsu'; did you mean 'status'?"),
            (["docter"], "unknown command 'docter'; did you mean 'doctor'?"),
            (["inspekt"], "unknown command 'inspekt'; did you mean 'inspect'?"),
            (["help", "rnu"], "unknown command 'rnu'; did you mean 'run'?"),
            (["frobnicate"], "unknown command 'frobnicate'; see 'snakepit help'"),
            (["stat"], "unknown command 'stat'; see 'snakepit help'"),
            (["../bin/top"], "unknown command '../bin/top'; see 'snakepit help'"),
            ([""], "unknown command ''; see 'snakepit help'"),
            (["-n", "x"], "unknown option '-n'; options stand behind the command"),
            (
                ["ls", "--jsn"],
                "ls: unknown option '--jsn'; did you mean '--json'?",
            ),
            (
                ["status", "--js"],
                "status: unknown option '--js'; see 'snakepit status --help'",
            ),
            (
                ["status", "a", "b"],
                "status: takes one pool, not also 'b'; see 'snakepit status --help'",
            ),
            (
                ["doctor", "prots"],
                "doctor: no check 'prots'; did you mean 'ports'?",
            ),
            (
                ["version", "x"],
                "version: unexpected argument 'x'; see 'snakepit version --help'",
            ),
        ],
    )
    def test_wrong_usage_is_one_line_and_exit_code_2(
        self, cli: Cli, args: list[str], message: str
    ) -> None:
        result = cli.run(*args)
        assert result.returncode == 2
        assert result.stdout == ""
        assert one_line(result.stderr) == message

    def test_escape_sequences_in_arguments_do_not_reach_the_terminal(
        self, cli: Cli
    ) -> None:
        result = cli.run("\x1b]0;owned\x07")
        assert result.returncode == 2
        assert "\x1b" not in one_line(result.stderr)
        assert "\x07" not in result.stderr


class TestOutsidePrograms:
    def _program(self, folder: Path, name: str) -> None:
        path = folder / name
        path.write_text(
            '#!/bin/sh\necho "$(basename "$0")"; printf "<%s>" "$@"; exit 7\n'
        )
        path.chmod(0o755)

    def test_a_program_in_path_becomes_a_command(
        self, cli: Cli, tmp_path: Path
    ) -> None:
        self._program(tmp_path, "snakepit-hello")
        env = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
        result = cli.run("hello", "a b", "--json", env=env)
        assert result.returncode == 7
        assert result.stdout == "snakepit-hello\n<a b><--json>"

    def test_what_is_beside_us_wins_over_path(self, cli: Cli, tmp_path: Path) -> None:
        self._program(tmp_path, "snakepit-inspect")
        env = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
        result = cli.run("inspect", "--version", env=env)
        assert result.returncode == 0
        assert "<--version>" not in result.stdout

    def test_the_current_directory_is_never_searched(
        self, cli: Cli, tmp_path: Path
    ) -> None:
        self._program(tmp_path, "snakepit-hello")
        result = cli.run("hello", env={"PATH": ":/usr/bin:"}, cwd=tmp_path)
        assert result.returncode == 2

    def test_dump_is_inspect_as_json(self, cli: Cli) -> None:
        with cli.segment("demo"):
            dumped = json.loads(cli.run("dump").stdout)
        assert dumped["segment"]["instance"] == "demo"
        assert any(m["name"] == "snakepit.requests" for m in dumped["metrics"])

    def test_events_shows_them_with_their_last_words(self, cli: Cli) -> None:
        with cli.segment("demo"):
            lines = cli.run("events").stdout.splitlines()
            events = json.loads(cli.run("events", "--json").stdout)["events"]
        assert "worker_moved by worker" in lines[0]
        assert lines[1:] == ["    output", "    | last words of round 1"]
        assert [event["evidence_text"] for event in events] == [
            "last words of round 1\n"
        ]


class TestLs:
    def test_none_is_no_failure(self, cli: Cli) -> None:
        result = cli.run("ls")
        assert result.returncode == 0
        assert result.stdout == ""
        assert result.stderr == f"no instances in {cli.dir}\n"
        assert json.loads(cli.run("ls", "--json").stdout) == {
            "schema": 1,
            "instances": [],
        }

    def test_living_dead_and_unreadable_ones_are_listed(self, cli: Cli) -> None:
        with cli.segment("dead"):
            pass
        (cli.dir / "odd.seg").write_bytes(b"x" * 8192)
        with cli.segment("live", "2", "3", "1") as process:
            lines = cli.run("ls").stdout.splitlines()
            listed = json.loads(cli.run("ls", "--json").stdout)["instances"]
        assert lines[0].split() == ["INSTANCE", "STATUS", "PID", "UPTIME", "POOLS"]
        assert [line.split()[:2] for line in lines[1:]] == [
            ["dead", "dead"],
            ["live", "running"],
            ["odd", "unreadable"],
        ]
        assert [entry["status"] for entry in listed] == [
            "dead",
            "running",
            "unreadable",
        ]
        assert listed[1]["pid"] == process.pid
        assert sum(pool["workers"] for pool in listed[1]["pools"]) == 6
        assert "odd.seg" in listed[2]["error"]


class TestDiscovery:
    """What cannot be looked at is said in the same words by every program."""

    PROGRAMS = ("status", "top --once", "inspect", "drain", "exec default echo")

    def words(self, cli: Cli, code: int, *options: str) -> str:
        """Run all of them; return what they all say."""
        said = set()
        for program in self.PROGRAMS:
            result = cli.run(*program.split(), *options)
            assert (result.returncode, result.stdout) == (code, ""), program
            who = r"snakepit(-[a-z]+)?: ((status|drain|exec): )?"
            said.add(re.sub(f"^{who}", "", result.stderr))
        assert len(said) == 1, said
        return said.pop()

    def test_none(self, cli: Cli) -> None:
        assert self.words(cli, 3) == (
            f"no instance found in {cli.dir}; start one with 'snakepit run', "
            "or name a directory in SNAKEPIT_DIR\n"
        )
        assert self.words(cli, 3, "-n", "demo") == (
            f"no segment at {cli.dir}/demo.seg; is the runtime started, "
            "and under this name and directory?\n"
        )

    def test_several(self, cli: Cli) -> None:
        with cli.segment("blue"), cli.segment("green"):
            assert self.words(cli, 2) == (
                f"several instances in {cli.dir} (blue, green); "
                "choose one with -n NAME\n"
            )
            assert self.words(cli, 3, "-n", "geren") == (
                f"no segment at {cli.dir}/geren.seg; "
                "the instances there are: blue, green\n"
            )

    def test_another_version_of_the_format(self, cli: Cli) -> None:
        with cli.segment("demo"):
            image = bytearray((cli.dir / "demo.seg").read_bytes())
        image[12:14] = (9).to_bytes(2, "little")
        (cli.dir / "newer.seg").write_bytes(image)
        said = self.words(cli, 4, "-n", "newer")
        assert "newer.seg has format 9." in said
        assert "this program reads 1.x; " in said

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another")
    def test_no_permission(self, cli: Cli) -> None:
        cli.dir.chmod(0o711)
        with cli.segment("demo"):
            said = subprocess.run(
                [BIN / "snakepit-inspect", "-n", cli.dir / "demo.seg"],
                capture_output=True,
                text=True,
                check=False,
                user=65534,
                group=65534,
                extra_groups=(),
            )
        assert said.returncode == 1
        assert said.stderr == (
            f"snakepit-inspect: cannot read {cli.dir}/demo.seg: permission denied; "
            "run as the runtime's user\n"
        )


class TestStatus:
    def test_no_instance_is_exit_code_3(self, cli: Cli) -> None:
        result = cli.run("status")
        assert result.returncode == 3
        assert str(cli.dir) in one_line(result.stderr)
        result = cli.run("status", "-n", "nosuch")
        assert result.returncode == 3
        assert "nosuch.seg" in one_line(result.stderr)
        # A script that waits for it is told by the exit code alone.
        result = cli.run("status", "--quiet")
        assert (result.returncode, result.stdout, result.stderr) == (3, "", "")

    def test_running_is_exit_code_0_with_pools_and_workers(self, cli: Cli) -> None:
        with cli.segment("demo", "2", "3", "1") as process:
            result = cli.run("status")
            quiet = cli.run("status", "--quiet")
        assert result.returncode == 0
        assert result.stdout.startswith(f"demo  running  pid {process.pid}  up ")
        words = [line.split() for line in result.stdout.splitlines() if line]
        assert words[2][:2] == ["default", "3"]
        assert sum(line[0].startswith("default/") for line in words) == 3
        assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "")

    def test_plain_lines_say_what_they_are_of(self, cli: Cli) -> None:
        with cli.segment("demo", "2", "3", "1") as process:
            result = cli.run("status", "--plain")
            listed = cli.run("ls", "--plain").stdout
        lines = [line.split("\t") for line in result.stdout.splitlines()]
        assert lines[0][:4] == ["instance", "demo", "running", str(process.pid)]
        assert [line[:3] for line in lines if line[0] == "pool"] == [
            ["pool", "default", "3"],
            ["pool", "default1", "3"],
        ]
        assert sum(line[0] == "worker" for line in lines) == 6
        assert listed.split("\t")[:3] == ["demo", "running", str(process.pid)]
        both = cli.run("status", "--plain", "--json")
        assert both.returncode == 2
        assert "--json and --plain exclude each other" in one_line(both.stderr)

    @pytest.mark.parametrize(
        ("options", "env", "bold"),
        [
            ([], {}, 1),
            (["--no-color"], {}, 0),
            (["--plain"], {}, 0),
            ([], {"NO_COLOR": "1"}, 0),
            ([], {"TERM": "dumb"}, 0),
        ],
    )
    def test_headings_are_bold_in_a_terminal_alone(
        self, cli: Cli, options: list[str], env: dict[str, str], bold: int
    ) -> None:
        ours, theirs = pty.openpty()
        env = {"TERM": "xterm", "NO_COLOR": "", **env}
        with cli.segment("demo", "2", "3", "1"):
            assert cli.run("ls", *options, env=env, stdout=theirs).returncode == 0
            assert "\033" not in cli.run("ls", *options, env=env).stdout
        assert os.read(ours, 4096).count(b"\033[1mINSTANCE") == bold
        os.close(ours)
        os.close(theirs)

    def test_json_says_the_same(self, cli: Cli) -> None:
        with cli.segment("demo", "2", "3", "1") as process:
            result = cli.run("status", "--json")
            inspected = json.loads(cli.run("dump").stdout)
        status = json.loads(result.stdout)
        assert status["schema"] == 1
        assert status["exit_code"] == result.returncode == 0
        assert status["why"] == ""
        assert status["pid"] == process.pid
        assert [pool["name"] for pool in status["pools"]] == ["default", "default1"]
        assert [
            (worker["pid"], worker["incarnation"])
            for pool in status["pools"]
            for worker in pool["workers"]
        ] == [(worker["pid"], worker["incarnation"]) for worker in inspected["workers"]]

    def test_one_pool_can_be_asked_for(self, cli: Cli) -> None:
        with cli.segment("demo", "2", "3", "1"):
            result = cli.run("status", "default1")
            wrong = cli.run("status", "defualt")
            unknown = cli.run("status", "frobnicate")
        assert result.returncode == 0
        assert "default1/0" in result.stdout
        assert "default/0" not in result.stdout
        assert wrong.returncode == unknown.returncode == 4
        assert one_line(wrong.stderr) == (
            "status: no pool 'defualt'; did you mean 'default'?"
        )
        assert one_line(unknown.stderr).endswith("there are: default, default1")

    def test_several_instances_must_be_told_apart(self, cli: Cli) -> None:
        with cli.segment("one"), cli.segment("two"):
            result = cli.run("status")
            named = cli.run("status", "--instance=two")
            by_env = cli.run("status", env={"SNAKEPIT_INSTANCE": "one"})
            flag_wins = cli.run("status", "-n", "two", env={"SNAKEPIT_INSTANCE": "one"})
        assert result.returncode == 2
        assert "one" in result.stderr
        assert "two" in one_line(result.stderr)
        assert named.stdout.startswith("two ")
        assert by_env.stdout.startswith("one ")
        assert flag_wins.stdout.startswith("two ")

    def test_a_dead_writer_is_exit_code_1_and_its_last_state_is_shown(
        self, cli: Cli
    ) -> None:
        with cli.segment("demo"):
            pass
        result = cli.run("status")
        assert result.returncode == 1
        assert result.stdout.startswith("demo  dead  pid ")
        assert "the runtime died; this is its last state" in result.stdout
        assert "default/0" in result.stdout

    def test_a_clean_end_is_exit_code_3(self, cli: Cli) -> None:
        with cli.segment("demo") as process:
            process.communicate("close\n", timeout=10)
        result = cli.run("status")
        assert result.returncode == 3
        assert "demo  stopped" in result.stdout

    def test_a_hung_writer_is_exit_code_4(self, cli: Cli) -> None:
        with cli.segment("demo") as process:
            tell(process, "freeze")
            result = wait_for(
                lambda: cli.run("status", "--json"), lambda r: r.returncode
            )
        assert result.returncode == 4
        assert json.loads(result.stdout)["verdict"] == "hung"

    @pytest.mark.parametrize("content", [b"", b"x" * 100_000])
    def test_a_foreign_file_is_exit_code_4(self, cli: Cli, content: bytes) -> None:
        (cli.dir / "odd.seg").write_bytes(content)
        result = cli.run("status", "-n", "odd")
        assert result.returncode == 4
        assert "odd.seg" in one_line(result.stderr)

    def test_hostile_names_do_not_reach_the_terminal(self, cli: Cli) -> None:
        with cli.segment("demo", "4", "1", "2", "hostile"):
            text = cli.run("status").stdout
            parsed = json.loads(cli.run("status", "--json").stdout)
            listed = cli.run("ls").stdout
        for output in (text, listed):
            assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", output)
        assert len(parsed["pools"]) == 4
