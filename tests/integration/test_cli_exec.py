"""`snakepit exec` against a front door that records what it is asked."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import threading
from concurrent import futures
from typing import TYPE_CHECKING, Any, Callable

import grpc
import pytest
from cli_tools import BIN, TIMEOUT_S, Cli, one_line, private_dir
from snakepit_bridge._generated import pool_pb2, pool_pb2_grpc

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CORRELATION = "x-snakepit-correlation-id"
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
MESSAGE_BYTES = 100 * 1024 * 1024


class FrontDoor(pool_pb2_grpc.PoolServicer):
    """Answers by the tool's name, and keeps the last request."""

    def __init__(self) -> None:
        self.request: Any = None
        self.metadata: dict[str, str] = {}
        self.calls = 0
        self.cancelled = threading.Event()
        self.tools: dict[str, Callable[[Any, Any], Any]] = {}

    def _take(self, request: Any, context: grpc.ServicerContext) -> Any:
        self.request = request
        self.metadata = {k: str(v) for k, v in context.invocation_metadata()}
        self.calls += 1
        context.add_callback(self.cancelled.set)
        return self.tools[request.tool](request, context)

    def Execute(self, request: Any, context: grpc.ServicerContext) -> Any:
        return self._take(request, context)

    def ExecuteStream(self, request: Any, context: grpc.ServicerContext) -> Any:
        yield from self._take(request, context)


def answer(text: bytes, **fields: Any) -> Callable[[Any, Any], Any]:
    return lambda _request, _context: pool_pb2.ExecuteResponse(
        result_json=text, **fields
    )


def abort(code: grpc.StatusCode, text: str) -> Callable[[Any, Any], Any]:
    return lambda _request, context: context.abort(code, text)


@pytest.fixture
def cli() -> Iterator[Cli]:
    with private_dir() as directory:
        yield Cli(directory)


@pytest.fixture
def door(cli: Cli) -> Iterator[FrontDoor]:
    """Serve on the socket that belongs to the instance `demo`."""
    servicer = FrontDoor()
    server = grpc.server(
        futures.ThreadPoolExecutor(4),
        options=[
            ("grpc.max_receive_message_length", MESSAGE_BYTES),
            ("grpc.max_send_message_length", MESSAGE_BYTES),
        ],
    )
    pool_pb2_grpc.add_PoolServicer_to_server(servicer, server)
    server.add_insecure_port(f"unix:{cli.dir}/demo.sock")
    server.start()
    with cli.segment("demo"):
        yield servicer
    server.stop(0).wait()


def run(cli: Cli, *args: str, **kwargs: Any) -> subprocess.CompletedProcess[str]:
    return cli.run("exec", *args, **kwargs)


class TestArguments:
    def test_each_entry_of_the_object_is_sent_as_json_text(
        self, cli: Cli, door: FrontDoor
    ) -> None:
        door.tools["t"] = answer(b"null")
        sent = {"a": [1, 2.5, None], "b": "\u00fc\n", "c": {"d": True}, "": -0.1}
        result = run(cli, "default", "t", json.dumps(sent))
        assert result.returncode == 0, result.stderr
        assert (door.request.pool, door.request.tool) == ("default", "t")
        got = {key: json.loads(value) for key, value in door.request.arguments.items()}
        assert got == sent

    def test_no_json_means_no_arguments(self, cli: Cli, door: FrontDoor) -> None:
        door.tools["t"] = answer(b"1")
        assert run(cli, "default", "t").returncode == 0
        assert len(door.request.arguments) == 0

    def test_json_can_come_from_a_file_or_standard_input(
        self, cli: Cli, door: FrontDoor, tmp_path: Path
    ) -> None:
        door.tools["t"] = answer(b"1")
        (tmp_path / "args.json").write_text('\n{"from": "file"}\n')
        assert run(cli, "p", "t", f"@{tmp_path}/args.json").returncode == 0
        assert door.request.arguments["from"] == b'"file"'
        assert run(cli, "p", "t", "-", input='{"from": "stdin"}').returncode == 0
        assert door.request.arguments["from"] == b'"stdin"'

    def test_session_binary_and_correlation_id_are_sent(
        self, cli: Cli, door: FrontDoor, tmp_path: Path
    ) -> None:
        door.tools["t"] = answer(b"1")
        data = bytes(range(256))
        (tmp_path / "data").write_bytes(data)
        (tmp_path / "none").write_bytes(b"")
        result = run(
            cli,
            "--session=s1",
            "--binary",
            f"blob={tmp_path}/data",
            f"--binary=empty={tmp_path}/none",
            "--correlation-id",
            "my:id-1",
            "p",
            "t",
        )
        assert result.returncode == 0, result.stderr
        assert door.request.session_id == "s1"
        assert dict(door.request.binary) == {"blob": data, "empty": b""}
        assert door.metadata[CORRELATION] == "my:id-1"

    def test_a_trace_is_joined_where_one_is_given_and_none_is_made_up(
        self, cli: Cli, door: FrontDoor
    ) -> None:
        door.tools["t"] = answer(b"1")
        assert run(cli, "p", "t").returncode == 0
        assert not {"traceparent", "tracestate"} & set(door.metadata)
        sent = (f"--traceparent={TRACEPARENT}", "--tracestate=a=1, b=2")
        result = run(cli, *sent, "p", "t")
        assert result.returncode == 0, result.stderr
        assert door.metadata["traceparent"] == TRACEPARENT
        assert door.metadata["tracestate"] == "a=1, b=2"

    def test_a_correlation_id_is_made_where_none_is_given(
        self, cli: Cli, door: FrontDoor
    ) -> None:
        door.tools["t"] = answer(b"1")
        run(cli, "p", "t")
        first = door.metadata[CORRELATION]
        run(cli, "p", "t")
        assert first.startswith("sp-")
        assert len(first) == 27
        assert door.metadata[CORRELATION] != first

    @pytest.mark.parametrize(
        ("json_text", "message"),
        [
            ("{", "the arguments: line 1, column 1: "),
            ('{"a": 1,\n "b": }', "the arguments: line 2, column 7: "),
            ("", "the arguments: line 1, column 0: "),
            ("[1]", "the arguments: an array; expected one JSON object"),
            ('"x"', "the arguments: a string; expected"),
            ("7", "the arguments: a number; expected"),
            ("null", "the arguments: null; expected"),
            (
                '{"a": 1, "a": 2}',
                "the arguments: line 1, column 12: duplicate object key",
            ),
            ('{"a": NaN}', "the arguments: line 1, column 9: "),
            ("{} {}", "the arguments: line 1, column 4: "),
            ("@/no/such/file", "cannot read /no/such/file: No such file"),
            ("@/", "cannot read /: Is a directory"),
        ],
    )
    def test_what_is_no_json_object_is_not_sent(
        self, cli: Cli, door: FrontDoor, json_text: str, message: str
    ) -> None:
        result = run(cli, "p", "t", json_text)
        assert result.returncode == 2
        assert one_line(result.stderr).startswith(f"exec: {message}")
        assert door.calls == 0

    def test_malformed_input_is_named_by_its_source(
        self, cli: Cli, door: FrontDoor, tmp_path: Path
    ) -> None:
        (tmp_path / "bad.json").write_text('{\n\n"a" 1}')
        result = run(cli, "p", "t", f"@{tmp_path}/bad.json")
        assert one_line(result.stderr).startswith(f"exec: {tmp_path}/bad.json: line 3")
        result = run(cli, "p", "t", "-", input="x")
        assert one_line(result.stderr).startswith("exec: standard input: line 1")
        assert door.calls == 0

    @pytest.mark.parametrize(
        ("args", "message"),
        [
            ([], "which pool?"),
            (["p"], "which tool?"),
            (["p", ""], "which tool?"),
            (["p", "t", "{}", "x"], "too many arguments at 'x'"),
            (["--timeout=0", "p", "t"], "--timeout '0' is not"),
            (["--timeout=nan", "p", "t"], "--timeout 'nan' is not"),
            (["--timeout=1e9", "p", "t"], "--timeout '1e9' is not"),
            (["--timeout=5s", "p", "t"], "--timeout '5s' is not"),
            (["--binary=x", "p", "t"], "--binary 'x' is not KEY=FILE"),
            (["--binary==f", "p", "t"], "--binary '=f' is not KEY=FILE"),
            (["--binary=k=/no/such", "p", "t"], "cannot read /no/such"),
            (
                ["--binary=a=/dev/null", "p", "t", '{"a": 1}'],
                "argument 'a' is given twice",
            ),
            (["--correlation-id=a b", "p", "t"], "--correlation-id 'a b' is not"),
            (
                ["--traceparent=00-1-2-01", "p", "t"],
                "--traceparent '00-1-2-01' is not 00-, 32 digits of a trace id",
            ),
            (["--traceparent=", "p", "t"], "--traceparent '' is not 00-"),
            (["--tracestate=a=1", "p", "t"], "--tracestate needs --traceparent"),
            (
                [f"--traceparent={TRACEPARENT}", "--tracestate=A=1", "p", "t"],
                "--tracestate 'A=1' is not a list of key=value",
            ),
            (["--address=nonsense", "p", "t"], '"nonsense" is neither'),
            (
                ["-n=x", "--address=unix:/x", "p", "t"],
                "--instance and --address exclude",
            ),
            (["--time=3", "p", "t"], "unknown option '--time'"),
            (
                ["--strem", "p", "t"],
                "unknown option '--strem'; did you mean '--stream'?",
            ),
        ],
    )
    def test_wrong_usage_is_exit_code_2_and_nothing_is_sent(
        self, cli: Cli, door: FrontDoor, args: list[str], message: str
    ) -> None:
        result = run(cli, *args)
        assert result.returncode == 2, result.stderr
        assert one_line(result.stderr).startswith(f"exec: {message}")
        assert result.stdout == ""
        assert door.calls == 0

    def test_a_request_over_the_limit_is_refused_before_it_is_sent(
        self, cli: Cli, door: FrontDoor
    ) -> None:
        huge = cli.dir / "huge"
        with huge.open("wb") as file:
            file.truncate(MESSAGE_BYTES + 1)
        result = run(cli, "--binary", f"x={huge}", "p", "t")
        assert result.returncode == 2
        assert "larger than a message may be (100 MiB)" in one_line(result.stderr)
        with huge.open("wb") as file:
            file.truncate(MESSAGE_BYTES - 10)
        result = run(cli, "--binary", f"x={huge}", "p", "t")
        assert result.returncode == 2
        assert "a message at most 104857600" in one_line(result.stderr)
        assert door.calls == 0


class TestResults:
    def test_a_result_is_one_line_of_json(self, cli: Cli, door: FrontDoor) -> None:
        door.tools["t"] = answer(
            b'{ "a" : [ 1e3 , 0.1,\n 123456789012345678901234567890 ]}'
        )
        result = run(cli, "p", "t")
        assert result.stdout == '{"a":[1e3,0.1,123456789012345678901234567890]}\n'
        assert result.stderr == ""

    def test_in_a_terminal_it_is_indented(self, cli: Cli, door: FrontDoor) -> None:
        door.tools["t"] = answer(b'{"a":[1,{"b":"x: [,]"}],"c":[],"d":{}}')
        parent, child = pty.openpty()
        run(cli, "p", "t", stdout=child)
        os.close(child)
        text = os.read(parent, 4096).decode().replace("\r\n", "\n")
        os.close(parent)
        expected = {"a": [1, {"b": "x: [,]"}], "c": [], "d": {}}
        assert text == json.dumps(expected, indent=2) + "\n"

    def test_raw_text_has_no_quotes(self, cli: Cli, door: FrontDoor) -> None:
        door.tools["t"] = answer('"line\\n\u00fc"'.encode())
        assert run(cli, "--raw", "p", "t").stdout == "line\n\u00fc\n"
        assert run(cli, "p", "t").stdout == '"line\\n\u00fc"\n'

    def test_what_is_no_json_becomes_a_json_string(
        self, cli: Cli, door: FrontDoor
    ) -> None:
        door.tools["t"] = answer(b"plain \xff\x1b text")
        out = run(cli, "p", "t").stdout
        assert json.loads(out) == "plain \ufffd\x1b text"
        assert "\x1b" not in out

    def test_binary_results_go_to_the_file_named(
        self, cli: Cli, door: FrontDoor, tmp_path: Path
    ) -> None:
        data = bytes(range(256)) * 10
        door.tools["t"] = answer(b"{}", binary_result=data)
        out = tmp_path / "out"
        result = run(cli, "--binary-out", str(out), "p", "t")
        assert result.returncode == 0
        assert out.read_bytes() == data
        result = run(cli, "p", "t")
        assert "2560 bytes beside the JSON; --binary-out" in one_line(result.stderr)
        result = run(cli, "--binary-out", str(tmp_path / "no" / "dir"), "p", "t")
        assert result.returncode == 1
        assert "cannot write" in one_line(result.stderr)

    def test_verbose_says_who_and_how_long(self, cli: Cli, door: FrontDoor) -> None:
        door.tools["t"] = answer(
            b"1", worker_id="p/0#1", queue_wait_ns=1_500_000, service_ns=2_000_000
        )
        result = run(cli, "-v", "--correlation-id=c1", "p", "t")
        assert result.stdout == "1\n"
        assert result.stderr == (
            "correlation_id=c1 worker=p/0#1 queue_wait_ms=1.500 service_ms=2.000\n"
        )
        traced = f"--traceparent={TRACEPARENT}"
        result = run(cli, "-v", "--correlation-id=c1", traced, "p", "t")
        assert result.stderr.startswith(
            "correlation_id=c1 trace_id=0af7651916cd43dd8448eb211c80319c worker=p/0#1 "
        )

    def test_output_that_cannot_be_written_is_a_failure(
        self, cli: Cli, door: FrontDoor
    ) -> None:
        door.tools["t"] = answer(b"1")
        with open("/dev/full", "w") as full:
            result = run(cli, "p", "t", stdout=full)
        assert result.returncode == 1
        assert "cannot write the output" in one_line(result.stderr)

    def test_a_large_result_arrives_whole(self, cli: Cli, door: FrontDoor) -> None:
        text = json.dumps("x" * (20 << 20)).encode()
        door.tools["t"] = answer(text)
        assert run(cli, "p", "t").stdout.encode() == text + b"\n"


class TestFailures:
    ERROR = pool_pb2.ToolError(
        type="ValueError",
        message="path must\nbe absolute",
        detail_json=json.dumps({"traceback": "Traceback ...\n  here\x1b[31m\n"}),
    )

    def test_a_failed_tool_is_exit_code_1_with_its_message(
        self, cli: Cli, door: FrontDoor
    ) -> None:
        door.tools["t"] = lambda _r, _c: pool_pb2.ExecuteResponse(error=self.ERROR)
        result = run(cli, "--correlation-id=c7", "p", "t")
        assert result.returncode == 1
        assert result.stdout == ""
        assert one_line(result.stderr) == (
            "exec: p/t failed: ValueError: path must be absolute; "
            "the log has more under correlation id c7"
        )

    def test_verbose_shows_the_traceback(self, cli: Cli, door: FrontDoor) -> None:
        door.tools["t"] = lambda _r, _c: pool_pb2.ExecuteResponse(error=self.ERROR)
        result = run(cli, "-v", "p", "t")
        assert result.stderr.startswith("Traceback ...\n  here [31m\nsnakepit: exec: ")

    @pytest.mark.parametrize(
        ("code", "advice"),
        [
            (grpc.StatusCode.NOT_FOUND, "check the name of the tool"),
            (grpc.StatusCode.INVALID_ARGUMENT, "nothing was run"),
            (grpc.StatusCode.RESOURCE_EXHAUSTED, "try again later"),
            (grpc.StatusCode.UNAVAILABLE, "it may have run in part"),
            (grpc.StatusCode.INTERNAL, "see the runtime's log"),
        ],
    )
    def test_a_failed_call_is_exit_code_1_and_says_what_to_do(
        self, cli: Cli, door: FrontDoor, code: grpc.StatusCode, advice: str
    ) -> None:
        door.tools["t"] = abort(code, "the reason")
        result = run(cli, "--correlation-id=c8", "p", "t")
        assert result.returncode == 1
        message = one_line(result.stderr)
        assert message.startswith(f"exec: p/t: {code.name}: the reason; {advice}")
        assert message.endswith("(correlation id c8)")

    def test_advice_of_the_runtime_is_not_doubled(
        self, cli: Cli, door: FrontDoor
    ) -> None:
        door.tools["t"] = abort(grpc.StatusCode.NOT_FOUND, "no tool 't'; see status")
        result = run(cli, "--correlation-id=c9", "p", "t")
        assert one_line(result.stderr) == (
            "exec: p/t: NOT_FOUND: no tool 't'; see status (correlation id c9)"
        )

    def test_a_timeout_is_kept_and_reaches_the_runtime(
        self, cli: Cli, door: FrontDoor
    ) -> None:
        left: list[float] = []

        def wait(_request: Any, context: Any) -> Any:
            left.append(context.time_remaining())
            door.cancelled.wait(TIMEOUT_S)
            return pool_pb2.ExecuteResponse()

        door.tools["t"] = wait
        result = run(cli, "--timeout", "2", "p", "t")  # it has to get there by then
        assert result.returncode == 1
        assert "DEADLINE_EXCEEDED" in one_line(result.stderr)
        assert 0 < left[0] <= 2.1  # gRPC rounds what it sends up
        assert door.cancelled.wait(TIMEOUT_S)

    def test_ctrl_c_ends_at_once_and_cancels_the_call(
        self, cli: Cli, door: FrontDoor
    ) -> None:
        started = threading.Event()

        def wait(_request: Any, _context: Any) -> Any:
            started.set()
            door.cancelled.wait(TIMEOUT_S)
            return pool_pb2.ExecuteResponse()

        door.tools["t"] = wait
        process = subprocess.Popen(
            [str(BIN / "snakepit"), "exec", "p", "t"], env=cli.env
        )
        assert started.wait(TIMEOUT_S)
        process.send_signal(signal.SIGINT)
        assert process.wait(TIMEOUT_S) == -signal.SIGINT
        assert door.cancelled.wait(TIMEOUT_S)


class TestNoRuntime:
    def test_no_instance_is_exit_code_3(self, cli: Cli) -> None:
        result = run(cli, "p", "t")
        assert result.returncode == 3
        assert str(cli.dir) in one_line(result.stderr)

    def test_a_dead_runtime_is_exit_code_3_and_said_to_be_dead(self, cli: Cli) -> None:
        with cli.segment("demo") as process:
            pass
        result = run(cli, "p", "t")
        assert result.returncode == 3
        message = one_line(result.stderr)
        assert (
            f"instance 'demo' is dead (pid {process.pid} left its segment)" in message
        )
        assert "snakepit run -c FILE" in message

    def test_a_stopped_runtime_is_exit_code_3(self, cli: Cli) -> None:
        with cli.segment("demo") as process:
            process.communicate("close\n", timeout=TIMEOUT_S)
        result = run(cli, "p", "t")
        assert result.returncode == 3
        assert "'demo' was stopped" in one_line(result.stderr)

    def test_a_runtime_without_a_socket_is_exit_code_3(self, cli: Cli) -> None:
        with cli.segment("demo"):
            result = run(cli, "p", "t")
        assert result.returncode == 3
        message = one_line(result.stderr)
        assert "UNAVAILABLE" in message
        assert "--address" in message

    def test_an_address_that_nobody_serves_is_exit_code_3(self, cli: Cli) -> None:
        result = run(cli, "--address", f"unix:{cli.dir}/none.sock", "p", "t")
        assert result.returncode == 3

    def test_several_instances_must_be_told_apart(self, cli: Cli) -> None:
        with cli.segment("one"), cli.segment("two"):
            result = run(cli, "p", "t")
        assert result.returncode == 2
        assert "one" in one_line(result.stderr)

    def test_a_foreign_segment_is_exit_code_4(self, cli: Cli) -> None:
        (cli.dir / "odd.seg").write_bytes(b"?" * 100_000)
        result = run(cli, "p", "t")
        assert result.returncode == 4
        assert "odd.seg" in one_line(result.stderr)

    def test_a_runtime_that_dies_during_the_call_is_exit_code_3(self, cli: Cli) -> None:
        servicer = FrontDoor()
        server = grpc.server(futures.ThreadPoolExecutor(1))
        pool_pb2_grpc.add_PoolServicer_to_server(servicer, server)
        server.add_insecure_port(f"unix:{cli.dir}/demo.sock")
        server.start()
        with cli.segment("demo") as process:

            def die(_request: Any, context: Any) -> Any:
                process.kill()
                process.wait()
                context.abort(grpc.StatusCode.UNAVAILABLE, "gone")

            servicer.tools["t"] = die
            result = run(cli, "p", "t")
        server.stop(0).wait()
        assert result.returncode == 3
        assert "it may have run in part" in one_line(result.stderr)


class TestStream:
    @staticmethod
    def chunk(data: bytes, **fields: Any) -> Any:
        return pool_pb2.ExecuteChunk(data=data, **fields)

    def test_chunks_are_lines_of_json_in_order(self, cli: Cli, door: FrontDoor) -> None:
        door.tools["t"] = lambda _r, _c: [
            self.chunk(b'{"n": 1}'),
            self.chunk(b"not json"),
            self.chunk(b'"x"'),
            self.chunk(b"", final=True),
        ]
        result = run(cli, "--stream", "p", "t")
        assert result.returncode == 0, result.stderr
        assert result.stdout == '{"n":1}\n"not json"\n"x"\n'

    def test_each_chunk_comes_out_before_the_next_is_made(
        self, cli: Cli, door: FrontDoor
    ) -> None:
        go_on = threading.Event()

        def chunks(_request: Any, _context: Any) -> Any:
            yield self.chunk(b"1")
            assert go_on.wait(TIMEOUT_S)
            yield self.chunk(b"2", final=True)

        door.tools["t"] = chunks
        process = subprocess.Popen(
            [str(BIN / "snakepit"), "exec", "--stream", "p", "t"],
            env=cli.env,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "1\n"
        go_on.set()
        assert process.communicate(timeout=TIMEOUT_S)[0] == "2\n"
        assert process.returncode == 0

    def test_raw_chunks_come_as_they_are(self, cli: Cli, door: FrontDoor) -> None:
        door.tools["t"] = lambda _r, _c: [
            self.chunk(b"a\n"),
            self.chunk(b"b", final=True),
        ]
        assert run(cli, "--stream", "--raw", "p", "t").stdout == "a\nb"

    def test_a_failure_in_between_keeps_what_came_before(
        self, cli: Cli, door: FrontDoor
    ) -> None:
        report = json.dumps({"type": "KeyError", "message": "'x'", "stacktrace": []})

        def chunks(_request: Any, context: Any) -> Any:
            yield self.chunk(b"1")
            context.abort(grpc.StatusCode.UNKNOWN, report)

        door.tools["t"] = chunks
        result = run(cli, "--stream", "p", "t")
        assert result.returncode == 1
        assert result.stdout == "1\n"
        assert one_line(result.stderr).startswith("exec: p/t failed: KeyError: 'x'; ")

    def test_a_reader_that_goes_away_ends_it_and_cancels_the_call(
        self, cli: Cli, door: FrontDoor
    ) -> None:
        def chunks(_request: Any, context: Any) -> Any:
            while context.is_active():
                yield self.chunk(b'"' + b"x" * 10_000 + b'"')

        door.tools["t"] = chunks
        process = subprocess.Popen(
            [str(BIN / "snakepit"), "exec", "--stream", "p", "t"],
            env=cli.env,
            stdout=subprocess.PIPE,
        )
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(TIMEOUT_S) in (-signal.SIGPIPE, 1)
        assert door.cancelled.wait(TIMEOUT_S)

    def test_a_slow_reader_slows_the_tool_down(self, cli: Cli, door: FrontDoor) -> None:
        """What is in flight is bounded by flow control, not by memory."""
        sent = 0
        stalled = threading.Event()

        def chunks(_request: Any, _context: Any) -> Any:
            nonlocal sent
            for _ in range(4000):
                sent += 1
                yield self.chunk(b'"' + b"x" * 64_000 + b'"')

        door.tools["t"] = chunks
        process = subprocess.Popen(
            [str(BIN / "snakepit"), "exec", "--stream", "p", "t"],
            env=cli.env,
            stdout=subprocess.PIPE,
        )
        seen = -1
        while not stalled.wait(0.5):
            if sent == seen and sent > 0:
                stalled.set()
            seen = sent
        assert sent < 2000
        process.kill()
        process.communicate()
