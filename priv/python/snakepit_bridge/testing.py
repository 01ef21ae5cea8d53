"""Test adapters in a runtime of their own: call tools, look at what it counts.

::

    from snakepit_bridge import testing

    CONFIG = {"pools": [{"name": "greet", "adapter": "greeter.Greeter",
                         "workers": 1, "pythonpath": ["adapters"]}]}

    def test_greet():
        with testing.start(CONFIG) as runtime:
            with runtime.rises("snakepit.pool.request.outcomes", outcome="ok"):
                said = runtime.call("greet", "greet", correlation_id="t-1", name="Ada")
            assert said == "Hello, Ada!"
            runtime.wait_span("t-1", status="OK")

`pytest_plugins = ["snakepit_bridge.pytest_plugin"]` gives pytest a fixture that does
the same. Nothing is needed beyond what adapters need, and the programs of Snakepit.

A runtime belongs to the thread that started it; tools may be called from any thread.
Each wait has a deadline, `timeout_s`, and ends with an AssertionError that says what
was seen last.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, final

import grpc

from ._generated import pool_pb2, pool_pb2_grpc
from ._testing_look import Log, find_programs, inspect, metric_value, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import TracebackType

    from typing_extensions import Self

__all__ = [
    "Client",
    "Log",
    "Runtime",
    "StartError",
    "ToolError",
    "Worker",
    "metric_value",
    "start",
    "wait_until",
]

_CORRELATION_KEY = "x-snakepit-correlation-id"
_MESSAGE_BYTES = 110 << 20
_READY = ("idle", "busy")
_STOP_TIMEOUT_S = 60.0  # beyond what a stop takes by default


class StartError(Exception):
    """The runtime, or a worker of it, did not start; the text says what it logged."""


class ToolError(Exception):
    """The tool ran and raised."""

    def __init__(self, error: pool_pb2.ToolError) -> None:
        """Keep class, text and report of what it raised."""
        super().__init__(f"{error.type}: {error.message}")
        self.type: str = error.type
        self.message: str = error.message
        self.detail: dict[str, Any] = json.loads(error.detail_json or "{}")


class Worker(NamedTuple):
    """A worker as the runtime saw it."""

    pool: str
    slot: int
    pid: int
    worker_id: str  # another one for each process
    status: str  # "idle", "busy", "starting", "draining" or "down"


def _request(pool: str, tool: str, arguments: Mapping[str, Any]) -> Any:
    request = pool_pb2.ExecuteRequest(pool=pool, tool=tool)
    for name, value in arguments.items():
        if isinstance(value, (bytes, bytearray, memoryview)):
            request.binary[name] = bytes(value)
        else:
            request.arguments[name] = json.dumps(value).encode()
    return request


def _metadata(correlation_id: str | None) -> list[tuple[str, str]]:
    return [(_CORRELATION_KEY, correlation_id)] if correlation_id else []


class Client:
    """Calls tools at one address of a runtime, such as "unix:/run/snakepit/a.sock"."""

    def __init__(self, target: str) -> None:
        """Connect when the first call is made."""
        self.target = target
        self.channel = grpc.insecure_channel(
            target,
            options=[
                ("grpc.max_receive_message_length", _MESSAGE_BYTES),
                ("grpc.max_send_message_length", _MESSAGE_BYTES),
                ("grpc.use_local_subchannel_pool", 1),
            ],
        )
        self.pool = pool_pb2_grpc.PoolStub(self.channel)

    def close(self) -> None:
        """Close the connection; calls that run are cancelled."""
        self.channel.close()

    def call(
        self,
        pool: str,
        tool: str,
        /,
        *,
        timeout_s: float = 20,
        correlation_id: str | None = None,
        **arguments: Any,
    ) -> Any:
        """Run a tool and return its result: what JSON holds, or bytes.

        Arguments of bytes are sent as they are. ToolError: it raised. grpc.RpcError:
        no answer of the tool, as when there is none of that name.
        """
        response = self.pool.Execute(
            _request(pool, tool, arguments),
            timeout=timeout_s,
            metadata=_metadata(correlation_id),
            wait_for_ready=True,
        )
        if response.WhichOneof("outcome") == "error":
            raise ToolError(response.error)
        return response.binary_result or json.loads(response.result_json)

    def chunks(
        self,
        pool: str,
        tool: str,
        /,
        *,
        timeout_s: float = 20,
        correlation_id: str | None = None,
        **arguments: Any,
    ) -> Iterator[bytes]:
        """Run a streaming tool and yield each chunk as its bytes, mostly JSON."""
        stream = self.pool.ExecuteStream(
            _request(pool, tool, arguments),
            timeout=timeout_s,
            metadata=_metadata(correlation_id),
            wait_for_ready=True,
        )
        for chunk in stream:
            if chunk.data or not chunk.final:  # the end may be a chunk of its own
                yield chunk.data


@final
class Runtime(contextlib.AbstractContextManager["Runtime"]):
    """One snakepitd with a directory of its own; start() makes it."""

    def __init__(
        self, programs: Path, directory: Path, process: subprocess.Popen[bytes]
    ) -> None:
        """Take over a process; start() is what users call."""
        self.directory = directory
        self.log = Log(directory / "log")
        self.timeout_s = 0.0
        self._programs = programs
        self._process = process
        self._client: Client | None = None

    # ---- calls ----

    @property
    def pid(self) -> int:
        """The process id of snakepitd."""
        return self._process.pid

    @property
    def client(self) -> Client:
        """The client that call() and chunks() use."""
        if self._client is None:
            instance = self.report()["segment"]["instance"]
            self._client = Client(f"unix:{self.directory}/{instance}.sock")
        return self._client

    def call(self, pool: str, tool: str, /, **more: Any) -> Any:
        """Run a tool and return its result; see Client.call()."""
        return self.client.call(pool, tool, **{"timeout_s": self.timeout_s, **more})

    def chunks(self, pool: str, tool: str, /, **more: Any) -> Iterator[bytes]:
        """Run a streaming tool; see Client.chunks()."""
        return self.client.chunks(pool, tool, **{"timeout_s": self.timeout_s, **more})

    # ---- what it counts ----

    def report(self, *options: str) -> dict[str, Any]:
        """Return what `snakepit-inspect --json` prints, with more options of it."""
        return inspect(self._programs, _environment(self.directory), options)

    def value(self, name: str, /, **labels: str) -> float:
        """Sum a metric, by either of its names, over the series with these labels.

        What has no such series yet is 0. Of a histogram it is how often it observed.
        """
        report = self.report()
        try:
            return metric_value(report, name, **labels)
        except AssertionError:
            return 0

    @contextlib.contextmanager
    def rises(
        self,
        name: str,
        /,
        *,
        by: float = 1,
        timeout_s: float | None = None,
        **labels: str,
    ) -> Iterator[None]:
        """Assert that a counter rises by at least `by`, in the block or soon after."""
        before = now = self.value(name, **labels)
        yield

        def risen() -> bool:
            nonlocal now
            now = self.value(name, **labels)
            return now - before >= by

        shown = ",".join(f"{key}={value}" for key, value in labels.items())
        what = f"{name}{{{shown}}} up by {by:g}"
        try:
            wait_until(risen, self._patience(timeout_s), what)
        except AssertionError as error:
            msg = f"{error.args[0]}: it was {before:g} and is {now:g}"
            raise AssertionError(msg) from None

    # ---- what it left behind ----

    def wait_span(
        self, correlation_id: str, /, *, timeout_s: float | None = None, **fields: Any
    ) -> dict[str, Any]:
        """Wait for the span of a request, or of an attempt, with these fields.

        They are those of `snakepit-inspect --json --spans`: kind ("request" or
        "attempt"), status ("OK"), pool, tool, method, trace_id and others.
        """
        fields["correlation_id"] = correlation_id

        def look() -> list[dict[str, Any]]:
            spans = self.report("--spans")["spans"]
            return [span for span in spans if fields.items() <= span.items()]

        return wait_until(look, self._patience(timeout_s), f"a span with {fields}")[0]

    def wait_log(
        self, correlation_id: str, /, *, timeout_s: float | None = None, **fields: Any
    ) -> dict[str, Any]:
        """Wait for a log line of a request, of the runtime's or a worker's."""
        fields["correlation_id"] = correlation_id
        return wait_until(
            lambda: self.log.lines(**fields),
            self._patience(timeout_s),
            f"a log line with {fields}",
        )[0]

    # ---- workers ----

    def workers(self, pool: str | None = None) -> list[Worker]:
        """Return the workers of a pool, or all."""
        return [
            worker
            for worker in _workers(self.report())
            if pool is None or worker.pool == pool
        ]

    def kill_worker(
        self,
        pool: str,
        slot: int | None = None,
        *,
        number: int = signal.SIGKILL,
        timeout_s: float | None = None,
    ) -> Worker:
        """Send a worker a signal, and return its successor once that takes requests."""
        victim = next(
            (
                worker
                for worker in self.workers(pool)
                if worker.status in _READY and slot in (None, worker.slot)
            ),
            None,
        )
        if victim is None:
            place = pool if slot is None else f"{pool}/{slot}"
            msg = f"no worker of {place} to kill: {self.workers()}"
            raise AssertionError(msg)
        os.kill(victim.pid, number)

        def successor() -> list[Worker]:
            return [
                worker
                for worker in self.workers(pool)
                if worker.slot == victim.slot
                and worker.worker_id != victim.worker_id
                and worker.status in _READY
            ]

        what = f"the successor of {victim.worker_id} (pid {victim.pid})"
        return wait_until(successor, self._patience(timeout_s), what)[0]

    # ---- its end ----

    def stop(self) -> None:
        """End it, if that was not done, and remove its directory.

        AssertionError with the end of the log where it did not leave well.
        """
        problem = ""
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        try:
            status = self._process.wait(_STOP_TIMEOUT_S)
            if status != 0:
                problem = f"exit status {status}"
        except subprocess.TimeoutExpired:
            problem = f"still alive {_STOP_TIMEOUT_S:g} s after SIGTERM"
            self._process.kill()
            self._process.wait()
        if self._client is not None:
            self._client.close()
        tail = self.log.tail() if self.log.path.exists() else ""
        shutil.rmtree(self.directory, ignore_errors=True)
        if problem:
            msg = f"snakepitd: {problem}; its log ends with{tail}"
            raise AssertionError(msg)

    def __exit__(
        self,
        _type: type[BaseException] | None,
        error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        """Stop it; what went wrong before is more important than how it stops."""
        try:
            self.stop()
        except AssertionError:
            if error is None:
                raise

    def _patience(self, timeout_s: float | None) -> float:
        return self.timeout_s if timeout_s is None else timeout_s

    def _wait_ready(self) -> Self:
        def ready() -> bool:
            if self._process.poll() is not None:
                msg = f"snakepitd ended ({self._process.returncode})"
                raise StartError(msg)
            report = self.report()
            failed = [w for w in report["workers"] if w["last_error"]]
            if failed:
                msg = f"{failed[0]['worker_id']} failed: {failed[0]['last_error']}"
                raise StartError(msg)
            wanted = metric_value(report, "snakepit.worker.limit")
            there = [w for w in _workers(report) if w.status in _READY]
            return 0 < wanted <= len(there)

        try:
            wait_until(ready, self.timeout_s, "all workers ready")
        except (AssertionError, StartError) as error:
            tail = self.log.tail()
            msg = f"the runtime did not start: {error}\nits log ends with{tail}"
            raise StartError(msg) from None
        return self


def start(
    config: Mapping[str, Any] | str | os.PathLike[str],
    *,
    programs: str | os.PathLike[str] | None = None,
    env: Mapping[str, str] | None = None,
    timeout_s: float = 60,
) -> Runtime:
    """Start a runtime and return it when all its workers take requests.

    `config` is what a configuration file holds, as a mapping or as YAML text, or the
    path of one. Relative paths in it start at the working directory. It keeps to the
    directory and the socket that it has by default: `data_dir` and `listen` are not for
    tests. Workers run with this Python unless $SNAKEPIT_PYTHON or the file says
    otherwise. `programs` is the folder of snakepitd, if it is not to be searched for;
    `env` adds variables. StartError says what went wrong.
    """
    folder = find_programs(programs)
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108
    directory = Path(tempfile.mkdtemp(prefix="snp-", dir=memory))
    try:
        path = _written(config, directory)
        with (directory / "log").open("wb") as log:
            process = subprocess.Popen(  # noqa: S603 - a program of ours
                [folder / "snakepitd", "-c", path],
                env={**_environment(directory), **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
    except BaseException:
        shutil.rmtree(directory, ignore_errors=True)
        raise
    runtime = Runtime(folder, directory, process)
    runtime.timeout_s = timeout_s
    try:
        return runtime._wait_ready()  # noqa: SLF001 - of this module
    except BaseException:
        with contextlib.suppress(AssertionError):
            runtime.stop()
        raise


def _written(
    config: Mapping[str, Any] | str | os.PathLike[str], directory: Path
) -> Path:
    if isinstance(config, os.PathLike):
        return Path(config)
    path = directory / "snakepit.yaml"
    # JSON is YAML.
    path.write_text(config if isinstance(config, str) else json.dumps(config))
    return path


def _environment(directory: Path) -> dict[str, str]:
    env = {"SNAKEPIT_PYTHON": sys.executable, **os.environ}
    env["SNAKEPIT_DIR"] = str(directory)
    env.pop("SNAKEPIT_INSTANCE", None)
    return env


def _workers(report: Mapping[str, Any]) -> list[Worker]:
    return [
        Worker(w["pool"], w["slot"], w["pid"], w["worker_id"], w["status"])
        for w in report["workers"]
        if not w["retired"]
    ]
